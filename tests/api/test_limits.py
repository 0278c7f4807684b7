"""How long a request may wait: less than the platform gives it."""

from __future__ import annotations

from typing import Any

import pytest

from onto_fn import App, DomainModel, Store, ViewModel, root
from onto_fn.access import public
from onto_fn.api import Api, Rest
from onto_fn.api.application import Door


class Town(DomainModel, collection="towns"):
    name: str


class TownStore(Store):
    town = root(Town)


class TownPage(ViewModel[TownStore], path="townPages/{town_id}", read=public()):
    @property
    def title(self) -> str:
        return self.store.town.name


@pytest.mark.parametrize(
    ("timeout_sec", "max_wait_sec", "waits"),
    [(None, 10, 10), (None, 60, 55), (5, 10, 0), (1, 10, 0), (120, 60, 60)],
)
def test_a_request_waits_for_less_than_the_platform_gives_it(
    timeout_sec: int | None, max_wait_sec: float, waits: float
) -> None:
    api = Api(views=[TownPage], timeout_sec=timeout_sec, rest=Rest(max_wait_sec=max_wait_sec))
    app = App([TownPage], api=api)
    refuses: Any = None

    door = Door(api, api.offers(app.mediators), app.engine, refuses)

    assert door._resources.max_wait == waits

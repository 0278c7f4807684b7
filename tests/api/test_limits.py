"""How long a request may wait: less than the platform gives it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onto_fn import App, DomainModel, Store, ViewModel, root
from onto_fn.access import public
from onto_fn.api import Api, Rest
from onto_fn.api.application import Door
from onto_fn.api.rest.asked import instant_of
from onto_fn.api.rest.problem import HttpProblem


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


@pytest.mark.parametrize("written", [False, True], ids=["microseconds", "RFC 3339"])
def test_nobody_waits_for_what_is_written_in_the_future(written: bool) -> None:
    def named(after: timedelta) -> tuple[str, datetime]:
        time = datetime.now(UTC) + after
        return (time.isoformat() if written else str(int(time.timestamp() * 1e6))), time

    past, expected = named(timedelta(seconds=5))  # clocks differ
    assert abs(instant_of(past) - expected) < timedelta(milliseconds=1)
    with pytest.raises(HttpProblem, match="after is in the future"):
        instant_of(named(timedelta(minutes=5))[0])

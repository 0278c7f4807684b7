"""The app that the attacks on the rules are against, with an HTTP door."""

from __future__ import annotations

from typing import Any

from emulator_tests.apps.guarded import (
    FORMS,
    VIEWS,
    Audit,
    Board,
    ClosedForm,
    Secret,
    Titled,
)
from onto_fn import App
from onto_fn.api import Api, Live, Rest, Rpc, by

OPEN = [view for view in VIEWS if view is not Secret]
REQUESTS = [form for form in FORMS if form is not ClosedForm]
ROOTS: dict[Any, str] = {Audit: "team_id"}
WAIT_SEC = 0.3


def stored(**options: Any) -> App:
    """Its views as they are stored."""
    lists = {Titled: [by("-title"), by(where=["title"])], Board: [by("title")]}
    rest = Rest(lists=lists, max_wait_sec=WAIT_SEC)
    api = Api(views=OPEN, requests=REQUESTS, rest=rest, rpc=Rpc(), roots=ROOTS, **options)
    return App([*VIEWS, *FORMS], api=api)


def live() -> App:
    """Its views computed when they are asked for."""
    views = [Live(view) for view in OPEN]
    api = Api(views=views, requests=REQUESTS, rpc=Rpc(), roots=ROOTS)
    return App([*VIEWS, *FORMS], api=api)

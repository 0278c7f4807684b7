"""Which of the API's addresses a request is for, for those around the application that log it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

_KEY = "onto_fn.route"


def keep_route(scope: MutableMapping[str, Any], template: str) -> None:
    """Note the template of the path that a request has.

    Args:
        scope: of the request, in the terms of ASGI.
        template: such as `users/{user_id}/TeamPage/{team_id}`, which shows nobody's id.
    """
    scope[_KEY] = template


def route_of(scope: Mapping[str, Any]) -> str | None:
    """The template that was noted; None if nothing is at the address."""
    return scope.get(_KEY)

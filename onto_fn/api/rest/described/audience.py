"""Who may use an address: in words, and as OpenAPI's security requirements."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from onto_fn.access import Access, Claim, Members, Owner, Public, SignedIn

ID_TOKEN, APP_CHECK = "idToken", "appCheck"

SCHEMES: dict[str, dict[str, Any]] = {
    ID_TOKEN: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The ID token of a user of Firebase Authentication.",
    },
    APP_CHECK: {
        "type": "apiKey",
        "in": "header",
        "name": "X-Firebase-AppCheck",
        "description": "An App Check token of one of the project's apps.",
    },
}


def security_of(parts: Iterable[Access], *, app_check: bool) -> list[dict[str, list[str]]]:
    """What a request needs to be let through.

    Args:
        parts: the conditions of which one has to hold.
        app_check: whether every request needs an App Check token.
    """
    names = [] if is_open(parts) else [ID_TOKEN]
    names += [APP_CHECK] if app_check else []
    return [{name: [] for name in names}] if names else []


def is_open(parts: Iterable[Access]) -> bool:
    """Whether nobody has to sign in."""
    return any(isinstance(part, Public) for part in parts)


def can_be_forbidden(parts: Iterable[Access]) -> bool:
    """Whether somebody who is signed in may be refused."""
    return not any(isinstance(part, Public | SignedIn) for part in parts)


def audience_of(parts: Iterable[Access]) -> str:
    """Who has access, in words, such as `the user whose id is {user_id}`."""
    found = list(parts)
    if is_open(found):
        return "everybody"
    return " or ".join(dict.fromkeys(map(_words, found))) or "nobody"


def _words(part: Access) -> str:
    match part:
        case SignedIn():
            return "every signed-in user"
        case Owner(variable):
            return f"the user whose id is `{{{variable}}}`"
        case Claim(name, True):
            return f"users with the custom claim `{name}`"
        case Claim(name, value):
            return f"users whose custom claim `{name}` is `{json.dumps(value)}`"
        case Members(field):
            return f"the users whose ids are in the document's `{field}`"
        case _:
            return str(part)

"""What schemathesis cannot know of an API from its document; loaded by test_schemathesis.py.

A random id is no id of a document, and a random cursor none of a page; and an order goes together
with some conditions only, which OpenAPI 3.1 cannot say. So what fits the document gets such values
now and then. What does not fit it is sent as it was generated.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis.core.parameters import ParameterLocation

from emulator_tests.api.serve import ITEMS, OWNER
from emulator_tests.apps.documented import app

SEEN = Path(os.environ["SEEN"])
"""Where each operation and the statuses of its answers are noted, one line for each answer."""
CURSORS: set[str] = set()
PAST = ["2026-01-02T03:04:05.678Z", "2025-12-31T23:59:59+14:00", "1700000000000000"]
assert app.offers is not None
LISTS = {
    f"/{offer.path.parent.text}": [
        ({"order": one.order} if one.order else {}, [c.field for c in one.where])
        for one in offer.lists
    ]
    for offer in app.offers.views
}


def _is_valid(case: Any, where: ParameterLocation) -> bool:
    part = None if case.meta is None else case.meta.components.get(where)
    return part is None or part.mode.is_positive


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Name what exists, in most of the cases that are valid otherwise."""
    draw = zlib.crc32(case.id.encode())
    if _is_valid(case, ParameterLocation.PATH) and (draw % 8 or case.method.upper() == "PUT"):
        for name in case.path_parameters:
            if name == "user_id":
                case.path_parameters[name] = OWNER
            elif name == "id" and case.method.upper() == "PUT":
                case.path_parameters[name] = f"new{draw}"  # what exists is not created again
            elif name == "item_id":
                case.path_parameters[name] = ITEMS[draw % len(ITEMS)]
    if case.query and _is_valid(case, ParameterLocation.QUERY):
        _fit(case, draw)
    if _is_valid(case, ParameterLocation.BODY):
        case.body = _without_points(case.body)
        if isinstance(case.body, dict) and "item" in case.body:
            case.body["item"] = ITEMS[draw % len(ITEMS)]


def _without_points(value: Any) -> Any:
    """The same JSON; 1.0 is an integer to JSON schema, and a float to Firestore."""
    if isinstance(value, dict):
        return {name: _without_points(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_points(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _fit(case: Any, draw: int) -> None:
    if "after" in case.query:
        case.query["after"] = PAST[draw % len(PAST)]  # nobody waits for the future
    if case.query.get("cursor") not in CURSORS:
        case.query.pop("cursor", None)
    lists = LISTS.get(case.path)
    if lists is None:
        return
    given = case.query.keys() - {"limit", "cursor", "order"}
    order = {"order": case.query["order"]} if "order" in case.query else {}
    if (order, sorted(given)) in [({}, []), *((o, sorted(w)) for o, w in lists)]:
        return
    wanted = next((o for o, w in lists if set(w) == given), None)
    case.query.pop("order", None)
    if wanted is not None:
        case.query.update(wanted)
        return
    for name in given:
        del case.query[name]


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Note which operation was answered how, and where lists go on."""
    if case.path in LISTS and response.status_code == 200 and response.content:
        CURSORS.add(json.loads(response.content)["next"])
    with SEEN.open("a") as seen:
        seen.write(json.dumps([case.method.upper(), case.path, response.status_code]) + "\n")

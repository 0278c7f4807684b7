"""What an address takes: variables of its path, its query, and headers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from onto_fn.access import Access, Owner
from onto_fn.api.rest.described.schemas import MAX_INT, MIN_INT, Schema, identifier
from onto_fn.api.rest.described.written import choice_of
from onto_fn.api.rest.resources import PAGE
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.paths import MAX_SEGMENT_BYTES
from onto_fn.gate.offers import ByField, ViewOffer
from onto_fn.gate.reading import MAX_PAGE

IF_NONE_MATCH: Schema = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Versions that the client has; if the document is one of them, it is not sent.",
    "schema": {"type": "string"},
}
AFTER: Schema = {
    "name": "after",
    "in": "query",
    "description": (
        "Wait until the document shows what was written until this instant: `after` of the answer "
        "to a write, or a time by RFC 3339."
    ),
    "schema": {
        "anyOf": [
            {"type": "string", "pattern": "^[0-9]{1,17}$"},
            {"type": "string", "format": "date-time"},
        ]
    },
}
_CURSOR: Schema = {
    "name": "cursor",
    "in": "query",
    "description": "`next` of the page before.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+={0,2}$"},
}
_LIMIT: Schema = {
    "name": "limit",
    "in": "query",
    "description": "Documents of a page.",
    "schema": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": PAGE},
}


def address_of(path: PathTemplate) -> str:
    """A template as a path of OpenAPI."""
    parts = (part if part.startswith("{") else quote(part, safe="") for part in path.segments)
    return "/" + "/".join(parts)


def path_parameters(
    path: PathTemplate, access: Iterable[Access], told: str = "", most: int = MAX_SEGMENT_BYTES
) -> list[Schema]:
    """The variables of a path.

    Args:
        path: the template.
        access: the conditions of which one has to hold.
        told: what the last segment is, if it is a variable.
        most: characters that this has at most.
    """
    owners = {part.variable for part in access if isinstance(part, Owner)}
    made: list[Schema] = []
    for variable in path.variables:
        is_last = path.segments[-1] == f"{{{variable}}}" and bool(told)
        words = told if is_last else f"An id, of at most {MAX_SEGMENT_BYTES} bytes in UTF-8."
        if variable in owners:
            words = "The id of a user; see who has access."
        made.append(
            {
                "name": variable,
                "in": "path",
                "required": True,
                "description": words,
                "schema": identifier(most if is_last else MAX_SEGMENT_BYTES),
            }
        )
    return made


def list_parameters(offer: ViewOffer) -> list[Schema]:
    """What a list takes besides the variables of its path."""
    made = [_LIMIT, _CURSOR]
    orders = sorted({listing.order for listing in offer.lists if listing.order})
    if orders:
        made.append(
            {
                "name": "order",
                "in": "query",
                "description": "By which fields the list is sorted; with a minus, from the "
                "greatest. Without it, by id. A document without the field is not in the list.",
                "schema": {"type": "string", "enum": orders},
            }
        )
    conditions = {one.field: one for listing in offer.lists for one in listing.where}
    return [*made, *(_condition(conditions[name]) for name in sorted(conditions))]


def listings_in_words(offer: ViewOffer) -> str:
    """Which orders and conditions go together."""
    queries = [f"`?{listing.query}`" for listing in offer.lists]
    if not queries:
        return "The documents are in the order of their ids."
    return (
        f"Without `order` and conditions, the documents are in the order of their ids. "
        f"Otherwise ask for exactly one of {', '.join(queries)}."
    )


def _condition(condition: ByField) -> Schema:
    what = "`{}` has this item" if condition.op == "array_contains" else "`{}` is this"
    return {
        "name": condition.field,
        "in": "query",
        "description": f"Only documents whose {what.format(condition.field)}.",
        "schema": _value(condition),
    }


def _value(condition: ByField) -> Schema:
    if condition.values:
        return choice_of(condition.values)
    return dict(_VALUES[condition.stored])


_VALUES: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean"},
    "double": {"type": "number"},
    "integer": {"type": "integer", "format": "int64", "minimum": MIN_INT, "maximum": MAX_INT},
    "reference": {"type": "string", "minLength": 1},
    "string": {"type": "string"},
    "timestamp": {"type": "string", "format": "date-time"},
}

"""A short notation for queries and indexes, for the tables of cases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from onto_fn.indexing import (
    NAME,
    All,
    AnyOf,
    Contains,
    Equal,
    Index,
    Indexes,
    Mode,
    Nearest,
    Query,
    Range,
    Sort,
    Where,
)

_EQUAL = {"==", "in", "is-null", "is-nan"}
_CONTAINS = {"array-contains", "array-contains-any"}
_RANGE = {"<", "<=", ">", ">=", "!=", "not-in", "is-not-null", "is-not-nan"}
_SHORT = {Mode.ASCENDING: "ASC", Mode.DESCENDING: "DESC", Mode.CONTAINS: "CONTAINS"}
_LONG = {short: mode.value for mode, short in _SHORT.items()}


@dataclass(frozen=True)
class Case:
    """What production does with a query.

    `missing` is the index that it asks for, None if it serves the query; `by` are the indexes that
    serve it, where the source says so.
    """

    name: str
    source: str
    query: Query
    missing: str | None = None
    by: tuple[str, ...] | None = None
    indexes: tuple[str, ...] = ()
    overrides: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def declared(self) -> Indexes:
        return Indexes.of(index_file(self.indexes, self.overrides))


def q(
    collection: str,
    *where: str | Where,
    order: str = "",
    group: bool = False,
    sums: str = "",
    nearest: tuple[str, int] | None = None,
) -> Query:
    """`q("cities", "country ==", "population >", order="-population")`."""
    return Query(
        collection,
        group,
        All(tuple(map(_condition, where))),
        tuple(Sort(key.removeprefix("-"), key.startswith("-")) for key in order.split()),
        frozenset(sums.split()),
        Nearest(*nearest) if nearest else None,
    )


def all_of(*where: str | Where) -> Where:
    return All(tuple(map(_condition, where)))


def any_of(*where: str | Where) -> Where:
    return AnyOf(tuple(map(_condition, where)))


def shown(index: Index) -> str:
    """`(a ASC, tags CONTAINS)`, as the index is declared: without an implied name."""
    fields = [
        f"{f.path} VECTOR<{f.dimension}>" if f.mode is Mode.VECTOR else f"{f.path} {_SHORT[f.mode]}"
        for f in index.fields
    ]
    sorted_fields = [f for f in index.fields if f.mode.is_sorted]
    implied = sorted_fields[-2].mode if len(sorted_fields) > 1 else Mode.ASCENDING
    last = index.fields[-1]
    if len(fields) > 1 and last.path == NAME and last.mode is implied:
        del fields[-1]
    return f"({', '.join(fields)})"


def index_file(
    indexes: tuple[str, ...], overrides: tuple[tuple[str, tuple[str, ...]], ...] = ()
) -> dict[str, Any]:
    """The content of an index file.

    `"cities (country ASC, population DESC)"` is an index, `"cities group (…)"` one of the
    collection group; `("cities.name", ("ASC", "group CONTAINS"))` is an override.
    """
    return {
        "indexes": [_declared(text) for text in indexes],
        "fieldOverrides": [
            {
                "collectionGroup": place.partition(".")[0],
                "fieldPath": place.partition(".")[2],
                "indexes": [_mode(text.split()[-1]) | _scope(text) for text in modes],
            }
            for place, modes in overrides
        ],
    }


def _declared(text: str) -> dict[str, Any]:
    head, fields = text.removesuffix(")").split(" (")
    return {
        "collectionGroup": head.split()[0],
        "fields": [_field(*field.split()) for field in fields.split(", ")],
    } | _scope(head)


def _field(path: str, mode: str) -> dict[str, Any]:
    found = re.fullmatch(r"VECTOR<(\d+)>", mode)
    if found:
        return {"fieldPath": path, "vectorConfig": {"dimension": int(found[1]), "flat": {}}}
    return {"fieldPath": path} | _mode(mode)


def _mode(mode: str) -> dict[str, str]:
    return {"arrayConfig" if mode == "CONTAINS" else "order": _LONG[mode]}


def _scope(text: str) -> dict[str, str]:
    return {"queryScope": "COLLECTION_GROUP" if "group" in text.split() else "COLLECTION"}


def _condition(text: str | Where) -> Where:
    if not isinstance(text, str):
        return text
    path, op = text.rsplit(maxsplit=1)
    if op in _EQUAL:
        return Equal(path)
    if op in _CONTAINS:
        return Contains(path)
    assert op in _RANGE, text
    return Range(path)

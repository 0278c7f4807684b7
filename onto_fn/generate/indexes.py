"""Generate `firestore.indexes.json`: the indexes that the app's declared queries need, no others.

Firestore indexes each field automatically, and merges the indexes of `==` and `in` filters. Every
other combination of fields needs a composite index; `onto_fn.indexing` knows which.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from onto_fn.access import Members
from onto_fn.aggregates.spec import CONTRIBUTIONS, AggregateSpec
from onto_fn.firestore.fieldpaths import api_path, quoted
from onto_fn.firestore.queries import Operator, Order
from onto_fn.gate.listable import narrowed_by
from onto_fn.generate.declarations import views_of
from onto_fn.generate.own_indexes import own_overrides
from onto_fn.indexing import (
    All,
    Contains,
    Equal,
    Field,
    Index,
    Indexes,
    MissingIndex,
    Mode,
    Query,
    Range,
    Sort,
    plan,
)
from onto_fn.indexing.query import Condition
from onto_fn.store.queries import QueryRead

if TYPE_CHECKING:
    from onto_fn.engine import Engine
    from onto_fn.functions import App

Json = dict[str, Any]  # JSON has no narrower type

_MERGED = {"==", "in"}
_CONTAINS = {"array_contains", "array_contains_any"}
_CONTAINS_INDEX: Json = {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION"}


def index_file(app: App, kept: Json) -> Json:
    """The content of the file.

    Args:
        app: the app with its declared queries.
        kept: content of the same form, whose entries are added. For a field that is in both, the
            kept entry wins.
    """
    indexes = [*engine_indexes(app.engine), *_list_indexes(app)]
    overrides = [*own_overrides(app.engine), *_group_overrides(app)]
    return with_kept(kept, {"indexes": indexes, "fieldOverrides": overrides})


def with_kept(kept: Json, made: Json) -> Json:
    """Combine kept and generated entries.

    Args:
        kept: the kept content; for a field that is in both, its entry wins.
        made: the generated content, of the same form.
    """
    indexes = [*kept.get("indexes", ()), *made["indexes"]]
    overrides = [*kept.get("fieldOverrides", ()), *made["fieldOverrides"]]
    by_field = {(o["collectionGroup"], o["fieldPath"]): o for o in reversed(overrides)}
    return {
        "indexes": _distinct(indexes),
        "fieldOverrides": [by_field[field] for field in sorted(by_field)],
    }


def composite_index(
    collection: str, filters: Iterable[tuple[str, Operator]], orders: Iterable[Order]
) -> Json | None:
    """The composite index that a query needs, or None if it needs none.

    Args:
        collection: the collection's id.
        filters: fields and operators of the conditions.
        orders: the order of the results.
    """
    conditions = list(filters)
    where = All(tuple(_condition(field, op) for field, op in conditions))
    sorts = tuple(Sort(api_path(order.field), order.descending) for order in orders)
    found = plan(Query(collection, where=where, sorts=sorts), Indexes())
    if isinstance(found, MissingIndex):
        return found.entry
    merged = sorted({api_path(field) for field, op in conditions if op in _MERGED})
    arrays = sorted({api_path(field) for field, op in conditions if op in _CONTAINS})
    if not merged or not arrays:
        return None
    # Firestore would merge single-field indexes here too, but reads much where few documents are in
    # both.
    fields = [Field(path, Mode.ASCENDING) for path in merged]
    fields += [Field(path, Mode.CONTAINS) for path in arrays]
    return MissingIndex(Index.of(collection, group=False, fields=fields)).entry


def _condition(field: str, op: Operator) -> Condition:
    path = api_path(field)
    if op in _MERGED:
        return Equal(path)
    return Contains(path) if op in _CONTAINS else Range(path)


def engine_indexes(engine: Engine) -> list[Json]:
    """The composite indexes for the declared queries of stores, and for minima and maxima."""
    found = [index for spec in engine.aggregates.values() for index in _extreme_indexes(spec)]
    for definition in engine.definitions.values():
        for read in definition.store.reads().values():
            if isinstance(read, QueryRead):
                fixed: list[tuple[str, Operator]] = [(f.field, f.op) for f in read.fixed()]
                declared: list[tuple[str, Operator]] = [(c.field, c.op) for c in read.conditions]
                collection = read.collection.segments[-1]
                index = composite_index(collection, [*fixed, *declared], read.orders)
                found += [index] if index else []
    return found


def _list_indexes(app: App) -> list[Json]:
    """For the declared lists of an API, as the gate narrows them for members."""
    found: list[Json | None] = []
    for offer in app.offers.views if app.offers is not None else ():
        members, is_listed_by_others = narrowed_by(offer.view)
        narrowings: list[list[tuple[str, Operator]]] = [
            [(quoted(field), "array_contains")] for field in members
        ]
        narrowings += [[]] if is_listed_by_others else []
        for listing in offer.lists:
            filters: list[tuple[str, Operator]] = [(quoted(c.field), c.op) for c in listing.where]
            orders = [Order(quoted(order.field), order.descending) for order in listing.orders]
            found += [
                composite_index(offer.path.segments[-2], [*filters, *narrowing], orders)
                for narrowing in narrowings
            ]
    return [index for index in found if index]


def _extreme_indexes(spec: AggregateSpec) -> list[Json]:
    indexes = [
        composite_index(CONTRIBUTIONS, [(f.field, f.op) for f in query.filters], query.orders)
        for query in spec.extreme_queries("group").values()
    ]
    return [index for index in indexes if index]


def _group_overrides(app: App) -> list[Json]:
    """The indexes for `read_group=members(…)`, which find a user's documents everywhere."""
    found: list[Json] = []
    for view in views_of(app):
        for part in view.__read_group__.alternatives():
            if isinstance(part, Members) and not part.is_map:
                group: Json = {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION_GROUP"}
                ordered: list[Json] = [
                    {"order": order, "queryScope": "COLLECTION"}
                    for order in ("ASCENDING", "DESCENDING")
                ]
                found.append(
                    {
                        "collectionGroup": view.__path__.segments[-2],
                        "fieldPath": quoted(part.field),
                        "indexes": [*ordered, _CONTAINS_INDEX, group],
                    }
                )
    return found


def _distinct(indexes: Iterable[Json]) -> list[Json]:
    by_text = {json.dumps(index, sort_keys=True): index for index in indexes}
    return [by_text[text] for text in sorted(by_text)]

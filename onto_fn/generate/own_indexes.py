"""The single-field indexes of onto_fn's own collections: of the fields that it queries, no others.

Each write pays for each index entry. And an index on a field that only increases, such as a time,
limits its whole collection to 500 writes a second. So all fields are exempt, also those that a
later version adds, and each field that a query asks for has the one index that serves the query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onto_fn.aggregates.spec import AGGREGATES, CHANGES, CONTRIBUTIONS, SHARDS
from onto_fn.engine.records.ledger import (
    BACKFILL_COLLECTION,
    DEAD_LETTER_COLLECTION,
    INBOX_COLLECTION,
    LEDGER_COLLECTION,
    OUTBOX_COLLECTION,
)
from onto_fn.firestore.fieldpaths import quoted

if TYPE_CHECKING:
    from onto_fn.engine import Engine

Json = dict[str, Any]  # JSON has no narrower type

_ASCENDING: Json = {"order": "ASCENDING", "queryScope": "COLLECTION"}
_CONTAINS: Json = {"arrayConfig": "CONTAINS", "queryScope": "COLLECTION"}
_QUERIED: dict[str, dict[str, Json]] = {
    LEDGER_COLLECTION: {
        "watches": _CONTAINS,
        "definition": _ASCENDING,
        "fingerprint": _ASCENDING,
        "shard": _ASCENDING,
        "skipped.any": _ASCENDING,
    },
    DEAD_LETTER_COLLECTION: {"definition": _ASCENDING},
    OUTBOX_COLLECTION: {"key": _ASCENDING, "definition": _ASCENDING},
    INBOX_COLLECTION: {},
    BACKFILL_COLLECTION: {},
    AGGREGATES: {},
    CONTRIBUTIONS: {
        "groups": _CONTAINS,
        "aggregate": _ASCENDING,
        "fingerprint": _ASCENDING,
        "definition": _ASCENDING,
        "beside": _ASCENDING,
    },
}
"""By collection, the fields that queries ask for."""
_SHARDS = SHARDS.segments[-1]


def own_overrides(engine: Engine) -> list[Json]:
    """The entries of `fieldOverrides` for onto_fn's own collections.

    They are the same for all apps, since a mediator or an aggregate may be added later. Only the
    shards of aggregates are in a collection whose id others may use as well. There, the measures
    are exempt, unless a model of the app is in such a collection.
    """
    found = [
        _override(collection, field, indexes)
        for collection, queried in _QUERIED.items()
        for field, indexes in [("*", []), *((name, [index]) for name, index in queried.items())]
    ]
    found.append(_override(INBOX_COLLECTION, "expiresAt", []) | {"ttl": True})
    if engine.aggregates and _SHARDS not in _sources(engine):
        measures = {name for spec in engine.aggregates.values() for name in spec.measures}
        found += [_override(_SHARDS, quoted(name), []) for name in sorted({*measures, CHANGES})]
    return found


def _sources(engine: Engine) -> set[str]:
    """Ids of the collections of the app's models."""
    read = {t for d in engine.definitions.values() for t in d.source_collections()}
    counted = {spec.shape.collection for spec in engine.aggregates.values()}
    return {template.segments[-1] for template in (read | counted) - {SHARDS}}


def _override(collection: str, field: str, indexes: list[Json]) -> Json:
    return {"collectionGroup": collection, "fieldPath": field, "indexes": indexes}

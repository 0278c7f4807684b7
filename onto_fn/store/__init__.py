"""Stores: what a view reads from its root, declared statically and read level by level."""

from onto_fn.aggregates.measures import average, count, maximum, minimum, total
from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.store.aggregate_reads import aggregate
from onto_fn.store.declarations import keyed, many, one, query, root
from onto_fn.store.loading import Reader, ReadSet, load
from onto_fn.store.store import Store

__all__ = [
    "AggregateSpec",
    "ReadSet",
    "Reader",
    "Store",
    "aggregate",
    "average",
    "count",
    "keyed",
    "load",
    "many",
    "maximum",
    "minimum",
    "one",
    "query",
    "root",
    "total",
]

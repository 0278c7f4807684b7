"""Measures of an aggregate: `aggregate(Vote, votes=count())`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onto_fn.lazily import names_from

if TYPE_CHECKING:
    from onto_fn.store.measures import average, count, maximum, minimum, total
else:
    __getattr__ = names_from(
        __name__,
        {
            "average": "onto_fn.store.measures",
            "count": "onto_fn.store.measures",
            "maximum": "onto_fn.store.measures",
            "minimum": "onto_fn.store.measures",
            "total": "onto_fn.store.measures",
        },
    )

__all__ = [
    "average",
    "count",
    "maximum",
    "minimum",
    "total",
]

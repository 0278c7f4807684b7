"""Measures of an aggregate: `aggregate(Vote, votes=count())`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onto_fn.lazily import names_from

if TYPE_CHECKING:
    from onto_fn.aggregates.measures import average, count, maximum, minimum, total
else:
    __getattr__ = names_from(
        __name__,
        {
            "average": "onto_fn.aggregates.measures",
            "count": "onto_fn.aggregates.measures",
            "maximum": "onto_fn.aggregates.measures",
            "minimum": "onto_fn.aggregates.measures",
            "total": "onto_fn.aggregates.measures",
        },
    )

__all__ = [
    "average",
    "count",
    "maximum",
    "minimum",
    "total",
]

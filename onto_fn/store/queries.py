"""`QueryRead`: the documents that a query matches, as a read of a store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from typing_extensions import override

from onto_fn.firestore import QueryShape
from onto_fn.firestore.queries import Filter, Operator, keyed_fields
from onto_fn.models import DomainModel
from onto_fn.models.filters import check_limit, check_together, order_on
from onto_fn.models.queries import type_filters
from onto_fn.store.asking import Answer, Asked, Loaded
from onto_fn.store.conditions import Conditions
from onto_fn.store.objects import Objects
from onto_fn.store.reads import Read, WhenInvalid, check_choice

M = TypeVar("M", bound=DomainModel)


class QueryRead(Conditions[list[M]]):
    """The documents that a query matches. `where`, `order_by` and `limit` return new reads."""

    holds = "list"

    def __init__(self, model: type[M], invalid: WhenInvalid = "error") -> None:
        super().__init__(model)
        self.invalid: WhenInvalid = check_choice("invalid", invalid)

    def order_by(self, field: str, *, descending: bool = False) -> Self:
        """Sorted by a field of the model.

        Raises:
            DeclarationError: unknown field, or its values have no order.
        """
        return self._with(orders=(*self.orders, order_on(self.model, field, descending)))

    def limit(self, count: int) -> Self:
        """At most `count` documents.

        Raises:
            DeclarationError: `count` is below 1.
        """
        return self._with(count=check_limit(count))

    @override
    def shapes(self) -> list[QueryShape]:
        fixed: tuple[tuple[str, Operator], ...] = tuple((f.field, f.op) for f in self.fixed())
        declared: tuple[tuple[str, Operator], ...] = tuple((c.field, c.op) for c in self.conditions)
        return [QueryShape(self.model.template(), keyed_fields((*fixed, *declared)))]

    @override
    def selects_on(self) -> frozenset[str]:
        conditions = (condition.field for condition in self.conditions)
        fixed = (condition.field for condition in self.fixed())
        return frozenset((*conditions, *fixed, *(order.field for order in self.orders)))

    @override
    def check(self, reads: Mapping[str, Read[Any]]) -> None:
        check_together((condition.op for condition in self.conditions), self.title)

    @override
    def fixed(self) -> tuple[Filter, ...]:
        return type_filters(self.model)

    @override
    def asks(self, store: Loaded) -> Asked:
        return Asked(queries=(self.bind(store),))

    @override
    def value(self, asked: Asked, answer: Answer, objects: Objects) -> list[M]:
        [documents] = answer.results
        if self.invalid == "skip":
            return objects.valid(self.model, documents)
        return [objects.make(self.model, document) for document in documents]

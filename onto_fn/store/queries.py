"""`QueryRead`: the documents that a query matches, as a read of a store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from typing_extensions import override

from onto_fn.errors import BuildError, InvalidValue
from onto_fn.firestore import Document, Query, QueryShape
from onto_fn.firestore.queries import Filter, Operator, Order, keyed_fields
from onto_fn.models import DomainModel
from onto_fn.models.fields import StoredField
from onto_fn.models.filters import (
    check_constant,
    check_limit,
    check_operator,
    check_together,
    condition_field,
    filter_value,
    order_on,
)
from onto_fn.models.queries import type_filters
from onto_fn.store.reads import Getter, Read, Skipped, WhenInvalid, check_choice, evaluate

if TYPE_CHECKING:
    from onto_fn.store.store import Store

M = TypeVar("M", bound=DomainModel)


@dataclass(frozen=True)
class _Condition:
    name: str
    stored: StoredField
    op: Operator
    value: Any

    @property
    def field(self) -> str:
        """The field's path in Firestore."""
        return self.stored.path

    def bind(self, read: Read[Any], store: Store) -> Filter:
        value: Any = self.value
        if callable(value):
            getter = cast("Getter[Any]", value)
            value = evaluate(read, lambda loaded: _listed(getter(loaded)), store)
        try:
            return Filter(
                self.field, self.op, filter_value(read.model, self.stored, self.op, value)
            )
        except InvalidValue as error:
            raise BuildError(
                f"{read.title}: the value for {self.name!r} cannot be asked for: {error}"
            ) from error


def _listed(value: Any) -> Any:
    """A value, with what a generator gives as a list: it can be read once only."""
    return list(cast("Iterator[Any]", value)) if isinstance(value, Iterator) else value


class QueryRead(Read[list[M]]):
    """The documents that a query matches. `where`, `order_by` and `limit` return new reads."""

    def __init__(self, model: type[M], invalid: WhenInvalid = "error") -> None:
        super().__init__(model)
        self.invalid: WhenInvalid = check_choice("invalid", invalid)
        self.conditions: tuple[_Condition, ...] = ()
        self.orders: tuple[Order, ...] = ()
        self.count: int | None = None
        self.parents: dict[str, Any] = {}

    def where(self, field: str, op: Operator, value: object | Getter[Any]) -> QueryRead[M]:
        """Only documents for which the condition holds.

        Args:
            field: a field of the model, in Python's or Firestore's name.
            op: one of Firestore's operators, such as `"=="` or `"array_contains"`.
            value: a constant, or a function of the store. A list of values (`in`, `not-in`,
                `array_contains_any`) may have any length: an empty one finds nothing (of `not-in`,
                all that have a value), and a long one is asked in parts, one more call each.

        Raises:
            DeclarationError: unknown field or operator, a constant of another type than the field,
                or a range of values that have no order.
        """
        operator = check_operator(op)
        stored = condition_field(self.model, field, operator)
        if not callable(value):
            check_constant(self.model, field, operator, value)
        condition = _Condition(field, stored, operator, value)
        return self._with(conditions=(*self.conditions, condition))

    def order_by(self, field: str, *, descending: bool = False) -> QueryRead[M]:
        """Sorted by a field of the model.

        Raises:
            DeclarationError: unknown field, or its values have no order.
        """
        return self._with(orders=(*self.orders, order_on(self.model, field, descending)))

    def limit(self, count: int) -> QueryRead[M]:
        """At most `count` documents.

        Raises:
            DeclarationError: `count` is below 1.
        """
        return self._with(count=check_limit(count))

    def within(self, **parents: Any) -> QueryRead[M]:
        """Values (or functions of the store) for the variables of the collection's path."""
        return self._with(parents={**self.parents, **parents})

    @override
    def getters(self) -> list[Getter[Any]]:
        values = [c.value for c in self.conditions] + list(self.parents.values())
        return [value for value in values if callable(value)]

    @override
    def shapes(self) -> list[QueryShape]:
        fixed: tuple[tuple[str, Operator], ...] = tuple((f.field, f.op) for f in self.fixed())
        declared: tuple[tuple[str, Operator], ...] = tuple((c.field, c.op) for c in self.conditions)
        return [QueryShape(self.model.template(), keyed_fields((*fixed, *declared)))]

    def check(self) -> None:
        """Refuse what Firestore would.

        Raises:
            DeclarationError: the conditions cannot be in one query.
        """
        check_together((condition.op for condition in self.conditions), self.title)

    def fixed(self) -> tuple[Filter, ...]:
        """The filters that the model adds to those that are declared."""
        return type_filters(self.model)

    def bind(self, store: Store) -> Query:
        """The query with its values; raises `NotLoaded` if it is too early."""
        parents = {
            name: evaluate(self, value, store) if callable(value) else value
            for name, value in self.parents.items()
        }
        filters = (
            *self.fixed(),
            *(condition.bind(self, store) for condition in self.conditions),
        )
        collection = self.model.template().render(parents)
        return Query(collection, filters, self.orders, self.count)

    def value(self, documents: list[Document], skipped: Skipped) -> list[M]:
        """The query's objects, in the query's order; what is left out is added to `skipped`."""
        if self.invalid == "skip":
            return self._objects(documents, skipped)
        return [self._object(document) for document in documents]

    def _with(self, **changes: Any) -> QueryRead[M]:
        copy: QueryRead[M] = QueryRead(cast("type[M]", self.model))
        copy.__dict__.update(self.__dict__, **changes)
        copy.declared_in = None  # a read of its own, also if this one has its place in a store
        return copy

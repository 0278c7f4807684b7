"""`Conditions`: base of the reads that select documents by conditions."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any, Self, TypeVar, cast

from typing_extensions import override

from onto_fn.errors import BuildError, InvalidValue
from onto_fn.firestore import Query
from onto_fn.firestore.queries import Filter, Operator, Order
from onto_fn.models import DomainModel
from onto_fn.models.fields import StoredField
from onto_fn.models.filters import (
    check_constant,
    check_operator,
    condition_field,
    filter_value,
)
from onto_fn.store.asking import Loaded
from onto_fn.store.reads import Getter, Read, evaluate

T = TypeVar("T")


@dataclass(frozen=True)
class Condition:
    """One declared filter."""

    name: str
    stored: StoredField
    op: Operator
    value: Any

    @property
    def field(self) -> str:
        """The field's path in Firestore."""
        return self.stored.path

    def bind(self, read: Read[Any], store: Loaded) -> Filter:
        """The filter with its value.

        Raises:
            NotLoaded: it is too early.
            BuildError: the value cannot be asked for.
        """
        value: Any = self.value
        if callable(value):
            value = evaluate(read, cast("Getter[Any]", value), store, _listed)
        try:
            return Filter(
                self.field, self.op, filter_value(read.model, self.stored, self.op, value)
            )
        except InvalidValue as error:
            raise BuildError(
                f"{read.title}: the value for {self.name!r} cannot be used in a query: {error}"
            ) from error


def _listed(value: Any) -> Any:
    """A value, with what a generator gives as a list: it can be read once only."""
    return list(cast("Iterator[Any]", value)) if isinstance(value, Iterator) else value


class Conditions(Read[T]):
    """A read of the documents for which conditions hold. `where` and `within` return new reads."""

    orders: tuple[Order, ...] = ()
    count: int | None = None

    def __init__(self, model: type[DomainModel]) -> None:
        super().__init__(model)
        self.conditions: tuple[Condition, ...] = ()
        self.parents: dict[str, Any] = {}

    def where(self, field: str, op: Operator, value: object | Getter[Any]) -> Self:
        """Only documents for which the condition holds.

        Args:
            field: a field of the model, in Python's or Firestore's name.
            op: one of Firestore's operators, such as `"=="` or `"array_contains"`.
            value: a constant, or a function of the store. A list of values (`in`, `not-in`,
                `array_contains_any`) may have any length: an empty one finds nothing (with
                `not-in`, all documents that have a value), and a long one is split into parts, one
                call each.

        Raises:
            DeclarationError: unknown field or operator, a constant of another type than the field,
                or a range of values that have no order.
        """
        operator = check_operator(op)
        stored = condition_field(self.model, field, operator)
        if not callable(value):
            check_constant(self.model, field, operator, value)
        condition = Condition(field, stored, operator, value)
        return self._with(conditions=(*self.conditions, condition))

    def within(self, **parents: Any) -> Self:
        """Values (or functions of the store) for the variables of the collection's path."""
        return self._with(parents={**self.parents, **parents})

    @override
    def getters(self) -> list[Getter[Any]]:
        values = [c.value for c in self.conditions] + list(self.parents.values())
        return [value for value in values if callable(value)]

    def fixed(self) -> tuple[Filter, ...]:
        """The filters that are added to those that are declared."""
        return ()

    def bind(self, store: Loaded) -> Query:
        """The query with its values.

        Raises:
            NotLoaded: it is too early.
            BuildError: a value cannot be asked for.
        """
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

    def _with(self, **changes: Any) -> Self:
        made = copy(self)
        made.__dict__.update(changes)
        made.declared_in = None  # a read of its own, also if this one has its place in a store
        return made

"""`ModelQuery`: a query in the terms of a domain model, checked against its fields."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from pydantic import BaseModel

from onto_fn.firestore.documents import Value
from onto_fn.firestore.queries import Filter, Operator, Order, Query
from onto_fn.models.fields import stored_field
from onto_fn.models.filters import check_limit, check_together, condition, order_on
from onto_fn.models.stored import StoredModel, collection_of, narrows_collection, type_names

M = TypeVar("M", bound=StoredModel, covariant=True)


@dataclass(frozen=True)
class ModelQuery(Generic[M]):
    """A query on one model's collection. Immutable: each method returns a new one.

    Example:
        >>> from onto_fn import DomainModel
        >>> class Town(DomainModel, collection="towns"):
        ...     town_name: str
        ...     country: str
        >>> Town.where("country", "==", "Japan").order_by("town_name").query().filters[0].field
        'country'
    """

    model: type[M]
    filters: tuple[Filter, ...] = ()
    orders: tuple[Order, ...] = ()
    count: int | None = None
    parents: dict[str, str] = field(default_factory=dict[str, str])

    def where(self, name: str, op: Operator, value: Value) -> ModelQuery[M]:
        """Only documents for which `name op value` holds.

        A list of values (`in`, `not-in`, `array_contains_any`) may have any length: an empty list
        finds nothing, and a list above Firestore's limit is split into several queries.

        Raises:
            DeclarationError: unknown field or operator, a range of values without order, or
                conditions that Firestore does not allow together.
            InvalidValue: the value has no stored form, or is not a list where one is needed.
        """
        filters = (*self.filters, condition(self.model, name, op, value))
        check_together((each.op for each in filters), f"a query of {self.model.__name__}")
        return replace(self, filters=filters)

    def order_by(self, name: str, *, descending: bool = False) -> ModelQuery[M]:
        """Sorted by a field (after any earlier `order_by`).

        Raises:
            DeclarationError: unknown field, or its values have no order.
        """
        return replace(self, orders=(*self.orders, order_on(self.model, name, descending)))

    def limit(self, count: int) -> ModelQuery[M]:
        """At most `count` documents."""
        return replace(self, count=check_limit(count))

    def within(self, **parents: str) -> ModelQuery[M]:
        """Values for the variables of the collection's path."""
        return replace(self, parents={**self.parents, **parents})

    def query(self) -> Query:
        """The query in Firestore's terms.

        Raises:
            InvalidPath: the collection's path needs variables that `within` has not given.
        """
        collection = collection_of(self.model).render(self.parents)
        return Query(
            collection, (*type_filters(self.model), *self.filters), self.orders, self.count
        )


def type_filters(model: type[StoredModel]) -> tuple[Filter, ...]:
    """The condition on `obj_type` that a subclass adds to every query."""
    if not narrows_collection(model):
        return ()
    names = type_names(model)
    if len(names) == 1:
        return (Filter("obj_type", "==", names[0]),)
    return (Filter("obj_type", "in", names),)


def stored_name(model: type[BaseModel], name: str) -> str:
    """The Firestore field path of a field, given in Python's or in Firestore's names.

    Example: `stored_name(User, "home_address.postal_code")` is `"homeAddress.postalCode"`.

    Raises:
        DeclarationError: the model declares no such field.
    """
    return stored_field(model, name).path

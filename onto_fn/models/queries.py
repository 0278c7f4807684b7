"""`ModelQuery`: a query in the terms of a domain model, checked against its fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

from pydantic import BaseModel

from onto_fn.errors import DeclarationError
from onto_fn.firestore.documents import Value
from onto_fn.firestore.queries import MAX_DISJUNCTIONS, OPERATORS, Filter, Operator, Order, Query

if TYPE_CHECKING:
    from onto_fn.models.domain import DomainModel

M = TypeVar("M", bound="DomainModel", covariant=True)


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

        Raises:
            DeclarationError: unknown field or operator.
        """
        condition = Filter(
            stored_name(self.model, name), check_operator(op), plain(self.model, value)
        )
        return replace(self, filters=(*self.filters, condition))

    def order_by(self, name: str, *, descending: bool = False) -> ModelQuery[M]:
        """Sorted by a field (after any earlier `order_by`)."""
        order = Order(stored_name(self.model, name), descending)
        return replace(self, orders=(*self.orders, order))

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
        collection = self.model.template().render(self.parents)
        return Query(
            collection, (*type_filters(self.model), *self.filters), self.orders, self.count
        )


def type_filters(model: type[DomainModel]) -> tuple[Filter, ...]:
    """The condition on `obj_type` that a subclass adds to every query."""
    if not model.narrows_collection():
        return ()
    names = sorted({member.__obj_type__ for member in model.family()})
    if len(names) == 1:
        return (Filter("obj_type", "==", names[0]),)
    if len(names) > MAX_DISJUNCTIONS:
        raise DeclarationError(
            f"{model.__name__} has {len(names)} subclasses; Firestore's `in` takes "
            f"{MAX_DISJUNCTIONS} values"
        )
    return (Filter("obj_type", "in", names),)


def check_operator(op: str) -> Operator:
    """Return `op` if Firestore has it, else raise `DeclarationError`."""
    if op not in OPERATORS:
        raise DeclarationError(f"unknown operator {op!r}; there are {', '.join(OPERATORS)}")
    return cast(Operator, op)


def check_limit(count: int) -> int:
    """Return `count` if it can limit a query, else raise `DeclarationError`."""
    if count < 1:
        raise DeclarationError(f"limit must be 1 or more, got {count}")
    return count


def stored_name(model: type[BaseModel], name: str) -> str:
    """The Firestore field path of a field, given in Python's or in Firestore's names.

    Example: `stored_name(User, "home_address.postal_code")` is `"homeAddress.postalCode"`.

    Raises:
        DeclarationError: the model declares no such field.
    """
    stored: list[str] = []
    current: Any = model
    for part in name.split("."):
        embedded = _embedded(current)
        if embedded is None:
            stored.append(part)
            current = _below_key(current, model, name)
            continue
        for field_name, info in embedded.model_fields.items():
            if part in {field_name, info.alias}:
                stored.append(info.alias or field_name)
                current = info.annotation
                break
        else:
            known = ", ".join(sorted(set(embedded.model_fields) - {"doc_id"}))
            raise DeclarationError(
                f"{model.__name__} has no field {name!r}; {embedded.__name__} declares {known}"
            )
    return ".".join(stored)


def plain(model: type[DomainModel], value: Value) -> Value:
    """A filter's value with references in the form in which the model stores them."""
    from google.cloud.firestore_v1 import DocumentReference

    from onto_fn.models.domain import DomainModel
    from onto_fn.models.references import as_reference, references_as_paths

    if isinstance(value, list | tuple | set | frozenset):
        return [plain(model, item) for item in cast("Iterable[Value]", value)]
    if isinstance(value, DomainModel | DocumentReference):
        value = as_reference(value)
    return references_as_paths(value) if model.__references__ == "path" else value


def _embedded(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation embeds as a map, if it does."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in _alternatives(annotation) if (found := _embedded(part))), None)


def _below_key(annotation: Any, model: type[BaseModel], name: str) -> Any:
    """What a map's keys lead to.

    Raises:
        DeclarationError: the annotation is of no map.
    """
    if annotation is Any or annotation is object:
        return Any
    for candidate in (annotation, *_alternatives(annotation)):
        origin: object = get_origin(candidate) or candidate
        if isinstance(origin, type) and issubclass(origin, Mapping):
            arguments = get_args(candidate)
            return arguments[1] if len(arguments) == 2 else Any
    raise DeclarationError(f"{model.__name__} has no field {name!r}: there is no map on the way")


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the type of an `Annotated`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return get_args(annotation)[:1]
    return get_args(annotation) if origin in {Union, UnionType} else ()

"""What is offered to callers: views by their paths, and requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, cast

from pydantic.alias_generators import to_camel

from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.documents import Reference, Value
from onto_fn.firestore.native import native
from onto_fn.firestore.queries import Operator, Order
from onto_fn.gate.listable import check_listing
from onto_fn.gate.refusal import invalid
from onto_fn.mediators import RequestMediator
from onto_fn.models.annotations import without_null
from onto_fn.requests import RequestModel
from onto_fn.views import Definition, ViewModel


@dataclass(frozen=True)
class ByField:
    """A condition of a list: a field equals a value, or a list has it.

    Attributes:
        field: the field's name in Firestore.
        op: `"=="`, or `"array_contains"` for a list.
        stored: Firestore's type of the value.
        values: the values that there are, if they are declared.
    """

    field: str
    op: Operator
    stored: str
    values: tuple[Value, ...] = ()

    def parsed(self, text: str) -> Value:
        """The value that a caller names in the address.

        Raises:
            ValueError: the text is none.
        """
        if self.values:
            return next(value for value in self.values if _text(value) == text)
        return _PARSED[self.stored](text)

    def accepted(self, value: object) -> Value:
        """The value that a caller names in JSON.

        Raises:
            ValueError: it is none.
        """
        for one in self.values:
            if one == value and type(one) is type(value):
                return one
        if self.values or type(value) not in _IN_JSON[self.stored]:
            raise ValueError(value)
        match value:
            case str():
                return self.parsed(value)
            case bool():
                return value
            case _:
                return _PARSED[self.stored](str(value))


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _integer(text: str) -> int:
    number = int(text) if re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) else 2**63
    if not -(2**63) <= number < 2**63:
        raise ValueError(text)
    return number


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


_PARSED: dict[str, Callable[[str], Value]] = {
    "boolean": _boolean,
    "double": float,
    "integer": _integer,
    "reference": Reference,
    "string": str,
    "timestamp": _time,
}


_IN_JSON: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "double": (float, int),
    "integer": (int,),
    "reference": (str,),
    "string": (str,),
    "timestamp": (str,),
}
"""Types of Python in which a value comes that is written in JSON."""


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True)
class Listing:
    """One way to list a view's documents; made by `by`.

    Attributes:
        orders: fields to sort by, by their names in Python; with a minus, from the greatest.
        where: fields that the caller must give a value of.
    """

    orders: tuple[str, ...] = ()
    where: tuple[str, ...] = ()

    def checked(self, view: type[ViewModel[Any]]) -> CheckedListing:
        """The same with the names in Firestore.

        Raises:
            DeclarationError: the view has no such field, or one that cannot be compared; or
                Firestore cannot answer it.
        """
        orders = tuple(
            Order(_stored(view, name.removeprefix("-")), name.startswith("-"))
            for name in self.orders
        )
        where = tuple(_condition(view, name) for name in self.where)
        names = [name.removeprefix("-") for name in self.orders]
        check_listing(view, names, orders, [(one.field, one.op) for one in where])
        return CheckedListing(orders, where)


def by(*orders: str, where: Sequence[str] = ()) -> Listing:
    """One way to list a view's documents: an order, under conditions.

    Args:
        orders: fields to sort by; `"-created"` from the greatest. Documents without such a field
            are not in the list. Without any, the order is that of the ids.
        where: fields that have the values that the caller gives; of a field that is a list, one of
            its items.

    Example: `by("-created", where=["status"])` is `?order=-created&status=open`
    """
    if isinstance(where, str):
        raise DeclarationError(f"by(where={where!r}): write a list of fields")
    return Listing(orders, tuple(where))


@dataclass(frozen=True)
class CheckedListing:
    """One way to list a view's documents, by names in Firestore.

    Attributes:
        orders: of the documents.
        where: the conditions.
    """

    orders: tuple[Order, ...]
    where: tuple[ByField, ...]

    @property
    def order(self) -> str:
        """How a caller names the order."""
        return ",".join(f"{'-' if order.descending else ''}{order.field}" for order in self.orders)

    @property
    def query(self) -> str:
        """How a caller asks for it, such as `order=-created&status=…`."""
        order = [f"order={self.order}"] if self.orders else []
        return "&".join([*order, *(f"{condition.field}=…" for condition in self.where)])


@dataclass(frozen=True)
class ViewOffer:
    """A view that may be asked for.

    Attributes:
        view: the view model.
        is_live: whether it is computed when it is asked for.
        root: the variable of its path that is the id of the root; None if none says it.
        lists: the orders and filters in which it may be listed, besides by id.
    """

    view: type[ViewModel[Any]]
    is_live: bool
    root: str | None
    lists: tuple[CheckedListing, ...] = ()

    @cached_property
    def definition(self) -> Definition:
        """What the engine knows of the view."""
        return self.view.definition()

    @property
    def name(self) -> str:
        """The view's name."""
        return self.view.__name__

    @property
    def path(self) -> PathTemplate:
        """Template of the documents' paths."""
        return self.view.__path__

    @property
    def can_be_listed(self) -> bool:
        """Whether there is a collection of them."""
        return not self.is_live and self.path.segments[-1].startswith("{")

    def listing(self, order: str | None, fields: Collection[str]) -> CheckedListing:
        """The declared list that a caller asks for.

        Args:
            order: as a caller names it; None for that of the ids.
            fields: those of which the caller gives a value.

        Raises:
            Refusal: there is no such list.
        """
        known = (CheckedListing((), ()), *self.lists)
        for listing in known:
            names = {one.field for one in listing.where}
            if (listing.order or None) == order and names == set(fields):
                return listing
        listed = " or ".join(one.query for one in known[1:]) or "the order of the ids alone"
        raise invalid([f"this list has no such order and conditions; there is {listed}"])

    def root_path(self, params: Mapping[str, str]) -> str | None:
        """Path of the root that a document is built from; None if its path does not say it.

        Raises:
            InvalidPath: a value is not allowed in a path.
        """
        if self.root is None:
            return None
        model = self.view.__store__.root().model
        parents = {name: params[name] for name in model.template().variables}
        return model.ref(params[self.root], **parents).path


@dataclass(frozen=True)
class RequestOffer:
    """A form or patch that may be sent."""

    mediator: RequestMediator

    @property
    def model(self) -> type[RequestModel]:
        """The form's or patch's class."""
        return self.mediator.model

    @property
    def name(self) -> str:
        """The request's name."""
        return self.mediator.name

    @property
    def path(self) -> PathTemplate:
        """Template of the documents' paths."""
        return self.model.__path__

    def field_of(self, variable: str) -> str:
        """The field in which it says a variable of a view's path, if its own path does not."""
        targets: Mapping[str, str] = getattr(self.model, "__targets__", {})
        return targets.get(variable, to_camel(variable))


@dataclass(frozen=True)
class Offers:
    """All that an app offers."""

    views: tuple[ViewOffer, ...]
    requests: tuple[RequestOffer, ...]


def root_variable(view: type[ViewModel[Any]], chosen: str | None) -> str | None:
    """The variable of a view's path that is the id of the store's root.

    The one that is chosen; else the only one there is; else the last segment, if it is one.

    Raises:
        DeclarationError: the chosen one is none of the path's.
    """
    variables = view.__path__.variables
    if chosen is not None and chosen not in variables:
        raise DeclarationError(
            f"Api(roots={{{view.__name__}: {chosen!r}}}): the path {view.__path__.text!r} has no "
            "such variable"
        )
    last = view.__path__.segments[-1]
    found = chosen or (variables[0] if len(variables) == 1 else None)
    if found is None and last.startswith("{"):
        found = last[1:-1]
    model = view.__store__.root().model
    if found is None or not set(model.template().variables) <= set(variables):
        return None
    return found


def _stored(view: type[ViewModel[Any]], name: str) -> str:
    info = view.Document.model_fields.get(name)
    if info is None or name not in view.__fields__:
        known = ", ".join(view.__fields__)
        raise DeclarationError(f"{view.__name__} has no field {name!r}; it has {known}")
    return info.alias or name


def _condition(view: type[ViewModel[Any]], name: str) -> ByField:
    stored, op = _stored(view, name), cast(Operator, "==")
    kinds = without_null(view.Document.model_fields[name].annotation)
    if len(kinds) == 1 and kinds[0].kind == "list":
        op, kinds = "array_contains", without_null(kinds[0].items[0])
    if len(kinds) == 1 and kinds[0].kind == "value":
        values = tuple(native(getattr(value, "value", value)) for value in kinds[0].values)
        if values:
            return ByField(stored, op, "", values)
        row = kinds[0].row
        if row is not None and row.stored in _PARSED:
            return ByField(stored, op, row.stored)
    raise DeclarationError(
        f"by(where=[{name!r}]): {view.__name__}.{name} has no single type that a value in an "
        "address can be compared with; use a field that is a text, a number, a boolean, a time, a "
        "reference, or a list of them"
    )

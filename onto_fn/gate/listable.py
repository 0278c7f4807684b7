"""Which lists of a view there can be: what Firestore answers, narrowed to what a caller may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from onto_fn.access import Access, Members, Public, SignedIn, can_list
from onto_fn.errors import DeclarationError
from onto_fn.firestore.queries import Operator, Order
from onto_fn.models.filters import order_on
from onto_fn.views import ViewModel

PARAMETERS = frozenset({"after", "cursor", "limit", "order"})
"""What a query of an address says besides the values of conditions."""


def listers(view: type[ViewModel[Any]]) -> list[Access]:
    """The conditions of which one lets a caller list a view's documents."""
    return [part for part in view.__read__.alternatives() if can_list(part, view.__path__)]


def narrowed_by(view: type[ViewModel[Any]]) -> tuple[list[str], bool]:
    """By which fields the gate narrows the lists of members, and whether others list all.

    Returns:
        The names in Firestore of the fields that list user ids, and whether some callers may list
        without them.
    """
    parts = listers(view)
    if any(isinstance(part, Public | SignedIn) for part in parts):
        return [], True  # whoever is signed in may list all
    fields = [part.field for part in parts if isinstance(part, Members)]
    return list(dict.fromkeys(fields)), any(not isinstance(part, Members) for part in parts)


def check_listing(
    view: type[ViewModel[Any]],
    names: Sequence[str],
    orders: Sequence[Order],
    where: Sequence[tuple[str, Operator]],
) -> None:
    """Refuse a list that Firestore cannot answer, or that nobody could ask for.

    Args:
        view: whose documents are listed.
        names: of the fields to sort by, in Python.
        orders: the same in Firestore.
        where: fields of the conditions in Firestore, and how they are compared.

    Raises:
        DeclarationError: it says why.
    """
    name = view.__name__
    if not listers(view):
        raise DeclarationError(
            f"{name} cannot be listed: its path ends in a name, or its read={view.__read__} "
            "depends on each document's id; leave it out of Rest(lists=…)"
        )
    if view.__path__.segments[-2].startswith("{"):
        raise DeclarationError(
            f"{name} is in collections of any name, {view.__path__.parent.text!r}, which no index "
            "can cover; leave it out of Rest(lists=…)"
        )
    for what, fields in (("orders", [o.field for o in orders]), ("where", [f for f, _ in where])):
        twice = _twice(fields)
        if twice:
            raise DeclarationError(f"by(…) of {name}: {twice!r} is in its {what} twice")
    for order, field in zip(orders, names, strict=True):
        order_on(view.Document, field, order.descending)
    for field, _ in where:
        if field in PARAMETERS:
            raise DeclarationError(
                f"by(where=…) of {name}: the field {field!r} has the name of a parameter of every "
                "list; give it another alias"
            )
    _check_lists(view, [field for field, op in where if op == "array_contains"])


def _check_lists(view: type[ViewModel[Any]], lists: list[str]) -> None:
    """Firestore looks into one list in a query."""
    name, (members, _) = view.__name__, narrowed_by(view)
    if len(lists) > 1:
        raise DeclarationError(
            f"by(where=…) of {name}: {' and '.join(lists)} are lists, and Firestore looks into one "
            "list in a query; leave one out"
        )
    if lists and members:
        raise DeclarationError(
            f"by(where=…) of {name}: {lists[0]} is a list, and members are found by another one, "
            f"{members[0]}; Firestore looks into one list in a query. Use a field that is no list"
        )


def _twice(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None

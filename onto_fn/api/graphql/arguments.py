"""Arguments of fields: the variables of a path, and the page, order and conditions of a list."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from graphql import GraphQLArgument, GraphQLID, GraphQLInt, GraphQLNonNull
from pydantic.alias_generators import to_camel

from onto_fn.api.graphql.names import Names
from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.documents import Reference
from onto_fn.gate.offers import ByField, CheckedListing, ViewOffer
from onto_fn.gate.reading import MAX_PAGE
from onto_fn.gate.refusal import invalid

PAGE = 20
"""Documents in a page for which nothing else is asked."""
ID = "id"
"""The argument that is a request's id."""
_TAKEN = frozenset({"after", "fields", "first", "order", "where"})
"""Arguments that are not values of a path."""


def arguments_of(
    path: PathTemplate, owner: str, optional: Collection[str] = (), identifier: str | None = None
) -> tuple[dict[str, GraphQLArgument], dict[str, str]]:
    """An argument for each variable of a path, and the variables by argument.

    Args:
        path: the path.
        owner: whose it is, for messages.
        optional: variables that a caller may leave out.
        identifier: the variable that is a request's id, if one is.

    Raises:
        DeclarationError: two would be the same, or one is none in GraphQL.
    """
    names = Names("argument")
    by_argument: dict[str, str] = {}
    arguments: dict[str, GraphQLArgument] = {}
    for variable in path.variables:
        place = f"{{{variable}}} of the path of {owner}"
        name = names.take(ID if variable == identifier else to_camel(variable), place)
        if name in _TAKEN:
            raise DeclarationError(
                f"{place} would be the argument {name!r}, which GraphQL lists and mutations have "
                "already; rename the variable"
            )
        by_argument[name] = variable
        kind = GraphQLID if variable in optional else GraphQLNonNull(GraphQLID)
        arguments[name] = GraphQLArgument(kind)
    return arguments, by_argument


def params_of(names: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    """The values of a path's variables, by the variables' names."""
    return {
        variable: given[name] for name, variable in names.items() if given.get(name) is not None
    }


def first() -> GraphQLArgument:
    """The argument for the size of a page."""
    return GraphQLArgument(
        GraphQLInt, default_value=PAGE, description=f"Documents, from 1 to {MAX_PAGE}."
    )


def size_of(given: Mapping[str, Any]) -> int:
    """The size of a page.

    Raises:
        Refusal: it is none.
    """
    first: int | None = given.get("first")
    size = PAGE if first is None else first
    if not 1 <= size <= MAX_PAGE:
        raise invalid([f"first: a number from 1 to {MAX_PAGE}"])
    return size


def order_name(listing: CheckedListing) -> str:
    """The value of the argument `order` that stands for the order of a list."""
    return "_".join(
        f"{order.field}_{'DESC' if order.descending else 'ASC'}" for order in listing.orders
    )


def listing_of(offer: ViewOffer, order: str, fields: Collection[str]) -> CheckedListing:
    """The declared order and conditions that are asked for.

    Raises:
        Refusal: it is none of those that are declared.
    """
    for listing in (CheckedListing((), ()), *offer.lists):
        if listing.order == order and {one.field for one in listing.where} == set(fields):
            return listing
    told = " or ".join(one.query for one in offer.lists) or "the order of the ids alone"
    raise invalid([f"this list has no such order and conditions; there is {told}"])


def native_of(condition: ByField, value: Any) -> Any:
    """The value that a document would have.

    Raises:
        Refusal: none of this field is.
    """
    try:
        if condition.stored == "reference":
            return Reference(value)
        if condition.stored == "timestamp" or condition.values:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            return condition.parsed(text)
    except (ValueError, KeyError, StopIteration, OverflowError) as error:
        raise invalid([f"{condition.field}: {value!r:.100} is no value of this field"]) from error
    return value

"""The schema of an API, made from what it offers."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any, cast

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
    print_schema,
    validate_schema,
)

from onto_fn.access import Owner
from onto_fn.api.graphql.arguments import (
    ID,
    arguments_of,
    first,
    listing_of,
    native_of,
    order_name,
    params_of,
    size_of,
)
from onto_fn.api.graphql.inputs import SentTypes
from onto_fn.api.graphql.names import Names, field_of, plural_of
from onto_fn.api.graphql.operation import Operation
from onto_fn.api.graphql.types import AnsweredTypes, Enums, stored_type
from onto_fn.errors import DeclarationError
from onto_fn.firestore.paths import last_segment
from onto_fn.gate.listable import listers
from onto_fn.gate.offers import ByField, Offers, RequestOffer, ViewOffer
from onto_fn.gate.refusal import Refusal, invalid
from onto_fn.gate.together import OneAsked, PageAsked

Info = GraphQLResolveInfo[Operation]

_RESERVED = (
    *("Boolean", "Float", "ID", "Int", "String"),
    *("Bytes", "DateTime", "GeoPoint", "GeoPointInput", "JSON", "SafeInt"),
    *("Query", "Mutation", "Subscription"),
)


def schema_of(offers: Offers, *, streams: bool) -> GraphQLSchema:
    """The schema.

    Args:
        offers: what is offered.
        streams: whether views can be watched.

    Raises:
        DeclarationError: a field has no form, a name is none in GraphQL, or two are the same.
    """
    return _Maker(offers).schema(streams=streams)


def schema_text(schema: GraphQLSchema) -> str:
    """The schema in GraphQL's own language."""
    return print_schema(schema) + "\n"


class _Maker:
    def __init__(self, offers: Offers) -> None:
        self._offers = offers
        self._names = Names("type", _RESERVED)
        self._enums = Enums(self._names)
        views = [offer.view for offer in offers.views]
        self._answered = AnsweredTypes(views, self._names, self._enums)
        self._sent = SentTypes(self._names, self._enums)
        self._lists = {
            offer.name: self._list_type(offer)
            for offer in offers.views
            if offer.can_be_listed and listers(offer.view)
        }

    def schema(self, *, streams: bool) -> GraphQLSchema:
        names = Names("field")
        query: dict[str, GraphQLField] = {}
        watched: dict[str, GraphQLField] = {}
        for offer in self._offers.views:
            name = names.take(field_of(offer.name), f"view {offer.name}")
            query[name] = self._view(offer)
            if not offer.is_live:
                watched[name] = self._watched(offer)
            if offer.name in self._lists:
                name = names.take(plural_of(name), f"the list of {offer.name}")
                query[name] = self._list(offer)
                watched[name] = self._watched_list(offer)
        names = Names("field")
        sent = {
            names.take(field_of(offer.name), offer.name): self._request(offer)
            for offer in self._offers.requests
        }
        if not query:  # there is no schema without a query
            query["version"] = GraphQLField(GraphQLString, description="Nothing can be asked for.")
        made = GraphQLSchema(
            GraphQLObjectType("Query", query),
            GraphQLObjectType("Mutation", sent) if sent else None,
            GraphQLObjectType("Subscription", watched) if watched and streams else None,
        )
        problems = validate_schema(made)
        if problems:
            raise DeclarationError(f"Api(graphql=…): {problems[0].message}")
        return made

    # Views

    def _view(self, offer: ViewOffer) -> GraphQLField:
        arguments, names = arguments_of(offer.path, offer.name)

        def resolve(_: Any, info: Info, **given: Any) -> Any:
            return info.context.ask(OneAsked(offer, params_of(names, given)))

        return GraphQLField(
            self._answered.of(offer.view), arguments, resolve, description=words_of(offer.view)
        )

    def _watched(self, offer: ViewOffer) -> GraphQLField:
        arguments, names = arguments_of(offer.path, offer.name)

        def subscribe(_: Any, info: Info, **given: Any) -> AsyncGenerator[Any]:
            return info.context.watch(offer, params_of(names, given))

        return GraphQLField(
            self._answered.of(offer.view),
            arguments,
            _event,
            subscribe,
            description="Each version; null while there is no document.",
        )

    # Lists

    def _list_type(self, offer: ViewOffer) -> GraphQLObjectType:
        item = GraphQLObjectType(
            self._names.take(f"{offer.name}Item", f"an item of the list of {offer.name}"),
            {
                "id": GraphQLField(GraphQLNonNull(GraphQLID)),
                "etag": GraphQLField(GraphQLNonNull(GraphQLString)),
                "fields": GraphQLField(GraphQLNonNull(self._answered.of(offer.view))),
            },
        )
        return GraphQLObjectType(
            self._names.take(f"{offer.name}List", f"the list of {offer.name}"),
            {
                "items": GraphQLField(GraphQLNonNull(GraphQLList(GraphQLNonNull(item)))),
                "next": GraphQLField(
                    GraphQLString, description="`after` of the next page; null if there is none."
                ),
            },
        )

    def _list(self, offer: ViewOffer) -> GraphQLField:
        arguments, names = arguments_of(offer.path.parent, offer.name)
        arguments |= {"first": first(), "after": GraphQLArgument(GraphQLString)}
        conditions = {one.field: one for listing in offer.lists for one in listing.where}
        arguments |= self._listing_arguments(offer, conditions)

        def resolve(_: Any, info: Info, **given: Any) -> Any:
            asked: dict[str, Any] = given.get("where") or {}
            where = {
                name: native_of(conditions[name], value)
                for name, value in asked.items()
                if value is not None
            }
            return info.context.ask(
                PageAsked(
                    offer,
                    params_of(names, given),
                    size_of(given),
                    given.get("after"),
                    listing_of(offer, given.get("order") or "", where.keys()),
                    where,
                )
            )

        return GraphQLField(
            self._lists[offer.name],
            arguments,
            resolve,
            description=f"The documents of {offer.name} that the caller may list.",
        )

    def _listing_arguments(
        self, offer: ViewOffer, conditions: Mapping[str, ByField]
    ) -> dict[str, GraphQLArgument]:
        found: dict[str, GraphQLArgument] = {}
        orders = {order_name(one): one.order for one in offer.lists if one.orders}
        if orders:
            name = self._names.take(f"{offer.name}Order", f"the orders of {offer.name}")
            values = {text: GraphQLEnumValue(order) for text, order in orders.items()}
            found["order"] = GraphQLArgument(GraphQLEnumType(name, values))
        if conditions:
            name = self._names.take(f"{offer.name}Where", f"the conditions of {offer.name}")
            fields = {
                field: GraphQLInputField(self._condition(offer, one))
                for field, one in conditions.items()
            }
            told = " or ".join(dict.fromkeys(one.query for one in offer.lists))
            found["where"] = GraphQLArgument(
                GraphQLInputObjectType(name, fields), description=f"As declared: {told}."
            )
        return found

    def _condition(self, offer: ViewOffer, condition: ByField) -> Any:
        if condition.values:
            place = f"the condition {offer.name}.{condition.field}"
            name = f"{offer.name}{condition.field[:1].upper()}{condition.field[1:]}"
            return self._enums.of(condition.values, name, place)
        return stored_type(condition.stored)

    def _watched_list(self, offer: ViewOffer) -> GraphQLField:
        arguments, names = arguments_of(offer.path.parent, offer.name)
        arguments["first"] = first()

        def subscribe(_: Any, info: Info, **given: Any) -> AsyncGenerator[Any]:
            return info.context.watch_list(offer, params_of(names, given), size_of(given))

        return GraphQLField(
            self._lists[offer.name],
            arguments,
            _event,
            subscribe,
            description="The first page, each time that it changes.",
        )

    # Requests

    def _request(self, offer: RequestOffer) -> GraphQLField:
        last = last_segment(offer.path.text)[1:-1]
        owners = {p.variable for p in offer.model.__create__.alternatives() if isinstance(p, Owner)}
        arguments, names = arguments_of(offer.path, offer.name, owners - {last}, last)
        sent = self._sent.of(offer.model)
        if sent is not None:
            arguments["fields"] = GraphQLArgument(GraphQLNonNull(sent))
        shown = self._shown_after(offer)
        fields = {
            name: GraphQLField(self._answered.of(view.view), resolve=partial(_after, view))
            for name, view in shown.items()
        }
        for name, kind in (("id", GraphQLID), ("path", GraphQLString), ("state", GraphQLString)):
            if name in fields:
                raise DeclarationError(
                    f"{shown[name].name} would be the field {name!r} of what {offer.name} answers, "
                    "which is taken; rename the view"
                )
            fields[name] = GraphQLField(GraphQLNonNull(kind))
        fields["after"] = GraphQLField(
            GraphQLNonNull(GraphQLString), description="What REST's `?after=` takes."
        )
        result = GraphQLObjectType(
            self._names.take(f"{offer.name}Result", f"what {offer.name} answers"), fields
        )

        async def resolve(_: Any, info: Info, **given: Any) -> Any:
            params = {n: v for n, v in params_of(names, given).items() if n != last}
            content = _content(given.get("fields"))
            done, answer = await info.context.submit(offer, given[ID], params, content)
            return {**answer, _AFTER: (done.params, content, offer)}

        return GraphQLField(result, arguments, resolve, description=words_of(offer.model))

    def _shown_after(self, offer: RequestOffer) -> dict[str, ViewOffer]:
        """The views of which a request says which document it concerns."""
        return {
            field_of(view.name): view
            for view in self._offers.views
            if view.root is not None and all(_places(offer, view).values())
        }


_AFTER = " after"  # no field has such a name


async def _after(view: ViewOffer, source: dict[str, Any], info: Info) -> Any:
    params, content, offer = source[_AFTER]
    found: dict[str, str] = {}
    for variable, place in _places(offer, view).items():
        value = params.get(variable) if place == "path" else content.get(place)
        if not isinstance(value, str):
            raise invalid([f"{place}: it does not say which {view.name} to show"])
        found[variable] = value
    return await info.context.built(view, found)


def _content(given: object) -> dict[str, Any]:
    """The fields of a request.

    Raises:
        Refusal: they are none, which only a request that takes any can get.
    """
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise invalid(["(document): Input should be a valid dictionary"])
    return cast("dict[str, Any]", given)


def _places(offer: RequestOffer, view: ViewOffer) -> dict[str, str | None]:
    """Where a request says the variables of a view's path: `"path"`, or the name of a field."""
    fields = offer.model.written_shape().fields
    found: dict[str, str | None] = {}
    for variable in view.path.variables:
        name = offer.field_of(variable)
        in_path = variable in offer.path.variables
        found[variable] = "path" if in_path else name if name in fields else None
    return found


def _event(source: Any, _: Info, **__: Any) -> Any:
    """What an event of a subscription is; raised if it is why there is no more."""
    if isinstance(source, Refusal):
        raise source
    return source


def words_of(cls: type[Any]) -> str | None:
    """A class's own docstring."""
    return inspect.cleandoc(str(vars(cls).get("__doc__") or "")) or None

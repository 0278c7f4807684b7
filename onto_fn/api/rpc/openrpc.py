"""The OpenRPC 1.3.2 document of an API: its methods, with the schemas that REST has as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from onto_fn.access import Access, Members
from onto_fn.api.declared import Api
from onto_fn.api.rest.described.audience import audience_of, can_be_forbidden, is_open
from onto_fn.api.rest.described.operations import DONE, listed_by, paragraphs
from onto_fn.api.rest.described.parameters import AFTER, list_parameters, path_parameters
from onto_fn.api.rest.described.schemas import Components, Schema, identifier
from onto_fn.api.rest.described.shown import ShownSchemas, doc_of
from onto_fn.api.rest.described.written import WrittenSchemas
from onto_fn.api.rpc import offered as rpc
from onto_fn.api.rpc.protocol import INTERNAL_ERROR, INVALID_PARAMS, MESSAGES
from onto_fn.gate.offers import Offers, RequestOffer, ViewOffer
from onto_fn.requests.shapes import MAX_ID

_ABOUT = """\
Views are documents that are kept up to date; requests, which are forms and patches, change what
they are made of.

- The address is where `rpc.discover` answers. Send JSON-RPC 2.0 by POST, as `application/json`:
  a call, or a batch of at most 50, which are carried out one after another. Arguments go by their
  names or by their places.
- A user sends the Firebase ID token, `Authorization: Bearer ...`.
- A request has an id that the client makes up. Send it again with the same id until there is an
  answer: it is carried out once.
- The answer to a request has `after`. A view that is got with `after` shows what was written until
  then.
- An error has `data.code`, and `data.problems` with a JSON pointer into `params` for each argument
  that does not fit."""
_ID_OF_REQUEST = (
    "An id that the client makes up, such as a UUID. The same request under the same id is carried "
    "out once, however often it is sent."
)
_ERRORS = {
    "InvalidParams": (INVALID_PARAMS, MESSAGES[INVALID_PARAMS]),
    "InternalError": (INTERNAL_ERROR, MESSAGES[INTERNAL_ERROR]),
    "Unauthenticated": (rpc.UNAUTHENTICATED, "The caller has to sign in"),
    "Denied": (rpc.DENIED, "The caller may not do this"),
    "NotFound": (rpc.NOT_FOUND, "There is no such document"),
    "Refused": (rpc.REFUSED, "The app refuses the request"),
    "Conflict": (rpc.CONFLICT, "The id was used for another request"),
    "Unavailable": (rpc.UNAVAILABLE, "Try again, with the same id"),
}
_TEXT: Schema = {"type": "string"}


def openrpc(api: Api, offers: Offers) -> dict[str, Any]:
    """The document, in JSON's own types; the same declarations make the same document.

    Args:
        api: what is declared.
        offers: what it offers.

    Raises:
        DeclarationError: a field has no JSON schema.
    """
    components = Components()
    described = _Methods(offers, components)
    found = sorted(rpc.methods_of(offers), key=lambda method: method.name)
    schemas = components.parts.get("schemas", {})
    return {
        "openrpc": "1.3.2",
        "info": {"title": api.rest.title, "version": api.rest.version, "description": _ABOUT},
        "methods": [described.method(one) for one in found if one.offer is not None],
        "components": {
            "schemas": {name: _as_draft_7(schemas[name]) for name in sorted(schemas)},
            "errors": {
                name: {"code": code, "message": message}
                for name, (code, message) in sorted(_ERRORS.items())
            },
        },
    }


class _Methods:
    """Describes methods.

    Args:
        offers: what is offered.
        components: receives the schemas that they refer to.
    """

    def __init__(self, offers: Offers, components: Components) -> None:
        self._shown = ShownSchemas([offer.view for offer in offers.views], components)
        self._written = WrittenSchemas(components)
        self._done = components.put("schemas", "Done", DONE) if offers.requests else {}

    def method(self, method: rpc.Method) -> Schema:
        if isinstance(method.offer, RequestOffer):
            made = self._request(method.offer)
        elif method.kind == "list":
            made = self._list(cast(ViewOffer, method.offer))
        else:
            made = self._get(cast(ViewOffer, method.offer))
        places = {param["name"]: param for param in made["params"]}
        return {
            "name": method.name,
            **made,
            "paramStructure": "either",
            "params": [places[name] for name in method.params],
        }

    def _get(self, offer: ViewOffer) -> Schema:
        access = list(offer.view.__read__.alternatives())
        source = "It is computed for each call." if offer.is_live else ""
        told = [doc_of(offer.view), f"It may be read by {audience_of(access)}.", source]
        params = path_parameters(offer.path, access, "The id of the document.")
        more = ["NotFound"] if any(not isinstance(part, Members) for part in access) else []
        return {
            "summary": f"Read one {offer.name}",
            "description": paragraphs(told),
            "tags": [{"name": offer.name}],
            "params": [*map(_param, params), _param(AFTER)],
            "result": _named("document", self._document(offer)),
            "errors": _errors(access, *more),
        }

    def _list(self, offer: ViewOffer) -> Schema:
        access = listed_by(offer)
        is_narrowed = any(isinstance(part, Members) for part in access)
        narrowed = "Of the documents, members see those that name them." if is_narrowed else ""
        queries = [f"`{one.query}`" for one in offer.lists]
        orders = f"Give none of `order` and `where`, or one of {', '.join(queries)}."
        told = [f"It may be listed by {audience_of(access)}.", narrowed, orders if queries else ""]
        given = list_parameters(offer)
        where = [one for one in given if one["name"] not in {"limit", "cursor", "order"}]
        conditions: Schema = {
            "type": "object",
            "properties": {
                one["name"]: {**one["schema"], "description": one["description"]} for one in where
            },
            "additionalProperties": False,
        }
        variables = path_parameters(offer.path.parent, access)
        return {
            "summary": f"List documents of {offer.name}",
            "description": paragraphs(told),
            "tags": [{"name": offer.name}],
            "params": [
                *map(_param, variables),
                *(_param(one) for one in given if one not in where),
                {
                    "name": "where",
                    "description": "Values of fields.",
                    "required": False,
                    "schema": _as_draft_7(conditions),
                },
            ],
            "result": _named("page", self._page(offer)),
            "errors": _errors(access),
        }

    def _request(self, offer: RequestOffer) -> Schema:
        access = list(offer.model.__create__.alternatives())
        needed = rpc.needed_by(offer)
        variables = path_parameters(offer.path.parent, access)
        params: Schema = {
            "type": "object",
            "properties": {
                one["name"]: {**one["schema"], "description": one["description"]}
                for one in variables
            },
            "required": needed,
            "additionalProperties": False,
        }
        told = [
            doc_of(offer.model),
            f"It may be sent by {audience_of(access)}.",
            "The answer comes after everything has been written.",
        ]
        return {
            "summary": f"Send {offer.name}",
            "description": paragraphs(told),
            "tags": [{"name": offer.name}],
            "params": [
                {
                    "name": "id",
                    "description": _ID_OF_REQUEST,
                    "required": True,
                    "schema": identifier(MAX_ID),
                },
                {
                    "name": "fields",
                    "description": "Its content.",
                    "required": True,
                    "schema": self._written.body(offer.model),
                },
                {
                    "name": "params",
                    "description": "The other variables of its path. One that has to be the id of "
                    "the caller may be left out.",
                    "required": bool(needed),
                    "schema": params,
                },
            ],
            "result": _named("done", self._done),
            "errors": _errors(access, "Conflict", "Refused", needs_app=offer.mediator.app_check),
        }

    def _document(self, offer: ViewOffer, more: Schema | None = None) -> Schema:
        properties: Schema = {
            **(more or {}),
            "version": {**_TEXT, "description": "It differs if the document differs."},
            "fields": self._shown.of(offer.view),
        }
        return {"type": "object", "properties": properties, "required": list(properties)}

    def _page(self, offer: ViewOffer) -> Schema:
        item = self._document(offer, {"id": {**_TEXT, "description": "The id of the document."}})
        following: Schema = {
            "type": ["string", "null"],
            "description": "`cursor` of the next page; null on the last one.",
        }
        return {
            "type": "object",
            "properties": {"items": {"type": "array", "items": item}, "next": following},
            "required": ["items", "next"],
        }


def _param(parameter: Schema) -> Schema:
    """A parameter of an address as one of a method."""
    return {
        "name": parameter["name"],
        "description": parameter["description"],
        "required": parameter.get("required", False),
        "schema": _as_draft_7(parameter["schema"]),
    }


def _named(name: str, schema: Schema) -> Schema:
    return {"name": name, "schema": schema}


def _errors(access: Sequence[Access], *more: str, needs_app: bool = False) -> list[Schema]:
    names = ["InvalidParams", "InternalError", "Unavailable", *more]
    names += ["Unauthenticated"] if needs_app or not is_open(access) else []
    names += ["Denied"] if can_be_forbidden(access) else []
    return [{"$ref": f"#/components/errors/{name}"} for name in sorted(names)]


_ONE = ("items", "additionalProperties", "propertyNames", "not")
_SEVERAL = ("anyOf", "oneOf", "allOf", "prefixItems")


def _as_draft_7(schema: Any) -> Any:
    """A JSON schema as OpenRPC takes it: of draft 7, which writes tuples in another way."""
    if not isinstance(schema, Mapping):
        return schema
    made: Schema = dict(cast("Mapping[str, Any]", schema))
    for key in _ONE:
        if key in made:
            made[key] = _as_draft_7(made[key])
    for key in _SEVERAL:
        if key in made:
            made[key] = [_as_draft_7(part) for part in made[key]]
    if "properties" in made:
        made["properties"] = {n: _as_draft_7(part) for n, part in made["properties"].items()}
    if "prefixItems" in made:
        rest = {"additionalItems": made.pop("items")} if "items" in made else {}
        made |= {"items": made.pop("prefixItems"), **rest}
    if "$ref" in made and len(made) > 1:  # beside which draft 7 looks at nothing
        made = {"allOf": [{"$ref": made.pop("$ref")}], **made}
    return made

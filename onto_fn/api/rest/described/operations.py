"""The operations of an API: reading a view's document, listing them, sending a request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic.alias_generators import to_camel

from onto_fn.access import Access, Members
from onto_fn.api.declared import Api
from onto_fn.api.rest.described.answers import JSON, Answers, shown
from onto_fn.api.rest.described.audience import audience_of, can_be_forbidden, security_of
from onto_fn.api.rest.described.parameters import (
    AFTER,
    IF_NONE_MATCH,
    list_parameters,
    listings_in_words,
    path_parameters,
)
from onto_fn.api.rest.described.schemas import Components, Schema
from onto_fn.api.rest.described.shown import ShownSchemas, doc_of
from onto_fn.api.rest.described.written import WrittenSchemas
from onto_fn.firestore import PathTemplate
from onto_fn.gate.listable import listers
from onto_fn.gate.offers import Offers, RequestOffer, ViewOffer
from onto_fn.requests.patch import Patch
from onto_fn.requests.shapes import MAX_ID

_ID_OF_DOCUMENT = "The id of the document, of at most 1500 bytes in UTF-8."
_ID_OF_REQUEST = (
    "An id that the client makes up, such as a UUID. The same request under the same id is carried "
    "out once, however often it is sent."
)
_AS_GET = "As GET, without the body."
_AT_ALL = (429, 500, 503)

DONE: Schema = {
    "type": "object",
    "description": "A request that was carried out.",
    "properties": {
        "id": {"type": "string", "description": "The id of the request."},
        "path": {"type": "string", "description": "The path of its document."},
        "state": {"type": "string", "const": "done"},
        "after": {
            "type": "string",
            "pattern": "^[0-9]{1,17}$",
            "description": "The instant of the write, for `after` of a view.",
        },
    },
    "required": ["id", "path", "state", "after"],
}
"""The answer to a request that was carried out."""


class Operations:
    """Makes the operations of what is offered.

    Args:
        api: what is declared.
        offers: what it offers.
        components: receives what they refer to.
    """

    def __init__(self, api: Api, offers: Offers, components: Components) -> None:
        self._app_check = api.app_check
        self._views = {offer.name: offer for offer in offers.views}
        self._answers = Answers(components, app_check=api.app_check)
        self._shown = ShownSchemas([offer.view for offer in offers.views], components)
        self._written = WrittenSchemas(components)
        self._components = components

    def view(self, offer: ViewOffer) -> Schema:
        """The operations on one document of a view."""
        access = list(offer.view.__read__.alternatives())
        waits = offer.root is not None
        return {
            "parameters": path_parameters(offer.path, access, _ID_OF_DOCUMENT),
            "get": self._read(offer, access, waits=waits),
            "head": self._read(offer, access, waits=waits, has_body=False),
        }

    def list(self, offer: ViewOffer) -> Schema:
        """The operations on the list of a view's documents."""
        access = listed_by(offer)
        return {
            "parameters": path_parameters(offer.path.parent, access),
            "get": self._listed(offer, access),
            "head": self._listed(offer, access, has_body=False),
        }

    def request(self, offer: RequestOffer) -> Schema:
        """The operation by which a request is sent."""
        access = list(offer.model.__create__.alternatives())
        views = self._returned(offer)
        parameters = [_return(list(views))] if views else []
        statuses = [400, 401, 406, 408, 409, 413, 415, 422, *_AT_ALL]
        statuses += [403] if can_be_forbidden(access) else []
        what = "patch" if _is_patch(offer.model) else "form"
        told = [
            doc_of(offer.model),
            f"It may be sent by {audience_of(access)}.",
            "The answer comes after everything has been written.",
        ]
        done = self._done(list(views.values()))
        headers = self._answers.headers("Cache-Control", "Location", "Onto-After")
        links = self._links(offer)
        return {
            "parameters": path_parameters(offer.path, access, _ID_OF_REQUEST, MAX_ID),
            "put": {
                "operationId": f"put{_identifier(offer.name)}",
                "tags": [offer.name],
                "summary": f"Send a {what}, {offer.name}",
                "description": paragraphs(told),
                **({"parameters": parameters} if parameters else {}),
                "security": security_of(access, app_check=self._app_check),
                "requestBody": {
                    "required": True,
                    "content": {JSON: {"schema": self._written.body(offer.model)}},
                },
                "responses": {
                    "200": {**shown("It was carried out before.", done, headers), **links},
                    "201": {**shown("It is carried out.", done, headers), **links},
                    **self._answers.problems(sorted(statuses)),
                },
            },
        }

    def _read(
        self, offer: ViewOffer, access: Sequence[Access], *, waits: bool, has_body: bool = True
    ) -> Schema:
        statuses = [400, 401, 406, *_AT_ALL]
        statuses += [403] if can_be_forbidden(access) else []
        statuses += [404] if any(not isinstance(part, Members) for part in access) else []
        versions = ["Cache-Control", "ETag"] + ([] if offer.is_live else ["Last-Modified"])
        headers = self._answers.headers(*versions)
        schema = self._shown.of(offer.view)
        late = waits and not offer.is_live
        responses: Schema = {
            "200": shown("The document.", schema if has_body else None, headers),
            "304": {"description": "The client has this version already.", "headers": headers},
            **self._answers.problems(sorted(statuses), has_body=has_body),
        }
        if late:
            told = self._answers.late(schema)
            responses["504"] = told if has_body else {"description": told["description"]}
        source = "It is computed for each request." if offer.is_live else ""
        told = [doc_of(offer.view), f"It may be read by {audience_of(access)}.", source]
        return {
            "operationId": f"{'get' if has_body else 'head'}{_identifier(offer.name)}",
            "tags": [offer.name],
            "summary": f"{'Read' if has_body else 'Ask for the version of'} one {offer.name}",
            "description": paragraphs(told) if has_body else _AS_GET,
            "parameters": [*([AFTER] if waits else []), IF_NONE_MATCH],
            "security": security_of(access, app_check=self._app_check),
            "responses": responses,
        }

    def _listed(
        self, offer: ViewOffer, access: Sequence[Access], *, has_body: bool = True
    ) -> Schema:
        statuses = [400, 401, 406, *_AT_ALL]
        # A member may list what there is for it, which may be nothing.
        is_narrowed = any(isinstance(part, Members) for part in access)
        statuses += [403] if can_be_forbidden(access) and not is_narrowed else []
        headers = self._answers.headers("Cache-Control", "Link")
        page: Schema | None = self._page(offer) if has_body else None
        name = _identifier(offer.name)
        done = shown("A page of the list.", page, headers)
        parameters = list_parameters(offer)
        if has_body:
            done["links"] = {
                "first": {
                    "operationId": f"get{name}",
                    "description": "The first document of the page.",
                    "parameters": {
                        **_same(offer.path.parent),
                        offer.path.segments[-1][1:-1]: "$response.body#/items/0/id",
                    },
                },
            }
        if has_body and not offer.lists:  # else the order and the conditions belong to it as well
            done["links"]["next"] = {
                "operationId": f"list{name}",
                "description": "The next page.",
                "parameters": {**_same(offer.path.parent), "cursor": "$response.body#/next"},
            }
        may = f"It may be listed by {audience_of(access)}."
        narrowed = "Of the documents, members see those that name them." if is_narrowed else ""
        told = [may, narrowed, listings_in_words(offer)]
        return {
            "operationId": f"{'list' if has_body else 'headList'}{name}",
            "tags": [offer.name],
            "summary": f"{'List' if has_body else 'Ask for the headers of a list of'} "
            f"documents of {offer.name}",
            "description": paragraphs(told) if has_body else _AS_GET,
            "parameters": parameters,
            "security": security_of(access, app_check=self._app_check),
            "responses": {
                "200": done,
                **self._answers.problems(sorted(statuses), has_body=has_body),
            },
        }

    def _page(self, offer: ViewOffer) -> Schema:
        item: Schema = {
            "type": "object",
            "properties": {
                "id": {"type": "string", "description": "The id of the document."},
                "etag": {"type": "string", "description": "Its version."},
                "fields": self._shown.of(offer.view),
            },
            "required": ["id", "etag", "fields"],
        }
        return {
            "type": "object",
            "properties": {
                "items": {"type": "array", "items": item},
                "next": {
                    "type": ["string", "null"],
                    "description": "`cursor` of the next page; null on the last one.",
                },
            },
            "required": ["items", "next"],
        }

    def _done(self, views: Sequence[ViewOffer]) -> Schema:
        done = self._components.put("schemas", "Done", DONE)
        if not views:
            return done
        view: Schema = {
            "description": "The document that `return` asks for; null if there is none to show.",
            "anyOf": [*(self._shown.of(view.view) for view in views), {"type": "null"}],
        }
        return {"allOf": [done, {"type": "object", "properties": {"view": view}}]}

    def _returned(self, offer: RequestOffer) -> dict[str, ViewOffer]:
        """The views that an answer may show: those whose path the request knows."""
        body = offer.model.written_shape().fields
        given: Mapping[str, str] = getattr(offer.model, "__targets__", {})
        return {
            name: view
            for name, view in sorted(self._views.items())
            if view.root is not None
            and all(
                variable in offer.path.variables or given.get(variable, to_camel(variable)) in body
                for variable in view.path.variables
            )
        }

    def _links(self, offer: RequestOffer) -> Schema:
        """To the view that a patch changes, as it is after the change."""
        if not _is_patch(offer.model):
            return {}
        model = cast("type[Patch[Any]]", offer.model)
        view = self._views.get(model.__view__.__name__)
        if view is None or view.view is not model.__view__ or view.root is None:
            return {}
        parameters: Schema = {
            variable: f"$request.path.{variable}"
            if variable in offer.path.variables
            else f"$request.body#/{model.__targets__[variable]}"
            for variable in view.path.variables
        }
        parameters["after"] = "$response.body#/after"
        told = {
            "operationId": f"get{_identifier(view.name)}",
            "description": "What the view shows after this change.",
            "parameters": parameters,
        }
        return {"links": {"view": told}}


def listed_by(offer: ViewOffer) -> list[Access]:
    """The conditions of which one lets a caller list a view's documents, if there is a list."""
    return listers(offer.view) if offer.can_be_listed else []


def _is_patch(model: type[Any]) -> bool:
    return issubclass(model, Patch)


def _return(names: Sequence[str]) -> Schema:
    return {
        "name": "return",
        "in": "query",
        "description": "The view to show in the answer, as it is after the request.",
        "schema": {"type": "string", "enum": list(names)},
    }


def _same(path: PathTemplate) -> dict[str, str]:
    """The variables of a path, from the request at hand."""
    return {variable: f"$request.path.{variable}" for variable in path.variables}


def _identifier(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def paragraphs(texts: Sequence[str]) -> str:
    """Texts as paragraphs, without the empty ones."""
    return "\n\n".join(text for text in texts if text)

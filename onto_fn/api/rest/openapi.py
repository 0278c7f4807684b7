"""The OpenAPI 3.1 document of an API, made from what it offers."""

from __future__ import annotations

from typing import Any

from onto_fn.api.declared import Api
from onto_fn.api.rest.described.audience import SCHEMES
from onto_fn.api.rest.described.operations import Operations, listed_by
from onto_fn.api.rest.described.parameters import address_of
from onto_fn.api.rest.described.schemas import Components, refs_in
from onto_fn.api.rest.described.shown import doc_of
from onto_fn.gate.offers import Offers

_ABOUT = """\
Views are documents that are kept up to date; requests, which are forms and patches, change what
they are made of.

- A document has a version, its `ETag`. Send it in `If-None-Match`, and an unchanged document is
  answered with 304 and without a body.
- A request has an id that the client makes up. Send it again with the same id until there is an
  answer: it is carried out once.
- The answer to a request has `after`. A view that is asked for with `?after=` shows what was
  written until then.
- Numbers that JSON lacks are the texts `NaN`, `Infinity` and `-Infinity`. A field that has no value
  is left out.
- A parameter that is not listed here is refused, and so is any other method, with 405 and `Allow`.
- Every error is a problem by RFC 9457 (`application/problem+json`)."""


def openapi(api: Api, offers: Offers) -> dict[str, Any]:
    """The document, in JSON's own types; the same declarations make the same document.

    Args:
        api: what is declared.
        offers: what it offers.

    Raises:
        DeclarationError: a field has no JSON schema.
    """
    components = Components()
    operations = Operations(api, offers, components)
    paths: dict[str, Any] = {}
    for offer in sorted(offers.views, key=lambda offer: offer.path.text):
        if listed_by(offer):
            paths[address_of(offer.path.parent)] = operations.list(offer)
        paths[address_of(offer.path)] = operations.view(offer)
    for request in sorted(offers.requests, key=lambda request: request.path.text):
        paths[address_of(request.path)] = operations.request(request)
    for name, scheme in SCHEMES.items():
        if any(_names(path, name) for path in paths.values()):
            components.put("securitySchemes", name, scheme)
    described = [
        *((offer.name, doc_of(offer.view)) for offer in offers.views),
        *((offer.name, doc_of(offer.model)) for offer in offers.requests),
    ]
    return {
        "openapi": "3.1.1",
        "info": {"title": api.rest.title, "version": api.rest.version, "description": _ABOUT},
        "servers": [{"url": ".", "description": "Where this document is."}],
        "tags": [
            {"name": name, "description": text.partition("\n\n")[0] or name}
            for name, text in sorted(described)
        ],
        "paths": paths,
        "components": _used(paths, components.parts),
    }


def _names(path: dict[str, Any], scheme: str) -> bool:
    operations: list[dict[str, Any]] = [path[name] for name in ("get", "put") if name in path]
    return any(scheme in needed for one in operations for needed in one["security"])


def _used(paths: dict[str, Any], parts: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The components that something refers to, in the order of their names."""
    used: set[tuple[str, str]] = set()
    left = list(refs_in(paths))
    while left:
        _, _, kind, name = left.pop().split("/", 3)
        if (kind, name) not in used:
            used.add((kind, name))
            left += refs_in(parts[kind][name])
    return {
        kind: {
            name: parts[kind][name]
            for name in sorted(parts[kind])
            if (kind, name) in used or kind == "securitySchemes"
        }
        for kind in sorted(parts)
        if kind == "securitySchemes" or any(found == kind for found, _ in used)
    }

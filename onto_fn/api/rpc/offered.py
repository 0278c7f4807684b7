"""Which methods there are, with which parameters, and which errors answer them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from onto_fn.access import Owner
from onto_fn.api.rpc.protocol import INTERNAL_ERROR, INVALID_PARAMS
from onto_fn.gate.offers import Offers, RequestOffer, ViewOffer
from onto_fn.gate.refusal import Code

UNAUTHENTICATED, DENIED, NOT_FOUND, REFUSED, CONFLICT, UNAVAILABLE = range(-32001, -32007, -1)
CODES: dict[Code, int] = {
    "invalid-argument": INVALID_PARAMS,
    "unauthenticated": UNAUTHENTICATED,
    "permission-denied": DENIED,
    "not-found": NOT_FOUND,
    "failed-precondition": REFUSED,
    "already-exists": CONFLICT,
    "unavailable": UNAVAILABLE,
    "resource-exhausted": UNAVAILABLE,
    "deadline-exceeded": UNAVAILABLE,
    "internal": INTERNAL_ERROR,
}
"""By which error a refusal of the gate is answered."""

DISCOVER = "rpc.discover"

Kind = Literal["get", "list", "request", "discover"]


@dataclass(frozen=True)
class Method:
    """A method that can be called.

    Attributes:
        name: by which it is called.
        kind: what it does.
        offer: the view or request that it is about; None of `rpc.discover`.
        params: names of its parameters, in the order of their places.
        required: those that have to be given.
    """

    name: str
    kind: Kind
    offer: ViewOffer | RequestOffer | None = None
    params: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


def methods_of(offers: Offers) -> Iterator[Method]:
    """All methods of an app."""
    for view in offers.views:
        variables = view.path.variables
        yield Method(f"{view.name}.get", "get", view, (*variables, "after"), variables)
        if view.can_be_listed:
            variables = view.path.parent.variables
            more = ["limit", "cursor"]
            more += ["order"] if any(listing.orders for listing in view.lists) else []
            more += ["where"] if any(listing.where for listing in view.lists) else []
            yield Method(f"{view.name}.list", "list", view, (*variables, *more), variables)
    for request in offers.requests:
        required = ("id", "fields", *(["params"] if needed_by(request) else []))
        yield Method(request.name, "request", request, ("id", "fields", "params"), required)
    yield Method(DISCOVER, "discover")


def needed_by(offer: RequestOffer) -> list[str]:
    """The variables of a request's path that have to be given, besides its id.

    One that has to be the id of the caller may be left out.
    """
    parts = offer.model.__create__.alternatives()
    known = {part.variable for part in parts if isinstance(part, Owner)}
    return [name for name in offer.path.parent.variables if name not in known]

"""Which offer an address names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, unquote_to_bytes

from onto_fn.api.rest.problem import HttpProblem
from onto_fn.firestore import PathTemplate
from onto_fn.gate.offers import Offers, RequestOffer, ViewOffer

Kind = Literal["view", "list", "request", "document", "page", "stream", "call", "rpc", "graphql"]

METHODS: dict[Kind, tuple[str, ...]] = {
    "view": ("GET", "HEAD", "OPTIONS"),
    "list": ("GET", "HEAD", "OPTIONS"),
    "request": ("PUT", "OPTIONS"),
    "document": ("GET", "HEAD", "OPTIONS"),
    "page": ("GET", "HEAD", "OPTIONS"),
    "stream": ("POST", "OPTIONS"),
    "call": ("POST", "OPTIONS"),
    "graphql": ("GET", "POST", "OPTIONS"),
    "rpc": ("POST", "OPTIONS"),
}
"""What may be done at each kind of address."""


@dataclass(frozen=True)
class Route:
    """One kind of address.

    Attributes:
        kind: what is there: a view's document, the list of them, where a request is put, the
            OpenAPI document, the page about it, where several documents are watched, where the
            Firebase SDKs call, or where another protocol is spoken.
        path: the template of its path.
        offer: whose it is; None of the documentation.
    """

    kind: Kind
    path: PathTemplate
    offer: ViewOffer | RequestOffer | None = None


_CALL, _STREAM = (Route(kind, PathTemplate("stream")) for kind in ("call", "stream"))


@dataclass(frozen=True)
class Address:
    """An address that was asked for.

    Attributes:
        route: its kind.
        params: values of the variables of its path.
    """

    route: Route
    params: dict[str, str] = field(default_factory=dict[str, str])


class Addresses:
    """All addresses of an API.

    Args:
        offers: what is offered.
        prefix: path under which everything is, such as `/` or `/v1`.
        has_page: whether there is a page that documents it.
        has_streams: whether there are streams.
        others: the address of each other protocol, from the root.
    """

    def __init__(
        self,
        offers: Offers,
        prefix: str,
        *,
        has_page: bool,
        has_streams: bool = False,
        others: Mapping[Kind, str] | None = None,
    ) -> None:
        self._has_streams = has_streams
        self._others = {
            tuple(path[1:].split("/")): Address(Route(kind, PathTemplate(path[1:])))
            for kind, path in (others or {}).items()
        }
        self._prefix = [part for part in prefix.split("/") if part]
        self.routes = tuple(_routes(offers, has_page=has_page))

    def find(self, raw_path: bytes) -> Address:
        """The address of a path as it was sent.

        An encoded slash is part of a segment, so it is never one between two.

        Raises:
            HttpProblem: nothing is there, or the path is not UTF-8.
        """
        try:
            segments = [
                unquote_to_bytes(part).decode("utf-8")
                for part in raw_path.partition(b"?")[0].split(b"/")[1:]
            ]
        except UnicodeDecodeError as error:
            raise HttpProblem(400, "the path is not UTF-8") from error
        start = len(self._prefix)
        if self._has_streams and segments in ([""], []):  # the SDKs know no path
            return Address(_CALL)
        if self._has_streams and segments == [*self._prefix, "stream"]:
            return Address(_STREAM)
        if tuple(segments) in self._others:
            return self._others[tuple(segments)]
        if segments[:start] == self._prefix:
            for route in self.routes:
                params = _match(route.path.segments, segments[start:])
                if params is not None:
                    return Address(route, params)
        raise HttpProblem(404, "there is nothing at this address; see openapi.json")


def quoted_path(path: str) -> str:
    """A document's path as a part of an address."""
    return "/".join(quote(segment, safe="") for segment in path.split("/"))


def _routes(offers: Offers, *, has_page: bool) -> Iterator[Route]:
    yield Route("document", PathTemplate("openapi.json"))
    if has_page:
        yield Route("page", PathTemplate("docs"))
    for offer in offers.views:
        yield Route("view", offer.path, offer)
        if offer.can_be_listed:
            yield Route("list", offer.path.parent, offer)
    for offer in offers.requests:
        yield Route("request", offer.path, offer)


def _match(template: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    params: dict[str, str] = {}
    for wanted, segment in zip(template, segments, strict=True):
        if wanted.startswith("{"):
            params[wanted[1:-1]] = segment
        elif wanted != segment:
            return None
    return params

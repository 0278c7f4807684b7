"""`Api`: what an app offers over HTTP, checked when it is declared."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, cast

from onto_fn.api.graphql.declared import GraphQL
from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.gate.offers import Listing, Offers, RequestOffer, ViewOffer, root_variable
from onto_fn.gate.paths import check_paths
from onto_fn.mediators import AnyMediator, RequestMediator, ViewMediator
from onto_fn.requests import RequestModel
from onto_fn.views import ViewModel

MAX_TIMEOUT_SEC = 3600
"""Seconds that the platform gives an HTTP function."""
_ORIGIN = re.compile(
    r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?|capacitor://localhost|ionic://localhost"
)
_PATH = re.compile(r"/|(/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True)
class Live:
    """A view that is computed when it is asked for, and stored nowhere.

    It costs the reads of its store for each request, and needs no function, no ledger and no
    security rule. Its `read=` says who may ask.

    Attributes:
        view: the view model. It need not be in the app's list; if it is, its documents are kept
            up to date as well, and over HTTP it is nevertheless computed.
    """

    view: type[ViewModel[Any]]


@dataclass(frozen=True)
class Rest:
    """The REST protocol: a view's own path is its address.

    Attributes:
        path: where it begins, such as `"/v1"`.
        title: of the documentation.
        version: of the API, in the documentation.
        docs: whether the page `docs` under that path documents the API. `openapi.json` is always
            there.
        lists: the orders and filters in which a view's documents may be listed, besides all of
            them in the order of their ids: `{TeamPage: [by("title"), by(where=["status"])]}`. Each
            needs an index, which `onto generate indexes` writes.
        max_wait_sec: seconds that `?after=` may wait for a view; at most 5 less than a request may
            take.
    """

    path: str = "/"
    title: str = "Views and requests"
    version: str = "1"
    docs: bool = True
    lists: Mapping[type[ViewModel[Any]], Sequence[Listing]] = field(
        default_factory=dict[type[ViewModel[Any]], Sequence[Listing]]
    )
    max_wait_sec: float = 10.0

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise DeclarationError(
                f"Rest(path={self.path!r}): write it like '/' or '/v1', without a slash at the end"
            )
        if not 0 <= self.max_wait_sec <= 60:
            raise DeclarationError(
                f"Rest(max_wait_sec={self.max_wait_sec}): a request may wait from 0 to 60 seconds"
            )


@dataclass(frozen=True)
class Rpc:
    """JSON-RPC 2.0: each view and request is a method.

    Attributes:
        path: its one address, from the root; the `path` of `Rest` does not go before it.
    """

    path: str = "/rpc"

    def __post_init__(self) -> None:
        if self.path == "/" or not _PATH.fullmatch(self.path):
            raise DeclarationError(
                f"Rpc({self.path!r}): write it like '/rpc', without a slash at the end"
            )


@dataclass(frozen=True, kw_only=True)
class Streams:
    """Live streams: server-sent events, and `httpsCallable(…).stream()` of the Firebase SDKs.

    They are served by a function of their own, `onto_stream`: an open stream takes one of the
    places that `concurrency` and `max_instances` allow, and would leave none for other requests.

    Attributes:
        timeout_sec: seconds that a stream may last, at most 3,600; clients then come back.
        concurrency: streams of one instance.
        beat_sec: seconds between two heartbeats of a stream on which nothing else happens.
        own_function: False serves streams by `onto_api` as well, and makes no second function.
        memory: MiB of an instance; None means the app's.
        cpu: vCPUs of an instance; None means the app's.
        min_instances: instances kept warm; None means the app's.
        max_instances: upper bound of instances; None means the app's.

    Raises:
        DeclarationError: the platform has no such limit.
    """

    timeout_sec: int = MAX_TIMEOUT_SEC
    concurrency: int = 500
    beat_sec: float = 15.0
    own_function: bool = True
    memory: int | None = None
    cpu: int | str | None = None
    min_instances: int | None = None
    max_instances: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.timeout_sec <= MAX_TIMEOUT_SEC:
            raise DeclarationError(
                f"Streams(timeout_sec={self.timeout_sec}): an HTTP function has from 1 to "
                f"{MAX_TIMEOUT_SEC} seconds"
            )
        if not 0 < self.beat_sec <= 60:
            raise DeclarationError(
                f"Streams(beat_sec={self.beat_sec}): a heartbeat comes every 60 seconds at least"
            )


@dataclass(frozen=True, kw_only=True)
class Api:
    """What an app offers over HTTP, by the function `onto_api`.

    A view or request that is not named here has no HTTP door. Who may use a door is what `read=`
    and `create=` say, as in the security rules.

    Attributes:
        views: the views that may be asked for; `Live(View)` is computed on request.
        requests: the forms and patches that may be sent.
        rest: the REST protocol.
        rpc: JSON-RPC; None for none.
        streams: live streams; None for none.
        graphql: the GraphQL protocol; None for none.
        roots: the variable of a view's path that is the id of the store's root, where it is not the
            only one, nor the last segment: `{TeamPage: "team_id"}`.
        origins: of the web pages that may call, such as `"https://app.example"`; `"*"` for any.
        app_check: whether each request needs a valid App Check token.
        max_body_bytes: of a request.
        timeout_sec: seconds that a request may take; at most 3,600. None means the platform's 60.
        concurrency: requests that one instance serves at once; None means the app's.
        memory: MiB of an instance; None means the app's.
        cpu: vCPUs of an instance; None means the app's.
        min_instances: instances kept warm; None means the app's.
        max_instances: upper bound of instances; None means the app's.

    Raises:
        DeclarationError: what is declared cannot be served, or the platform has no such limit.
    """

    views: Sequence[type[ViewModel[Any]] | Live] = ()
    requests: Sequence[type[RequestModel]] = ()
    rest: Rest = field(default_factory=Rest)
    rpc: Rpc | None = None
    streams: Streams | None = None
    graphql: GraphQL | None = None
    roots: Mapping[type[ViewModel[Any]], str] = field(
        default_factory=dict[type[ViewModel[Any]], str]
    )
    origins: Sequence[str] = ()
    app_check: bool = False
    max_body_bytes: int = 1024 * 1024
    timeout_sec: int | None = None
    concurrency: int | None = None
    memory: int | None = None
    cpu: int | str | None = None
    min_instances: int | None = None
    max_instances: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.origins, str):
            raise DeclarationError(f"Api(origins={self.origins!r}): write a list of origins")
        for origin in self.origins:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise DeclarationError(
                    f"Api(origins=[{origin!r}]): an origin is a scheme, a host and perhaps a port, "
                    "such as 'https://app.example', without a path"
                )
        if self.timeout_sec is not None and not 1 <= self.timeout_sec <= MAX_TIMEOUT_SEC:
            raise DeclarationError(
                f"Api(timeout_sec={self.timeout_sec}): an HTTP function has from 1 to "
                f"{MAX_TIMEOUT_SEC} seconds"
            )
        if not 1024 <= self.max_body_bytes <= 10 * 1024 * 1024:
            raise DeclarationError(
                f"Api(max_body_bytes={self.max_body_bytes}): from 1,024 to 10,485,760 bytes"
            )

    def offers(self, mediators: Iterable[AnyMediator]) -> Offers:
        """What is offered, checked against the app's mediators.

        Raises:
            DeclarationError: a view has no `read=`, a request no `create=`, one of them is not in
                the app, two have one name or are at one address, an order or filter has no field,
                or is one that Firestore cannot answer, or clients would reach documents of
                something else by a path.
        """
        mediators = list(mediators)
        stored = {m.view: m for m in mediators if isinstance(m, ViewMediator)}
        takes = {m.model: m for m in mediators if isinstance(m, RequestMediator)}
        views = [self._view(declared, stored) for declared in self.views]
        requests = [_request(model, takes) for model in self.requests]
        for named in (*self.rest.lists, *self.roots):
            if all(offer.view is not named for offer in views):
                raise DeclarationError(
                    f"Api: {_name(named)} has lists or a root, but is not among its views"
                )
        _check_names([*views, *requests])
        _check_addresses([*views, *requests], self.rest)
        if self.graphql is not None:
            _check_graphql(self.graphql, views, self.rest, self.rpc)
        if self.rpc is not None:
            _check_rpc(self.rpc, self, views, requests)
        opened = [*(o.view for o in views if not o.is_live), *(o.model for o in requests)]
        check_paths([*stored, *takes], opened)
        if self.streams is not None and all(view.is_live for view in views):
            raise DeclarationError(
                "Api(streams=…): there is no stored view to watch; a Live view is computed when it "
                "is asked for"
            )
        for view in views:
            if self.streams is not None and view.path.parent.text == "stream":
                raise DeclarationError(
                    f"Api: the list of {view.name} would be at 'stream', where several documents "
                    "are watched; change its path"
                )
        return Offers(tuple(views), tuple(requests))

    def _view(self, declared: object, stored: Collection[type[ViewModel[Any]]]) -> ViewOffer:
        is_live = isinstance(declared, Live)
        view = declared.view if isinstance(declared, Live) else declared
        if not (isinstance(view, type) and issubclass(view, ViewModel)):
            raise DeclarationError(f"Api(views=[…]) takes view models and Live(…), got {view!r}")
        view = cast("type[ViewModel[Any]]", view)
        if not is_live and view not in stored:
            raise DeclarationError(
                f"{view.__name__} is not in the app, so nothing keeps its documents up to date: "
                f"add it, `App([{view.__name__}, …])`, or offer `Live({view.__name__})`"
            )
        if not list(view.__read__.alternatives()):
            raise DeclarationError(
                f"{view.__name__} has no read=, so that nobody may read it; declare who may, such "
                "as `read=owner('user_id')`"
            )
        root = root_variable(view, self.roots.get(view))
        if is_live and root is None:
            raise DeclarationError(
                f"Live({view.__name__}): its path {view.__path__.text!r} does not say which root "
                f"to compute it from; name the variable, `Api(roots={{{view.__name__}: '…'}})`"
            )
        lists = tuple(self.rest.lists.get(view, ()))
        if is_live and lists:
            raise DeclarationError(
                f"Live({view.__name__}) cannot be listed, since it has no documents"
            )
        return ViewOffer(view, is_live, root, tuple(one.checked(view) for one in lists))


def _request(model: object, takes: Mapping[type[RequestModel], RequestMediator]) -> RequestOffer:
    if not (isinstance(model, type) and issubclass(model, RequestModel)):
        raise DeclarationError(f"Api(requests=[…]) takes forms and patches, got {model!r}")
    name, mediator = model.__name__, takes.get(model)
    if mediator is None:
        raise DeclarationError(
            f"{name} is not in the app, so nothing carries it out: add it, `App([{name}, …])`"
        )
    if not list(model.__create__.alternatives()):
        raise DeclarationError(
            f"{name} has no create=, so that nobody may send it; declare who may, such as "
            "`create=owner('user_id')`"
        )
    if mediator.definition().done.field is None:
        raise DeclarationError(
            f"{name} is offered over HTTP, and a repeated request is recognised by the marked "
            "document of the first; use `mark='…'`"
        )
    return RequestOffer(mediator)


def _check_names(offers: Sequence[ViewOffer | RequestOffer]) -> None:
    """Names are what `return=` and the documentation call the offers by."""
    seen: set[str] = set()
    for offer in offers:
        if offer.name in seen:
            raise DeclarationError(
                f"Api: two of its views and requests are called {offer.name!r}; rename one"
            )
        seen.add(offer.name)


def _check_addresses(offers: Sequence[ViewOffer | RequestOffer], rest: Rest) -> None:
    """No two offers may answer to one address."""
    seen: list[tuple[str, Any]] = []
    for offer in offers:
        for name, path in seen:
            if path.overlaps(offer.path):
                raise DeclarationError(
                    f"Api: {name} and {offer.name} would both be at {offer.path.text!r}; change "
                    "the path of one"
                )
        seen.append((offer.name, offer.path))
        first = offer.path.segments[0]
        if len(offer.path.segments) == 2 and (
            first == "openapi.json" or (first == "docs" and rest.docs)
        ):
            raise DeclarationError(
                f"Api: the list of {offer.name} would be at {first!r}, where the documentation "
                "is; change its path, or leave the page out, `Rest(docs=False)`"
            )


def _check_graphql(
    graphql: GraphQL, views: Sequence[ViewOffer], rest: Rest, rpc: Rpc | None
) -> None:
    """GraphQL has an address of its own, and its library is there."""
    if find_spec("graphql") is None:  # looked for, but not imported
        raise DeclarationError(
            "Api(graphql=…) needs graphql-core: install `onto-fn[graphql]`, and add it to the "
            "functions' requirements.txt"
        )
    prefix = [part for part in rest.path.split("/") if part]
    own = graphql.path.split("/")[1:]
    for view in views:
        for path in (view.path, *([view.path.parent] if view.can_be_listed else [])):
            found = [*prefix, *path.segments]
            if len(found) == len(own) and all(
                one == other or one.startswith("{") for one, other in zip(found, own, strict=True)
            ):
                raise DeclarationError(
                    f"GraphQL({graphql.path!r}) is an address of {view.name}; choose another path"
                )
    taken = [[*prefix, name] for name in ("docs", "openapi.json", "stream")]
    if own in taken or (rpc is not None and graphql.path == rpc.path):
        raise DeclarationError(f"GraphQL({graphql.path!r}) is taken; choose another path")


def _check_rpc(
    rpc: Rpc, api: Api, views: Sequence[ViewOffer], requests: Sequence[RequestOffer]
) -> None:
    """Nothing else may be at its address, and no parameter of a method have two meanings."""
    prefix = [part for part in api.rest.path.split("/") if part]
    taken: dict[str, Sequence[str]] = {
        **{offer.name: offer.path.segments for offer in (*views, *requests)},
        **{f"the list of {v.name}": v.path.segments[:-1] for v in views if v.can_be_listed},
        "the OpenAPI document": ["openapi.json"],
        **({"the documentation": ["docs"]} if api.rest.docs else {}),
        **({"the streams": ["stream"]} if api.streams is not None else {}),
    }
    address = PathTemplate(rpc.path[1:])
    for what, segments in taken.items():
        if address.overlaps(PathTemplate("/".join([*prefix, *segments]))):
            raise DeclarationError(
                f"Api: {what} would be at {rpc.path!r} as well; give Rpc(…) another path"
            )
    for view in views:
        own = {"after"} & set(view.path.variables)
        if view.can_be_listed:
            own |= {"limit", "cursor", "order", "where"} & set(view.path.parent.variables)
        if own:
            raise DeclarationError(
                f"Api(rpc=…): the variable {min(own)!r} of {view.path.text!r} has the name of "
                f"another parameter of {view.name}'s methods; rename it"
            )


def _name(view: object) -> str:
    return view.__name__ if isinstance(view, type) else repr(view)

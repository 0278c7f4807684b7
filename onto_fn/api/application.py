"""The ASGI application of an API: Starlette, with what every answer has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from onto_fn.api.declared import Api, Streams
from onto_fn.api.rest.addresses import METHODS, Address, Addresses, Kind
from onto_fn.api.rest.asked import check_framing
from onto_fn.api.rest.documentation import Documentation
from onto_fn.api.rest.problem import HttpProblem, answer_of, problem_of
from onto_fn.api.rest.resources import Resources
from onto_fn.api.route import keep_route
from onto_fn.api.streams.callable import answer_call
from onto_fn.api.streams.ending import before_the_end
from onto_fn.api.streams.response import MEDIA_TYPE
from onto_fn.api.streams.sse import StreamResources
from onto_fn.api.together import Together
from onto_fn.api.work import Work
from onto_fn.engine import Engine
from onto_fn.firestore import Database
from onto_fn.firestore.hub import Hub, hub_of
from onto_fn.gate.caller import Caller, caller_of, check_app
from onto_fn.gate.offers import Offers, RequestOffer, ViewOffer
from onto_fn.gate.reading import Views
from onto_fn.gate.refusal import Refusal
from onto_fn.gate.watching import Watching
from onto_fn.observability.trace_context import traced

if TYPE_CHECKING:  # else with the first call: an API without it does without
    from onto_fn.api.graphql.door import GraphQLDoor
    from onto_fn.api.rpc.methods import Methods

_log = logging.getLogger("onto_fn")

_HEADERS_OF_REQUESTS = [
    *("Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "X-Firebase-AppCheck"),
    *("GraphQL-Require-Preflight", "traceparent", "X-Cloud-Trace-Context"),
    "Firebase-Instance-ID-Token",  # of the Firebase SDKs, in an app that receives messages
]
_HEADERS_OF_ANSWERS = [
    *("ETag", "Last-Modified", "Link", "Location", "Onto-After", "Retry-After"),
    "WWW-Authenticate",
]
_DEFAULT_SEC = 60
_VERIFIERS = 2  # threads that verify the tokens of streams; nothing else of them needs one
_VERIFY_SEC = 30
_SPARE_SEC = 2  # in which to answer before the platform ends the request
_READ_SEC = 3  # for the document that is shown after a wait


def application(
    api: Api,
    offers: Offers,
    engine: Engine,
    connect: Callable[[], Database],
    *,
    streams: bool = True,
) -> Starlette:
    """The ASGI application.

    No thread, no connection and no event loop is made before the first request: a server may fork
    until then.

    Args:
        api: what is declared.
        offers: what it offers.
        engine: carries requests out.
        connect: connects to the database.
        streams: whether this process serves the streams that are declared.
    """
    door = Door(api, offers, engine, connect, streams=streams)
    cors = Middleware(
        cast(Any, CORSMiddleware),
        allow_origins=list(api.origins),
        allow_methods=["GET", "HEAD", "PUT", "POST"],
        allow_headers=_HEADERS_OF_REQUESTS,
        expose_headers=_HEADERS_OF_ANSWERS,
        max_age=3600,
    )
    app = Starlette(middleware=[cors] if api.origins else [])
    # Not a route: its pattern would not fit a path with a line break, which an id may have.
    app.router.redirect_slashes = False
    app.router.default = door
    return app


class Door:
    """Answers every request of the API, each with problem details if it cannot.

    Attributes:
        hub: what is watched; None before the first stream.
    """

    def __init__(
        self,
        api: Api,
        offers: Offers,
        engine: Engine,
        connect: Callable[[], Database],
        *,
        streams: bool = True,
    ) -> None:
        self._streams = api.streams if streams else None
        self._api = api
        self._offers = offers
        self._engine = engine
        self._connect = connect
        self._making: dict[asyncio.AbstractEventLoop, asyncio.Task[StreamResources]] = {}
        self.hub: Hub | None = None
        self._addresses = Addresses(
            offers,
            api.rest.path,
            has_page=api.rest.docs,
            has_streams=self._streams is not None,
            others=_others(api),
        )
        self._documentation = Documentation(api, offers)

    @cached_property
    def _resources(self) -> Resources:
        api = self._api
        return Resources(
            self._engine,
            self._views,
            self._offered,
            self._work,
            Together(self._work, self._views.stored),
            self._max_wait,
            api.max_body_bytes,
        )

    @cached_property
    def _views(self) -> Views:
        return Views(self._connect)

    @cached_property
    def _offered(self) -> dict[str, ViewOffer]:
        return {offer.name: offer for offer in self._offers.views}

    @cached_property
    def _work(self) -> Work:
        return Work(self._timeout)

    @property
    def _timeout(self) -> int:
        return max(1, (self._api.timeout_sec or _DEFAULT_SEC) - _SPARE_SEC)

    @cached_property
    def _graphql(self) -> GraphQLDoor:
        # With the first request for it: few processes need graphql-core.
        from onto_fn.api.graphql.door import GraphQLDoor

        watching = None if self._streams is None else self._watching
        return GraphQLDoor(self._api, self._offers, self._engine, self._views, self._work, watching)

    async def _watching(self) -> Watching:
        return (await self._stream_resources()).watching

    @property
    def _max_wait(self) -> float:
        return min(self._api.rest.max_wait_sec, max(0, self._timeout - _READ_SEC))

    @cached_property
    def _methods(self) -> Methods:
        from onto_fn.api.rpc.methods import Methods

        return Methods(
            self._api, self._offers, self._engine, self._views, self._work, self._max_wait
        )

    async def _stream_resources(self) -> StreamResources:
        """What answers requests for streams, made by the first of them in an event loop.

        It belongs to that loop. A server has one; tests may have one after the other.
        """
        loop = asyncio.get_running_loop()
        making = self._making.get(loop)
        if making is None or (making.done() and _has_failed(making)):
            # Once, however many come at the same time.
            making = loop.create_task(self._make_streams())
            still = {of: task for of, task in self._making.items() if not of.is_closed()}
            self._making = {**still, loop: making}
        return await asyncio.shield(making)

    async def _make_streams(self) -> StreamResources:
        declared = self._streams or Streams()
        hub = await self._work.run(lambda: hub_of(self._views.database))
        watching = Watching(self._views, hub, max(1, declared.timeout_sec - _SPARE_SEC))
        before_the_end(watching.stop)
        work = Work(_VERIFY_SEC, workers=_VERIFIERS, waiting=declared.concurrency)
        self.hub = hub
        return StreamResources(
            watching, self._offered, work, declared.beat_sec, self._api.max_body_bytes
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "websocket":
            await self._serve_socket(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        with traced(cast(Any, request.headers)):
            response = await self._answer(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        await response(scope, receive, send)

    async def _serve_socket(self, socket: WebSocket) -> None:
        """Serve GraphQL, or refuse: there is nothing else by WebSocket."""
        try:
            route = self._addresses.find(_raw_path(socket)).route
        except HttpProblem:
            route = None
        if route is None or route.kind != "graphql":
            await socket.close()
            return
        keep_route(socket.scope, route.path.text)
        await self._graphql.sockets.serve(socket, self._caller)

    def _caller(self, authorization: str | None, app_check: str | None) -> Caller:
        caller = caller_of(authorization, app_check)
        if self._api.app_check:
            check_app(caller)
        return caller

    async def _answer(self, request: Request) -> Response:
        try:
            check_framing(request)
            address = self._addresses.find(_raw_path(request))
            keep_route(request.scope, address.route.path.text)
            return await self._dispatch(request, address)
        except Refusal as refusal:
            return answer_of(problem_of(refusal))
        except HttpProblem as problem:
            return answer_of(problem)
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:
            _log.exception("a request to the API failed")
            return answer_of(HttpProblem(500, "internal error; the log says why"))

    async def _dispatch(self, request: Request, address: Address) -> Response:
        route, method = address.route, request.method
        allowed = ", ".join(METHODS[route.kind])
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": allowed})
        if method not in METHODS[route.kind]:
            raise HttpProblem(405, f"use {allowed}", headers={"Allow": allowed})
        if route.kind == "document":
            return self._documentation.document(request)
        if route.kind == "page":
            return self._documentation.page(request)

        authorization = request.headers.get("authorization")
        app_check = request.headers.get("x-firebase-appcheck")

        def who() -> Caller:
            return self._caller(authorization, app_check)

        if route.kind == "graphql":
            return await self._graphql.http.answer(request, who)
        if route.kind == "rpc":
            from onto_fn.api.rpc.endpoint import answer_rpc

            return await answer_rpc(request, self._methods, who, self._api.max_body_bytes)
        if route.kind == "call":
            return await answer_call(request, await self._stream_resources(), who)
        if route.kind == "stream":
            return await (await self._stream_resources()).several(request, who)
        if isinstance(route.offer, RequestOffer):
            return await self._resources.put(request, route.offer, address.params, who)
        offer = cast(ViewOffer, route.offer)
        if self._streams is not None and not offer.is_live and _wants_events(request):
            streams = await self._stream_resources()
            watch = streams.view if route.kind == "view" else streams.list
            return await watch(request, offer, address.params, who)
        answer = self._resources.view if route.kind == "view" else self._resources.list
        return await answer(request, offer, address.params, who)


def _raw_path(connection: HTTPConnection) -> bytes:
    # Without it, a server that decodes an encoded slash would move the borders of segments.
    return connection.scope.get("raw_path") or connection.url.path.encode()


def _others(api: Api) -> dict[Kind, str]:
    """The addresses of the protocols besides REST."""
    found: dict[Kind, str] = {}
    if api.rpc is not None:
        found["rpc"] = api.rpc.path
    if api.graphql is not None:
        found["graphql"] = api.graphql.path
    return found


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.cancelled() or task.exception() is not None


def _wants_events(request: Request) -> bool:
    """Whether a client asks for server-sent events, as `EventSource` does."""
    return request.method == "GET" and MEDIA_TYPE in request.headers.get("accept", "")

"""The ASGI application of an API: Starlette, with what every answer has."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from onto_fn.api.declared import Api
from onto_fn.api.rest.addresses import METHODS, Address, Addresses
from onto_fn.api.rest.asked import check_framing
from onto_fn.api.rest.documentation import Documentation
from onto_fn.api.rest.problem import HttpProblem, answer_of, problem_of
from onto_fn.api.rest.resources import Resources
from onto_fn.api.work import Work
from onto_fn.engine import Engine
from onto_fn.firestore import Database
from onto_fn.gate.caller import Caller, caller_of, check_app
from onto_fn.gate.offers import Offers, RequestOffer, ViewOffer
from onto_fn.gate.reading import Views
from onto_fn.gate.refusal import Refusal
from onto_fn.observability.trace_context import traced

_log = logging.getLogger("onto_fn")

_HEADERS_OF_REQUESTS = [
    *("Authorization", "Content-Type", "If-None-Match", "Last-Event-ID", "X-Firebase-AppCheck"),
    *("traceparent", "X-Cloud-Trace-Context"),
]
_HEADERS_OF_ANSWERS = [
    *("ETag", "Last-Modified", "Link", "Location", "Onto-After", "Retry-After"),
    "WWW-Authenticate",
]
_DEFAULT_SEC = 60
_SPARE_SEC = 2  # in which to answer before the platform ends the request


def application(
    api: Api, offers: Offers, engine: Engine, connect: Callable[[], Database]
) -> Starlette:
    """The ASGI application.

    No thread, no connection and no event loop is made before the first request: a server may fork
    until then.

    Args:
        api: what is declared.
        offers: what it offers.
        engine: carries requests out.
        connect: connects to the database.
    """
    door = Door(api, offers, engine, connect)
    cors = Middleware(
        cast(Any, CORSMiddleware),
        allow_origins=list(api.origins),
        allow_methods=["GET", "HEAD", "PUT"],
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
    """Answers every request of the API, each with problem details if it cannot."""

    def __init__(
        self,
        api: Api,
        offers: Offers,
        engine: Engine,
        connect: Callable[[], Database],
    ) -> None:
        self._api = api
        self._offers = offers
        self._engine = engine
        self._connect = connect
        self._addresses = Addresses(offers, api.rest.path, has_page=api.rest.docs)
        self._documentation = Documentation(api, offers)

    @cached_property
    def _resources(self) -> Resources:
        api = self._api
        return Resources(
            self._engine,
            Views(self._connect),
            {offer.name: offer for offer in self._offers.views},
            Work(max(1, (api.timeout_sec or _DEFAULT_SEC) - _SPARE_SEC)),
            api.rest.max_wait_sec,
            api.max_body_bytes,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":  # there is no WebSocket
            await send({"type": "websocket.close", "code": 1000})
            return
        request = Request(scope, receive)
        with traced(cast(Any, request.headers)):
            response = await self._answer(request)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            check_framing(request)
            # Without it, a server that decodes an encoded slash would move the borders of segments.
            raw_path = request.scope.get("raw_path") or request.url.path.encode()
            address = self._addresses.find(raw_path)
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
        needs_app = isinstance(route.offer, RequestOffer) and route.offer.mediator.app_check

        def who() -> Caller:
            caller = caller_of(authorization, app_check)
            if self._api.app_check or needs_app:
                check_app(caller)
            return caller

        if isinstance(route.offer, RequestOffer):
            return await self._resources.put(request, route.offer, address.params, who)
        offer = cast(ViewOffer, route.offer)
        answer = self._resources.view if route.kind == "view" else self._resources.list
        return await answer(request, offer, address.params, who)

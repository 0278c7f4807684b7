"""The GraphQL door of an API, made with the first request for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from onto_fn.api.declared import Api
from onto_fn.api.graphql.declared import GraphQL
from onto_fn.api.graphql.http import GraphQLResources
from onto_fn.api.graphql.operation import Gate
from onto_fn.api.graphql.running import Running
from onto_fn.api.graphql.websocket import GraphQLSockets
from onto_fn.api.work import Work
from onto_fn.engine import Engine
from onto_fn.gate.offers import Offers
from onto_fn.gate.reading import Views
from onto_fn.gate.watching import Watching

_BEAT_SEC = 15.0


class GraphQLDoor:
    """Answers GraphQL, over HTTP and over WebSockets.

    Args:
        api: what is declared.
        offers: what it offers.
        engine: carries requests out.
        views: reads views.
        work: runs what waits for the database.
        watching: what watches views, if this process serves streams.
    """

    def __init__(
        self,
        api: Api,
        offers: Offers,
        engine: Engine,
        views: Views,
        work: Work,
        watching: Callable[[], Awaitable[Watching]] | None,
    ) -> None:
        declared = api.graphql or GraphQL()
        gate = Gate(engine, views, work, watching)
        running = Running(declared, offers, gate, has_streams=api.streams is not None)
        beat_sec = _BEAT_SEC if api.streams is None else api.streams.beat_sec
        self.http = GraphQLResources(running, work, api.max_body_bytes, beat_sec)
        self.sockets = GraphQLSockets(running, work, api.max_body_bytes, tuple(api.origins))

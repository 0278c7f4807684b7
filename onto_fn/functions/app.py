"""`App`: everything that a deployment keeps up to date, compiled to functions."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from onto_fn.engine import Engine
from onto_fn.engine.materialise.fan_out import FanOut
from onto_fn.engine.records.dead_letter import event_letter, event_letter_path
from onto_fn.engine.records.ledger import OUTBOX_COLLECTION
from onto_fn.errors import DeclarationError, UndecodableEvent
from onto_fn.events import Change, Outcome, RetryPolicy
from onto_fn.events.change import CloudEvent, decode_event, event_time
from onto_fn.firestore import Database, PathTemplate, Write
from onto_fn.firestore.paths import new_id, parent_collection
from onto_fn.functions import on_api
from onto_fn.functions.endpoints import (
    Egress,
    FirestoreFunction,
    FunctionOptions,
    Ingress,
    Param,
    Secret,
    triggers_of,
)
from onto_fn.functions.fan_out import NAME, Publisher, decode_batch, fan_out_function
from onto_fn.functions.on_request import request_function
from onto_fn.functions.operations import Operations
from onto_fn.functions.project import project_of_process
from onto_fn.functions.rates import Rate, rates_of
from onto_fn.functions.replay import replay_function
from onto_fn.mediators import Declared, RequestMediator, mediators_of
from onto_fn.mediators.checks import check_graph
from onto_fn.messaging.courier import Courier
from onto_fn.messaging.sinks import sinks_by_name
from onto_fn.observability import cloud_logging as logs
from onto_fn.observability.observer import Observer, OutcomeLog
from onto_fn.observability.trace_context import traced
from onto_fn.renamed import renamed_arguments

if TYPE_CHECKING:
    from onto_fn.api import Api

_log = logging.getLogger("onto_fn")

Handler = Callable[[Any], Any]
_APP = "__onto_fn_app__"


class App(Operations):
    """All view models, forms, patches and mediators of one deployment.

    It compiles to one Firestore function for each source collection, shared by all mediators, so
    that one write costs one invocation. Each asks the platform to redeliver failed events. If a
    mediator sends messages, one more function, on the outbox, delivers them.

    Options of the functions may be parameters of `firebase_functions.params`, whose values are
    chosen at deploy time: `memory=IntParam("VIEW_MEMORY", default=512)`.

    Args:
        declared: the classes of view models, forms, patches and mediators. For options, a mediator
            takes the place of the class: `ViewMediator(TeamPage, sends=[…])`.
        region: where the functions run, such as `"europe-west1"`.
        memory: MiB of an instance.
        timeout_sec: seconds that one event may take; at most 540.
        concurrency: events that one instance handles at once; at most 1,000.
        min_instances: instances kept warm.
        max_instances: upper bound of instances.
        cpu: vCPUs of an instance.
        service_account: email of the account that the functions run as; or, without secrets,
            `name@` in the same project.
        vpc_connector: name of the Serverless VPC Access connector for outgoing requests, in the
            functions' project and region, or its full name.
        vpc_connector_egress_settings: which requests use it: `"PRIVATE_RANGES_ONLY"` or
            `"ALL_TRAFFIC"`.
        ingress: from where the functions can be called: `"ALLOW_ALL"`, `"ALLOW_INTERNAL_ONLY"` or
            `"ALLOW_INTERNAL_AND_GCLB"`. Events reach them in any case; clients reach `onto_request`
            and `onto_replay` only if they may come from outside.
        database: id of the Firestore database that is listened to.
        secrets: secrets (`SecretParam`), or their names, that the functions see as environment
            variables.
        labels: labels of the functions.
        retry: bounds of the retries within one invocation.
        fan_out: if given, a change that affects very many documents is rebuilt in batches, through
            Pub/Sub and the function `onto_fan_out`, so that no invocation exceeds its time limit.
        max_event_age: an event that still cannot be handled at this age becomes a dead letter. Keep
            it below the platform's limit of redelivery, 24 hours, after which it would be lost.
        admin_claim: if given, the app gets the HTTP function `onto_replay`, open to users whose
            Firebase ID token has this custom claim; see `functions.replay`.
        observers: receive each event, in addition to the log; see `onto_fn.observability`.
        function_names: names of functions by the paths of their collections, such as
            `{"polls/{poll}/votes": "on_votes"}`, in place of `on_polls_votes_written`. A new name
            is a new function; the deploy tool asks before it deletes the old one.
        api: if given, views and requests are offered over HTTP by the function `onto_api`; see
            `onto_fn.api`.
        changes: how often documents of a collection change, such as `{"tickets": "1e6/day"}`; for
            `onto doctor` and `onto cost`, and without effect on the functions.

    Example:
        In `functions/main.py`::

            app = App([MeetingSession, UserView, UserViewPatch], region="us-central1")
            app.export(globals())

    Raises:
        DeclarationError: a class cannot be in an app by itself, two mediators have the same name or
            write the same path, views feed each other in a cycle, two functions are given the same
            name, or two sinks that differ have, a `name@` is to be given access to secrets, an
            option is beyond the platform's limits, or `changes` names no collection of the app.
    """

    @renamed_arguments(timeout="timeout_sec", mediators="declared")
    def __init__(
        self,
        declared: Sequence[Declared],
        *,
        region: Param[str] | None = None,
        memory: Param[int] | None = None,
        timeout_sec: Param[int] | None = None,
        concurrency: Param[int] | None = None,
        min_instances: Param[int] | None = None,
        max_instances: Param[int] | None = None,
        cpu: int | str | None = None,
        service_account: Param[str] | None = None,
        vpc_connector: Param[str] | None = None,
        vpc_connector_egress_settings: Egress | None = None,
        ingress: Ingress | None = None,
        database: str = "(default)",
        secrets: Sequence[Secret] = (),
        labels: dict[str, str] | None = None,
        retry: RetryPolicy | None = None,
        fan_out: FanOut | None = None,
        max_event_age: timedelta = timedelta(hours=23),
        admin_claim: str | None = None,
        observers: Sequence[Observer] = (),
        function_names: Mapping[str, str] | None = None,
        api: Api | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        self.mediators = mediators_of(declared)
        self.options = FunctionOptions(
            region=region,
            memory=memory,
            timeout_sec=timeout_sec,
            concurrency=concurrency,
            min_instances=min_instances,
            max_instances=max_instances,
            cpu=cpu,
            service_account=service_account,
            vpc_connector=vpc_connector,
            vpc_connector_egress_settings=vpc_connector_egress_settings,
            ingress=ingress,
            database=database,
            secrets=tuple(secrets),
            labels=dict(labels or {}),
        )
        self.options.check_for_events()
        definitions = [mediator.definition() for mediator in self.mediators]
        check_graph(definitions)
        sinks = sinks_by_name([sink for mediator in self.mediators for sink in mediator.sends])
        self._courier = Courier(sinks, retry=retry)
        self._sends = bool(sinks)
        self.fan_out = fan_out
        self.publisher = Publisher(fan_out.topic) if fan_out else None
        self.engine = Engine(
            definitions,
            retry=retry,
            fan_out=fan_out,
            publish=self.publisher.publish if self.publisher else None,
            observers=(OutcomeLog(), *observers),
            sender=self._courier.send,
        )
        self.max_event_age = max_event_age
        self._admin_claim = admin_claim
        self._function_names = dict(function_names or {})
        self.api = api
        self.offers = None if api is None else api.offers(self.mediators)
        if api is not None and self.offers is not None:
            on_api.check(api, self.offers)
        if api is not None:
            for served in (api, api.streams):  # refuses what the platform does not have
                if served is not None:
                    on_api.options_of(served, self.options)
        self.changes = self.rates(changes or {})
        self._databases: dict[tuple[str, str], Database] = {}
        self._lock = Lock()

    def rates(self, changes: Mapping[str, str]) -> dict[PathTemplate, Rate]:
        """Rates by collection, from such as `{"tickets": "1e6/day"}`.

        Raises:
            DeclarationError: a text is not a rate, or the app does not listen to a collection.
        """
        return rates_of(changes, self._sources()) if changes else {}

    def _sources(self) -> set[PathTemplate]:
        """Templates of the collections that the mediators listen to."""
        templates = {
            template
            for definition in self.engine.definitions.values()
            for template in definition.watched_collections()
        }
        return templates | {a.shape.collection for a in self.engine.aggregates.values()}

    def triggers(self) -> list[FirestoreFunction]:
        """The Firestore functions that the mediators need.

        One for each source collection, and one for the outbox if there are sinks to send to.
        """
        outbox = PathTemplate(OUTBOX_COLLECTION) if self._sends else None
        return triggers_of(self._sources(), outbox, self._function_names, self.options)

    def functions(self) -> dict[str, Handler]:
        """The functions by name, as `firebase deploy` and functions-framework find them."""
        functions = {trigger.name: self._compile(trigger) for trigger in self.triggers()}
        if self.fan_out is not None:
            functions[NAME] = fan_out_function(self.handle_batch_event, self.fan_out, self.options)
        if self._admin_claim is not None:
            replay = replay_function(self.engine, self.database, self.options, self._admin_claim)
            functions[replay.__name__] = replay
        called = {
            m.name: m for m in self.mediators if isinstance(m, RequestMediator) and m.callable
        }
        if called:
            request = request_function(self.engine, self.database, self.options, called)
            functions[request.__name__] = request
        if self.api is not None:
            functions |= on_api.api_functions(self._asgi, self.api, self.options)
        for function in functions.values():
            function.__dict__[_APP] = self
        return functions

    def asgi(self, database: Database | None = None) -> Any:
        """The ASGI application of the app's API: for uvicorn, in a container.

        Args:
            database: where it reads and writes; default the app's database.

        Raises:
            DeclarationError: the app has no API.
        """
        if self.api is None or self.offers is None:
            raise DeclarationError("the App has no API; declare it, `App([…], api=Api(views=[…]))`")
        return self._asgi(True, database)

    def _asgi(self, streams: bool, database: Database | None = None) -> Any:
        from onto_fn.api.application import application

        assert self.api is not None
        assert self.offers is not None
        connect = self.database if database is None else lambda: database
        return application(self.api, self.offers, self.engine, connect, streams=streams)

    def export(self, namespace: dict[str, Any]) -> None:
        """Put the functions into a module: `app.export(globals())` in `main.py`.

        Raises:
            DeclarationError: the module uses one of the names already.
        """
        logs.set_up()
        for name, function in self.functions().items():
            if name in namespace:
                raise DeclarationError(f"the module already defines {name!r}; rename it")
            namespace[name] = function

    def handle(self, event: CloudEvent) -> list[Outcome]:
        """Handle one Firestore event.

        It returns only after each affected document or its dead letter is committed (G5).

        Raises:
            RetriesExhausted: the event has to be delivered again.
        """
        try:
            decoded = decode_event(event)
        except UndecodableEvent as error:
            database = self.database(event.get("project"), event.get("database"))
            self._give_up(database, None, str(event.get("id") or new_id()), error)
            return []
        database = self.database(decoded.project, decoded.database)
        return self.handle_change(database, decoded.change, decoded.time)

    def handle_batch_event(self, event: CloudEvent) -> list[Outcome]:
        """Handle one Pub/Sub event of the fan-out, as `handle` does.

        Raises:
            RetriesExhausted: the event has to be delivered again.
        """
        event_id = str(event.get("id") or new_id())
        try:
            batch, project, name = decode_batch(event)
        except UndecodableEvent as error:
            self._give_up(self.database(), None, event_id, error)
            return []
        database = self.database(project, name)
        try:
            return self.engine.handle_batch(database, batch)
        except Exception as error:
            is_gone = isinstance(error, DeclarationError)  # its view is no longer in the app
            if not is_gone and not self._is_too_old(event_time(event)):
                raise
            self._give_up(database, batch.change, event_id, error)
            return []

    def handle_change(
        self,
        database: Database,
        change: Change,
        happened: datetime | None = None,
        *,
        inline: bool = False,
    ) -> list[Outcome]:
        """Handle one change from any source.

        A change that cannot be handled is raised, so that it is delivered again, until it is older
        than `max_event_age`: then it becomes a dead letter.

        Args:
            database: where it happened.
            change: the change.
            happened: when, to the second; None if unknown.
            inline: fan nothing out.

        Raises:
            RetriesExhausted: the change has to be delivered again.
        """
        try:
            return self.engine.handle(database, change, inline=inline)
        except Exception as error:
            if not self._is_too_old(happened):
                raise
            self._give_up(database, change, change.identity, error)
            return []

    def database(self, project: str | None = None, database: str | None = None) -> Database:
        """The process's one connection to a database."""
        key = (project or project_of_process(), database or self.options.database)
        with self._lock:
            if key not in self._databases:
                self._databases[key] = Database(*key)
            return self._databases[key]

    def _compile(self, trigger: FirestoreFunction) -> Handler:
        def handler(event: Any) -> None:
            with traced(event):
                self.handle(event)

        handler.__name__ = handler.__qualname__ = trigger.name
        handler.__doc__ = f"Handles a write to {trigger.collection}."
        handler.__dict__["__firebase_endpoint__"] = trigger.endpoint()
        return handler

    def _is_too_old(self, happened: datetime | None) -> bool:
        """Whether a failed event becomes a dead letter instead of being delivered again."""
        return happened is not None and datetime.now(UTC) - happened >= self.max_event_age

    def _give_up(
        self, database: Database, change: Change | None, event_id: str, error: Exception
    ) -> None:
        _log.error("event %s becomes a dead letter: %s", event_id, error)
        if change is not None and parent_collection(change.path) == OUTBOX_COLLECTION:
            self._courier.give_up(database, change, error)
            return
        path = event_letter_path(os.environ.get("K_SERVICE", "app"), event_id)
        fields = event_letter(change, event_id, error, datetime.now(UTC))
        database.commit([Write(path, fields)])


def app_of(function: object) -> App | None:
    """The app that compiled a function, or None."""
    return getattr(function, _APP, None)

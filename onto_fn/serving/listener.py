"""`Listener`: an app's mediators in a long-lived process, on snapshot listeners.

For containers, where no platform delivers events. The guarantees are the same, as they rest on the
ledger and not on the delivery: a change that was handled is covered, and when the process starts it
looks at every document once, and at the ledger for documents that are gone.

It holds the watched collections in memory, as Firestore's listeners do. Several listeners may run
at the same time; they do the same work twice, without harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event, Lock
from typing import Any, cast

from google.cloud.firestore_v1 import Client, DocumentReference
from google.cloud.firestore_v1.vector import Vector
from tenacity import Retrying, stop_when_event_set, wait_random_exponential

from onto_fn.engine import Change
from onto_fn.firestore import Document, PathTemplate, Reference
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import parent_collection
from onto_fn.functions import App

_log = logging.getLogger("onto_fn")


class Listener:
    """Runs an app's mediators on snapshot listeners.

    Args:
        app: the app.
        workers: changes handled at the same time.
        check_seconds: how often broken listeners are looked for, in seconds.

    Example:
        In a container: `onto listen main:app`, or::

            with Listener(app) as listener:
                listener.wait()
    """

    def __init__(self, app: App, *, workers: int = 16, check_seconds: float = 1.0) -> None:
        self._app = app
        self._check_seconds = check_seconds
        self._database = app.database()
        # The client's types are incomplete.
        self._client: Any = Client(project=self._database.project, database=self._database.database)
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="onto-listener")
        self._stopping = Event()
        self._watches: list[_Watch] = []

    def start(self) -> None:
        """Begin to listen, and rebuild what changed while nobody listened."""
        for trigger in self._app.triggers():
            watch = _Watch(self._client, trigger.collection, self._deliver)
            watch.open()
            self._watches.append(watch)
        self._executor.submit(self._until_done, self._reconcile)

    def stop(self) -> None:
        """Stop listening and finish what was begun."""
        self._stopping.set()
        for watch in self._watches:
            watch.close()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def wait(self, until: Event | None = None) -> None:
        """Block until `stop` is called, or `until` is set, reopening listeners that break."""
        until = until or self._stopping
        while not self._stopping.is_set() and not until.wait(self._check_seconds):
            for watch in self._watches:
                if not watch.is_open:
                    _log.warning("the listener on %s broke; opening it again", watch.collection)
                    watch.open()

    def __enter__(self) -> Listener:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _deliver(self, change: Change) -> None:
        if self._stopping.is_set():
            return
        happened = datetime.now(UTC)
        self._executor.submit(
            self._until_done,
            lambda: self._app.handle_change(self._database, change, happened, inline=True),
        )

    def _reconcile(self) -> None:
        count = self._app.engine.reconcile(self._database)
        _log.info("%d roots rebuilt that changed while nobody listened", count)

    def _until_done(self, call: Callable[[], object]) -> None:
        """Call again until it does not fail: here, nobody else redelivers."""
        retrying = Retrying(
            wait=wait_random_exponential(multiplier=0.5, max=60),
            stop=stop_when_event_set(self._stopping),
            before_sleep=lambda state: _log.warning(
                "trying again: %s", state.outcome.exception() if state.outcome else ""
            ),
            reraise=True,
        )
        retrying(call)


class _Watch:
    """One snapshot listener, and the last version of each document that it has shown."""

    def __init__(
        self, client: Any, collection: PathTemplate, deliver: Callable[[Change], None]
    ) -> None:
        self.collection = collection
        self._client = client
        self._deliver = deliver
        self._seen: dict[str, Document] = {}
        self._lock = Lock()
        self._watch: Any = None

    @property
    def is_open(self) -> bool:
        return self._watch is not None and bool(self._watch.is_active)

    def open(self) -> None:
        last = self.collection.segments[-1]
        query = (
            self._client.collection_group(last)
            if self.collection.variables
            else self._client.collection(*self.collection.segments)
        )
        first = Event()

        def on_snapshot(documents: list[Any], changes: list[Any], _read_time: object) -> None:
            is_first = not first.is_set()
            first.set()
            self._on_snapshot(documents, changes, is_first=is_first)

        self._watch = query.on_snapshot(on_snapshot)

    def close(self) -> None:
        if self._watch is not None:
            self._watch.unsubscribe()

    def _on_snapshot(self, documents: list[Any], changes: list[Any], *, is_first: bool) -> None:
        with self._lock:
            now = {c.document.reference.path: document_of(c.document) for c in changes}
            gone = {c.document.reference.path for c in changes if c.type.name == "REMOVED"}
            if is_first:  # what vanished while a broken listener was reopened
                gone |= set(self._seen) - {d.reference.path for d in documents}
            for path in {*now, *gone}:
                if self.collection.match(parent_collection(path)) is None:
                    continue
                before = self._seen.pop(path, Document(path, None, None))
                if path in gone:
                    # A listener may have skipped the last versions, which a build has read: the
                    # deletion of the one that was seen would be older than those.
                    self._deliver(Change(path, None, Document(path, None, None)))
                    continue
                self._seen[path] = now[path]
                self._deliver(Change(path, before, now[path]))


def document_of(snapshot: Any) -> Document:
    """A document of Google's client as the engine reads it."""
    content: dict[str, Value] = snapshot.to_dict() or {}
    fields = {name: _value(value) for name, value in content.items()}
    return Document(snapshot.reference.path, fields, snapshot.update_time)


def _value(value: Value) -> Value:
    """A value of Google's client as one of ours: references and vectors are all that differs."""
    if isinstance(value, DocumentReference):
        return Reference(cast(str, value.path))
    if isinstance(value, Vector):
        return {"__type__": "__vector__", "value": list(cast("Iterable[float]", value))}
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Value]", value).items()
        return {name: _value(item) for name, item in items}
    if isinstance(value, list):
        return [_value(item) for item in cast("list[Value]", value)]
    return value

"""`Listener`: an app's mediators in a long-lived process, on snapshot listeners.

For containers, where no platform delivers events. The guarantees are the same, because they depend
on the ledger and not on the delivery: a handled change is covered, and when the process starts it
checks every document once, and searches the ledger for deleted documents.

It holds the watched collections in memory, as Firestore's listeners do. Several listeners may run
at the same time; they do the same work twice, without harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

from onto_fn.events import Change
from onto_fn.firestore import Database, Document, PathTemplate, Query
from onto_fn.firestore.documents import decode_path
from onto_fn.firestore.listening import Listening, Snapshot
from onto_fn.firestore.paths import parent_collection
from onto_fn.functions import App
from onto_fn.functions.work import Work

_log = logging.getLogger("onto_fn")


class Listener:
    """Runs an app's mediators on snapshot listeners.

    A broken listener is opened again automatically, from the same position. A document that cannot
    be read or handled does not block the others.

    Args:
        app: the app.
        workers: changes handled at the same time.
        check_seconds: seconds between checks for listeners that receive nothing.
        database: where to listen; default the app's database.

    Example:
        In a container: `onto listen main:app`, or::

            with Listener(app) as listener:
                listener.wait()
    """

    def __init__(
        self,
        app: App,
        *,
        workers: int = 16,
        check_seconds: float = 1.0,
        database: Database | None = None,
    ) -> None:
        self._app = app
        self._check_seconds = check_seconds
        self._database = database or app.database()
        self._work = Work(workers)
        self._stopping = Event()
        self._listenings: list[Listening] = []
        self._watchdog = Thread(target=self._watch, name="onto-listener-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to listen, and rebuild what changed while no listener ran."""
        for trigger in self._app.triggers():
            watched = Watched(trigger.collection, self._database.decoded, self._deliver)
            listening = Listening(self._database, query_of(trigger.collection), watched.take)
            listening.start()
            self._listenings.append(listening)
        self._watchdog.start()
        self._work.submit(self._reconcile)

    def stop(self) -> None:
        """Stop listening and finish what was begun."""
        self._stopping.set()
        for listening in self._listenings:
            listening.stop()
        self._work.stop()

    def wait(self, until: Event | None = None) -> None:
        """Block until `stop` is called, or `until` is set."""
        until = until or self._stopping
        while not self._stopping.is_set() and not until.wait(self._check_seconds):
            pass

    def __enter__(self) -> Listener:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def _deliver(self, change: Change) -> None:
        happened = datetime.now(UTC)
        self._work.submit(
            lambda: self._app.handle_change(self._database, change, happened, inline=True)
        )

    def _reconcile(self) -> None:
        count = self._app.engine.reconcile(self._database)
        _log.info("rebuilt %d roots that changed while no listener ran", count)

    def _watch(self) -> None:
        while not self._stopping.wait(self._check_seconds):
            for listening in self._listenings:
                listening.check()


def query_of(collection: PathTemplate) -> Query:
    """What to listen to for a collection: one with variables is part of a collection group."""
    if collection.variables:
        return Query(collection.segments[-1], collection_group=True)
    return Query(collection.text)


class Watched:
    """The documents of a collection, in the last versions that snapshots have shown.

    Args:
        collection: the collection whose changes are delivered; a snapshot may have other documents.
        decode: the document of a protobuf one.
        deliver: called with each change.
    """

    def __init__(
        self,
        collection: PathTemplate,
        decode: Callable[[Any], Document],
        deliver: Callable[[Change], None],
    ) -> None:
        self._collection = collection
        self._decode = decode
        self._deliver = deliver
        self._seen: dict[str, Document | None] = {}  # None: it could not be read

    def take(self, snapshot: Snapshot) -> None:
        """Deliver the changes of a snapshot."""
        for name, message in snapshot.changed.items():
            path = decode_path(name)
            if self._concerns(path):
                self._changed(path, message)
        for name in snapshot.gone:
            path = decode_path(name)
            if self._concerns(path):
                self._seen.pop(path, None)
                # A listener may have skipped the last versions, which a build has read: the
                # deletion of the one that was seen would be older than those.
                self._deliver(Change(path, None, Document(path, None, None)))

    def _concerns(self, path: str) -> bool:
        return self._collection.match(parent_collection(path)) is not None

    def _changed(self, path: str, message: Any) -> None:
        before = self._seen.pop(path, Document(path, None, None))
        try:
            document = self._decode(message)
        except Exception as error:
            # The build reads it, and writes the dead letter that says what is wrong.
            _log.warning("%s cannot be read from a listener: %s", path, error)
            self._seen[path] = None
            self._deliver(Change(path, None, None))
            return
        self._seen[path] = document
        self._deliver(Change(path, before, document))

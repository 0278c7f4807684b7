"""Changing a view from Python: `edit`, and `load_view` with `ViewModel.save`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from onto_fn.attempts import Subject
from onto_fn.engine.materialise.build import Snapshot
from onto_fn.engine.materialise.locking import commit_verified
from onto_fn.errors import Contention, MissingDocument, TransientError
from onto_fn.events import RetryPolicy
from onto_fn.firestore import Database, Write
from onto_fn.firestore.canonical import digest
from onto_fn.models import Ref
from onto_fn.models.repository import path_of
from onto_fn.requests.writable_store import WritableStore
from onto_fn.views import ViewModel

V = TypeVar("V", bound=ViewModel[Any])
T = TypeVar("T")


def edit(
    database: Database,
    view: type[V],
    root: Ref[Any] | str,
    change: Callable[[V], T],
    *,
    retry: RetryPolicy | None = None,
) -> T:
    """Change a view by its setters, and save the domain documents that this changes.

    Only changed documents are written, in one commit, and only if all documents that the view read
    are unchanged; otherwise everything is repeated with the present documents. So `change` may run
    several times, and should have no other effects. If Firestore does not answer, documents that
    already hold the result count as saved, even if another writer made the same change: use a
    `Patch` for a change that must happen exactly once.

    Args:
        database: the database.
        view: the view's class.
        root: its root, by reference or id.
        change: sets fields of the view; what it returns is returned.
        retry: bounds of the retries.

    Example: `edit(database, UserView, "thomasina", lambda view: setattr(view, "last_name", "M"))`

    Raises:
        MissingDocument: the root, or another document that the view requires, does not exist.
        Refused: a setter refuses; nothing was written.
        RetriesExhausted: nothing was written.
    """
    policy = retry or RetryPolicy()

    results: list[T] = []
    path = _path(view, root)
    subject = Subject(view.__name__, path, "edit", f"editing {view.__name__} of {path}")
    for attempt in policy.attempts_of(subject):
        with attempt:
            loaded = _load(database, view, root, policy)
            result = change(loaded)
            loaded.save()
            results.append(result)
    return results[0]


def load_view(
    database: Database, view: type[V], root: Ref[Any] | str, *, retry: RetryPolicy | None = None
) -> V:
    """Load a view, computed from its present sources; `save` saves what its setters change.

    Args:
        database: the database.
        view: the view's class.
        root: its root, by reference or id.
        retry: bounds of the retries while Firestore is away.

    Raises:
        MissingDocument: the root does not exist, or something that the view requires.
        RetriesExhausted: Firestore could not be read.
    """
    policy = retry or RetryPolicy()
    loaded: list[V] = []
    path = _path(view, root)
    subject = Subject(view.__name__, path, "read", f"loading {view.__name__} of {path}")
    for attempt in policy.attempts_of(subject):
        with attempt:
            loaded.append(_load(database, view, root, policy))
    return loaded[0]


class _Loaded:
    """Where a view was loaded from."""

    def __init__(self, database: Database, source: WritableStore[Any], retry: RetryPolicy) -> None:
        self._database = database
        self._source = source
        self._retry = retry

    def save(self) -> tuple[str, ...]:
        writes = self._source.writes()
        if not writes:
            return ()
        try:
            time = commit_verified(self._database, writes, self._source.read_set)
        except Contention:
            raise
        except TransientError:
            # It may have been applied: to do it again would be to decide on its own result.
            time = None
            for attempt in self._retry.attempts_of(Subject(step="edit")):
                with attempt:
                    time = self._applied(writes)
            if time is None:
                raise
        self._source.written(writes, time)
        return tuple(write.path for write in writes)

    def _applied(self, writes: Sequence[Write]) -> Any:
        """The time of the commit, if all documents are as one commit has written them."""
        now, _ = self._database.get([write.path for write in writes])
        times = {document.update_time for document in now.values()}
        is_same = all(
            write.fields is not None
            and (fields := now[write.path].fields) is not None
            and now[write.path].update_time != write.precondition
            and digest(fields) == digest(write.fields)
            for write in writes
        )
        return times.pop() if is_same and len(times) == 1 else None


def _load(database: Database, view: type[V], root: Ref[Any] | str, retry: RetryPolicy) -> V:
    path = _path(view, root)
    documents, read_time = database.get([path])
    reader = Snapshot(database, read_time, known=documents)
    source = WritableStore[Any].load(view.__store__, path, reader)
    if source is None:
        raise MissingDocument(path, view.__store__.root().title)
    loaded = view(source.store)
    loaded._origin = _Loaded(database, source, retry)  # pyright: ignore[reportPrivateUsage]
    return loaded


def _path(view: type[ViewModel[Any]], root: Ref[Any] | str) -> str:
    return path_of(view.__store__.root().model, root)

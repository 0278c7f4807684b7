"""One build: read a store, run the application's code, note all that was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from onto_fn.engine.decisions import Build, Gain, check_targets
from onto_fn.engine.memory import NOTHING, Memory
from onto_fn.engine.outbox import check_sendable
from onto_fn.errors import Contention, PermanentError
from onto_fn.firestore.transaction import Transaction
from onto_fn.observing import phase
from onto_fn.store import Reader, ReadSet, Store
from onto_fn.store.loading import Asking, answered, loading
from onto_fn.views import BuiltDocuments, Definition, Transition


def build(
    definition: Definition,
    root: str,
    shards: Collection[int],
    *,
    known: bool,
    reader: Reader,
    read_time: datetime,
    memory: Memory = NOTHING,
) -> Build:
    """Build one root's documents; what cannot be built is a `Build` with its error.

    Args:
        definition: what to build.
        root: document path of the root.
        shards: those whose documents are wanted.
        known: whether the root was built before in this life of it.
        reader: a consistent snapshot.
        read_time: of the snapshot.
        memory: what need not be read.

    Raises:
        TransientError: a read failed.
    """
    with phase("read", definition.name):
        loaded = answered(load_root(definition, root, memory), reader)
    return build_loaded(definition, root, shards, loaded, known=known, read_time=read_time)


@dataclass(frozen=True)
class Loaded:
    """What a build works on.

    Attributes:
        read_set: what was read.
        store: None if the root does not exist (or is not of the root's class), or on an error.
        error: set if the store could not be loaded.
        memory: what did not have to be read.
    """

    read_set: ReadSet
    store: Store | None
    error: PermanentError | None = None
    memory: Memory = NOTHING


def load_root(definition: Definition, root: str, memory: Memory = NOTHING) -> Asking[Loaded]:
    """Ask for all that a build of a root needs; what is in the way of it is part of the answer."""
    read_set = ReadSet()
    store: Store | None = None
    failure: PermanentError | None = None
    try:
        asking = loading(definition.store, root, read_set)
        store = yield from memory.answering(asking) if memory else asking
    except PermanentError as error:
        failure = error
    if memory.overlooks(read_set):
        return (yield from load_root(definition, root))
    return Loaded(read_set, store, failure, memory)


def build_loaded(
    definition: Definition,
    root: str,
    shards: Collection[int],
    loaded: Loaded,
    *,
    known: bool,
    read_time: datetime,
) -> Build:
    """Build from what was loaded; see `build`."""
    read_set, store, memory = loaded.read_set, loaded.store, loaded.memory
    if loaded.error is not None:
        return Build(read_set, read_time, None, True, loaded.error, memory)
    exists = store is not None
    try:
        with phase("build", definition.name):
            documents = _documents(definition, root, store, known)
        if documents is not None and definition.shards > 1:
            documents = {
                path: content
                for path, content in documents.items()
                if definition.shard_of(path) in shards
            }
        check_targets(definition, documents or {})
        made = Build(read_set, read_time, documents, exists, None, memory)
        _ = made.digests  # computed here, where what cannot be stored is an error of the build
        for path, content in (documents or {}).items():
            check_sendable(definition, path, content)
    except PermanentError as error:
        return Build(read_set, read_time, None, exists, error, memory)
    return made


def lock(transaction: Transaction, gain: Gain, versions: Mapping[str, datetime | None]) -> None:
    """Lock what is new to a read set, and make sure that the build has seen its latest version.

    A change to it then either came before (and is seen here), or comes after the commit (and its
    event finds the ledger record).

    Args:
        transaction: in which the commit will be.
        gain: what is new.
        versions: what the build has seen: update time by path.

    Raises:
        Contention: it has changed since.
    """
    if gain.paths:
        now = transaction.versions(gain.paths)
        _check_same({path: versions[path] for path in gain.paths}, now)
    for query, seen in gain.queries:
        _check_same(seen, {d.path: d.update_time for d in transaction.query(query)})


def _documents(
    definition: Definition, root: str, store: Store | None, known: bool
) -> BuiltDocuments | None:
    if store is None and definition.removed is None:
        return {}
    if store is None:  # the hook runs once a life of the root; after that, leave what it made
        return definition.removed(root) if definition.removed and known else None
    return definition.build(store, Transition.UPDATED if known else Transition.CREATED)


def _check_same(seen: Mapping[str, datetime | None], now: Mapping[str, datetime | None]) -> None:
    if dict(seen) != dict(now):
        changed = sorted(p for p in {*seen, *now} if seen.get(p) != now.get(p))
        raise Contention(f"changed since it was read: {', '.join(changed)}")

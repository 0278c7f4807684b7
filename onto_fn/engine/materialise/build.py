"""Builds: read stores, run the application's code, record everything that was read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

from onto_fn.attempts import phase
from onto_fn.engine.materialise import owned
from onto_fn.engine.materialise.lookup import Affected, read_all
from onto_fn.engine.materialise.memory import NOTHING, Memory, recall
from onto_fn.engine.materialise.plan import Build, check_targets, is_behind, newly_read
from onto_fn.engine.records.outbox import check_sendable
from onto_fn.errors import PermanentError, StaleSnapshot
from onto_fn.events.change import Change
from onto_fn.firestore import Database, Document, Query
from onto_fn.firestore.matching import identity
from onto_fn.firestore.transaction import Transaction
from onto_fn.store import Reader, ReadSet, Store
from onto_fn.store.loading import Loading, load_all
from onto_fn.store.objects import Templates
from onto_fn.views import BuiltDocuments, Definition, Transition

_Key = tuple[str, str, bool, int | None]  # definition, root, whether it was built before, shard


# The two ways a build reads: a snapshot without locks, or a transaction with them.


class Snapshot:
    """The database as it was at one instant (G3). The first read also fetches `ahead`.

    Attributes:
        documents: what is known and what was read by path.

    Args:
        database: the database.
        read_time: the instant.
        ahead: documents that will probably be needed: those that the last build read. The first
            read fetches them too, so a steady state has one round trip at any depth.
        known: documents that were already read. The commit must guard their versions.
    """

    def __init__(
        self,
        database: Database,
        read_time: datetime,
        ahead: Iterable[str] = (),
        known: Mapping[str, Document] | None = None,
    ) -> None:
        self._database = database
        self._read_time = read_time
        self._ahead = list(ahead)
        self.documents: dict[str, Document] = dict(known or {})

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """Documents by path."""
        wanted = [path for path in paths if path not in self.documents]
        if wanted:
            wanted += self._ahead
            self._ahead = []
            documents, _ = read_all(self._database, wanted, self._read_time)
            self.documents.update(documents)
        return {path: self.documents[path] for path in paths}

    def query(self, query: Query) -> list[Document]:
        """The documents that a query matches."""
        documents, _ = self._database.query(query, read_time=self._read_time)
        return documents

    def queries(self, queries: Sequence[Query]) -> list[list[Document] | PermanentError]:
        """The documents that each query matches, or why it is refused; equal ones run once."""
        places: list[int] = []
        asked: dict[object, int] = {}
        wanted: list[Query] = []
        for query in queries:
            key = identity(query)
            if key not in asked:
                asked[key] = len(wanted)
                wanted.append(query)
            places.append(asked[key])
        results = self._database.queries(wanted, read_time=self._read_time)
        return [results[place] for place in places]


class TooManyLocked(Exception):
    """Builds would lock more documents than one transaction should."""


class LockedRead:
    """Reads in a read-write transaction: nothing that was read can change until it ends.

    Args:
        transaction: the transaction.
        known: documents that were read in it already.
        most: how many documents it may lock; by default, any number.

    Attributes:
        locked: how many documents it has locked.
    """

    def __init__(
        self,
        transaction: Transaction,
        known: Mapping[str, Document] | None = None,
        most: int | None = None,
    ) -> None:
        self._transaction = transaction
        self._documents: dict[str, Document] = dict(known or {})
        self._most = most
        self.locked = 0

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        """Documents by path.

        Raises:
            TooManyLocked: they are too many; none is read.
        """
        wanted = [path for path in paths if path not in self._documents]
        if wanted:
            self._count(len(wanted))
            self._documents.update(self._transaction.get(wanted))
        return {path: self._documents[path] for path in paths}

    def query(self, query: Query) -> list[Document]:
        """The documents that a query matches.

        Raises:
            TooManyLocked: they are too many.
        """
        found = self._transaction.query(query)
        self._count(len(found))
        return found

    def _count(self, more: int) -> None:
        self.locked += more
        if self._most is not None and self.locked > self._most:
            raise TooManyLocked


def build_all(
    database: Database,
    due: Sequence[Affected],
    change: Change | None = None,
    transaction: Transaction | None = None,
    reader: Reader | None = None,
) -> list[Build]:
    """A build of each, all from one snapshot; the shards of one root share theirs.

    All are read in step: one batched read per level, and their queries at once. Remembered sources
    are not read. A failed build is a `Build` with its error.

    Args:
        database: the database.
        due: materialisations of any definitions, as one look-up found them; at least one.
        change: the event that they are built for.
        transaction: in which to read, and lock, all sources; without it, a snapshot is read.
        reader: reads a snapshot, of which it may know a part already.

    Raises:
        StaleSnapshot: it is older than a known version of a source.
        PermanentError: Firestore refuses a batched read for more than one.
        TransientError: a read failed.
    """
    read_time = due[0].read_time
    memories = [
        recall(item, change) if item.definition.consistency == "eventual" else NOTHING
        for item in due
    ]
    reader = reader or _reader(database, due, memories, transaction)
    # What is built from one snapshot is the same for all shards; what each remembers may not be.
    keys: list[_Key] = [
        (
            item.definition.name,
            item.root,
            item.was_built,
            None if memory is NOTHING else item.shard,
        )
        for item, memory in zip(due, memories, strict=True)
    ]
    shards: dict[_Key, set[int]] = {}
    loadings: dict[_Key, tuple[Definition, Loading[Store]]] = {}
    templates = Templates() if len(set(keys)) > 1 else None
    for item, key, memory in zip(due, keys, memories, strict=True):
        shards.setdefault(key, set()).add(item.shard)
        if key not in loadings:
            loading = Loading(
                item.definition.store,
                item.root,
                ReadSet(),
                known=None if memory is NOTHING else memory,
                tracks=True,
                templates=templates,
            )
            loadings[key] = (item.definition, loading)
    names = {definition.name for definition, _ in loadings.values()}
    with phase("read", names.pop() if len(names) == 1 else ""):
        load_all([loading for _, loading in loadings.values()], reader)
    by_key = {
        key: build_loaded(
            definition, key[1], shards[key], loading, known=key[2], read_time=read_time
        )
        for key, (definition, loading) in loadings.items()
    }
    built: list[Build] = []
    for item, key, memory in zip(due, keys, memories, strict=True):
        found = by_key[key]
        if memory is not NOTHING and newly_read(
            found.read_set, item.record, item.definition.fingerprint
        ):  # what is remembered may lack changes of what nobody has read until now
            found = build_all(database, [item.forgetting()], change, transaction)[0]
        if item.definition.owns or (item.record is not None and item.record.owns):
            found = _with_owned(found, item, reader)
        if is_behind(found.read_set, item.record, change):
            raise StaleSnapshot(f"the snapshot of {read_time} does not show the change")
        built.append(found)
    return built


def _reader(
    database: Database,
    due: Sequence[Affected],
    memories: Sequence[Memory],
    transaction: Transaction | None,
) -> Reader:
    """Reads what the builds need; the first read also fetches what the last builds read."""
    if transaction is not None:
        return LockedRead(transaction)
    ahead: set[str] = set()
    for item, memory in zip(due, memories, strict=True):
        if memory is NOTHING:
            ahead.add(item.root)
            ahead.update(item.record.sources if item.record else ())
    return Snapshot(database, due[0].read_time, sorted(ahead))


def build_loaded(
    definition: Definition,
    root: str,
    shards: Collection[int],
    loaded: Loading[Store],
    *,
    known: bool,
    read_time: datetime,
) -> Build:
    """Build from loaded sources; a failed build is a `Build` with its error.

    Args:
        definition: what to build.
        root: document path of the root.
        shards: those whose documents are wanted.
        loaded: what was read.
        known: whether the root was built since it was created.
        read_time: of the snapshot.
    """
    read_set, store = loaded.read_set, loaded.store
    memory = NOTHING if loaded.known is None else cast(Memory, loaded.known)
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
        if definition.sends:
            for path, content in (documents or {}).items():
                check_sendable(definition, path, content)
    except PermanentError as error:
        return Build(read_set, read_time, None, exists, error, memory)
    return made


def _with_owned(build: Build, item: Affected, reader: Reader) -> Build:
    """The build, with the documents in which it owns fields; they become part of its read set."""
    made = None if build.documents is None else build.documents.keys()
    there = owned.there(item.definition, item.record, made, reader)
    if item.definition.owns:
        listed = item.record.documents if item.record is not None else dict[str, str]()
        for path in listed if made is None else made:
            build.read_set.sources[path] = there[path].update_time
    return replace(build, there=there)


def _documents(
    definition: Definition, root: str, store: Store | None, known: bool
) -> BuiltDocuments | None:
    if store is None and definition.removed is None:
        return {}
    if store is None:  # the hook runs once a life of the root; after that, leave what it made
        return definition.removed(root) if definition.removed and known else None
    return definition.build(store, Transition.UPDATED if known else Transition.CREATED)

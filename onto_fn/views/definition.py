"""`Definition`: what the engine needs to know of a view or a mediator."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from onto_fn.firestore import Document, PathTemplate, Write
from onto_fn.firestore.documents import Value
from onto_fn.models import DomainModel
from onto_fn.store import Reader, ReadSet, Store

Isolation = Literal["snapshot", "serializable"]
Consistency = Literal["snapshot", "eventual"]
Mode = Literal["materialise", "task", "query"]

# Content by document path. None means: leave what was built before as it is.
BuiltDocuments = Mapping[str, Mapping[str, Value]]


class Transition(Enum):
    """What happened to the root since its last materialisation, as the ledger saw it."""

    CREATED = "created"
    UPDATED = "updated"


@dataclass(frozen=True)
class Decision:
    """What a task writes, and all that was read to decide so.

    Attributes:
        writes: the writes, those of documents that were read on the precondition of their versions.
        read_set: what must still be the same when they are committed.
    """

    writes: tuple[Write, ...]
    read_set: ReadSet


@dataclass(frozen=True)
class TaskDone:
    """How a task is marked as processed, in the commit that processes it.

    `TaskDone.delete()` deletes the task's document. `TaskDone.set_field("processed")` sets that
    field to `{state: "done", at: …}`, or `{state: "failed", at: …, reason: …}`.
    """

    field: str | None = None

    @classmethod
    def delete(cls) -> TaskDone:
        """Delete the task's document."""
        return cls(None)

    @classmethod
    def set_field(cls, name: str) -> TaskDone:
        """Set a field of the task's document."""
        return cls(name)


@dataclass(frozen=True)
class Definition:
    """One kind of materialisation: documents as a function of a store.

    Attributes:
        name: unique in the app; part of the ledger's ids, so renaming it orphans its documents.
        store: what is read.
        build: the documents for a loaded store. Runs application code; no input or output.
        targets: templates of the paths that `build` may produce; anything else is refused.
        fingerprint: changes when the code of the definition changes.
        isolation: `"snapshot"` builds without locks; `"serializable"` locks every source from the
            read to the commit.
        consistency: `"snapshot"` builds from one snapshot of all sources (G3); `"eventual"` builds
            from what the ledger remembers of them and from the event, so that an event reads no
            sources, however many there are. Each source goes forward by itself: for a while the
            documents may show two that changed together as if one of them had not.
        removed: the documents for a root that is gone, from its path; default none.
        mode: `"materialise"` keeps documents equal to `build`, exactly once, by the ledger;
            `"task"` processes each root once and marks it; `"query"` writes at least once, without
            a ledger.
        done: how a task is marked.
        decide: of a task that reads more than itself: the decision for its document (shown without
            its mark), instead of `build`; None if there is nothing to do.
        shards: among how many ledger records (and commits) the documents of one root are spread.
        sends: names of the sinks that get a message for each change of a document; only in mode
            `"materialise"`, whose commits happen once.
    """

    name: str
    store: type[Store]
    build: Callable[[Store, Transition], BuiltDocuments | None]
    targets: tuple[PathTemplate, ...]
    fingerprint: str
    isolation: Isolation = "snapshot"
    consistency: Consistency = "snapshot"
    removed: Callable[[str], BuiltDocuments | None] | None = None
    mode: Mode = "materialise"
    done: TaskDone = field(default_factory=TaskDone.delete)
    shards: int = 1
    sends: tuple[str, ...] = ()
    decide: Callable[[Document, Reader], Decision | None] | None = None

    def shard_of(self, path: str) -> int:
        """The shard that a document belongs to, from 0; the same as long as `shards` is."""
        if self.shards == 1:
            return 0
        value = hashlib.blake2b(path.encode(), digest_size=4).digest()
        return int.from_bytes(value, "big") % self.shards

    @property
    def root_collection(self) -> PathTemplate:
        """Template of the collection of the roots."""
        return self.store.root().model.template()

    def source_collections(self) -> set[PathTemplate]:
        """Templates of every collection that is read."""
        return self.store.source_collections()


def fingerprint(classes: Iterable[type[Any]], version: str = "") -> str:
    """A digest of the source code of classes, the same in every process that has that code.

    Their base classes count as well, up to those of libraries, and of a domain model its
    subclasses, which a build may meet in its collection. It does not change when a function that
    they call elsewhere does; a changed `version` says so by hand. Where no source is at hand (an
    interactive session), the class's name stands in for it.
    """
    digest = hashlib.blake2b(version.encode(), digest_size=8)
    # In the order of what is digested: a module may be imported under another name.
    for name, source in sorted({_source(cls) for cls in _family(classes)}):
        digest.update(name.encode())
        digest.update(source.encode())
    return digest.hexdigest()


def _family(classes: Iterable[type[Any]]) -> set[type[Any]]:
    """Classes with their bases, and those that may come in the place of a model."""
    found = set(classes)
    for cls in list(found):
        if issubclass(cls, DomainModel):
            found |= _below(cls)
    return {base for cls in found for base in cls.__mro__ if not _is_library(base)}


def _below(cls: type[DomainModel]) -> set[type[DomainModel]]:
    subclasses = set(cls.__subclasses__())
    return subclasses.union(*map(_below, subclasses))


def _is_library(cls: type[Any]) -> bool:
    """Whether a class comes with onto_fn, with pydantic or with Python."""
    package = cls.__module__.partition(".")[0]
    return package in {"onto_fn", "pydantic"} or package in sys.stdlib_module_names


def _source(cls: type[Any]) -> tuple[str, str]:
    try:
        return cls.__qualname__, inspect.getsource(cls)
    except (OSError, TypeError):
        return cls.__qualname__, ""

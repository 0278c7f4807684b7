"""`Definition`: what the engine needs to know of a view or a mediator."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from enum import Enum
from typing import Any, Literal, cast, get_origin

from pydantic import BaseModel
from typing_extensions import is_typeddict

from onto_fn.firestore import Document, PathTemplate, Write
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import check_field_name
from onto_fn.models import DomainModel
from onto_fn.models.annotations import Alternative
from onto_fn.models.fields import fields_of, kinds_of
from onto_fn.store import Reader, ReadSet, Store
from onto_fn.views.sources import source_of

Isolation = Literal["snapshot", "serializable"]
Consistency = Literal["snapshot", "eventual"]
Mode = Literal["materialise", "task", "direct"]
DeclaredMode = Literal["materialise", "task", "direct", "query"]
"""What a declaration may say; `"query"` is what `"direct"` was named before."""

# Content by document path. None means: leave what was built before as it is.
BuiltDocuments = Mapping[str, Mapping[str, Value]]


class Transition(Enum):
    """What happened to the root since its last materialisation, as the ledger saw it."""

    CREATED = "created"
    UPDATED = "updated"


def mode_of(declared: DeclaredMode) -> Mode:
    """The mode that a declaration names, perhaps by its former name."""
    return "direct" if declared == "query" else declared


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
        """Set a field of the task's document.

        Raises:
            DeclarationError: Firestore does not allow that name.
        """
        return cls(check_field_name(name, what="the field of a mark"))


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
            sources, however many there are. Each source advances separately: if two sources change
            together, the documents may show only one of the changes for a while.
        removed: the documents for a root that is gone, from its path; default none.
        mode: `"materialise"` keeps documents equal to `build`, exactly once, by the ledger;
            `"task"` processes each root once and marks it; `"direct"` writes at least once, without
            a ledger.
        done: how a task is marked.
        owns: names of the fields, as they are stored, that it keeps in documents of others; empty
            if the documents are its own. If the build no longer produces a document, only these
            fields are removed from it.
        creates: whether it creates a document that it owns fields of and that does not exist.
        whole: whether its documents may be in a domain model's collection because nothing else
            writes there.
        declared_in: name of the module that declares it; empty if it is declared by hand, and may
            write wherever it says.
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
    decide: Callable[[Document, Reader, str | None], Decision | None] | None = None
    owns: tuple[str, ...] = ()
    creates: bool = False
    whole: bool = False
    declared_in: str = ""

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

    def watched_collections(self) -> set[PathTemplate]:
        """Templates of every collection in which a change may concern it.

        Besides what is read, that is where it owns fields: a document may come, or be replaced.
        """
        watched = self.source_collections()
        if self.owns and self.mode == "materialise":
            watched |= {target.parent for target in self.targets}
        return watched


def fingerprint(classes: Iterable[type[Any]], version: str = "") -> str:
    """A digest of the source code of classes, the same in every process that has that code.

    The digest includes their base classes, up to those of libraries; the subclasses of a domain
    model, which a build may meet in its collection; the types of their fields, such as embedded
    models and Enums; and all code of the app that any of these name, such as a helper function. It
    does not change with code that they reach without naming it, or with a library; change `version`
    in that case. If a class has no source (in an interactive session), its name is used instead.
    """
    digest = hashlib.blake2b(version.encode(), digest_size=8)
    # In the order of what is digested: a module may be imported under another name.
    for name, source in sorted(source_of(_family(classes))):
        digest.update(name.encode())
        digest.update(source.encode())
    return digest.hexdigest()


def _family(classes: Iterable[type[Any]]) -> set[type[Any]]:
    """Classes with their bases, the types of their fields, and what may come in their place."""
    found = set(classes)
    for cls in list(found):
        if issubclass(cls, DomainModel):
            found |= _below(cls)
    waiting = list(found)
    while waiting:
        new = _types_in(waiting.pop()) - found
        found |= new
        waiting += new
    return {base for cls in found for base in cls.__mro__ if not _is_library(base)}


def _below(cls: type[DomainModel]) -> set[type[DomainModel]]:
    subclasses = set(cls.__subclasses__())
    return subclasses.union(*map(_below, subclasses))


def _types_in(cls: type[Any]) -> set[type[Any]]:
    """The classes that the values of a class's fields are of, as far as they are the app's own."""
    found: set[type[Any]] = set()

    def add(kinds: Iterable[Alternative]) -> None:
        for kind in kinds:
            named: Any = get_origin(kind.annotation) or kind.annotation
            if isinstance(named, type) and not _is_library(cast("type[Any]", named)):
                found.add(cast("type[Any]", named))
            add(kinds_of(*kind.items))

    model = cast("type[Any]", getattr(cls, "Document", cls))
    if issubclass(model, tuple):  # perhaps a NamedTuple
        add(kinds_of(model))
    elif issubclass(model, BaseModel) or is_dataclass(model) or is_typeddict(model):
        add(kinds_of(*(held.annotation for held in fields_of(model))))
    return found


def _is_library(cls: type[Any]) -> bool:
    """Whether a class comes with onto_fn, with pydantic or with Python."""
    package = cls.__module__.partition(".")[0]
    return package in {"onto_fn", "pydantic"} or package in sys.stdlib_module_names

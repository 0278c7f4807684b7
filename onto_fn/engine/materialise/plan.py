"""What the engine decides, as pure functions over values."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from onto_fn.engine.materialise.locking import Gain
from onto_fn.engine.materialise.memory import NOTHING, Memory, is_new, remembered
from onto_fn.engine.materialise.owned import names_of, picked, removal
from onto_fn.engine.records.dead_letter import letter_fields
from onto_fn.engine.records.ledger import (
    Failure,
    LedgerRecord,
    Reads,
    dead_letter_path,
    ledger_path,
)
from onto_fn.engine.records.outbox import outbox_writes
from onto_fn.engine.records.skipped import NOTHING as NONE_SKIPPED
from onto_fn.engine.records.skipped import Skipped
from onto_fn.errors import DocumentTooLarge, InvalidPath, PermanentError
from onto_fn.events.change import Change
from onto_fn.firestore import Document, Write
from onto_fn.firestore.canonical import digest
from onto_fn.firestore.documents import Value
from onto_fn.firestore.queries import SHORT, document_key
from onto_fn.firestore.sizes import MAX_COMMIT_BYTES, MAX_DOCUMENT_BYTES, check_size
from onto_fn.models.tracked import ALL
from onto_fn.store import ReadSet
from onto_fn.views import BuiltDocuments, Definition

_log = logging.getLogger("onto_fn")


def covers(record: LedgerRecord | None, change: Change) -> bool:
    """Whether the record was built from a snapshot that already had the change (G4).

    A version is covered if the record read that document at the same or a later version. A deletion
    carries no version: it is covered if the record read the document as MISSING, or at a later
    version than the one that was deleted. If the record does not list the document, or the event
    carries no payload, the answer is no, and a build decides.
    """
    before, after = change.before, change.after
    if record is None or before is None or after is None:
        return False
    if record.owns and _leaves_owned(record, change):
        return True
    versions = record.versions
    if change.path not in versions:
        return False
    seen = versions[change.path]
    if after.update_time is not None:
        return seen is not None and seen >= after.update_time
    if seen is None:
        return True
    return before.update_time is not None and seen > before.update_time


def _leaves_owned(record: LedgerRecord, change: Change) -> bool:
    """Whether a change left the owned fields of a document as the record's build wrote them."""
    written, after = record.documents.get(change.path), change.after
    if written is None or after is None or after.fields is None or not change.has_content:
        return False
    return digest(picked(after.fields, record.owns)) == written


def is_behind(read_set: ReadSet, record: LedgerRecord | None, change: Change | None) -> bool:
    """Whether a snapshot is older than a version that its event or the ledger proves to exist (G2).

    Firestore's snapshots never are. The check exists because a commit built from one would move a
    view back in time.
    """
    if record is None and (change is None or change.after is None):
        return False
    versions = read_set.versions
    after = None if change is None or change.after is None else change.after.update_time
    if change is not None and after is not None:
        seen = versions.get(change.path)
        if seen is not None and seen < after:
            return True
    if record is None:
        return False
    for path, recorded in record.versions.items():
        seen = versions.get(path)
        if seen is not None and recorded is not None and seen < recorded:
            return True
    return False


def gained(read_set: ReadSet, record: LedgerRecord | None, fingerprint: str) -> Gain:
    """The documents and queries of a build that are new to the ledger.

    If the build has read a field that the record does not list, all documents of that class are
    new: an event of such a field found nothing to do, perhaps after this build's snapshot.
    """
    known = record.watches if record else frozenset[str]()
    queries = tuple(
        item for item in read_set.queries if not item[0].keys() <= known or is_new(item[0], record)
    )
    locked = {path for _, result in queries for path in result}  # with the query itself
    read = {**{p: t for p, t in read_set.matched.items() if p not in locked}, **read_set.sources}
    before = record.versions if record else {}
    unlisted = newly_read(read_set, record, fingerprint)
    paths = (
        path
        for path, seen in read.items()
        if (path if len(path) <= SHORT else document_key(path)) not in known
        or (seen is not None and before.get(path) is None)
        or path in unlisted
    )
    return Gain(tuple(paths), queries)


def newly_read(read_set: ReadSet, record: LedgerRecord | None, fingerprint: str) -> frozenset[str]:
    """The documents of the classes of which a build has read fields that the record does not list.

    The names in a record of another definition are those of its code, so it lists none of this one.
    """
    if record is None or record.reads is None:
        return frozenset()  # no event is skipped for it
    if read_set.fields is None:
        return frozenset(read_set.documents)
    listed = dict(record.reads) if record.fingerprint == fingerprint else {}
    return frozenset[str]().union(
        *(
            read_set.fields.paths(name)
            for name, names in read_set.fields.names().items()
            if ALL not in (known := listed.get(name, ())) and not names <= set(known)
        )
    )


@dataclass(frozen=True)
class Plan:
    """The writes of one commit; `record` is None if the ledger record is to be deleted."""

    record: LedgerRecord | None
    writes: tuple[Write, ...]
    written: tuple[str, ...]
    deleted: tuple[str, ...]


@dataclass(frozen=True)
class Build:
    """What one attempt read and made.

    Attributes:
        read_set: what it read.
        read_time: of its snapshot.
        documents: content by path; None to leave the existing documents unchanged.
        root_exists: whether the root exists (and is of the root's class).
        error: set if the build failed.
        memory: what it did not have to read.
        there: the documents in which the definition owns fields.
    """

    read_set: ReadSet
    read_time: datetime
    documents: BuiltDocuments | None
    root_exists: bool
    error: PermanentError | None = None
    memory: Memory = NOTHING
    there: Mapping[str, Document] = field(default_factory=dict[str, Document])

    @cached_property
    def digests(self) -> dict[str, str]:
        """The digest of each document's content.

        Raises:
            InvalidValue: Firestore cannot store one of them.
        """
        found: dict[str, str] = {}
        known: dict[int, str] = {}  # copies share their content
        for path, content in (self.documents or {}).items():
            value = known.get(id(content))
            if value is None:
                value = known[id(content)] = digest(content)
            found[path] = value
        return found


def check_targets(definition: Definition, documents: BuiltDocuments) -> None:
    """Refuse documents outside of the definition's declared paths.

    Raises:
        InvalidPath: a path fits none of the templates.
    """
    targets = [template.fits for template in definition.targets]
    for path in documents:
        if not any(fits(path) for fits in targets):
            allowed = ", ".join(template.text for template in definition.targets)
            raise InvalidPath(
                f"{definition.name} may write {allowed}, and its code produced {path!r}"
            )


def leftovers(
    definition: Definition,
    record: LedgerRecord | None,
    build: Build,
    shard: int = 0,
    kept: Collection[str] = (),
) -> list[str]:
    """The documents that a record lists and a build does not produce (G6).

    `kept` documents are not included: another root or shard produces them now.
    """
    if record is None or build.error is not None or build.documents is None:
        return []
    return sorted(
        path
        for path in record.documents
        if not (
            path in build.documents
            and (definition.shards == 1 or definition.shard_of(path) == shard)
        )
        and path not in kept
    )


def plan(
    definition: Definition,
    record: LedgerRecord | None,
    build: Build,
    root: str,
    change: Change | None,
    shard: int = 0,
    *,
    reduced: bool = False,
    kept: Collection[str] = (),
) -> Plan | None:
    """The commit that makes documents and ledger equal to a build, or None if they already are.

    Documents whose digest is in the ledger are not written again. Documents that the ledger lists
    and the build did not produce are deleted (G6). A failed build leaves the documents as they are,
    and adds or updates the dead letter in the same commit; the next build that succeeds deletes it
    in its own. Written and deleted documents put their messages into the outbox (G4). If the
    definition has shards, a plan covers the documents of one. A `reduced` plan is for a failed
    build that read more documents than a ledger record can list. `kept` documents are left to
    another root or shard, which writes them in the same commit.
    """
    previous = dict(record.documents) if record else {}
    failure: Failure | None = None
    if build.error is not None:
        digests = previous
        contents: BuiltDocuments = {}
        failure = _failure(record, build.error, build.read_time)
    elif build.documents is None:
        digests, contents = previous, {}
    elif definition.shards == 1 and not definition.owns:
        contents, digests = build.documents, build.digests
    else:
        contents = {
            path: content
            for path, content in build.documents.items()
            if (definition.shards == 1 or definition.shard_of(path) == shard)
            and (not definition.owns or _may_write(definition, build, path))
        }
        digests = {path: build.digests[path] for path in contents}
    if definition.owns:
        written = tuple(sorted(p for p in contents if _changed_owned(build, p, definition.owns)))
    else:  # by the ledger
        written = tuple(sorted([p for p in contents if previous.get(p) != digests[p]]))
    names: tuple[str, ...] = ()
    if definition.owns or (record is not None and record.owns):
        names = names_of(definition, record)
    gone = leftovers(definition, record, build, shard, kept)
    removals = [write for path in gone for write in removal(path, build.there, names)]
    deleted = tuple(write.path for write in removals if write.fields is None)
    keep = build.root_exists or bool(digests) or failure is not None
    new = (
        LedgerRecord(
            definition=definition.name,
            root=root,
            sources=build.read_set.sources,
            matched={
                p: t for p, t in build.read_set.matched.items() if p not in build.read_set.sources
            },
            watches=build.read_set.watches(),
            documents=digests,
            fingerprint=definition.fingerprint,
            built=build.root_exists if failure is None else bool(record and record.built),
            failure=failure,
            event_id=change.event_id if change else "",
            read_time=build.read_time,
            shard=shard,
            owns=definition.owns,
            skipped=Skipped.of(build.read_set.skipped) if build.read_set.skipped else NONE_SKIPPED,
            reads=_reads(build.read_set) if failure is None else None,
        )
        if keep
        else None
    )
    if reduced and new is not None:
        new = _reduced(new, build.read_set)
    elif new is not None and definition.consistency == "eventual":
        if record and record.memory is not None and _same(replace(record, memory=None), new):
            return None  # what it remembers is the same as well
        memory = remembered(definition, build.read_set, build.memory)
        new = _with_memory(new, memory, {path: contents[path] for path in written})
    if _same(record, new):
        return None
    if shard and change is not None and _is_idle(definition, shard, record, new):
        return None
    writes = [_write(definition, names, path, contents[path]) for path in written]
    writes += removals
    if definition.sends:
        writes += outbox_writes(definition, writes, build.read_time)
    writes += _dead_letter_writes(definition, root, record, new, change)
    writes.append(_ledger_write(ledger_path(definition.name, root, shard), record, new))
    written += tuple(write.path for write in removals if write.fields is not None)
    return Plan(new, tuple(writes), written, deleted)


def _may_write(definition: Definition, build: Build, path: str) -> bool:
    """Whether a document with owned fields exists, or may be created."""
    return definition.creates or build.there[path].exists


def _changed_owned(build: Build, path: str, owns: tuple[str, ...]) -> bool:
    """Whether a document's owned fields differ from the build, regardless of who wrote them."""
    fields = build.there[path].fields
    return fields is None or digest(picked(fields, owns)) != build.digests[path]


def _write(
    definition: Definition, names: tuple[str, ...], path: str, content: Mapping[str, Value]
) -> Write:
    if not definition.owns:
        return Write(path, content)
    return Write(path, content, None if definition.creates else "exists", mask=names)


def _with_memory(
    record: LedgerRecord, memory: Mapping[str, Value], beside: BuiltDocuments
) -> LedgerRecord:
    """The record with its memory, if there is room; without memory, sources are read.

    Args:
        record: without it.
        memory: what it is to remember.
        beside: the documents in the same commit.
    """
    whole = replace(record, memory=memory)
    try:
        room = MAX_COMMIT_BYTES - check_size(whole.path, whole.to_fields())
        if sum(check_size(path, fields) for path, fields in beside.items()) <= room:
            return whole
    except DocumentTooLarge:
        pass
    _log.warning(
        "%s is too small to remember its sources, so each event reads all of them; read them as "
        'models of fewer fields with extra="ignore", or split the view',
        record.path,
    )
    return record


def _reduced(record: LedgerRecord, read_set: ReadSet) -> LedgerRecord:
    """The record with only the version of its root, and as many of its keys as fit.

    Query keys come first: a read set of this size shrinks when documents leave a query.

    Raises:
        DocumentTooLarge: not even that fits.
    """
    versions = {path: time for path, time in record.sources.items() if path == record.root}
    keys = {document_key(record.root)}
    for query, _ in read_set.queries:
        keys |= query.keys()
    small = replace(record, sources=versions, matched={}, watches=frozenset(keys))
    room = MAX_DOCUMENT_BYTES - check_size(small.path, small.to_fields())
    for key in sorted(record.watches - keys):
        room -= len(key.encode("utf-8", "surrogatepass")) + 1
        if room < 0:
            break
        keys.add(key)
    return replace(small, watches=frozenset(keys))


def _reads(read_set: ReadSet) -> Reads | None:
    if read_set.fields is None:
        return None
    names = read_set.fields.names()
    return tuple((name, tuple(sorted(names[name]))) for name in sorted(names))


def _failure(record: LedgerRecord | None, error: PermanentError, now: datetime) -> Failure:
    before = record.failure if record else None
    if before is None:
        return Failure.of(error, now)
    return Failure.of(error, before.since, before.count + 1)


def _same(old: LedgerRecord | None, new: LedgerRecord | None) -> bool:
    """Whether two records have the same reads and documents, regardless of when they were made."""
    if old is None or new is None:
        return old is new
    return (
        old.sources == new.sources
        and old.matched == new.matched
        and old.watches == new.watches
        and old.documents == new.documents
        and old.fingerprint == new.fingerprint
        and old.built == new.built
        and (old.memory is None) == (new.memory is None)
        and old.owns == new.owns
        and old.reads == new.reads
        and old.skipped == new.skipped
        and _says(old.failure) == _says(new.failure)
    )


def lists_nothing(definition: Definition, record: LedgerRecord | None, shard: int) -> bool:
    """Whether a record may be left as it is while the versions of its sources move on.

    Most shards of a root with few documents have none. Their records would be rewritten for each
    event; instead, a commit that changes one locks all that was read for it, like a first build.
    The first shard's record is always rewritten.
    """
    return record is not None and shard > 0 and definition.shards > 1 and not record.documents


def _is_idle(
    definition: Definition, shard: int, old: LedgerRecord | None, new: LedgerRecord | None
) -> bool:
    """Whether a shard had no document and has none now, and only versions of sources differ."""
    if old is None or new is None or not lists_nothing(definition, old, shard):
        return False
    if definition.consistency == "eventual" or new.failure is not None or old.failure is not None:
        return False
    return only_versions_differ(old, new)


def only_versions_differ(old: LedgerRecord, new: LedgerRecord) -> bool:
    """Whether two records say the same, but for the versions of sources that exist in both."""
    seen, now = old.versions, new.versions
    return (
        seen.keys() == now.keys()
        and all((seen[path] is None) == (time is None) for path, time in now.items())
        and _same(replace(old, sources=new.sources, matched=new.matched), new)
    )


def _says(failure: Failure | None) -> tuple[str, str] | None:
    return None if failure is None else (failure.kind, failure.message)


def _dead_letter_writes(
    definition: Definition,
    root: str,
    old: LedgerRecord | None,
    new: LedgerRecord | None,
    change: Change | None,
) -> list[Write]:
    if new is not None and new.failure is not None:
        fields = letter_fields(
            definition.name, root, change, new.failure, definition.fingerprint, new.read_time
        )
        return [Write(dead_letter_path(definition.name, root), fields)]
    if old is not None and old.failure is not None:
        return [Write(dead_letter_path(definition.name, root), None)]
    return []


def _ledger_write(path: str, old: LedgerRecord | None, new: LedgerRecord | None) -> Write:
    precondition = "absent" if old is None or old.update_time is None else old.update_time
    fields = new.to_fields() if new is not None else None
    return Write(path, fields, precondition, before=old.stored if old is not None else None)

"""Direct mode: documents are written from their one source, at least once, without a ledger.

Cheaper than a materialisation (one read, one commit), and weaker: two events handled at the same
time may commit in either order, and a document that a lost version of the source produced stays.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from onto_fn.attempts import RetryPolicy, Subject, phase
from onto_fn.engine.materialise.build import Snapshot
from onto_fn.engine.materialise.plan import check_targets
from onto_fn.engine.records.dead_letter import letter_fields
from onto_fn.engine.records.ledger import Failure, dead_letter_path
from onto_fn.errors import PermanentError
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database, Document, Write
from onto_fn.store import ReadSet, load
from onto_fn.views import BuiltDocuments, Definition, Transition


def forward(
    database: Database,
    definition: Definition,
    path: str,
    change: Change | None,
    policy: RetryPolicy,
) -> Outcome:
    """Write what the current source makes, and delete what it made before the change.

    Raises:
        RetriesExhausted: nothing was committed; the event has to be delivered again.
    """
    made = Outcome(definition.name, path, Result.UNCHANGED)
    for attempt in policy.attempts_of(Subject(definition.name, path)):
        with attempt:
            made = replace(_attempt(database, definition, path, change), attempts=attempt.number)
    return made


def _attempt(
    database: Database, definition: Definition, path: str, change: Change | None
) -> Outcome:
    letter_path = dead_letter_path(definition.name, path)
    documents, read_time = database.get([path, letter_path])
    try:
        source, letter = documents[path], documents[letter_path]
        return _write(database, definition, source, letter, change, read_time)
    except PermanentError as error:  # of the code, or of Firestore at the commit
        now = datetime.now(UTC)
        failure = Failure.of(error, now)
        fields = letter_fields(definition.name, path, change, failure, definition.fingerprint, now)
        database.commit([Write(letter_path, fields)])
        return Outcome(definition.name, path, Result.DEAD_LETTER, error=failure.message)


def _write(
    database: Database,
    definition: Definition,
    source: Document,
    letter: Document,
    change: Change | None,
    read_time: datetime,
) -> Outcome:
    built = _build(database, definition, source, read_time)
    before = _before(database, definition, change, read_time)
    gone = sorted(target for target in before if target not in built)
    writes = [Write(target, content) for target, content in sorted(built.items())]
    writes += [Write(target, None) for target in gone]
    if letter.exists:
        writes.append(Write(letter.path, None))
    if not writes:
        return Outcome(definition.name, source.path, Result.UNCHANGED)
    database.commit(writes)
    return Outcome(
        definition.name,
        source.path,
        Result.COMMITTED,
        written=tuple(sorted(built)),
        deleted=tuple(gone),
    )


def _build(
    database: Database, definition: Definition, document: Document, read_time: datetime
) -> BuiltDocuments:
    reader = Snapshot(database, read_time, known={document.path: document})
    with phase("read", definition.name):
        store = load(definition.store, document.path, reader, ReadSet())
    if store is None:
        return (definition.removed(document.path) if definition.removed else None) or {}
    with phase("build", definition.name):
        built = definition.build(store, Transition.UPDATED) or {}
    check_targets(definition, built)
    return built


def _before(
    database: Database, definition: Definition, change: Change | None, read_time: datetime
) -> BuiltDocuments:
    """What the source made before the change, as far as the event shows it."""
    if change is None or change.before is None or not change.before.exists:
        return {}
    try:
        return _build(database, definition, change.before, read_time)
    except PermanentError:
        return {}

"""Task mode: a document is processed once, and marked in the commit that processes it.

There is no ledger: the mark is the record. A redelivered event finds the document marked (or
gone), and commits nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import cast

from onto_fn.attempts import RetryPolicy, Subject, phase
from onto_fn.engine.materialise.build import LockedRead, Snapshot
from onto_fn.engine.materialise.locking import commit_verified
from onto_fn.engine.materialise.owned import check_there
from onto_fn.engine.materialise.plan import check_targets
from onto_fn.engine.records.dead_letter import letter_fields
from onto_fn.engine.records.ledger import Failure, dead_letter_path, message_of
from onto_fn.errors import Contention, InvalidDocument, PermanentError, Refused
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Database, Document, Write
from onto_fn.firestore.canonical import digest
from onto_fn.firestore.documents import Fields
from onto_fn.store import Reader, ReadSet, load
from onto_fn.views import Decision, Definition, Transition


def process(
    database: Database,
    definition: Definition,
    path: str,
    change: Change | None,
    policy: RetryPolicy,
) -> Outcome:
    """Process one task document, exactly once.

    Args:
        database: the database.
        definition: a definition in task mode.
        path: the task's document.
        change: the event; None also processes a task that failed before.
        policy: bounds of the retries.

    Raises:
        RetriesExhausted: nothing was committed; the event has to be delivered again.
    """
    task = _Task(database, definition, path, change)
    # A deleted task is processed too: a withdrawn task may have left a dead letter.
    after = change.after if change is not None else None
    if after is not None and after.exists and task.is_over(after):
        return Outcome(definition.name, path, Result.COVERED)
    return task.process(policy)


def submit(
    database: Database,
    definition: Definition,
    path: str,
    fields: Fields,
    policy: RetryPolicy,
    uid: str | None = None,
) -> Outcome:
    """Create a task document and process it, in one commit; exactly once, because its path is new.

    If the document already exists with this content, it is processed unless that was done before.
    With another content it is left alone: it is another task, which its own event processes.

    Args:
        database: the database.
        definition: a definition in task mode that marks its documents.
        path: the task's document.
        fields: its content if it does not exist.
        policy: bounds of the retries.
        uid: id of the user who asks, if a verified token says so.

    Raises:
        RetriesExhausted: nothing was committed; call again.
    """
    task = _Task(database, definition, path, None, fields, uid, datetime.now(UTC))
    return task.process(policy)


@dataclass(frozen=True)
class _Task:
    database: Database
    definition: Definition
    path: str
    change: Change | None
    content: Fields | None = None
    uid: str | None = None
    asked_at: datetime | None = None

    def process(self, policy: RetryPolicy) -> Outcome:
        """Process it, exactly once; see `process`."""
        made = Outcome(self.definition.name, self.path, Result.UNCHANGED)
        for attempt in policy.attempts_of(Subject(self.definition.name, self.path)):
            with attempt:
                made = replace(self.attempt(), attempts=attempt.number)
        return made

    def is_over(self, document: Document) -> bool:
        """Whether nothing is left to do: gone, or marked. A replay processes a failed one again."""
        field = self.definition.done.field
        if document.fields is None:
            return True
        if field is None or field not in document.fields:
            return False
        is_by_hand = self.change is None and self.content is None
        return not is_by_hand or not self._has_failed(document)

    def _has_failed(self, document: Document) -> bool:
        """Whether the task is marked as failed: its dead letter waits for a fix."""
        mark: object = (document.fields or {}).get(self.definition.done.field or "")
        return isinstance(mark, dict) and cast("Fields", mark).get("state") == "failed"

    def _shown(self, documents: Mapping[str, Document]) -> dict[str, Document]:
        """The documents without the mark, which a strict model would refuse."""
        return {**documents, self.path: self._unmarked(documents[self.path])}

    def _unmarked(self, task: Document) -> Document:
        field = self.definition.done.field
        if task.fields is None or field not in task.fields:
            return task
        fields = {name: value for name, value in task.fields.items() if name != field}
        return replace(task, fields=fields)

    def attempt(self) -> Outcome:
        definition = self.definition
        letter_path = dead_letter_path(definition.name, self.path)
        with ExitStack() as stack:
            transaction = None
            if definition.isolation == "serializable":
                transaction = stack.enter_context(self.database.transaction())
                documents = transaction.get([self.path, letter_path])
                reader: Reader = LockedRead(transaction, self._shown(documents))
            else:
                documents, read_time = self.database.get([self.path, letter_path])
                reader = Snapshot(self.database, read_time, known=self._shown(documents))
            task, letter = documents[self.path], documents[letter_path]
            uid = self._user(task, letter)
            if self.content is not None:
                if task.exists and digest(self._unmarked(task).fields or {}) != digest(
                    self.content
                ):
                    return Outcome(definition.name, self.path, Result.COVERED)
                if not task.exists:
                    task = Document(self.path, self.content, None, self.asked_at)
            commit = (transaction or self.database).commit
            forget = [Write(letter_path, None, letter.update_time)] if letter.exists else []
            if self.is_over(task):
                if forget and not self._has_failed(task):
                    commit(forget)
                return Outcome(definition.name, self.path, Result.COVERED)
            if self._is_dead(task, letter):
                return Outcome(definition.name, self.path, Result.COVERED)
            try:
                decision = self._decide(task, reader, uid)
                if decision is None:
                    if forget:
                        commit(forget)
                    return Outcome(definition.name, self.path, Result.UNCHANGED)
                writes = [*decision.writes, self._mark(task, "done"), *forget]
                if transaction is not None:  # all that was read is locked
                    time = transaction.commit(writes)
                else:
                    time = commit_verified(self.database, writes, decision.read_set)
            except PermanentError as error:
                failure = error
            else:
                written = tuple(sorted(write.path for write in decision.writes))
                skipped = tuple(sorted(decision.read_set.skipped))
                return Outcome(
                    definition.name,
                    self.path,
                    Result.COMMITTED,
                    written=written,
                    skipped=skipped,
                    time=time,
                )
        return self._refuse(task, forget, failure) or self._fail(task, letter, failure, uid)

    def _decide(self, task: Document, reader: Reader, uid: str | None) -> Decision | None:
        """What the task writes, or None if it is not of the definition's class."""
        definition = self.definition
        if definition.decide is not None:
            with phase("build", definition.name):  # what it reads depends on what it finds
                return definition.decide(self._unmarked(task), reader, uid)
        with phase("read", definition.name):
            store = load(definition.store, self.path, reader, ReadSet())
        if store is None:
            return None
        with phase("build", definition.name):
            built = definition.build(store, Transition.CREATED) or {}
        check_targets(definition, built)
        if definition.owns and not definition.creates:
            check_there(definition, reader.get(sorted(built)) if built else {})
        writes = tuple(
            Write(path, content, "exists", mask=tuple(content))
            if definition.owns and not definition.creates
            else Write(path, content, mask=tuple(content) if definition.owns else None)
            for path, content in sorted(built.items())
        )
        return Decision(writes, ReadSet())  # it has read nothing but itself

    def _mark(self, task: Document, state: str, reason: str | None = None) -> Write:
        """The write that marks the task, on the precondition that it is unchanged."""
        field = self.definition.done.field
        if field is None:
            return Write(self.path, None, task.update_time)
        mark = {"state": state, "at": datetime.now(UTC)}
        if reason is not None:
            mark["reason"] = reason
        precondition = task.update_time or "absent"
        return Write(self.path, {**(task.fields or {}), field: mark}, precondition)

    def _user(self, task: Document, letter: Document) -> str | None:
        """The user whose call created the task: this call, or the one in the dead letter.

        An existing document may be from another user, so the caller's id is not used.
        """
        if not task.exists:
            return self.uid
        if not self._has_failed(task):  # a client cannot write the mark
            return None
        uid: object = (letter.fields or {}).get("uid")
        return uid if isinstance(uid, str) else None

    def _is_dead(self, task: Document, letter: Document) -> bool:
        """Whether this version of the task already has its dead letter."""
        if self.change is None or letter.fields is None:
            return False
        return letter.fields.get("version") == task.update_time

    def _refuse(self, task: Document, forget: list[Write], error: PermanentError) -> Outcome | None:
        """Mark the request as refused, with the reason; None if it needs a dead letter instead."""
        if not isinstance(error, Refused) or self.definition.done.field is None:
            return None
        reason = message_of(error)
        try:
            self.database.commit([self._mark(task, "failed", reason), *forget])
        except PermanentError:  # the document has no room for the mark
            return None
        return Outcome(self.definition.name, self.path, Result.REFUSED, error=reason)

    def _fail(
        self, task: Document, letter: Document, error: PermanentError, uid: str | None
    ) -> Outcome:
        """Write the dead letter; a task with a mark is marked as failed in the same commit.

        Only if the task is unchanged: a task that was processed or changed meanwhile needs no
        letter.
        """
        definition, now = self.definition, datetime.now(UTC)
        before = letter.fields or {}
        count = int(before.get("count", 0)) + 1
        since = before.get("failedSince", now)
        failure = Failure.of(error, since, count)
        fields = letter_fields(
            definition.name, self.path, self.change, failure, definition.fingerprint, now
        )
        fields["version"] = task.update_time
        if uid is not None:  # a replay has no token
            fields["uid"] = uid
        precondition = letter.update_time or "absent"
        letter_path = dead_letter_path(definition.name, self.path)
        dead = Outcome(definition.name, self.path, Result.DEAD_LETTER, error=failure.message)
        written = Write(letter_path, fields, precondition)
        if definition.done.field is not None:
            # The client may not see errors raised by code; it may see what is wrong with its
            # document.
            is_its_own = isinstance(error, InvalidDocument) and error.path == self.path
            reason = failure.message if is_its_own else "internal error"
            try:
                self.database.commit([written, self._mark(task, "failed", reason)])
            except PermanentError:  # the document has no room for the mark
                pass
            else:
                return dead
        with self.database.transaction() as transaction:
            if transaction.get([self.path])[self.path].update_time != task.update_time:
                raise Contention(f"{self.path} changed while it was processed")
            transaction.commit([written])
        return dead

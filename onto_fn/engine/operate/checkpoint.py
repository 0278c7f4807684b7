"""Checkpoints: how far a backfill has come, in `onto_backfills/{id}`, never readable by clients.

The backfill's document describes the backfill. Each part has its own document below it, written
after each page. So parts continue independently of each other, and a process that dies loses at
most one page per part.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.records.ledger import BACKFILL_COLLECTION
from onto_fn.firestore import Database, Query, Write


@dataclass(frozen=True)
class Counts:
    """Outcomes of the roots so far.

    Attributes:
        done: roots looked at.
        committed: those whose ledger record was written, with the documents that changed.
        failed: those that have a dead letter now.
        published: those that were left to the deployed functions.
    """

    done: int = 0
    committed: int = 0
    failed: int = 0
    published: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.done + other.done,
            self.committed + other.committed,
            self.failed + other.failed,
            self.published + other.published,
        )


@dataclass(frozen=True)
class Part:
    """A part of a backfill: some of the roots of one target.

    Attributes:
        target: name of the view, mediator or aggregate.
        after: document path that it has reached; None at its beginning.
        until: document path that it ends with; None at the end of the collection.
        fingerprint: if it is set, the part is about the ledger records with this one, and `after`
            and `until` are paths of records.
        is_done: whether its end is reached.
        counts: what became of its roots.
    """

    target: str
    after: str | None = None
    until: str | None = None
    fingerprint: str | None = None
    is_done: bool = False
    counts: Counts = field(default_factory=Counts)


class Checkpoint:
    """The documents of one backfill.

    Args:
        database: where they are.
        name: id of the backfill.
        about: description of the backfill as JSON values; a backfill with another description
            starts over.
        policy: bounds of the retries.
    """

    def __init__(self, database: Database, name: str, about: Any, policy: RetryPolicy) -> None:
        self._database = database
        self._policy = policy
        text = json.dumps(about, sort_keys=True)
        self._plan = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        self.path = f"{BACKFILL_COLLECTION}/{name}"
        self._subject = Subject(root=self.path, step="backfill")

    def load(self) -> list[Part] | None:
        """The parts of a backfill that was interrupted; None if there is none about the same."""
        fields = None
        for attempt in self._policy.attempts_of(self._subject):
            with attempt:
                fields = self._database.get([self.path])[0][self.path].fields
        if fields is None or fields.get("plan") != self._plan or fields.get("state") != "running":
            return None
        parts: dict[int, Part] = {}
        for page in self._database.pages(Query(f"{self.path}/parts")):
            for document in page:
                found = dict(document.fields or {})
                counts = Counts(**found.pop("counts"))
                parts[int(document.path.rpartition("/")[2])] = Part(**found, counts=counts)
        if len(parts) != fields["parts"]:
            return None
        return [parts[number] for number in sorted(parts)]

    def begin(self, parts: list[Part]) -> None:
        """Save the parts of a new backfill, replacing an earlier one with that id."""
        self._forget_parts()
        writes = [Write(self._part_path(n), asdict(part)) for n, part in enumerate(parts)]
        for start in range(0, len(writes), 400):
            self._commit(writes[start : start + 400])
        fields = {"plan": self._plan, "state": "running", "parts": len(parts)}
        self._commit([Write(self.path, {**fields, "startedAt": datetime.now(UTC)})])

    def save(self, number: int, part: Part) -> None:
        """Save the progress of a part."""
        self._commit([Write(self._part_path(number), asdict(part))])

    def end(self, counts: Counts) -> None:
        """Save that the backfill is complete."""
        fields = {"plan": self._plan, "state": "done", **asdict(counts)}
        self._commit([Write(self.path, {**fields, "finishedAt": datetime.now(UTC)})])
        self._forget_parts()

    def _forget_parts(self) -> None:
        query = Query(f"{self.path}/parts", keys_only=True)
        for page in self._database.pages(query):
            self._commit([Write(document.path, None) for document in page])

    def _part_path(self, number: int) -> str:
        return f"{self.path}/parts/{number}"

    def _commit(self, writes: Sequence[Write]) -> None:
        for attempt in self._policy.attempts_of(self._subject):
            with attempt:
                self._database.commit(writes)

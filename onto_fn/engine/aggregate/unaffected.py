"""Events that change nothing that an aggregate counts: done after one look, without a commit.

An event is unaffected if its document contributes the same before and after the change, in each
generation that the register has, and if the record has exactly this contribution, counted by the
current code. Then nothing is read but the register and the record, and nothing is written. The
record goes on to name the earlier version.

Why nothing is missed: each change of the contribution has an event of its own, which is affected.
It is done only once the record has the contribution of the version that it made, or of a later one;
and a commit that has read an older version fails on the record's precondition. The versions after
it contribute the same, so whoever skips them leaves the record right. A generation that is not in
the register yet begins after the change, and its backfill reads the document as it is then. A first
count locks the document by its version: if that is skipped meanwhile, it counts again.
"""

from __future__ import annotations

from onto_fn.aggregates.generations import Register
from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.engine.aggregate.contribution import (
    Found,
    Parts,
    are_same,
    has_counted,
    parts_of,
)
from onto_fn.events.change import Change
from onto_fn.firestore import Database, Document
from onto_fn.models.field_values import value_at


class Unaffected:
    """Finds the events that an aggregate need not count.

    Thread-safe.

    Args:
        aggregate: the aggregate.
    """

    def __init__(self, aggregate: AggregateSpec) -> None:
        self._aggregate = aggregate
        self._register = Register.first(aggregate)
        self._fields = {name for name, _ in aggregate.shape.keyed}
        for measure in aggregate.measures.values():
            self._fields |= {name for name in (measure.field, measure.by) if name is not None}

    def is_done(self, database: Database, change: Change) -> bool:
        """Whether an event changes nothing that is counted, and what is counted is right.

        If it cannot be told, because something fails, it is not: the count that follows has the
        retries, and raises the error.
        """
        before, after = change.before, change.after
        if not change.has_content or before is None or after is None:
            return False
        if not (before.exists and after.exists) or self._differ(before, after):
            return False
        try:
            # By the register as it was last seen: what is affected shall not wait for a look.
            register = self._register
            parts = self._unchanged(register, before, after)
            return parts is not None and self._is_counted(database, before, after, register, parts)
        except Exception:  # of the database, the register's content, or code of the model
            return False

    def _is_counted(
        self, database: Database, before: Document, after: Document, seen: Register, parts: Parts
    ) -> bool:
        """Whether that holds by the register as it is now, and the record has these parts."""
        aggregate, path = self._aggregate, after.path
        record_path = aggregate.contribution_path(path)
        documents, _ = database.get([aggregate.register_path, record_path])
        register = Register.read(aggregate, documents[aggregate.register_path])
        if register is None:
            return False
        self._register = register
        now = parts
        if register.generations != seen.generations:
            now = self._unchanged(register, before, after)
        return now is not None and has_counted(Found(aggregate, register, documents), path, now)

    def _differ(self, before: Document, after: Document) -> bool:
        """Whether a stored field differs that is measured or filtered by."""
        return any(
            value_at(before.fields, name) != value_at(after.fields, name) for name in self._fields
        )

    def _unchanged(self, register: Register, before: Document, after: Document) -> Parts | None:
        """What a document adds in each generation, if that is the same before and after."""
        old = parts_of(self._aggregate, register, before)
        new = parts_of(self._aggregate, register, after)
        if old.error is not None or new.error is not None:
            return None
        return new if are_same(old.by_number, new.by_number) else None

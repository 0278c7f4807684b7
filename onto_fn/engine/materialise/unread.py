"""Whether a change concerns a materialisation: whether its build has read what has changed.

A record lists which fields its build has read, by the class of the documents. A change that leaves
all of them as they were needs no build. It is not covered either: the record keeps the version that
it has read. `plan.gained` says why no such change is missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import covers
from onto_fn.engine.records.ledger import Reads, is_shard
from onto_fn.errors import InvalidDocument
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Document
from onto_fn.firestore.canonical import canonical
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.queries import field_value
from onto_fn.models import DomainModel
from onto_fn.models.identical import are_identical
from onto_fn.models.tracked import ALL
from onto_fn.views import Definition

_Names = tuple[str, frozenset[str]]  # of a class, and of its attributes


class Changed:
    """What an event has changed, as each definition sees it.

    It is computed once for each class and for each set of fields, however many roots there are.

    Args:
        change: the event.
    """

    def __init__(self, change: Change) -> None:
        self._path = change.path
        before, after = change.before, change.after
        self._before: Fields | None = None
        self._after: Fields | None = None
        if change.has_content and before and after and not is_shard(change.path):
            self._before, self._after = before.fields, after.fields
        self._names: dict[type[DomainModel], _Names | None] = {}
        self._decided: dict[tuple[str, Reads], bool] = {}

    def is_unread(self, item: Affected) -> bool:
        """Whether a materialisation stays as it is, because its build has read nothing changed.

        False if that is not certain: the document came, went, was invalid or became so; its content
        is not known; the record is of other code, or its last build failed; or the definition owns
        fields of the document.
        """
        record, definition = item.record, item.definition
        before, after = self._before, self._after
        if before is None or after is None or record is None or record.reads is None:
            return False
        if record.failure is not None or record.fingerprint != definition.fingerprint:
            return False
        if record.sources.get(self._path, record.read_time) is None:  # it was missing
            return False
        if (definition.owns or record.owns) and (
            self._path in record.documents
            or any(target.match(self._path) is not None for target in definition.targets)
        ):
            return False
        key = (definition.name, record.reads)
        if key not in self._decided:
            self._decided[key] = self._leaves(definition, dict(record.reads), before, after)
        return self._decided[key]

    def _leaves(
        self,
        definition: Definition,
        reads: Mapping[str, tuple[str, ...]],
        before: Fields,
        after: Fields,
    ) -> bool:
        """Whether it changes nothing that a definition's queries and builds look at."""
        for read in definition.store.reads().values():
            if not read.collection.holds(self._path):
                continue
            if any(_differs_at(path, before, after) for path in read.selects_on()):
                return False
            if read.model not in self._names:
                self._names[read.model] = self._changed(read.model, before, after)
            found = self._names[read.model]
            if found is None:
                return False
            name, names = found
            seen = reads.get(name, ())
            if ALL in seen or not names.isdisjoint(seen):
                return False
        return True

    def _changed(self, model: type[DomainModel], before: Fields, after: Fields) -> _Names | None:
        """The attributes of a class's object that differ; None for all, and for more than those."""
        if before.get("obj_type") != after.get("obj_type"):
            return None
        if after.get("obj_type") is not None and not model.accepts(after):
            return model.__name__, frozenset()  # as little one of this class as before
        # Of what is stored alike, both get the same values: a payload has the keys of a map in any
        # order, which says nothing.
        alike = {name: after[name] for name in before if _is_alike(name, before, after)}
        try:
            old = model.from_document(Document(self._path, {**before, **alike}, None))
            new = model.from_document(Document(self._path, after, None))
        except InvalidDocument:
            return None
        if type(old) is not type(new):
            return None
        return type(new).__name__, _differing(old, new)


class Unaffected:
    """The materialisations that a change leaves as they are; they are counted, not kept.

    Args:
        change: the event.
    """

    def __init__(self, change: Change) -> None:
        self._change = change
        self._changed = Changed(change)
        self._count: Counter[str] = Counter()
        self._last: dict[str, str] = {}

    def others(self, found: Iterable[Affected]) -> Iterator[Affected]:
        """Those that the change may concern, as they are found."""
        for item in found:
            if not covers(item.record, self._change) and self._changed.is_unread(item):
                self._count[item.definition.name] += 1
                self._last[item.definition.name] = item.root
            else:
                yield item

    def outcomes(self) -> list[Outcome]:
        """One for each definition that has any."""
        return [
            Outcome(name, self._last[name] if number == 1 else f"{number} roots", Result.UNAFFECTED)
            for name, number in self._count.items()
        ]


def _differing(old: DomainModel, new: DomainModel) -> frozenset[str]:
    before: dict[str, Any] = {**vars(old), **(old.model_extra or {})}
    after: dict[str, Any] = {**vars(new), **(new.model_extra or {})}
    return frozenset(
        name
        for name in before.keys() | after.keys()
        if name not in before or name not in after or not are_identical(before[name], after[name])
    )


def _is_alike(name: str, before: Fields, after: Fields) -> bool:
    return name in after and _is_stored_alike(before[name], after[name])


def _differs_at(path: str, before: Fields, after: Fields) -> bool:
    was_there, old = field_value(before, path)
    is_there, new = field_value(after, path)
    return was_there != is_there or not _is_stored_alike(old, new)


def _is_stored_alike(one: Any, other: Any) -> bool:
    kind: Any = one.__class__
    if kind is type(other) and kind in (str, bool, int, type(None)):
        return one == other
    return canonical(one, exact=True) == canonical(other, exact=True)

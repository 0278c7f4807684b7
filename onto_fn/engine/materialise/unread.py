"""Whether a change concerns a materialisation: whether its build has read what has changed.

A record lists which fields its build has read, by the class of the documents. A change that leaves
all of them as they were needs no build. It is not covered either: the record keeps the version that
it has read. `plan.gained` says why no such change is missed.

An event of a shared document finds very many records, and most of them are alike. So a record in
its usual form is only glanced at: what it says of the document, and which fields it lists. Whether
these have changed is decided once for each list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any

from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import covers
from onto_fn.engine.records.ledger import Reads, is_shard, reads_of
from onto_fn.errors import InvalidDocument
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Document
from onto_fn.firestore.canonical import canonical
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.queries import field_value
from onto_fn.firestore.rpc import Stored, text_of
from onto_fn.firestore.values import instant
from onto_fn.models import DomainModel
from onto_fn.models.identical import are_identical
from onto_fn.models.tracked import ALL
from onto_fn.views import Definition

_TIME = "timestamp_value"
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
        self._version = None if after is None else after.update_time
        self._names: dict[type[DomainModel], _Names | None] = {}
        self._decided: dict[tuple[str, Hashable], bool] = {}

    def compare(self, models: Iterable[type[DomainModel]]) -> None:
        """Find out what has changed for these classes, before it is asked for."""
        if self._before is not None and self._after is not None:
            for model in models:
                self._names_of(model, self._before, self._after)

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
        reads = record.reads
        return self._decide(definition, reads, lambda: reads, before, after)

    def is_plainly_unread(self, definition: Definition, record: Stored) -> bool:
        """The same of a ledger record that is not decoded.

        False also if the record covers the event, or if that takes more than a glance.
        """
        before, after = self._before, self._after
        if before is None or after is None or definition.owns or record.raw("owns") is not None:
            return False
        failure, reads = record.raw("failure"), record.raw("reads")
        if failure is None or not failure.HasField("null_value") or reads is None:
            return False
        if text_of(record.raw("fingerprint")) != definition.fingerprint:
            return False
        if not self._is_new_to(record):
            return False
        listed = reads.SerializeToString()
        return self._decide(definition, listed, lambda: reads_of(record), before, after)

    def _is_new_to(self, record: Stored) -> bool:
        """Whether a record lists the document in an earlier version, or not at all."""
        for name in ("sources", "matched"):
            pairs = record.raw(name)
            if pairs is None:
                return False
            for item in pairs.array_value.values:
                pair = item.map_value.fields
                if text_of(pair.get("path")) == self._path:
                    time = pair.get("time")
                    if time is None or self._version is None or not time.HasField(_TIME):
                        return False
                    seen = time.timestamp_value
                    return instant(seen.seconds, seen.nanos) < self._version
        return True

    def _decide(
        self,
        definition: Definition,
        form: Hashable,
        reads: Callable[[], Reads | None],
        before: Fields,
        after: Fields,
    ) -> bool:
        key = (definition.name, form)
        found = self._decided.get(key)
        if found is None:
            listed = reads()
            found = listed is not None and self._leaves(definition, dict(listed), before, after)
            self._decided[key] = found
        return found

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
            found = self._names_of(read.model, before, after)
            if found is None:
                return False
            name, names = found
            seen = reads.get(name, ())
            if ALL in seen or not names.isdisjoint(seen):
                return False
        return True

    def _names_of(self, model: type[DomainModel], before: Fields, after: Fields) -> _Names | None:
        if model not in self._names:
            self._names[model] = self._changed(model, before, after)
        return self._names[model]

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
        definitions: those of the app, by name.
    """

    def __init__(self, change: Change, definitions: Mapping[str, Definition]) -> None:
        self._change = change
        self._definitions = definitions
        self._changed = Changed(change)
        self._count: Counter[str] = Counter()
        self._last: dict[str, str] = {}

    def compare(self, models: Iterable[type[DomainModel]]) -> None:
        """Compare the versions as objects of these classes, while the look-up is under way."""
        self._changed.compare(models)

    def takes(self, document: Document) -> bool:
        """Whether a ledger record is plainly of one of them; it is counted then."""
        record = document.fields
        if not isinstance(record, Stored):
            return False
        name, root = text_of(record.raw("definition")), text_of(record.raw("root"))
        definition = self._definitions.get(name)
        if definition is None or not root:
            return False
        if not self._changed.is_plainly_unread(definition, record):
            return False
        self._note(name, root)
        return True

    def others(self, found: Iterable[Affected]) -> Iterator[Affected]:
        """Those that the change may concern, as they are found."""
        for item in found:
            if not covers(item.record, self._change) and self._changed.is_unread(item):
                self._note(item.definition.name, item.root)
            else:
                yield item

    def _note(self, name: str, root: str) -> None:
        self._count[name] += 1
        self._last[name] = root

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

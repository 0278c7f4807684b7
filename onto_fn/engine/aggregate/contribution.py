"""The contribution record of each counted document, and the writes that change it.

An event counts for each generation in the register, as the register defines it. So two deployments
that run at the same time count alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from onto_fn.aggregates.generations import Register
from onto_fn.aggregates.measures import Amounts, decoded, encoded
from onto_fn.aggregates.spec import (
    AGGREGATES,
    CHANGES,
    CONTRIBUTIONS,
    NOTHING,
    AggregateSpec,
    Contribution,
)
from onto_fn.engine.records.dead_letter import letter_fields
from onto_fn.engine.records.ledger import Failure, dead_letter_path
from onto_fn.errors import PermanentError
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Document, Filter, Query, Write
from onto_fn.firestore.canonical import canonical
from onto_fn.firestore.documents import Value

_FORMERLY = "definition"
"""Name of the field `fingerprint` in records of earlier versions of onto_fn."""
_EARLIER = -1
"""Number of the generation that an earlier version of onto_fn counted, by an unknown definition."""


@dataclass(frozen=True)
class Parts:
    """What one version of a source document adds, for each generation by number.

    Attributes:
        by_number: the contributions.
        error: why the document cannot be counted in some generation; there it contributes nothing.
    """

    by_number: Mapping[int, Contribution] = field(default_factory=dict[int, Contribution])
    error: PermanentError | None = None


@dataclass(frozen=True)
class Found:
    """All that must be read to count some source documents, from one snapshot.

    Attributes:
        aggregate: the aggregate that counts them.
        register: its generations.
        documents: the sources, their records and dead letters, by path.
    """

    aggregate: AggregateSpec
    register: Register
    documents: Mapping[str, Document]

    def source(self, path: str) -> Document:
        """The source document."""
        return self.documents[path]

    def record(self, path: str) -> Document:
        """Its contribution record."""
        return self.documents[self.aggregate.contribution_path(path)]

    def letter(self, path: str) -> Document:
        """Its dead letter."""
        return self.documents[dead_letter_path(self.aggregate.name, path)]


def is_counted(found: Found, path: str, *, by_code: bool) -> bool:
    """Whether a source is counted as it is, in each generation.

    Args:
        found: what was read of it.
        path: the source.
        by_code: also check that the current code counted it. An event does not: if it is delivered
            again to an older deployment, that must not count by its older code.
    """
    source, fields = found.source(path), found.record(path).fields
    if fields is None:
        return not source.exists
    if fields.get("version") != source.update_time:
        return False
    if _numbers(found.register, fields) != found.register.numbers:
        return False
    return not by_code or fingerprint_in(fields) == stamp(found)


def has_counted(found: Found, path: str, parts: Parts) -> bool:
    """Whether the record has exactly these parts, counted by the current code.

    They may be those of a later version than the record names: an event that changes nothing that
    is counted leaves the record as it is.
    """
    fields = found.record(path).fields
    if fields is None or parts.error is not None or fingerprint_in(fields) != stamp(found):
        return False
    return are_same(recorded(found, path), parts.by_number)


def are_same(some: Mapping[int, Contribution], others: Mapping[int, Contribution]) -> bool:
    """Whether contributions are the same as they are stored: 1 is another value than 1.0."""
    return some == others and all(
        canonical(dict(part.extremes), exact=True)
        == canonical(dict(others[number].extremes), exact=True)
        for number, part in some.items()
        if part.extremes  # an equal amount adds the same, however it is stored
    )


def fingerprint_in(fields: Mapping[str, Any]) -> str | None:
    """The fingerprint of the definition that counted a document, from the document's record."""
    return fields.get("fingerprint", fields.get(_FORMERLY))


def stamp(found: Found) -> str:
    """What a record stores about the code that counted: a different text for another app."""
    aggregate = found.aggregate
    is_known = found.register.find(aggregate) is not None
    return aggregate.fingerprint if is_known else found.register.newest.identity


def parts_of(aggregate: AggregateSpec, register: Register, source: Document) -> Parts:
    """What a source document adds as it is, in each generation."""
    parts: dict[int, Contribution] = dict.fromkeys(register.numbers, NOTHING)
    if not aggregate.accepts(source):
        return Parts(parts)
    error: PermanentError | None = None
    try:
        instance = aggregate.model.from_document(source)
    except PermanentError as refused:
        return Parts(parts, refused)
    for generation in register.generations:
        try:
            parts[generation.number] = generation.contribution(source, instance)
        except PermanentError as refused:
            error = error or refused
    return Parts(parts, error)


def written(
    found: Found, path: str, change: Change | None, parts: Parts
) -> tuple[list[Write], Outcome]:
    """The writes that count and record these parts, and the outcome."""
    name = found.aggregate.name
    writes = writes_of(found, path, parts)
    letter = found.letter(path)
    if parts.error is None:
        if letter.exists:
            writes.append(Write(letter.path, None))
        shards = tuple(write.path for write in writes if write.increments is not None)
        return writes, Outcome(name, path, Result.COMMITTED, written=shards)
    failure = Failure.of(parts.error, datetime.now(UTC))
    fields = letter_fields(name, path, change, failure, found.aggregate.fingerprint, failure.since)
    writes.append(Write(letter.path, fields))
    return writes, Outcome(name, path, Result.DEAD_LETTER, error=failure.message)


def is_behind(source: Document, recorded: datetime | None, change: Change | None) -> bool:
    """Whether a source is older than a version that its event or record proves to exist (G2)."""
    seen = source.update_time
    if seen is None:
        return False
    if recorded is not None and seen < recorded:
        return True
    return change is not None and change.after_time is not None and seen < change.after_time


def records_of(name: str) -> Query:
    """The query for the contribution records of an aggregate."""
    return Query(CONTRIBUTIONS, (Filter("aggregate", "==", name),))


def counted_by(name: str, fingerprint: str) -> list[Query]:
    """The queries that together find the documents counted by one version of the code."""
    own = Filter("aggregate", "==", name)
    return [
        Query(CONTRIBUTIONS, (own, Filter(field, "==", fingerprint)))
        for field in ("fingerprint", _FORMERLY)
    ]


def is_of(register: Register, record: Document) -> bool:
    """Whether a record has exactly the generations that are being counted."""
    return record.fields is None or _numbers(register, record.fields) == register.numbers


def recorded(found: Found, path: str) -> dict[int, Contribution]:
    """What a source contributes at present, by generation."""
    fields = found.record(path).fields
    return {} if fields is None else _recorded(found.register, fields)


def _recorded(register: Register, fields: Mapping[str, Any]) -> dict[int, Contribution]:
    parts = {_number_of(register, fields): _contribution(fields)}
    for other in cast("list[dict[str, Any]]", fields.get("others", [])):
        parts[other["generation"]] = _contribution(other)
    return parts


def _numbers(register: Register, fields: Mapping[str, Any]) -> frozenset[int]:
    """The generations that a record contains."""
    others = cast("list[dict[str, Any]]", fields.get("others", []))
    numbers = [_number_of(register, fields), *(other["generation"] for other in others)]
    return frozenset(numbers)


def _number_of(register: Register, fields: Mapping[str, Any]) -> int:
    """The generation of what a record itself has."""
    number = fields.get("generation")
    if number is not None:
        return number
    # Written before there were generations, by the definition of the first one or an earlier one.
    first = next((g for g in register.generations if g.number == 0), None)
    is_first = first is not None and (fingerprint_in(fields) or "") in {"", first.identity}
    return 0 if is_first else _EARLIER


def _contribution(fields: Mapping[str, Any]) -> Contribution:
    return Contribution(
        frozenset(fields["groups"]), decoded(fields["amounts"]), fields["extremes"], fields["shard"]
    )


def contribution_fields(part: Contribution) -> dict[str, Value]:
    """A contribution as a record has it."""
    return {
        "groups": sorted(part.groups),
        "shard": part.shard,
        "amounts": encoded(part.amounts),
        "extremes": dict(part.extremes),
    }


def writes_of(found: Found, path: str, parts: Parts) -> list[Write]:
    """The writes that count and record the parts of a source."""
    before = recorded(found, path)
    writes: list[Write] = []
    for number in sorted({*before, *found.register.numbers}):
        if number not in found.register.numbers and not (
            number == _EARLIER and 0 in found.register.numbers
        ):
            continue  # its shards are deleted as a whole
        new = parts.by_number.get(number, NOTHING)
        writes += _increments(before.get(number, NOTHING), new)
    return [*writes, *_record_writes(found, path, parts, before)]


def _increments(old: Contribution, new: Contribution) -> list[Write]:
    """What to add to which shard.

    A shard is also written if only an extreme changes, because its change rebuilds the views.
    """
    writes: list[Write] = []
    for group in sorted(old.groups | new.groups):
        before = old.amounts if group in old.groups else {}
        after = new.amounts if group in new.groups else {}
        delta: Amounts = {
            names: difference
            for names in sorted({*before, *after})
            if (difference := after.get(names, 0) - before.get(names, 0))
        }
        moved = (old.extremes if group in old.groups else {}) != (
            new.extremes if group in new.groups else {}
        )
        if delta or moved:
            delta[(CHANGES,)] = 1
            shard = new.shard if group in new.groups else old.shard
            path = f"{AGGREGATES}/{group}/shards/{shard}"
            writes.append(Write(path, None, increments=delta))
    return writes


def _record_writes(
    found: Found, path: str, parts: Parts, before: Mapping[int, Contribution]
) -> list[Write]:
    """The record, and one more document for each generation other than the newest."""
    aggregate, source, record = found.aggregate, found.source(path), found.record(path)
    precondition = record.update_time or "absent"
    newest = found.register.newest.number
    older = [] if not source.exists else sorted(found.register.numbers - {newest})
    others: list[dict[str, Value]] = []
    on_top = (record.fields or {}).get("generation", 0)
    beside: dict[str, dict[str, Value] | None] = {
        aggregate.beside_path(path, number): None
        for number in before
        if number not in {on_top, _EARLIER}
    }
    for number in older:
        fields = contribution_fields(parts.by_number.get(number, NOTHING))
        others.append({"generation": number, **fields})
        beside[aggregate.beside_path(path, number)] = {"beside": aggregate.name, **fields}
    writes = [Write(other, fields) for other, fields in beside.items()]
    if not source.exists:
        return [*writes, Write(record.path, None, precondition)]
    fields = {
        "aggregate": aggregate.name,
        "fingerprint": stamp(found),
        "source": source.path,
        "version": source.update_time,
        "generation": newest,
        **contribution_fields(parts.by_number.get(newest, NOTHING)),
        **({"others": others} if others else {}),
    }
    return [*writes, Write(record.path, fields, precondition)]

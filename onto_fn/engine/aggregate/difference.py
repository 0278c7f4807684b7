"""Verification of aggregates: how each source is counted, and whether the sums are right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from onto_fn.aggregates.measures import Amounts, decoded
from onto_fn.aggregates.spec import AGGREGATES, CHANGES, CONTRIBUTIONS, AggregateSpec
from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.aggregate.contribution import (
    Found,
    fingerprint_in,
    is_of,
    parts_of,
    recorded,
    stamp,
)
from onto_fn.engine.aggregate.count import look
from onto_fn.engine.materialise.difference import Difference, Kind, Look
from onto_fn.firestore import Database, Filter, Query, Write


def sources_that_differ(
    database: Database, aggregate: AggregateSpec, sources: Sequence[str]
) -> list[Look]:
    """Sources that are counted wrongly, each with its version and what is wrong.

    Raises:
        TransientError: they could not be read.
    """
    found = look(database, aggregate, sources)
    looks: list[Look] = []
    for source in sources:
        difference = _difference(found, source)
        if difference is not None:
            looks.append(Look(source, found.source(source).update_time, (difference,)))
    return looks


def _difference(found: Found, path: str) -> Difference | None:
    aggregate, source, record = found.aggregate, found.source(path), found.record(path)

    def difference(kind: Kind, detail: str, fields: tuple[str, ...] = ()) -> Difference:
        return Difference(aggregate.name, record.path, kind, detail, path, fields)

    if not source.exists:
        return difference(Kind.LEFTOVER, "its source does not exist") if record.exists else None
    if record.fields is None:
        return difference(Kind.MISSING, "it was never counted")
    if found.register.find(aggregate) is None:
        detail = f"counted by an earlier definition; run `onto backfill {aggregate.name}`"
        return difference(Kind.STALE, detail)
    if not is_of(found.register, record) or fingerprint_in(record.fields) != stamp(found):
        return difference(Kind.STALE, "counted by another version of the definition or its model")
    parts = parts_of(aggregate, found.register, source)
    if parts.error is not None and not found.letter(path).exists:
        return difference(Kind.NO_LETTER, str(parts.error))
    counted = recorded(found, path)
    wrong = sorted(
        {
            name
            for number, part in parts.by_number.items()
            for name in ("groups", "amounts", "extremes")
            if getattr(counted[number], name) != getattr(part, name)
        }
    )
    if not wrong:  # perhaps of an earlier version that contributes the same
        return None
    if record.fields.get("version") != source.update_time:
        return difference(Kind.WRONG, "another version of the source is counted", tuple(wrong))
    return difference(Kind.WRONG, ", ".join(wrong), tuple(wrong))


def check_sums(
    database: Database, aggregate: AggregateSpec, policy: RetryPolicy, *, repair: bool
) -> Iterator[Difference]:
    """The groups whose shards differ from the sum of the contribution records.

    Shards and records are committed together, so one look at one snapshot is enough.

    Args:
        database: the database.
        aggregate: the aggregate.
        policy: bounds of the retries.
        repair: whether to add what is missing to the first shard.

    Raises:
        RetriesExhausted: a group could not be read or repaired.
    """
    register = look(database, aggregate, ()).register
    shards: dict[int | None, int] = {g.number: g.shards for g in register.generations}
    for path in database.paths(AGGREGATES):
        group = path.rpartition("/")[2]
        if aggregate.number_of(path) not in shards:
            continue
        count = shards[aggregate.number_of(path)]
        missing: Amounts = {}
        for attempt in policy.attempts_of(Subject(aggregate.name, path, "verify")):
            with attempt:
                missing = _repaired(database, group, count, repair=repair)
        if missing:
            names = tuple(sorted(".".join(names) for names in missing))
            detail = ", ".join(
                f"{'.'.join(names)} lacks {amount}" for names, amount in sorted(missing.items())
            )
            yield Difference(aggregate.name, path, Kind.SUM, detail, fields=names)


def _repaired(database: Database, group: str, shard_count: int, *, repair: bool) -> Amounts:
    """What is missing in the shards of a group; it is added if `repair` is set."""
    expected: Counter[tuple[str, ...]] = Counter()
    query = Query(CONTRIBUTIONS, (Filter("groups", "array_contains", group),))
    paths = [f"{AGGREGATES}/{group}/shards/{number}" for number in range(shard_count)]
    shards, read_time = database.get(paths)
    for page in database.pages(query, read_time=read_time):
        for document in page:
            for names, amount in decoded((document.fields or {})["amounts"]).items():
                expected[names] += cast(int, amount)
    actual: Counter[tuple[str, ...]] = Counter()
    for shard in shards.values():
        for names, amount in _leaves(shard.fields or {}):
            actual[names] += amount
    missing: Amounts = {
        names: expected[names] - actual[names]
        for names in {*expected, *actual}
        if not math.isclose(expected[names], actual[names], rel_tol=1e-9, abs_tol=1e-9)
    }
    if missing and repair:
        first = shards[paths[0]]
        increments: Amounts = {**missing, (CHANGES,): 1}
        database.commit(
            [Write(first.path, None, first.update_time or "absent", increments=increments)]
        )
    return missing


def _leaves(
    fields: Mapping[str, Any], names: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _leaves(cast("Mapping[str, Any]", value), (*names, name))
        elif (*names, name) != (CHANGES,):
            yield (*names, name), value

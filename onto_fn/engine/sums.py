"""Verification of aggregates: what each source is counted as, and whether the sums add up."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from onto_fn.engine.aggregation import contribution_of, is_counted
from onto_fn.engine.differences import Difference, Kind
from onto_fn.engine.ledger import dead_letter_path
from onto_fn.engine.retries import RetryPolicy
from onto_fn.errors import PermanentError
from onto_fn.firestore import Database, Document, Filter, Query, Write
from onto_fn.store import AggregateSpec
from onto_fn.store.aggregates import AGGREGATES, CHANGES, CONTRIBUTIONS, Amounts, decoded, encoded

Look = tuple[str, "datetime | None", tuple[Difference, ...]]


def sources_that_differ(
    database: Database, aggregate: AggregateSpec, sources: Sequence[str]
) -> list[Look]:
    """Sources that are not counted as they are, each with its version and what is wrong.

    Raises:
        TransientError: they could not be read.
    """
    records = {source: aggregate.contribution_path(source) for source in sources}
    letters = {source: dead_letter_path(aggregate.name, source) for source in sources}
    documents, _ = database.get([*sources, *records.values(), *letters.values()])
    looks: list[Look] = []
    for source in sources:
        document, record = documents[source], documents[records[source]]
        found = _difference(aggregate, document, record, documents[letters[source]])
        if found is not None:
            looks.append((source, document.update_time, (found,)))
    return looks


def _difference(
    aggregate: AggregateSpec, source: Document, record: Document, letter: Document
) -> Difference | None:
    def difference(kind: Kind, detail: str, fields: tuple[str, ...] = ()) -> Difference:
        return Difference(aggregate.name, record.path, kind, detail, source.path, fields)

    if not source.exists:
        return difference(Kind.LEFTOVER, "its source does not exist") if record.exists else None
    if record.fields is None:
        return difference(Kind.MISSING, "it was never counted")
    if not is_counted(aggregate, source, record):
        if record.fields.get("definition", "") != aggregate.fingerprint:
            return difference(Kind.STALE, "counted by another version")
        return difference(Kind.WRONG, "another version of the source is counted")
    try:
        expected = contribution_of(aggregate, source)
    except PermanentError as error:
        return None if letter.exists else difference(Kind.NO_LETTER, str(error))
    made = {
        "groups": sorted(expected.groups),
        "amounts": encoded(expected.amounts),
        "extremes": dict(expected.extremes),
    }
    wrong = tuple(name for name, value in made.items() if record.fields.get(name) != value)
    return difference(Kind.WRONG, ", ".join(wrong), wrong) if wrong else None


def check_sums(
    database: Database, aggregate: AggregateSpec, policy: RetryPolicy, *, repair: bool
) -> Iterator[Difference]:
    """The groups whose shards are not the sum of what is recorded as counted.

    Both are committed together, so that a look at one instant needs no second.

    Args:
        database: the database.
        aggregate: the aggregate.
        policy: bounds of the retries.
        repair: whether to add what is missing to the first shard.

    Raises:
        RetriesExhausted: a group could not be read or repaired.
    """
    for path in database.paths(AGGREGATES):
        group = path.rpartition("/")[2]
        if not group.startswith(f"{aggregate.name}~"):
            continue
        missing = policy.run(path, lambda _, g=group: _mend(database, aggregate, g, repair=repair))
        if missing:
            names = tuple(sorted(".".join(names) for names in missing))
            detail = ", ".join(
                f"{'.'.join(names)} lacks {amount}" for names, amount in sorted(missing.items())
            )
            yield Difference(aggregate.name, path, Kind.SUM, detail, fields=names)


def _mend(database: Database, aggregate: AggregateSpec, group: str, *, repair: bool) -> Amounts:
    """What the shards of a group lack, which is added if it is to be repaired."""
    expected: Counter[tuple[str, ...]] = Counter()
    query = Query(CONTRIBUTIONS, (Filter("groups", "array_contains", group),))
    paths = aggregate.shard_paths(group)
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

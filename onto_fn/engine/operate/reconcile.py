"""Reconciling: rebuild roots whose changes were missed by a process that may lose events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from onto_fn.aggregates.spec import CONTRIBUTIONS
from onto_fn.attempts import Collector, RetryPolicy, Subject
from onto_fn.engine.materialise.lookup import Affected, Materialised, belongs_to, read_all
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.engine.targets.target import Target, do_all
from onto_fn.events.outcome import Outcome, Result, combined
from onto_fn.firestore import Database, Document, Query


def reconcile(
    database: Database,
    targets: Mapping[str, Target],
    materialised: Materialised,
    policy: RetryPolicy,
) -> int:
    """Rebuild every root with a source that differs from its record; see `Engine.reconcile`.

    Raises:
        RetriesExhausted: at least one could not be committed; all others were.
    """
    collector: Collector[Outcome] = Collector()
    rebuilt = 0
    seen: set[tuple[str, str]] = set()
    for page in database.pages(Query(LEDGER_COLLECTION)):
        for document in page:
            item = belongs_to(document, materialised, datetime.now(UTC))
            if item is not None and (item.definition.name, item.root) not in seen:
                with collector:
                    if _has_changed(database, item, policy):
                        target = targets[item.definition.name]
                        rebuilt += _rebuilt(database, target, item.root, policy)
                        seen.add((target.name, item.root))  # with all its shards
    for page in database.pages(Query(CONTRIBUTIONS)):
        with collector:
            _count_again(database, targets, page, policy, collector)
    counted = sum(outcome.result is Result.COMMITTED for outcome in collector.outcomes())
    return rebuilt + counted


def _rebuilt(database: Database, target: Target, root: str, policy: RetryPolicy) -> bool:
    """Rebuild a root with all its shards; whether anything was committed."""
    its_own: Collector[Outcome] = Collector()
    do_all(database, target, target.items([root]), None, policy, its_own)
    return combined(its_own.outcomes()).result is Result.COMMITTED


def _has_changed(database: Database, item: Affected, policy: RetryPolicy) -> bool:
    """Whether a root was not built, or a source has another version than its build read."""
    record = item.record
    if record is None or record.failure is not None:
        return True
    versions = record.versions
    now: Mapping[str, Document] = {}
    for attempt in policy.attempts_of(Subject(item.definition.name, item.root, "verify")):
        with attempt:
            now, _ = read_all(database, versions)
    return any(now[path].update_time != versions[path] for path in versions)


def _count_again(
    database: Database,
    targets: Mapping[str, Target],
    page: list[Document],
    policy: RetryPolicy,
    collector: Collector[Outcome],
) -> None:
    records = [document.fields for document in page if "source" in (document.fields or {})]
    records = [record for record in records if record is not None]
    if not records:
        return
    sources = [record["source"] for record in records]
    now: Mapping[str, Document] = {}
    for attempt in policy.attempts_of(Subject(step="verify")):
        with attempt:
            now, _ = database.get(sources)
    late: dict[str, list[str]] = {}
    for record in records:
        if now[record["source"]].update_time != record["version"]:
            late.setdefault(record["aggregate"], []).append(record["source"])
    for name, its_sources in late.items():
        target = targets.get(name)
        if target is not None:  # which commits only those that contribute something else
            do_all(database, target, target.items(its_sources), None, policy, collector)

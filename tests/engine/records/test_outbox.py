"""The outbox: which messages a commit has, and what tells them apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn import DomainModel, Store, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.plan import Build, plan
from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.engine.records.outbox import OutboxEntry, check_sendable, outbox_writes, version_of
from onto_fn.errors import BuildError, DocumentTooLarge
from onto_fn.events.message import DELETED, WRITTEN
from onto_fn.firestore import Document, PathTemplate, Write
from onto_fn.firestore.json import json_text
from onto_fn.observability import Change
from onto_fn.store import ReadSet
from onto_fn.views import Definition
from tests.strategies import document_paths, documents, instants, names

START = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = "origins/o"


class Origin(DomainModel, collection="origins"):
    name: str


class OriginStore(Store):
    origin = root(Origin)


DEFINITION = Definition(
    "V", OriginStore, lambda s, t: {}, (PathTemplate("views/{id}"),), "", sends=("one", "two")
)


def build(documents: dict[str, Any] | None, error: BuildError | None = None) -> Build:
    read_set = ReadSet()
    read_set.add_documents([Document(ROOT, {}, START)])
    return Build(read_set, START, documents, root_exists=True, error=error)


def record(documents: dict[str, Any] | None) -> LedgerRecord | None:
    """The ledger record after a build of these documents."""
    if documents is None:
        return None
    planned = plan(DEFINITION, None, build(documents), ROOT, None)
    assert planned is not None
    assert planned.record is not None
    return replace(planned.record, update_time=START)


def entries(writes: tuple[Write, ...]) -> list[OutboxEntry]:
    found = [w for w in writes if w.path.startswith("onto_outbox/")]
    assert all(write.precondition == "absent" for write in found)
    parsed = [OutboxEntry.from_document(Document(w.path, w.fields, START)) for w in found]
    assert [entry.path for entry in parsed if entry] == [write.path for write in found]
    return [entry for entry in parsed if entry is not None]


contents = st.dictionaries(
    st.sampled_from(["views/a", "views/b", "views/c"]),
    st.fixed_dictionaries({"n": st.integers(1, 2)}),
)


@given(st.none() | contents, contents)
def test_a_commit_has_one_message_for_each_document_that_it_changes_and_each_sink(
    before: dict[str, Any] | None, after: dict[str, Any]
) -> None:
    planned = plan(DEFINITION, record(before), build(after), ROOT, None)

    found = entries(planned.writes) if planned else []
    there = before or {}
    written = {path for path in after if after[path] != there.get(path)}
    deleted = set(there) - set(after)
    expected = [(p, s, WRITTEN, json_text(after[p])) for p in written for s in ("one", "two")]
    expected += [(path, sink, DELETED, "null") for path in deleted for sink in ("one", "two")]
    assert sorted((e.document, e.sink, e.type, e.data) for e in found) == sorted(expected)
    assert {e.version for e in found} <= {version_of(START)}


@given(st.none() | contents)
def test_a_failed_build_sends_nothing(before: dict[str, Any] | None) -> None:
    planned = plan(DEFINITION, record(before), build(None, BuildError("x")), ROOT, None)

    assert planned is not None
    assert entries(planned.writes) == []


@given(contents)
def test_what_no_sink_wants_is_not_put_into_the_outbox(after: dict[str, Any]) -> None:
    planned = plan(replace(DEFINITION, sends=()), None, build(after), ROOT, None)

    assert planned is not None
    assert entries(planned.writes) == []


identities = st.tuples(names, names, document_paths, st.integers(0, 10**16 - 1))


def entry(definition: str, sink: str, document: str, version: int) -> OutboxEntry:
    return OutboxEntry(definition, sink, document, version, WRITTEN, "{}")


@given(identities, identities)
def test_ids_are_the_same_for_the_same_change_and_sink_only(one: Any, other: Any) -> None:
    assert (entry(*one).id == entry(*other).id) == (one == other)


@given(identities, st.integers(0, 10**16 - 1))
def test_ids_of_one_queue_are_in_the_order_of_the_versions(one: Any, version: int) -> None:
    first, second = entry(*one), replace(entry(*one), version=version)

    assert first.queue == second.queue
    assert (first.id < second.id) == (first.version < second.version)


def test_an_id_stays_the_same_for_ever() -> None:
    """Messages that wait, and marks of receivers, are from earlier releases."""
    identifier = entry("MeetingSession", "topic", "users/ada", 1767323045678901).id

    assert identifier == "f9e359c103d3f2ef00029f3d406ad7dc-1767323045678901"


@given(instants, instants)
def test_versions_are_in_the_order_of_the_snapshots(one: datetime, other: datetime) -> None:
    assert (version_of(one) < version_of(other)) == (one < other)


def test_a_version_counts_microseconds() -> None:
    assert version_of(START + timedelta(microseconds=1)) == version_of(START) + 1


@given(documents, instants)
def test_an_entry_says_the_same_message_after_it_was_stored(
    fields: dict[str, Any], time: datetime
) -> None:
    [write, _] = outbox_writes(DEFINITION, [Write("views/a", fields)], time)
    stored = OutboxEntry.from_document(Document(write.path, write.fields, START))

    assert stored is not None
    message = stored.message("source")
    assert (message.subject, message.time, message.body) == (
        "views/a",
        time,
        json_text(fields).encode(),
    )


def test_a_key_is_short_enough_for_brokers() -> None:
    path = "/".join(["c", "d" * 1400] * 3)

    message = entry("V", "s", path, 1).message("source")

    assert len(message.key.encode()) <= 1024
    assert message.subject == path


def test_a_document_whose_message_would_be_too_large_is_refused_by_name() -> None:
    content = {"text": "x" * (1024 * 1024 - 200)}

    with pytest.raises(DocumentTooLarge, match=r"views/a has \d+ bytes as JSON.*'one'.*V\.$"):
        check_sendable(DEFINITION, "views/a", content)
    check_sendable(replace(DEFINITION, sends=()), "views/a", content)


def test_an_entry_that_fits_can_be_marked_as_refused() -> None:
    [write, _] = outbox_writes(DEFINITION, [Write("views/a", {})], START)
    stored = OutboxEntry.from_document(Document(write.path, write.fields, START))

    assert stored is not None
    assert stored.to_fields().keys() == replace(stored, refused=True).to_fields().keys()


class Anything(DomainModel, collection="{kind}"):
    name: str = ""


class AnythingStore(Store):
    thing = root(Anything)


@pytest.mark.parametrize("collection", ["onto_outbox", "onto_inbox"])
def test_messages_are_no_source_whatever_template_a_model_has(collection: str) -> None:
    engine = Engine([replace(DEFINITION, store=AnythingStore, sends=())])
    change = Change(f"{collection}/x", None, None)

    assert engine.handle(Unreachable(), change) == []


class Unreachable(Database):
    """A database that nobody may ask."""

    def __init__(self) -> None:
        return

"""Which changes leave a materialisation as it is: those of which its build has read nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.cloud.firestore_v1.types import Document as DocumentMessage
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import computed_field, model_validator

from onto_fn import DomainModel, Store, query, root
from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.plan import Build, covers, plan
from onto_fn.engine.materialise.unread import Changed, Unaffected
from onto_fn.engine.records.ledger import Failure, LedgerRecord
from onto_fn.events.outcome import Outcome, Result
from onto_fn.firestore import Document, PathTemplate
from onto_fn.firestore.rpc import Stored
from onto_fn.firestore.values import encode_fields
from onto_fn.observability import Change
from onto_fn.store import ReadSet
from onto_fn.store.loading import Loading, load_all
from onto_fn.views import Definition

PATH = "clients/c"
DATABASE = "projects/p/databases/d/documents"
TIME = datetime(2026, 1, 1, tzinfo=UTC)


class Client(DomainModel, collection="clients"):
    name: str = ""
    city: str = ""
    size: float = 0
    parts: list[Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def joined(cls, data: dict[str, Any]) -> dict[str, Any]:
        if data.get("city") == "refused":
            raise ValueError("no such city")
        return {**data, "name": data.get("name", data.get("nick", ""))}

    @computed_field
    @property
    def label(self) -> str:
        return f"{self.name}/{self.size}"


class Firm(Client):
    tax: str = ""


class ClientStore(Store):
    client = root(Client)


class FoundStore(Store):
    client = root(Client)
    found = query(Client).where("city", "==", "Oslo").order_by("size")


USES: dict[str, Callable[[Any], Any]] = {
    "name": lambda client: client.name,
    "city": lambda client: client.city,
    "size": lambda client: repr(client.size),
    "parts": lambda client: repr(client.parts),
    "label": lambda client: client.label,
    "nick": lambda client: getattr(client, "nick", None),
    "has more": lambda client: hasattr(client, "more"),
    "tax": lambda client: getattr(client, "tax", None),
    "class": lambda client: type(client).__name__,
    "dump": lambda client: repr(client.model_dump()),
    "long": lambda client: client.name if client.size > 1 else "",
}


def definition_of(*uses: str, store: type[Store] = ClientStore) -> Definition:
    def build(loaded: Any, transition: object) -> dict[str, Any]:
        return {"views/c": {use: USES[use](loaded.client) for use in uses}}

    return Definition("V", store, build, (PathTemplate("views/{id}"),), "code 1")


class Reader:
    """A snapshot of one document."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def get(self, paths: Any) -> dict[str, Document]:
        return dict.fromkeys(paths, self._document)

    def query(self, query: Any) -> list[Document]:
        return []


def built(definition: Definition, fields: Any, tick: int = 1) -> tuple[LedgerRecord, Any]:
    """The record of a build from one version of the document, and what it made (or its error)."""
    document = Document(PATH, fields, TIME + timedelta(seconds=tick))
    loading = Loading(definition.store, PATH, ReadSet(), tracks=True)
    load_all([loading], Reader(document))
    read_set = loading.read_set
    if loading.error is not None:
        made = Build(read_set, TIME, None, True, loading.error)
    else:
        store: Any = loading.store
        documents = definition.build(store, store) if store is not None else {}
        made = Build(read_set, TIME, documents, store is not None)
    planned = plan(definition, None, made, PATH, None)
    record = planned.record if planned else None
    if record is None:  # a root of another class
        empty = replace(built(definition, {})[0], sources=read_set.sources, reads=())
        return empty, None
    return record, made.documents if loading.error is None else str(loading.error)


def change_of(before: Any, after: Any) -> Change:
    return Change(
        PATH,
        Document(PATH, before, TIME + timedelta(seconds=1)),
        Document(PATH, after, TIME + timedelta(seconds=2)),
        "e",
    )


def is_unread(
    definition: Definition, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> bool:
    record, _ = built(definition, {} if before is None else before)
    item = Affected(definition, PATH, 0, record, TIME)
    return Changed(change_of(before, after)).is_unread(item)


text = st.sampled_from(["", "Oslo", "refused", "1"])
documents = st.fixed_dictionaries(
    {},
    optional={
        "name": text,
        "nick": text,
        "city": text,
        "size": st.sampled_from([0, 0.0, -0.0, 1, 1.0, 2, True, "2", "many"]),
        "parts": st.lists(st.sampled_from([1, 1.0, True, "1"]), max_size=2),
        "more": st.none() | text,
        "tax": text,
        "obj_type": st.sampled_from(["Client", "Firm", "Other"]),
    },
)


@given(documents, documents, st.lists(st.sampled_from(sorted(USES)), unique=True, max_size=3))
@settings(max_examples=1500, deadline=None)
def test_what_a_build_makes_is_the_same_after_a_change_that_it_has_not_read(
    before: dict[str, Any], after: dict[str, Any], uses: list[str]
) -> None:
    definition = definition_of(*uses)
    record, made = built(definition, before)
    item = Affected(definition, PATH, 0, record, TIME)

    if Changed(change_of(before, after)).is_unread(item):
        again, remade = built(definition, after, tick=2)
        assert remade == made
        assert again.failure == record.failure is None
        assert again.reads == record.reads, "nor does it read more"


@pytest.mark.parametrize(
    ("uses", "before", "after"),
    [
        (["name"], {"name": "a"}, {"name": "a", "city": "Oslo"}),
        (["name"], {"name": "a", "nick": "b"}, {"name": "a", "nick": "c"}),
        (["size"], {"size": 1}, {"size": 1.0}),  # the same float
        (["nick"], {"nick": "a"}, {"nick": "a", "name": "b"}),
        ([], {"name": "a"}, {"name": "b"}),
        (["has more"], {}, {"mores": 1}),
    ],
)
def test_a_change_of_something_else_is_unread(
    uses: list[str], before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert is_unread(definition_of(*uses), before, after)


@pytest.mark.parametrize(
    ("uses", "before", "after"),
    [
        (["name"], {"name": "a"}, {"name": "b"}),
        (["name"], {"nick": "a"}, {"nick": "b"}),  # a validator makes one from the other
        (["label"], {"size": 1}, {"size": 2}),
        (["size"], {"size": 0.0}, {"size": -0.0}),
        (["parts"], {"parts": [1]}, {"parts": [True]}),
        (["has more"], {}, {"more": None}),
        (["dump"], {"name": "a"}, {"name": "a", "unknown": 1}),
        (["name"], {}, {"size": "many"}),  # becomes invalid
        (["name"], {"size": "many"}, {}),
        (["name"], {}, {"obj_type": "Firm"}),
        (["name"], None, {}),
        (["name"], {}, None),
    ],
)
def test_a_change_that_may_be_seen_is_not(uses: list[str], before: Any, after: Any) -> None:
    assert not is_unread(definition_of(*uses), before, after)


def test_the_fields_that_a_query_looks_at_count_whoever_reads_them() -> None:
    definition = definition_of("name", store=FoundStore)

    assert not is_unread(definition, {"city": "Oslo"}, {"city": "Bergen"})
    assert not is_unread(definition, {"size": 1}, {"size": 1.0})
    assert not is_unread(definition, {}, {"size": 0})
    assert is_unread(definition, {"city": "Oslo"}, {"city": "Oslo", "tax": "1"})


def test_what_is_not_known_of_a_record_or_an_event_counts_as_read() -> None:
    definition = definition_of("name")
    record, _ = built(definition, {})
    change = change_of({}, {"city": "Oslo"})

    def check(change: Change = change, definition: Definition = definition, **other: Any) -> bool:
        item = Affected(definition, PATH, 0, replace(record, **other), TIME)
        return Changed(change).is_unread(item)

    assert check()
    assert not check(reads=None), "of an earlier version of onto_fn"
    assert not check(fingerprint="of other code")
    assert not check(sources={PATH: None}), "its creation is still to come"
    assert not check(failure=object())
    assert not check(Change(PATH, None, None))
    assert not check(replace(change, versions_only=True))
    assert not check(
        definition=replace(definition, owns=("x",), targets=(PathTemplate("clients/{id}"),))
    )
    assert not check(owns=("x",), documents={PATH: "digest"})
    assert not Changed(change).is_unread(Affected(definition, PATH, 0, None, TIME))


def test_those_that_are_unaffected_are_counted_by_view() -> None:
    reads, other = definition_of("city"), replace(definition_of("name"), name="W")
    items = [
        Affected(definition, f"clients/{n}", 0, built(definition, {})[0], TIME)
        for definition in (reads, other, replace(other, name="X"))
        for n in range(1 if definition.name == "X" else 3)
    ]
    unaffected = Unaffected(change_of({}, {"city": "Oslo"}), {})

    assert [item.definition.name for item in unaffected.others(items)] == ["V"] * 3
    assert unaffected.outcomes() == [
        Outcome("W", "3 roots", Result.UNAFFECTED),
        Outcome("X", "clients/0", Result.UNAFFECTED),
    ]


def glanced(record: LedgerRecord) -> Document:
    """The record's document, as an event finds it."""
    fields = encode_fields(record.to_fields(), documents=DATABASE, where=record.path)
    message = DocumentMessage.pb(DocumentMessage(fields=fields))
    return Document(record.path, Stored(message.fields, DATABASE), TIME)


versions = st.none() | st.integers(0, 3).map(lambda tick: TIME + timedelta(seconds=tick))
listed = st.dictionaries(st.sampled_from([PATH, "clients/d"]), versions)


@given(
    documents,
    documents,
    st.lists(st.sampled_from(sorted(USES)), unique=True, max_size=3),
    st.fixed_dictionaries(
        {},
        optional={
            "sources": listed,
            "matched": listed.map(lambda found: {k: v for k, v in found.items() if v}),
            "fingerprint": st.just("of other code"),
            "reads": st.none() | st.just((("Client", ("*",)),)),
            "failure": st.just(Failure("BuildError", "text", 1, TIME)),
            "owns": st.just(("x",)),
        },
    ),
)
@settings(max_examples=600, deadline=None)
def test_a_glance_decides_as_a_look_at_the_whole_record(
    before: dict[str, Any], after: dict[str, Any], uses: list[str], other: dict[str, Any]
) -> None:
    definition, change = definition_of(*uses), change_of(before, after)
    record = replace(built(definition, before)[0], **other)
    item = Affected(definition, PATH, 0, record, TIME)

    takes = Unaffected(change, {definition.name: definition}).takes(glanced(record))
    whole = not covers(record, change) and Changed(change).is_unread(item)

    assert takes == (whole and not record.owns)


@pytest.mark.parametrize("tick", range(4))
@pytest.mark.parametrize("read", ["sources", "matched"])
def test_a_glance_leaves_out_what_the_record_covers(tick: int, read: str) -> None:
    """The event is of the version of second 2."""
    record, _ = built(definition_of("name"), {})
    seen = {PATH: TIME + timedelta(seconds=tick)}
    record = replace(record, **{"sources": {}, "matched": {}, read: seen})
    unaffected = Unaffected(change_of({}, {"city": "Oslo"}), {"V": definition_of("name")})

    assert unaffected.takes(glanced(record)) == (tick < 2)


def test_a_record_of_no_view_of_the_app_is_not_glanced_at() -> None:
    record, _ = built(definition_of("name"), {})
    change = change_of({}, {"city": "Oslo"})

    assert Unaffected(change, {"V": definition_of("name")}).takes(glanced(record))
    assert not Unaffected(change, {}).takes(glanced(record))
    assert not Unaffected(change, {"V": definition_of("name")}).takes(Document("a/b", {}, TIME))


def test_a_record_keeps_what_was_read() -> None:
    record, _ = built(definition_of("label", "has more"), {"city": "Oslo"})

    assert record.reads == (("Client", ("more", "name", "size")),)
    stored = Document(record.path, record.to_fields(), TIME)
    assert LedgerRecord.from_document(stored) == replace(record, update_time=TIME)
    del stored.fields["reads"]  # pyright: ignore[reportOptionalSubscript, reportIndexIssue]
    earlier = LedgerRecord.from_document(stored)
    assert earlier is not None
    assert earlier.reads is None

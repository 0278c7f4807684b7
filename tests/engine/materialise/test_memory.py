"""What an eventual view remembers: nothing is taken for newer than it is."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AliasChoices, Field, field_validator, model_validator

from onto_fn import DomainModel, Ref, Store, ViewModel, many, query, root
from onto_fn.aggregates.spec import AGGREGATES
from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.materialise.memory import NOTHING, Memory, projection, recall, remembered
from onto_fn.engine.materialise.plan import Build, plan
from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.errors import BuildError, DeclarationError
from onto_fn.firestore import Document, Filter, Query
from onto_fn.firestore.canonical import digest
from onto_fn.mediators import ViewMediator
from onto_fn.observability import Change
from onto_fn.store import ReadSet
from onto_fn.store.asking import Answer, Asked
from onto_fn.store.loading import Loading
from onto_fn.views import Definition
from tests.strategies import document_paths, documents

START = datetime(2026, 1, 1, tzinfo=UTC)


class Leaf(DomainModel, collection="leaves", extra="ignore"):
    colour: str = ""
    wind_speed: int = Field(default=0)


class Tree(DomainModel, collection="trees"):
    leaves: list[Ref[Leaf]] = Field(default_factory=list)


class TreeStore(Store):
    tree = root(Tree)
    leaves = many(Leaf, lambda store: store.tree.leaves, missing="skip")
    red = query(Leaf).where("colour", "==", "red")


class TreeView(ViewModel[TreeStore], path="treeViews/{tree}", consistency="eventual"):
    @property
    def colours(self) -> list[str]:
        return [leaf.colour for leaf in self.store.leaves]


DEFINITION = TreeView.definition()
WHOLE = replace(DEFINITION, store=type("WholeStore", (Store,), {"tree": root(Tree)}))
RED = Query("leaves", (Filter("colour", "==", "red"),))


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


def leaf(name: str, second: int | None, colour: str = "red", **more: Any) -> Document:
    if second is None:
        return Document(f"leaves/{name}", None, None)
    return Document(f"leaves/{name}", {"colour": colour, **more}, at(second))


def item(read_set: ReadSet, **record: Any) -> Affected:
    """A materialisation whose record remembers what a build has read."""
    known = LedgerRecord(
        definition="TreeView",
        root="trees/t",
        sources=read_set.sources,
        matched=read_set.matched,
        watches=read_set.watches(),
        documents={},
        fingerprint=DEFINITION.fingerprint,
        built=True,
        failure=None,
        event_id="",
        read_time=START,
        memory=remembered(DEFINITION, read_set),
    )
    return Affected(DEFINITION, "trees/t", 0, replace(known, **record), START)


def read(*referred: Document, red: list[Document] | None = None) -> ReadSet:
    read_set = ReadSet()
    read_set.add_documents(list(referred))
    if red is not None:
        read_set.add_query(RED, red)
    return read_set


def change(before: Document, after: Document, **more: Any) -> Change:
    return Change(after.path, before, after, "event", **more)


UNRELATED = change(leaf("z", None), leaf("z", 1, "grey"))


def asked(memory: Memory, asking: Asked, there: Mapping[str, Document]) -> tuple[Answer, set[str]]:
    """What an asking is answered with `there` in the database, and what was read of it."""
    wanted = memory.lacking(asking)
    results = [list(there.values()) for _ in wanted.queries]
    answer = Answer({path: there[path] for path in wanted.paths}, results)
    seen = {*wanted.paths, *(q.collection for q in wanted.queries)}
    return memory.completed(asking, answer), seen


@given(st.dictionaries(document_paths, st.none() | documents, max_size=5))
def test_a_record_remembers_documents_as_they_were_read(contents: dict[str, Any]) -> None:
    read_set = ReadSet()
    read_set.add_documents(
        [
            Document(path, fields, None if fields is None else at(number))
            for number, (path, fields) in enumerate(contents.items())
        ]
    )
    found = recall(replace(item(read_set), definition=WHOLE), UNRELATED).documents

    def exact(known: Mapping[str, Document]) -> dict[str, Any]:
        return {
            path: (document.fields and digest(document.fields), document.update_time)
            for path, document in known.items()
            if path != UNRELATED.path
        }

    assert exact(found) == exact(read_set.documents)


def test_what_is_remembered_is_not_read() -> None:
    memory = recall(item(read(leaf("a", 1), leaf("b", None), red=[leaf("c", 1)])), UNRELATED)

    answer, seen = asked(memory, Asked(["leaves/a", "leaves/b"], [RED]), {})

    assert seen == set()
    assert answer.documents == {"leaves/a": leaf("a", 1), "leaves/b": leaf("b", None)}
    assert answer.results == [[leaf("a", 1), leaf("c", 1)]]


def test_the_event_of_what_is_remembered_brings_its_new_version() -> None:
    memory = recall(item(read(leaf("a", 1))), change(leaf("a", 1), leaf("a", 2, "green")))

    answer, seen = asked(memory, Asked(["leaves/a"]), {})

    assert seen == set()
    assert answer.documents == {"leaves/a": leaf("a", 2, "green")}


@pytest.mark.parametrize(
    "event",
    [
        change(leaf("a", 1), leaf("a", 2, "green"), versions_only=True),
        Change("leaves/a", None, None),
    ],
)
def test_what_an_event_does_not_tell_is_read(event: Change) -> None:
    memory = recall(item(read(leaf("a", 1), red=[leaf("a", 1), leaf("b", 1)])), event)
    now = leaf("a", 3, "red")

    answer, seen = asked(memory, Asked(["leaves/a"], [RED]), {now.path: now})

    assert seen == {"leaves/a"}
    assert answer.documents == {now.path: now}
    assert answer.results == [[now, leaf("b", 1)]]


def test_what_was_missing_is_read_as_its_event_may_be_older_than_its_deletion() -> None:
    known = read(leaf("a", None), leaf("b", 1))
    memory = recall(item(known), change(leaf("a", None), leaf("a", 2)))
    now = leaf("a", None)

    answer, seen = asked(memory, Asked(["leaves/a"]), {now.path: now})

    assert seen == {"leaves/a"}
    assert answer.documents == {now.path: now}


@pytest.mark.parametrize("now", [leaf("a", 3, "red"), leaf("a", 3, "green"), leaf("a", None)])
def test_what_may_enter_a_query_is_read(now: Document) -> None:
    event = change(leaf("a", 1, "green"), leaf("a", 2, "red"))
    memory = recall(item(read(red=[leaf("b", 1)])), event)

    answer, seen = asked(memory, Asked([], [RED]), {now.path: now})

    assert seen == {"leaves/a"}
    entered = now.fields is not None and now.fields["colour"] == "red"
    assert answer.results == [[now, leaf("b", 1)] if entered else [leaf("b", 1)]]


def test_what_leaves_a_query_costs_no_read() -> None:
    event = change(leaf("a", 1), leaf("a", 2, "green"))
    memory = recall(item(read(red=[leaf("a", 1), leaf("b", 1)])), event)

    answer, seen = asked(memory, Asked([], [RED]), {})

    assert seen == set()
    assert answer.results == [[leaf("b", 1)]]


def test_a_query_that_only_firestore_decides_is_asked_again() -> None:
    first = replace(RED, limit=1)
    read_set = read(leaf("t", 1))
    read_set.add_query(first, [leaf("a", 1)])
    memory = recall(item(read_set), UNRELATED)

    answer, seen = asked(memory, Asked([], [first]), {"leaves/b": leaf("b", 2)})

    assert seen == {"leaves"}
    assert answer.results == [[leaf("b", 2)]]
    assert "leaves/a" not in memory.documents


def test_of_two_versions_the_older_is_noted() -> None:
    """The newer one's event is to come, and must not find itself covered."""
    for versions in ((1, 2), (2, 1)):
        read_set = ReadSet()
        for number, second in enumerate(versions):
            read_set.add_query(replace(RED, limit=number + 1), [leaf("a", second)])
        assert read_set.versions == {"leaves/a": at(1)}
        assert read_set.documents == {"leaves/a": leaf("a", 1)}


@pytest.mark.parametrize(
    "record",
    [
        {"fingerprint": "of other code"},
        {"memory": None},
        {"memory": {}},
        {"memory": {"documents": b"none", "queries": []}},
        {"memory": {"documents": 1, "queries": []}},
    ],
)
def test_without_a_memory_that_can_be_read_the_sources_are(record: dict[str, Any]) -> None:
    assert recall(item(read(leaf("a", 1)), **record), UNRELATED) is NOTHING


def test_with_nothing_left_to_remember_all_is_read() -> None:
    memory = recall(item(read(leaf("a", None), red=[])), change(leaf("a", None), leaf("a", 1)))

    assert memory is NOTHING


def test_a_rebuild_remembers_nothing() -> None:
    assert recall(item(read(leaf("a", 1))), None) is NOTHING


def test_an_error_goes_to_who_has_asked() -> None:
    memory = recall(item(read(leaf("a", 1))), UNRELATED)
    loading = Loading(TreeStore, "trees/t", ReadSet(), known=memory)

    assert loading.asks() == Asked(["trees/t"], [])
    loading.receive(BuildError("refused"))

    assert loading.asks() is None
    with pytest.raises(BuildError, match="refused"):
        loading.result()


def test_only_what_a_model_sees_is_remembered() -> None:
    whole = leaf("a", 1, windSpeed=3, wind_speed=4, unused="x" * 1000, obj_type="Leaf")
    tree = Document("trees/t", {"leaves": [], "undeclared": 1}, at(1))

    project = projection(DEFINITION)

    assert set(project(whole).fields or ()) == {"colour", "windSpeed", "wind_speed", "obj_type"}
    assert project(tree) == tree  # a model that keeps undeclared fields sees them
    assert project(leaf("a", None)) == leaf("a", None)


def test_the_sums_of_an_aggregate_are_remembered_whole() -> None:
    class Anything(DomainModel, collection="{kind}", extra="ignore"):
        name: str = ""

    class AnythingStore(Store):
        tree = root(Tree)
        all = query(Anything).within(kind="leaves")

    project = projection(replace(DEFINITION, store=AnythingStore))
    shard = Document(f"{AGGREGATES}/a~1", {"count": 1}, at(1))

    assert project(shard) == shard
    assert project(leaf("a", 1)).fields == {}


def test_a_commit_without_room_for_a_memory_is_made_without() -> None:
    large = {f"treeViews/{n}": {"text": "x" * 1_000_000} for n in range(10)}

    def planned(documents: dict[str, Any]) -> LedgerRecord:
        read_set = read(leaf("a", 1, text=random.Random(0).randbytes(600_000)))
        read_set.add_documents([Document("trees/t", {}, at(1))])
        found = plan(WHOLE, None, Build(read_set, START, documents, True), "trees/t", None)
        assert found is not None
        assert found.record is not None
        return found.record

    assert planned(dict(list(large.items())[:9])).memory is not None
    assert planned(large).memory is None


def test_a_model_that_looks_at_the_whole_document_sees_all_fields() -> None:
    class Early(DomainModel, collection="early", extra="ignore"):
        name: str = ""

        @model_validator(mode="before")
        @classmethod
        def _look(cls, fields: Any) -> Any:
            return fields

    class Aliased(DomainModel, collection="aliased", extra="ignore"):
        name: str = Field(default="", validation_alias="elsewhere")

    class Choosing(DomainModel, collection="choosing", extra="ignore"):
        name: str = Field(default="", validation_alias=AliasChoices("name", "title"))

    class Counting(DomainModel, collection="counting", extra="ignore"):
        count: int = 0

        def __init__(self, **fields: Any) -> None:
            super().__init__(**{**fields, "count": len(fields)})

    class Late(DomainModel, collection="late", extra="ignore"):
        name: str = ""

        @model_validator(mode="after")
        def _look(self) -> Late:
            return self

        @field_validator("name")
        @classmethod
        def _strip(cls, name: str) -> str:
            return name.strip()

    class Base(DomainModel, collection="bases", extra="ignore"):
        name: str = ""

    class Below(Base, extra="allow"):
        pass

    assert Early.seen_fields() is None
    assert Aliased.seen_fields() is None
    assert Choosing.seen_fields() is None
    assert Counting.seen_fields() is None
    assert Base.seen_fields() is None
    assert Below.seen_fields() is None
    assert Tree.seen_fields() is None
    assert Late.seen_fields() == {"doc_id", "name", "obj_type"}


def test_what_cannot_be_eventual_is_refused() -> None:
    with pytest.raises(DeclarationError, match=r"isolation='serializable'.*leave one out"):

        class Both(  # pyright: ignore[reportUnusedClass]
            ViewModel[TreeStore],
            path="both/{tree}",
            consistency="eventual",
            isolation="serializable",
        ):
            @property
            def name(self) -> str:
                return ""

    with pytest.raises(DeclarationError, match=r"one of.*'eventual'.*got 'strong'"):

        class Strong(  # pyright: ignore[reportUnusedClass]
            ViewModel[TreeStore],
            path="strong/{tree}",
            consistency="strong",  # pyright: ignore[reportArgumentType]
        ):
            @property
            def name(self) -> str:
                return ""

    with pytest.raises(DeclarationError, match=r"mode='direct'.*leave one out"):
        ViewMediator(TreeView, mode="query")


def test_the_mode_is_part_of_a_definition() -> None:
    assert isinstance(DEFINITION, Definition)
    assert DEFINITION.consistency == "eventual"
    assert replace(DEFINITION, consistency="snapshot") != DEFINITION

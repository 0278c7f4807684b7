"""Loading a store: levels, batches, the read set, and what is missing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from onto_fn import DomainModel, Ref, Store, keyed, many, one, root
from onto_fn import query as matching
from onto_fn.errors import BuildError, InvalidDocument, InvalidReference, MissingDocument
from onto_fn.firestore import Document, Filter, Query, Reference
from onto_fn.firestore.queries import document_key
from onto_fn.store import ReadSet, load

START = datetime(2026, 1, 1, tzinfo=UTC)


class Member(DomainModel, collection="members"):
    name: str


class Pass(DomainModel, collection="passes"):
    member: Ref[Member]


class Hall(DomainModel, collection="halls"):
    address: str


class Session(DomainModel, collection="sessions"):
    hall: Ref[Hall] | None = None
    members: list[Ref[Member]]
    passes: dict[str, Ref[Pass]]
    chair: str | None = None


class SessionStore(Store):
    session = root(Session)
    members = many(Member, lambda store: store.session.members)
    passes = keyed(Pass, lambda store: store.session.passes)
    hall = one(Hall, lambda store: store.session.hall)
    holders = keyed(Member, lambda store: {k: p.member for k, p in store.passes.items()})


class MemoryReader:
    """A snapshot of documents in memory, that notes what it is asked."""

    def __init__(self, documents: dict[str, dict[str, Any]], matches: Sequence[str] = ()) -> None:
        self.documents = {
            path: Document(path, fields, START + timedelta(seconds=index))
            for index, (path, fields) in enumerate(documents.items())
        }
        self.matches = matches
        self.gets: list[list[str]] = []
        self.queries: list[Query] = []

    def get(self, paths: Sequence[str]) -> dict[str, Document]:
        self.gets.append(list(paths))
        return {path: self.documents.get(path, Document(path, None, None)) for path in paths}

    def query(self, query: Query) -> list[Document]:
        self.queries.append(query)
        return [self.documents[path] for path in self.matches]


SESSION = {
    "hall": Reference("halls/h"),
    "members": [Reference("members/b"), Reference("members/a")],
    "passes": {"x": Reference("passes/p")},
}
COMPLETE: dict[str, dict[str, Any]] = {
    "sessions/s": SESSION,
    "members/a": {"name": "A"},
    "members/b": {"name": "B"},
    "members/c": {"name": "C"},
    "passes/p": {"member": "members/c"},
    "halls/h": {"address": "Main"},
}


def without(*paths: str, **changed: Any) -> dict[str, dict[str, Any]]:
    """The complete sources without some, and with the session's fields changed."""
    kept = {path: fields for path, fields in COMPLETE.items() if path not in paths}
    return {**kept, "sessions/s": {**SESSION, **changed}}


def load_session(documents: dict[str, dict[str, Any]], store: type[Store] = SessionStore) -> Any:
    return load(store, "sessions/s", MemoryReader(documents), ReadSet())


def failing_load(
    documents: dict[str, dict[str, Any]], error: type[Exception], store: type[Store] = SessionStore
) -> tuple[str, ReadSet]:
    """The message of the error that ends a load, and the read set at that moment."""
    read_set = ReadSet()
    with pytest.raises(error) as caught:
        load(store, "sessions/s", MemoryReader(documents), read_set)
    return str(caught.value), read_set


def test_a_loaded_store_has_the_value_of_every_read() -> None:
    store = load_session(COMPLETE)

    assert store.session.doc_id == "s"
    assert store.hall.address == "Main"
    assert {key: found.name for key, found in store.holders.items()} == {"x": "C"}


def test_many_keeps_the_order_of_the_references() -> None:
    assert [member.name for member in load_session(COMPLETE).members] == ["B", "A"]


def test_each_level_is_one_batched_read() -> None:
    reader = MemoryReader(COMPLETE)

    load(SessionStore, "sessions/s", reader, ReadSet())

    assert [sorted(paths) for paths in reader.gets] == [
        ["sessions/s"],
        ["halls/h", "members/a", "members/b", "passes/p"],
        ["members/c"],
    ]


def test_a_document_that_several_reads_need_is_read_once_a_level() -> None:
    reader = MemoryReader(without(members=["members/a", "members/a"]))

    load(SessionStore, "sessions/s", reader, ReadSet())

    assert reader.gets[1].count("members/a") == 1


def test_a_level_without_documents_reads_nothing() -> None:
    reader = MemoryReader({"sessions/s": {"members": [], "passes": {}}})

    class Small(Store):
        session = root(Session)
        members = many(Member, lambda store: store.session.members)

    load(Small, "sessions/s", reader, ReadSet())

    assert reader.gets == [["sessions/s"]]


def test_reads_may_be_declared_in_any_order() -> None:
    class Backwards(Store):
        names = many(Member, lambda store: [p.member for p in store.passes.values()])
        passes = keyed(Pass, lambda store: store.session.passes)
        session = root(Session)

    assert [member.name for member in load_session(COMPLETE, Backwards).names] == ["C"]


def test_the_read_set_has_every_document_with_its_version() -> None:
    reader, read_set = MemoryReader(COMPLETE), ReadSet()

    load(SessionStore, "sessions/s", reader, read_set)

    assert read_set.sources == {path: d.update_time for path, d in reader.documents.items()}
    assert read_set.watches() == {document_key(path) for path in COMPLETE}


def test_a_root_that_does_not_exist_gives_none_and_is_read() -> None:
    read_set = ReadSet()

    assert load(SessionStore, "sessions/s", MemoryReader({}), read_set) is None
    assert read_set.sources == {"sessions/s": None}


def test_a_missing_document_is_an_error_that_names_document_and_read() -> None:
    message, read_set = failing_load(without("halls/h"), MissingDocument)

    assert message.startswith("halls/h does not exist, but SessionStore.hall requires it")
    assert read_set.sources["halls/h"] is None


def test_a_missing_document_of_a_keyed_read_is_named_with_its_key() -> None:
    message, _ = failing_load(without("members/c"), MissingDocument)

    assert "SessionStore.holders['x']" in message


def test_the_read_set_is_complete_for_the_level_that_fails() -> None:
    _, read_set = failing_load(without("members/b", "halls/h"), MissingDocument)

    assert set(read_set.sources) == {
        "sessions/s",
        "members/a",
        "members/b",
        "passes/p",
        "halls/h",
    }


def test_a_document_that_does_not_fit_is_in_the_read_set() -> None:
    documents = {**COMPLETE, "members/a": {"nme": "A"}}

    message, read_set = failing_load(documents, InvalidDocument)

    assert message.startswith("members/a is not a valid Member: name")
    assert read_set.sources["members/a"] is not None


def test_a_root_that_does_not_fit_is_in_the_read_set() -> None:
    _, read_set = failing_load({"sessions/s": {}}, InvalidDocument)

    assert set(read_set.sources) == {"sessions/s"}


def test_missing_documents_can_be_skipped_and_stay_in_the_read_set() -> None:
    class Lenient(Store):
        session = root(Session)
        members = many(Member, lambda store: store.session.members, missing="skip")
        passes = keyed(Pass, lambda store: store.session.passes, missing="skip")

    read_set = ReadSet()
    store = load(Lenient, "sessions/s", MemoryReader(without("members/b", "passes/p")), read_set)

    assert store is not None
    assert [member.name for member in store.members] == ["A"]
    assert store.passes == {}
    assert read_set.sources["members/b"] is None
    assert read_set.sources["passes/p"] is None


class OptionalHall(Store):
    session = root(Session)
    hall = one(Hall, lambda store: store.session.hall, default=None)


def test_a_default_stands_in_for_a_missing_document_which_stays_in_the_read_set() -> None:
    read_set = ReadSet()
    store = load(OptionalHall, "sessions/s", MemoryReader(without("halls/h")), read_set)

    assert store is not None
    assert store.hall is None
    assert read_set.sources["halls/h"] is None


def test_a_default_stands_in_for_a_reference_that_is_none() -> None:
    assert load_session(without(hall=None), OptionalHall).hall is None


def test_a_reference_that_is_none_without_a_default_is_an_error() -> None:
    message, _ = failing_load(without(hall=None), BuildError)

    assert message.startswith("SessionStore.hall: the reference is None")


def test_a_getter_that_raises_is_named() -> None:
    class Broken(Store):
        session = root(Session)
        hall = one(Hall, lambda store: store.session.passes["nobody"])

    message, read_set = failing_load(COMPLETE, BuildError, Broken)

    assert message == "Broken.hall raised KeyError: 'nobody'"
    assert set(read_set.sources) == {"sessions/s"}


def test_a_reference_into_a_collection_that_no_trigger_watches_is_refused() -> None:
    class Crossed(Store):
        session = root(Session)
        chair = one(Member, lambda store: store.session.chair)

    message, _ = failing_load(without(chair="halls/h"), InvalidReference, Crossed)

    assert message.startswith("Crossed.chair reads Member from members, but got 'halls/h'")


def test_what_is_no_reference_is_refused() -> None:
    class Crossed(Store):
        session = root(Session)
        chairs = many(Member, lambda store: [store.session.chair])

    message, _ = failing_load(without(chair="just a name"), InvalidReference, Crossed)

    assert message.startswith("Crossed.chairs: ")


def test_a_root_of_another_subclass_gives_none() -> None:
    class Animal(DomainModel, collection="animals"):
        name: str

    class Cat(Animal):
        pass

    class Dog(Animal):
        pass

    class CatStore(Store):
        cat = root(Cat)

    dog = MemoryReader({"animals/a": Dog(doc_id="a", name="Rex").doc_fields()})
    cat = MemoryReader({"animals/a": Cat(doc_id="a", name="Tom").doc_fields()})

    assert load(CatStore, "animals/a", dog, ReadSet()) is None
    assert load(CatStore, "animals/a", cat, ReadSet()) is not None


class MemberStore(Store):
    member = root(Member)
    passes = matching(Pass).where("member", "==", lambda store: store.member.doc_ref)


def test_a_query_is_run_with_the_values_of_the_store() -> None:
    reader = MemoryReader(COMPLETE, matches=["passes/p"])

    store = load(MemberStore, "members/c", reader, ReadSet())

    assert store is not None
    assert [found.doc_id for found in store.passes] == ["p"]
    assert reader.queries == [Query("passes", (Filter("member", "==", Reference("members/c")),))]


def test_the_read_set_has_a_query_its_result_and_its_key() -> None:
    reader, read_set = MemoryReader(COMPLETE, matches=["passes/p"]), ReadSet()

    load(MemberStore, "members/c", reader, read_set)

    [(query, seen)] = read_set.queries
    assert seen == {"passes/p": reader.documents["passes/p"].update_time}
    assert read_set.matched == seen
    assert read_set.watches() == {
        document_key("members/c"),
        document_key("passes/p"),
        *query.keys(),
    }


def test_a_getter_of_a_query_that_raises_is_named() -> None:
    class Broken(Store):
        session = root(Session)
        passes = matching(Pass).where("member", "==", lambda store: store.session.passes["no"])

    message, _ = failing_load(COMPLETE, BuildError, Broken)

    assert message == "Broken.passes raised KeyError: 'no'"

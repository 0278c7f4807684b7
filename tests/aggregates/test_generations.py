"""Generations: whatever is counted, begun and switched when, the numbers shown are right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onto_fn import DomainModel, Store, aggregate, root
from onto_fn.aggregates import average, count, total
from onto_fn.aggregates.generations import Register, fields_of, generation_of, shown_by
from onto_fn.aggregates.measures import Measure
from onto_fn.aggregates.spec import AGGREGATES, AggregateSpec
from onto_fn.engine.aggregate.contribution import Found, is_counted, is_of, parts_of, writes_of
from onto_fn.errors import BuildError, PermanentError
from onto_fn.firestore import Document, Query, Write
from onto_fn.firestore.documents import Value
from onto_fn.firestore.queries import Filter
from onto_fn.store.aggregate_reads import AggregateRead

TIME = datetime(2026, 1, 2, tzinfo=UTC)
KEY = "shelves/s/books?"


class Shelf(DomainModel, collection="shelves"):
    pass


class Book(DomainModel, collection="shelves/{shelf}/books"):
    kind: str | None = None
    pages: int = 10
    price: int | None = None


def spec(shards: int = 1, **measures: Measure) -> AggregateSpec:
    class ShelfStore(Store):
        shelf = root(Shelf)
        books = aggregate(Book, shards=shards, name="books", **measures).within(
            shelf=lambda store: store.shelf.doc_id
        )

    return ShelfStore.aggregates()[0]


DEFINITIONS = [
    spec(number=count()),
    spec(number=count(), pages=total("pages")),
    spec(number=count(by="kind"), pages=total("price")),
    spec(3, number=count(), mean=average("pages"), prices=total("price", by="kind")),
]


def expected(measures: Any, books: list[dict[str, Any]]) -> dict[str, Any]:
    """The numbers of a definition, from the documents themselves."""
    found: dict[str, Any] = {}
    for name, measure in measures.items():
        keys = sorted({b.get("kind") for b in books if b.get("kind")}) if measure.by else [None]
        values: dict[Any, Any] = {}
        for key in keys:
            own = [book for book in books if key is None or book.get("kind") == key]
            default = 10 if measure.field == "pages" else None
            numbers = [book.get(measure.field, default) for book in own] if measure.field else own
            numbers = [number for number in numbers if number is not None]
            if measure.kind == "count":
                values[key] = len(own)
            elif measure.kind == "sum":
                values[key] = sum(numbers)
            else:
                values[key] = sum(numbers) / len(numbers) if numbers else None
            if measure.by and not numbers:
                del values[key]
        found[name] = values if measure.by else values[None]
    return found


class World:
    """Documents and an aggregate's own, without a database."""

    def __init__(self) -> None:
        self.register = Register.first(DEFINITIONS[0])
        self.documents: dict[str, Document] = {}
        self.books: dict[str, dict[str, Any]] = {}
        self.time = TIME

    def read(self, path: str) -> Document:
        return self.documents.get(path, Document(path, None, None))

    def put(self, number: int, fields: dict[str, Any] | None) -> str:
        path = f"shelves/s/books/{number}"
        self.time += timedelta(seconds=1)
        self.documents[path] = Document(path, fields, self.time if fields is not None else None)
        self.books.pop(path, None)
        if fields is not None:
            self.books[path] = fields
        return path

    def count(self, definition: AggregateSpec, path: str) -> None:
        """What an event does, by the deployment of a definition."""
        register = Register(
            tuple(generation_of(definition, fields_of(g)) for g in self.register.generations),
            self.register.current,
            self.register.last,
        )
        source, record = self.read(path), self.read(definition.contribution_path(path))
        found = Found(definition, register, {path: source, record.path: record})
        if is_counted(found, path, by_code=False):
            return
        for write in writes_of(found, path, parts_of(definition, register, source)):
            self._apply(write)

    def end(self, definition: AggregateSpec) -> None:
        """What a backfill does at last."""
        for path in list(self.documents):
            if path in self.books:
                self.count(definition, path)
        begun = self.register.find(definition)
        assert begun is not None
        switched = self.register.switched(begun.number)
        assert switched is not None
        self.register = switched
        for path in self.books:
            record = self.read(definition.contribution_path(path))
            if not is_of(self.register, record):
                self.count(definition, path)
        for path in list(self.documents):
            number = definition.number_of(path.partition("/shards/")[0])
            is_group = path.startswith(f"{AGGREGATES}/") and number is not None
            if is_group and number not in self.register.numbers:
                del self.documents[path]

    def shown(self, definition: AggregateSpec) -> dict[str, Any]:
        shown = shown_by(definition, Document("x/y", fields_of(self.register.shown), self.time))
        shards = [self.read(path) for path in shown.shard_paths(shown.group(KEY))]
        return definition.values(shards, {}, shown)

    def _apply(self, write: Write) -> None:
        fields = write.fields
        if write.increments is not None:
            fields = dict(self.read(write.path).fields or {})
            for names, amount in write.increments.items():
                _add(fields, names, amount)
        self.documents[write.path] = Document(write.path, fields, self.time)


def _add(fields: dict[str, Any], names: tuple[str, ...], amount: float) -> None:
    *parents, last = names
    for name in parents:
        fields = fields.setdefault(name, {})
    fields[last] = fields.get(last, 0) + amount


definitions = st.integers(0, len(DEFINITIONS) - 1)
books = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["a", "b"]),
        "pages": st.integers(-3, 3),
        "price": st.integers(-3, 3) | st.none(),
    },
)
steps = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 3), books | st.none(), definitions, st.booleans()),
    st.tuples(st.just("begin"), definitions),
    st.tuples(st.just("end"), definitions),
)


@settings(max_examples=200)
@given(st.lists(steps, max_size=15))
def test_the_numbers_shown_are_those_of_a_complete_definition(history: list[Any]) -> None:
    world = World()
    for step in history:
        if step[0] == "write":
            _, number, fields, definition, is_redelivered = step
            path = world.put(number, fields)
            for _ in range(1 + is_redelivered):
                world.count(DEFINITIONS[definition], path)
        elif step[0] == "begin":
            world.register = world.register.begun(DEFINITIONS[step[1]])
        elif world.register.find(DEFINITIONS[step[1]]) is not None:
            world.end(DEFINITIONS[step[1]])

        shown = next(d for d in DEFINITIONS if d.identity == world.register.shown.identity)
        assert world.shown(shown) == expected(shown.measures, list(world.books.values()))


@given(st.lists(st.tuples(st.booleans(), definitions, st.booleans()), max_size=20))
def test_numbers_are_never_used_again_and_the_shown_one_is_counted(
    history: list[tuple[bool, int, bool]],
) -> None:
    register = Register.first(DEFINITIONS[0])
    seen = {0: DEFINITIONS[0].identity}
    for is_switch, definition, alone in history:
        found = register.find(DEFINITIONS[definition])
        if is_switch and found is not None:
            register = register.switched(found.number, alone=alone) or register
        else:
            register = register.begun(DEFINITIONS[definition])
        for generation in register.generations:
            assert seen.setdefault(generation.number, generation.identity) == generation.identity
        assert register.current in register.numbers
        assert not register.numbers & set(register.retired)
        assert len({g.identity for g in register.generations}) == len(register.generations)


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_generation_is_read_back_as_it_was_written(definition: AggregateSpec) -> None:
    other = DEFINITIONS[0] if definition is not DEFINITIONS[0] else DEFINITIONS[1]
    stored = fields_of(definition.numbered(4))

    for reader in (definition, other):
        found = generation_of(reader, stored)

        assert (found.identity, found.number) == (definition.identity, 4)
        assert (found.shape, found.measures) == (definition.shape, definition.measures)
        assert found.shards == definition.shards
        assert found.group(KEY) == definition.numbered(4).group(KEY)


RECORDED: dict[
    str, Any
] = {  # as version 0.1 of onto_fn has written it, with the field `definition`
    "aggregate": "books",
    "definition": DEFINITIONS[0].fingerprint,
    "source": "shelves/s/books/b",
    "version": TIME,
    "generation": 0,
    "groups": [DEFINITIONS[0].group(KEY)],
    "shard": 0,
    "amounts": [{"names": ["number"], "amount": 1}],
    "extremes": {},
}


def found_with(record: dict[str, Any], **fields: Any) -> Found:
    """A book and its record."""
    definition = DEFINITIONS[0]
    book = Document("shelves/s/books/b", fields, TIME)
    path, letter = definition.contribution_path(book.path), "onto_dead_letters/none"
    documents = [book, Document(path, record, TIME), Document(letter, None, None)]
    return Found(definition, Register.first(definition), {d.path: d for d in documents})


def test_a_record_that_has_its_fingerprint_as_definition_counts_as_before() -> None:
    assert is_counted(found_with(RECORDED), "shelves/s/books/b", by_code=True)
    assert not is_counted(
        found_with({**RECORDED, "definition": "other"}), "shelves/s/books/b", by_code=True
    )


def test_a_record_is_written_with_its_fingerprint_under_its_name() -> None:
    found = found_with(RECORDED)

    [write] = writes_of(
        found,
        "shelves/s/books/b",
        parts_of(found.aggregate, found.register, found.source("shelves/s/books/b")),
    )

    assert write.fields is not None
    assert write.fields["fingerprint"] == found.aggregate.fingerprint
    assert "definition" not in write.fields


@pytest.mark.parametrize("fields", [{}, {"generations": 7}, {"generations": [{"number": 1}]}])
def test_a_register_that_something_else_has_written_is_refused_by_its_path(
    fields: dict[str, Value],
) -> None:
    with pytest.raises(PermanentError, match="onto_aggregates/books was not written by onto_fn"):
        Register.read(DEFINITIONS[0], Document("onto_aggregates/books", fields, TIME))


def read_of(*fields: str) -> AggregateRead:
    read = aggregate(Book, name="books", n=count())
    for field in fields:
        read = read.where(field, "==", lambda store: store.shelf.doc_id)
    return read


def test_an_earlier_definition_is_asked_by_the_filters_that_it_had() -> None:
    now, before = read_of("kind", "price"), read_of("price").spec.numbered(3)
    query = Query("shelves/s/books", (Filter("kind", "==", "a"), Filter("price", "==", 7)))

    assert now.group(query, before) == before.group("shelves/s/books?price=7")


def test_an_earlier_definition_with_other_filters_cannot_be_asked() -> None:
    now, before = read_of("price"), read_of("kind").spec

    with pytest.raises(BuildError, match="run `onto backfill books`"):
        now.group(Query("shelves/s/books", (Filter("price", "==", 7),)), before)


def test_groups_tell_which_generation_they_are_of() -> None:
    definition = DEFINITIONS[0]
    groups = {number: definition.numbered(number).group(KEY) for number in (0, 1, 12)}

    found = {n: definition.number_of(f"{AGGREGATES}/{group}") for n, group in groups.items()}

    assert found == {0: 0, 1: 1, 12: 12}
    assert definition.number_of(f"{AGGREGATES}/books") is None
    assert definition.number_of(f"{AGGREGATES}/books2~{'0' * 32}") is None

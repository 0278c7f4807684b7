"""Which changes are fanned out, and how their batches travel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onto_fn import DeclarationError, DomainModel, FanOut, Store, root
from onto_fn.engine.materialise.fan_out import UNKNOWN_SHARDS, Batch, batches, split
from onto_fn.engine.materialise.lookup import Affected
from onto_fn.engine.records.ledger import LedgerRecord
from onto_fn.errors import UndecodableEvent
from onto_fn.firestore import Document, PathTemplate
from onto_fn.observability import Change
from onto_fn.views import Definition

TIME = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
CHANGE = Change("users/a", Document("users/a", {}, TIME), Document("users/a", {}, TIME), "event-1")


class Page(DomainModel, collection="pages"):
    pass


class PageStore(Store):
    page = root(Page)


DEFINITION = Definition(
    name="V",
    store=PageStore,
    build=lambda store, transition: {},
    targets=(PathTemplate("views/{id}"),),
    fingerprint="1",
)


def affected(
    number: int, documents: int | None, shards: int = 1, seen: datetime | None = None
) -> Affected:
    path = f"pages/p{number}"
    record = LedgerRecord(
        definition="V",
        root=path,
        sources={"users/a": seen},
        matched={},
        watches=frozenset(),
        documents={f"views/{n}": "" for n in range(documents or 0)},
        fingerprint="1",
        built=True,
        failure=None,
        event_id="",
        read_time=TIME,
    )
    definition = replace(DEFINITION, shards=shards)
    return Affected(definition, path, 0, None if documents is None else record, TIME)


sizes = st.lists(st.integers(0, 30), max_size=40)
versions = st.none() | st.builds(
    lambda time: Document("users/a", {} if time else None, time),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)


@given(
    versions,
    versions,
    st.text(),
    st.lists(st.tuples(st.text(), st.integers(0, 9))).map(tuple),
)
def test_a_batch_comes_back_from_its_message(
    before: Document | None,
    after: Document | None,
    event_id: str,
    items: tuple[tuple[str, int], ...],
) -> None:
    change = Change("users/a", before, after, event_id, versions_only=True)
    batch = Batch("V", change, items)

    assert Batch.from_json(batch.to_json()) == batch


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"7", b'{"definition": "V"}', b"\xff"])
def test_a_message_that_is_no_batch_is_refused(data: bytes) -> None:
    with pytest.raises(UndecodableEvent, match="not a batch of onto_fn"):
        Batch.from_json(data)


@given(sizes, st.integers(1, 60))
def test_every_materialisation_is_done_either_here_or_elsewhere(
    documents: list[int], threshold: int
) -> None:
    items = [affected(number, size) for number, size in enumerate(documents)]

    here, elsewhere = split(items, threshold)
    rest = list(elsewhere)

    assert (here, rest) in [(items, []), ([], items)]
    assert bool(rest) == (sum(max(1, size) for size in documents) > threshold)


@given(sizes, st.integers(1, 60))
def test_batches_hold_everything_once_and_are_no_larger_than_asked(
    documents: list[int], size: int
) -> None:
    items = [affected(number, count) for number, count in enumerate(documents)]
    weights = {item.root: max(1, count) for item, count in zip(items, documents, strict=True)}

    made = list(batches(items, CHANGE, size))

    assert [root for batch in made for root, _ in batch.items] == [item.root for item in items]
    for batch in made:
        assert len(batch.items) == 1 or sum(weights[root] for root, _ in batch.items) <= size


def test_what_covers_the_change_is_in_no_batch() -> None:
    items = [affected(1, 1, seen=TIME), affected(2, 1, seen=None)]

    assert [batch.items for batch in batches(items, CHANGE, 9)] == [(("pages/p2", 0),)]


def test_few_shards_that_were_never_built_share_a_batch() -> None:
    items = [affected(number, None, shards=8) for number in range(UNKNOWN_SHARDS + 1)]

    assert [len(batch.items) for batch in batches(items, CHANGE, 100)] == [UNKNOWN_SHARDS, 1]


def test_nothing_is_looked_at_beyond_the_threshold_before_it_is_published() -> None:
    looked_at: list[int] = []

    def found() -> Iterator[Affected]:
        for number in range(1000):
            looked_at.append(number)
            yield affected(number, 1)

    split(found(), 10)

    assert len(looked_at) == 11


@pytest.mark.parametrize(
    "options", [{"threshold": 0}, {"batch": 0}, {"topic": "ab"}, {"topic": "x" * 256}]
)
def test_a_wrong_fan_out_is_refused(options: dict[str, int]) -> None:
    with pytest.raises(DeclarationError):
        FanOut(**options)  # pyright: ignore


@given(st.text(min_size=1), st.integers(1, 50))
def test_a_document_has_one_shard(path: str, shards: int) -> None:
    definition = replace(DEFINITION, shards=shards)

    assert 0 <= definition.shard_of(path) < shards
    assert definition.shard_of(path) == definition.shard_of(path)

"""What an event is billed: documents read and written, and round trips, exactly.

None of it depends on the machine. A query without result is billed as one read; a document that
does not exist like one that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import Field

from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, Ref, Store, ViewModel, many, query, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.observability import Change, Result
from onto_fn.testing.billing import Billing
from onto_fn.views.definition import Consistency

Connect = Callable[..., Database]


class Part(DomainModel, collection="parts"):
    number: int = 0
    next: Ref[Part] | None = None


class Whole(DomainModel, collection="wholes"):
    parts: list[Ref[Part]]
    readers: list[str] = Field(default_factory=list)


class WideStore(Store):
    whole = root(Whole)
    parts = many(Part, lambda store: store.whole.parts)


class Wide(ViewModel[WideStore], path="readers/{reader}/wide/{whole}"):
    """A join of any width; a copy for each reader."""

    @property
    def total(self) -> int:
        return sum(part.number for part in self.store.parts)

    def targets(self) -> Iterable[Mapping[str, str]]:
        whole = self.store.whole
        return [{"reader": reader, "whole": whole.doc_id} for reader in whole.readers]


class DeepStore(Store):
    """References of references: as many levels as the documents have."""

    whole = root(Whole)
    first = many(Part, lambda store: store.whole.parts)
    second = many(Part, lambda store: [p.next for p in store.first if p.next])
    third = many(Part, lambda store: [p.next for p in store.second if p.next])
    fourth = many(Part, lambda store: [p.next for p in store.third if p.next])


class Deep(ViewModel[DeepStore], path="deep/{whole}"):
    @property
    def total(self) -> int:
        levels = (self.store.first, self.store.second, self.store.third, self.store.fourth)
        return sum(part.number for level in levels for part in level)


class FoundStore(Store):
    part = root(Part)
    same = query(Part).where("number", "==", lambda store: store.part.number)


class Found(ViewModel[FoundStore], path="found/{part}"):
    @property
    def ids(self) -> list[str]:
        return sorted(part.doc_id for part in self.store.same)


@pytest.fixture
def billing() -> Billing:
    return Billing()


@pytest.fixture
def billed(connect: Connect, billing: Billing) -> Database:
    return connect(billing)


def join(
    view: type[ViewModel[Any]],
    width: int,
    writer: Writer,
    *,
    readers: int = 1,
    depth: int = 1,
    consistency: Consistency = "snapshot",
) -> Engine:
    """A view of one whole, up to date: `width` chains of `depth` parts each."""
    engine = Engine([replace(view.definition(), consistency=consistency)])
    links = {(n, level): f"{n}-{level}" for n in range(width) for level in range(depth)}
    parts = [
        Part(
            doc_id=doc_id,
            number=1,
            next=Part.ref(links[n, level + 1]) if level + 1 < depth else None,
        )
        for (n, level), doc_id in links.items()
    ]
    whole = Whole(
        doc_id="w",
        parts=[Part.ref(links[n, 0]) for n in range(width)],
        readers=[f"r{n}" for n in range(readers)],
    )
    writer.write_all({model.doc_ref.path: model.doc_fields() for model in [*parts, whole]})
    engine.rebuild(writer.database, view.definition().name, "wholes/w")
    return engine


def changed(writer: Writer, path: str, **fields: Any) -> Change:
    return writer.write(path, {**(writer.content(path) or {}), **fields})


@pytest.mark.parametrize("width", [1, 2, 10, 100, 500])
def test_an_event_of_a_join_reads_its_ledger_record_and_each_source_once(
    width: int, billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Wide, width, writer)

    (outcome,) = engine.handle(billed, changed(writer, "parts/0-0", number=2))

    assert outcome.result is Result.COMMITTED
    assert writer.content("readers/r0/wide/w") == {"total": width + 1}
    # the record, the root and the parts; the view and the record
    assert billing.counts == {"calls": 3, "reads": 1 + 1 + width, "writes": 2}


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_depth_costs_reads_and_no_round_trips(
    depth: int, billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Deep, 2, writer, depth=depth)

    (outcome,) = engine.handle(billed, changed(writer, f"parts/0-{depth - 1}", number=2))

    assert outcome.result is Result.COMMITTED
    assert writer.content("deep/w") == {"total": 2 * depth + 1}
    assert billing.counts == {"calls": 3, "reads": 1 + 1 + 2 * depth, "writes": 2}


@pytest.mark.parametrize("width", [1, 2, 10, 100, 500])
def test_an_event_of_an_eventual_join_reads_its_ledger_record_whatever_the_width(
    width: int, billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Wide, width, writer, consistency="eventual")

    for number in (2, 3):
        (outcome,) = engine.handle(billed, changed(writer, "parts/0-0", number=number))

        assert outcome.result is Result.COMMITTED
        assert writer.content("readers/r0/wide/w") == {"total": width + number - 1}
        assert billing.counts == {"calls": 2, "reads": 1, "writes": 2}
        billing.counts.clear()


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_an_event_of_an_eventual_join_costs_the_same_at_any_depth(
    depth: int, billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Deep, 2, writer, depth=depth, consistency="eventual")

    (outcome,) = engine.handle(billed, changed(writer, f"parts/0-{depth - 1}", number=2))

    assert outcome.result is Result.COMMITTED
    assert writer.content("deep/w") == {"total": 2 * depth + 1}
    assert billing.counts == {"calls": 2, "reads": 1, "writes": 2}


def test_an_eventual_join_reads_what_is_new_to_it_and_nothing_else(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Wide, 100, writer, consistency="eventual")
    writer.write("parts/more", {"number": 5})
    whole = writer.content("wholes/w") or {}
    references = [*whole["parts"], Part.ref("more")]

    engine.handle(billed, changed(writer, "wholes/w", parts=references))

    assert writer.content("readers/r0/wide/w") == {"total": 105}
    # look-up, the new part, the same once more to lock it, commit
    assert billing.counts == {"calls": 4, "reads": 1 + 1 + 1, "writes": 2}


def test_an_eventual_query_costs_nothing_but_for_what_enters_it(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = Engine([replace(Found.definition(), consistency="eventual")])
    for change in writer.write_all({f"parts/{n}": {"number": 7} for n in range(3)}):
        engine.handle(writer.database, change)

    engine.handle(billed, changed(writer, "parts/0", unused=True))

    # one look-up finds three records, whose builds have not read that field
    assert billing.counts == {"calls": 1, "reads": 3}
    billing.counts.clear()

    engine.handle(billed, writer.write("parts/3", {"number": 7}))

    assert writer.content("found/0") == {"ids": ["0", "1", "2", "3"]}
    # The look-up finds three records. What enters is also the new root: it is read once for all.
    # The query of the new root finds four. Both are read once more to lock them.
    assert billing.counts == {"calls": 2 + 2 + 2, "reads": 3 + 2 * (1 + 4), "writes": 4 + 4}


@pytest.mark.parametrize("copies", [1, 10, 100])
def test_copies_are_written_once_each_with_one_record(
    copies: int, billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Wide, 2, writer, readers=copies)

    engine.handle(billed, changed(writer, "parts/0-0", number=2))

    assert billing.counts == {"calls": 3, "reads": 1 + 1 + 2, "writes": copies + 1}


def test_a_duplicate_reads_the_ledger_record_and_writes_nothing(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Wide, 100, writer)
    change = changed(writer, "parts/0-0", number=2)
    engine.handle(writer.database, change)

    (outcome,) = engine.handle(billed, change)

    assert outcome.result is Result.COVERED
    assert billing.counts == {"calls": 1, "reads": 1}


def test_a_no_op_event_costs_nothing(billed: Database, billing: Billing, writer: Writer) -> None:
    engine = join(Wide, 2, writer)
    change = changed(writer, "parts/0-0", number=2)

    assert engine.handle(billed, Change(change.path, change.after, change.after, "e")) == []

    assert billing.counts == {}


def test_a_change_of_a_field_that_no_view_reads_costs_one_look_up(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Wide, 2, writer)

    engine.handle(billed, changed(writer, "parts/0-0", unused=True))

    assert billing.counts == {"calls": 1, "reads": 1}


def test_a_document_that_no_view_reads_costs_one_look_up(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = join(Wide, 2, writer)

    assert engine.handle(billed, writer.write("parts/other", {"number": 1})) == []

    assert billing.counts == {"calls": 1, "reads": 1}


def test_a_first_build_reads_what_is_new_once_more_to_lock_it(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = Engine([Wide.definition()])
    writer.write("parts/a", {"number": 1})
    whole = Whole(doc_id="w", parts=[Part.ref("a")], readers=["r"])

    engine.handle(billed, writer.write("wholes/w", whole.doc_fields()))

    # look-up, root, part, both again in the transaction, commit
    assert billing.counts == {"calls": 5, "reads": 1 + 1 + 1 + 2, "writes": 2}


def test_a_query_costs_one_more_round_trip_and_what_it_finds(
    billed: Database, billing: Billing, writer: Writer
) -> None:
    engine = Engine([Found.definition()])
    changes = writer.write_all({f"parts/{n}": {"number": 7} for n in range(3)})
    for change in changes:
        engine.handle(writer.database, change)

    change = changed(writer, "parts/0", unused=True)
    # as in a batch of a fan-out, which does not say what has changed
    outcomes = engine.handle(billed, replace(change, versions_only=True))

    assert len(outcomes) == 3  # each of the three lists the part
    # One look-up finds three records. Their roots are read together, and the query that all three
    # ask is run once. One commit has the three records.
    assert billing.counts == {"calls": 1 + 1 + 1 + 1, "reads": 3 + 3 + 3, "writes": 3}

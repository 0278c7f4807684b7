"""Aggregates: every source document counts once, whatever is delivered when and how often."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from emulator_tests.kit.calls import Calls
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import DomainModel, Store, ViewModel, aggregate, root
from onto_fn.aggregates import average, count, maximum, minimum, total
from onto_fn.aggregates.spec import AGGREGATES, CONTRIBUTIONS
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.firestore import Query
from onto_fn.observability import Change, Result

POLL, RESULTS = "polls/p", "pollResults/p"


class Poll(DomainModel, collection="polls"):
    question: str = ""


class Vote(DomainModel, collection="polls/{poll}/votes"):
    option: str
    weight: int | None = None


class Shelf(DomainModel, collection="shelves"):
    title: str = ""


class Medium(DomainModel, collection="media"):
    title: str = ""


class Book(Medium):
    pass


class Novel(Book):
    pass


class ShelfStore(Store):
    shelf = root(Shelf)
    books = aggregate(Book, n=count())


class ShelfView(ViewModel[ShelfStore], path="shelfViews/{shelf}"):
    @property
    def books(self) -> int:
        return self.store.books["n"]


class Anything(DomainModel, collection="{kind}/{owner}/shards"):
    """A collection of which the aggregates' own documents fit the path."""

    size: int | None = None


class AnythingStore(Store):
    thing = root(Anything)


class AnythingView(ViewModel[AnythingStore], path="things/{thing}"):
    @property
    def size(self) -> int | None:
        return self.store.thing.size


class GlassStore(Store):
    poll = root(Poll)
    shards = aggregate(Anything, n=count()).within(
        kind="mirrors", owner=lambda store: store.poll.doc_id
    )


class GlassView(ViewModel[GlassStore], path="glasses/{poll}"):
    @property
    def shards(self) -> int:
        return self.store.shards["n"]


class PollStore(Store):
    poll = root(Poll)
    votes = aggregate(
        Vote,
        shards=4,
        total=count(),
        counts=count(by="option"),
        weight=total("weight"),
        mean=average("weight"),
        least=minimum("weight"),
        most=maximum("weight"),
    ).within(poll=lambda store: store.poll.doc_id)


class PollResults(ViewModel[PollStore], path="pollResults/{poll}"):
    @property
    def counts(self) -> dict[str, int]:
        return self.store.votes["counts"]

    @property
    def total(self) -> int:
        return self.store.votes["total"]

    @property
    def weights(self) -> dict[str, Any]:
        return {name: self.store.votes[name] for name in ("weight", "mean", "least", "most")}


@pytest.fixture
def engine() -> Engine:
    return Engine([PollResults.definition()])


class Shards:
    """Delivers the events of shards, as the platform would, until there are none."""

    def __init__(self, engine: Engine, database: Database, writer: Writer) -> None:
        self._engine, self._database, self._writer = engine, database, writer
        self._seen: dict[str, Any] = {}

    def settle(self) -> Mapping[str, Any] | None:
        for document, _ in self._changed():
            self._engine.handle(self._database, Change(document, None, None, "shard"))
        return self._writer.content(RESULTS)

    def _changed(self) -> list[tuple[str, Any]]:
        changed: list[tuple[str, Any]] = []
        group = next(iter(self._engine.aggregates.values())).group("polls/p/votes?")
        documents, _ = self._writer.database.query(Query(f"{AGGREGATES}/{group}/shards"))
        for document in documents:
            if self._seen.get(document.path) != document.update_time:
                self._seen[document.path] = document.update_time
                changed.append((document.path, document.update_time))
        return changed


@pytest.fixture
def shards(engine: Engine, database: Database, writer: Writer) -> Shards:
    engine.handle(database, writer.write(POLL, {"question": "?"}))
    return Shards(engine, database, writer)


def vote(writer: Writer, voter: int, option: str, weight: int | None = None) -> Change:
    fields = {"option": option} | ({} if weight is None else {"weight": weight})
    return writer.write(f"{POLL}/votes/{voter}", fields)


def expected(votes: Mapping[int, tuple[str, int]]) -> dict[str, Any]:
    weights = [weight for _, weight in votes.values()]
    options = [option for option, _ in votes.values()]
    numbers: dict[str, Any] = {
        "weight": sum(weights),
        "mean": sum(weights) / len(weights) if weights else None,
        "least": min(weights, default=None),
        "most": max(weights, default=None),
    }
    return {
        "counts": {option: options.count(option) for option in sorted(set(options))},
        "total": len(votes),
        "weights": numbers,
    }


def test_each_vote_counts_once_in_whatever_order_and_however_often_it_is_delivered(
    engine: Engine, database: Database, writer: Writer, shards: Shards
) -> None:
    generator = random.Random(4)
    votes: dict[int, tuple[str, int]] = {}
    changes: list[Change] = []
    for _ in range(120):
        voter = generator.randrange(20)
        if voter in votes and generator.random() < 0.3:
            del votes[voter]
            changes.append(writer.delete(f"{POLL}/votes/{voter}"))
        else:
            votes[voter] = (generator.choice("abc"), generator.randrange(-5, 50))
            changes.append(vote(writer, voter, *votes[voter]))
    deliveries = [change for change in changes for _ in range(generator.randint(1, 4))]
    generator.shuffle(deliveries)

    in_threads(8, lambda change: engine.handle(database, change), deliveries)

    assert shards.settle() == expected(votes)
    assert writer.dead_letters() == {}


def test_a_changed_vote_moves_one_count(
    engine: Engine, database: Database, writer: Writer, shards: Shards
) -> None:
    for voter in range(3):
        engine.handle(database, vote(writer, voter, "a"))
    engine.handle(database, vote(writer, 1, "b"))

    results = shards.settle()

    assert results is not None
    assert results["counts"] == {"a": 2, "b": 1}
    assert results["total"] == 3


def test_the_removal_of_the_extreme_brings_back_the_next(
    engine: Engine, database: Database, writer: Writer, shards: Shards
) -> None:
    for voter, weight in enumerate((5, 9, 2)):
        engine.handle(database, vote(writer, voter, "a", weight))
    engine.handle(database, writer.delete(f"{POLL}/votes/1"))
    engine.handle(database, vote(writer, 2, "a", 7))

    results = shards.settle()

    assert results is not None
    assert (results["weights"]["least"], results["weights"]["most"]) == (5, 7)


def test_the_last_vote_taken_back_leaves_an_empty_count(
    engine: Engine, database: Database, writer: Writer, shards: Shards
) -> None:
    engine.handle(database, vote(writer, 1, "a", 3))
    engine.handle(database, writer.delete(f"{POLL}/votes/1"))

    assert shards.settle() == expected({})
    assert writer.collection(CONTRIBUTIONS) == {}


def test_votes_of_another_poll_do_not_count(
    engine: Engine, database: Database, writer: Writer, shards: Shards
) -> None:
    engine.handle(database, writer.write("polls/other/votes/1", {"option": "a"}))

    assert shards.settle() == expected({})


def test_an_invalid_vote_has_a_dead_letter_and_counts_once_it_is_mended(
    engine: Engine, database: Database, writer: Writer, shards: Shards
) -> None:
    engine.handle(database, vote(writer, 1, "a", 3))
    bad = writer.write(f"{POLL}/votes/1", {"option": 7})
    outcomes = [engine.handle(database, bad)[0].result for _ in range(2)]
    after_bad = shards.settle()

    [letter] = writer.dead_letters().values()
    assert outcomes == [Result.DEAD_LETTER, Result.COVERED]
    assert letter is not None
    assert "polls/p/votes/1 is not a valid Vote: option" in letter["error"]["message"]
    [spec] = engine.aggregates.values()
    assert letter["fingerprint"] == spec.fingerprint
    assert after_bad == expected({})

    mended = vote(writer, 1, "b", 4)
    for _ in range(2):
        engine.handle(database, mended)

    assert shards.settle() == expected({1: ("b", 4)})
    assert writer.dead_letters() == {}


def test_a_vote_that_changes_while_it_is_counted_counts_as_it_is_in_the_end(
    engine: Engine, interleaved: Interleaved, writer: Writer, shards: Shards
) -> None:
    first = vote(writer, 1, "a", 1)
    second: list[Change] = []

    def change_and_deliver() -> None:
        second.append(vote(writer, 1, "b", 2))
        engine.handle(writer.database, second[0])

    interleaved.once(Point.LOCKED, change_and_deliver)
    engine.handle(interleaved, first)
    engine.handle(interleaved, second[0])

    assert shards.settle() == expected({1: ("b", 2)})


def test_a_vote_that_is_taken_back_while_it_is_counted_for_the_first_time_does_not_count(
    engine: Engine, shards: Shards, interleaved: Interleaved, writer: Writer
) -> None:
    """The event of its deletion finds nothing to take out, and no other will come."""
    voted = vote(writer, 1, "a", 5)

    def take_back_and_deliver() -> None:
        engine.handle(writer.database, writer.delete(voted.path))

    interleaved.once(Point.LOCKED, take_back_and_deliver)
    engine.handle(interleaved, voted)

    assert shards.settle() == expected({})


@pytest.mark.parametrize("size", [10, 200])
def test_the_cost_of_an_event_does_not_depend_on_the_size_of_the_group(
    size: int, engine: Engine, database: Database, writer: Writer, connect: Any, shards: Shards
) -> None:
    for voter in range(size):
        engine.handle(database, vote(writer, voter, "a", voter))
    calls = Calls()
    counting = connect(calls)

    [outcome] = engine.handle(counting, vote(writer, 1, "b", 1000))

    assert calls.counts == {"BatchGetDocuments": 1, "Commit": 1}
    assert len(outcome.written) == 1


def test_an_aggregate_is_rebuilt_for_a_source_that_nobody_told_of(
    engine: Engine, database: Database, writer: Writer, shards: Shards
) -> None:
    vote(writer, 1, "a", 1)

    engine.rebuild(database, "PollStore.votes", f"{POLL}/votes/1")

    assert shards.settle() == expected({1: ("a", 1)})


def test_views_read_aggregates_and_documents_of_one_instant(
    engine: Engine, database: Database, writer: Writer, shards: Shards
) -> None:
    engine.handle(database, vote(writer, 1, "a", 1))
    shards.settle()

    record = writer.record("PollResults", POLL)

    assert record is not None
    assert len(record.sources) == 6  # the poll, four shards, and what says which shards they are
    assert max(t for t in record.sources.values() if t) < record.read_time + timedelta(seconds=1)


def test_an_aggregate_of_a_class_counts_its_subclasses_and_no_others(
    database: Database, writer: Writer
) -> None:
    engine = Engine([ShelfView.definition()])
    for medium in (Medium(doc_id="m"), Book(doc_id="b"), Novel(doc_id="n")):
        engine.handle(database, writer.write(medium.doc_ref.path, medium.doc_fields()))

    engine.handle(database, writer.write("shelves/s", {}))

    assert writer.content("shelfViews/s") == {"books": 2}


def test_the_shards_of_an_aggregate_are_no_sources_of_a_model_whose_path_they_fit(
    database: Database, writer: Writer
) -> None:
    engine = Engine([AnythingView.definition(), GlassView.definition()])
    engine.handle(database, writer.write(POLL, {}))
    engine.handle(database, writer.write("mirrors/p/shards/1", {"size": 1}))
    [contribution] = writer.collection(CONTRIBUTIONS).values()
    assert contribution is not None
    [group] = contribution["groups"]

    outcomes = engine.handle(
        database, Change(f"{AGGREGATES}/{group}/shards/0", None, None, "shard")
    )

    assert [outcome.definition for outcome in outcomes] == ["GlassView"]
    assert writer.content("glasses/p") == {"shards": 1}
    assert writer.collection("things") == {"things/1": {"size": 1}}
    assert len(writer.collection(CONTRIBUTIONS)) == 1

"""Queries for lists of values: of any length, also none, in each mode of consistency."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import pytest
from pydantic import Field

from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, EmbeddedModel, Store, ViewModel, query, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.firestore import Filter, Query, Write, parts
from onto_fn.firestore.fieldpaths import field_path
from onto_fn.firestore.queries import Order
from onto_fn.models.repository import Repository
from onto_fn.views import Definition


class Feed(DomainModel, collection="feeds"):
    topics: list[int] = Field(default_factory=list)
    places: list[str] = Field(default_factory=list)
    blocked: list[str] = Field(default_factory=list)


class Post(DomainModel, collection="posts"):
    topic: int | None = None
    topics: list[int] = Field(default_factory=list)
    place: str = ""
    author: str | None = None
    likes: int = 0


class Odd(DomainModel, collection="odd"):
    held: Any = None


class FeedStore(Store):
    feed = root(Feed)
    of_topics = query(Post).where("topic", "in", lambda s: s.feed.topics)
    of_any = query(Post).where("topics", "array_contains_any", lambda s: s.feed.topics)
    of_both = (
        query(Post)
        .where("topic", "in", lambda s: s.feed.topics)
        .where("place", "in", lambda s: s.feed.places)
    )
    best = (
        query(Post)
        .where("topics", "array_contains_any", lambda s: s.feed.topics)
        .order_by("likes", descending=True)
        .limit(3)
    )
    allowed = (
        query(Post).where("author", "not-in", lambda s: s.feed.blocked).order_by("author").limit(4)
    )
    allowed_there = (
        query(Post)
        .where("author", "not-in", lambda s: s.feed.blocked)
        .where("place", "in", lambda s: s.feed.places)
    )


class FeedView(ViewModel[FeedStore], path="feedViews/{feed_id}"):
    @property
    def of_topics(self) -> list[str]:
        return [post.doc_id for post in self.store.of_topics]

    @property
    def of_any(self) -> list[str]:
        return [post.doc_id for post in self.store.of_any]

    @property
    def of_both(self) -> list[str]:
        return [post.doc_id for post in self.store.of_both]

    @property
    def best(self) -> list[str]:
        return [post.doc_id for post in self.store.best]

    @property
    def allowed(self) -> list[str]:
        return [post.doc_id for post in self.store.allowed]

    @property
    def allowed_there(self) -> list[str]:
        return [post.doc_id for post in self.store.allowed_there]


def expected(feed: dict[str, Any], posts: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """What the view shows, by a computation of its own."""
    topics, places, blocked = feed["topics"], feed["places"], feed["blocked"]
    any_of = {n: p for n, p in posts.items() if set(p["topics"]) & set(topics)}
    allowed = {n: p for n, p in posts.items() if p.get("author") and p["author"] not in blocked}
    by_author = sorted(allowed, key=lambda n: (allowed[n]["author"], n))
    return {
        "ofTopics": sorted(n for n, p in posts.items() if p.get("topic") in topics),
        "ofAny": sorted(any_of),
        "ofBoth": sorted(
            n for n, p in posts.items() if p.get("topic") in topics and p["place"] in places
        ),
        "best": sorted(any_of, key=lambda n: (any_of[n]["likes"], n), reverse=True)[:3],
        "allowed": by_author[:4],
        "allowedThere": [n for n in by_author if allowed[n]["place"] in places],
    }


MODES: dict[str, dict[str, Any]] = {
    "snapshot": {},
    "serializable": {"isolation": "serializable"},
    "eventual": {"consistency": "eventual"},
}


def definition(mode: str) -> Definition:
    return replace(FeedView.definition(), **MODES[mode])


def some(rng: random.Random, of: list[Any], lengths: list[int]) -> list[Any]:
    return rng.sample(of, min(rng.choice(lengths), len(of)))


def a_post(rng: random.Random) -> dict[str, Any]:
    post: dict[str, Any] = {
        "topics": some(rng, list(range(90)), [0, 1, 3]),
        "place": rng.choice("abcdef"),
        "likes": rng.randrange(4),
    }
    if rng.random() < 0.8:
        post["topic"] = rng.randrange(90)
    if rng.random() < 0.8:
        post["author"] = f"author-{rng.randrange(30):02}"
    return post


def a_feed(rng: random.Random) -> dict[str, Any]:
    return {
        "topics": some(rng, list(range(90)), [0, 0, 1, 29, 30, 31, 60, 75]),
        "places": some(rng, list("abcdef"), [0, 1, 2, 6]),
        "blocked": some(rng, [f"author-{n:02}" for n in range(30)], [0, 1, 9, 10, 11, 25]),
    }


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(3))
def test_a_view_follows_lists_of_any_length(mode: str, seed: int, writer: Writer) -> None:
    """G1: whatever enters or leaves any part of a query, by its own change or by the list's."""
    rng = random.Random(seed)
    engine = Engine([definition(mode)])
    feed: dict[str, Any] = {"topics": [], "places": [], "blocked": []}
    engine.handle(writer.database, writer.write("feeds/f", feed))
    posts: dict[str, dict[str, Any]] = {}
    for _ in range(40):
        name = f"p{rng.randrange(12):02}"
        if rng.random() < 0.3:
            feed = a_feed(rng)
            change = writer.write("feeds/f", feed)
        elif name in posts and rng.random() < 0.3:
            del posts[name]
            change = writer.delete(f"posts/{name}")
        else:
            posts[name] = a_post(rng)
            change = writer.write(f"posts/{name}", posts[name])
        engine.handle(writer.database, change)

        assert writer.content("feedViews/f") == expected(feed, posts)
    assert not writer.dead_letters()


@pytest.mark.parametrize("mode", MODES)
def test_a_list_that_becomes_empty_shows_nothing_any_more(mode: str, writer: Writer) -> None:
    engine = Engine([definition(mode)])
    engine.handle(writer.database, writer.write("posts/p", {"topic": 1, "topics": [1]}))
    engine.handle(writer.database, writer.write("feeds/f", {"topics": [1]}))
    before = writer.content("feedViews/f")

    engine.handle(writer.database, writer.write("feeds/f", {"topics": []}))

    assert before is not None
    assert before["ofTopics"] == before["ofAny"] == ["p"]
    after = writer.content("feedViews/f")
    assert after is not None
    assert after["ofTopics"] == after["ofAny"] == []
    assert not writer.dead_letters()


CONDITIONS = [
    (Filter("topic", "in", list(range(9))),),
    (Filter("topics", "array_contains_any", list(range(9))),),
    (Filter("topic", "in", [1, 2, 3, 4]), Filter("place", "in", ["a", "b", "c"])),
    (Filter("topic", "in", [5, 1, 2.0, True, "x"]), Filter("likes", ">", 0)),
    (Filter("topic", "in", [5, 1, 2, 8]), Filter("likes", "!=", 1), Filter("place", ">", "a")),
    (Filter("author", "not-in", [f"author-{n:02}" for n in range(9)]),),
    (Filter("author", "not-in", [None, "author-01", "author-02", "author-03"]),),
    (Filter("author", "not-in", ["author-03", "author-04", float("nan"), "author-05"]),),
]
ORDERS = [
    (),
    (Order("likes"),),
    (Order("place", True),),
    (Order("likes", True), Order("place")),
    (Order("place"), Order("topic", True)),
]


@pytest.mark.parametrize("number", range(len(CONDITIONS)))
@pytest.mark.parametrize("orders", ORDERS)
def test_parts_are_answered_as_firestore_answers_the_whole(
    number: int, orders: tuple[Order, ...], writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(7)
    writer.database.commit(
        [Write(f"posts/p{n}", {**a_post(rng), "topic": rng.randrange(9)}) for n in range(60)]
    )
    for limit in (None, 1, 7):
        asked = Query("posts", CONDITIONS[number], orders, limit)
        monkeypatch.undo()
        whole = writer.database.query(asked)[0]
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "unused: it is connected")
        monkeypatch.setattr(parts, "MAX_DISJUNCTIONS", 3)
        monkeypatch.setattr(parts, "MAX_EXCLUDED", 3)
        split = parts.planned(asked).parts

        found = writer.database.query(asked)[0]

        assert found == whole
        assert len(split) > 1 or "not-in" in {f.op for f in asked.filters}


def test_parts_are_read_at_one_instant(
    database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.commit([Write(f"posts/{n}", {"topic": n}) for n in range(70)])
    asked = Query("posts", (Filter("topic", "in", list(range(70))),))
    run = Database._run_query

    def interrupted(self: Database, query: Query, consistency: dict[str, Any]) -> Any:
        found = run(self, query, consistency)
        monkeypatch.undo()  # once: after the first part
        writer.database.commit([Write(f"posts/{n}", None) for n in (0, 69)])
        return found

    monkeypatch.setattr(Database, "_run_query", interrupted)
    found, at = database.query(asked)

    assert len(found) == 70
    assert len(database.query(asked, read_time=at)[0]) == 70
    assert len(database.query(asked)[0]) == database.count(asked) == 68


def test_parts_are_read_in_one_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.commit([Write(f"posts/{n}", {"topic": n}) for n in range(70)])
    asked = Query("posts", (Filter("topic", "in", list(range(70))),))
    run, used = Database._run_query, list[Any]()

    def noted(self: Database, query: Query, consistency: dict[str, Any]) -> Any:
        found = run(self, query, consistency)
        used.append(found[2])
        return found

    monkeypatch.setattr(Database, "_run_query", noted)
    with database.transaction() as transaction:
        found = transaction.query(asked)
        transaction.commit([Write("others/x", {})])

    assert len(found) == 70
    assert len(used) == 3
    assert len(set(used)) == 1
    assert used[0]


@pytest.mark.parametrize("value", [None, float("nan")])
@pytest.mark.parametrize("op", ["array_contains", "array_contains_any", "in"])
@pytest.mark.parametrize("mode", MODES)
def test_none_and_nan_match_nothing(mode: str, op: Any, value: Any, writer: Writer) -> None:
    class OddStore(Store):
        feed = root(Feed)
        found = query(Odd).where("held", op, lambda _: value if op == "array_contains" else [value])

    class OddView(ViewModel[OddStore], path="oddViews/{id}"):
        @property
        def ids(self) -> list[str]:
            return [odd.doc_id for odd in self.store.found]

    engine = Engine([replace(OddView.definition(), **MODES[mode])])
    engine.handle(writer.database, writer.write("feeds/f", {}))

    engine.handle(writer.database, writer.write("odd/a", {"held": [value, 1]}))
    engine.handle(writer.database, writer.write("odd/b", {"held": value}))

    assert writer.content("oddViews/f") == {"ids": []}
    assert not writer.dead_letters()


def test_a_repository_finds_lists_of_any_length(database: Database) -> None:
    repository = Repository(database)
    repository.save(*(Post(doc_id=f"{n:02}", topic=n) for n in range(70)))

    many = repository.find(Post.where("topic", "in", range(70)).order_by("topic").limit(65))

    assert [post.topic for post in many] == list(range(65))
    assert repository.find(Post.where("topic", "in", [])) == []
    assert len(repository.find(Post.where("topic", "not-in", []))) == 70
    assert len(repository.find(Post.where("topic", "not-in", list(range(40))))) == 30


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Spot(EmbeddedModel):
    row_number: int
    note: str | None = None

    def __hash__(self) -> int:
        return self.row_number


@dataclass(frozen=True)
class Money:
    amount: int
    currency: str


class Seat(DomainModel, collection="seats"):
    spot: Spot
    size: Size = Size.SMALL
    price: Money = Money(1, "EUR")
    others: list[Spot] = Field(default_factory=list)


@pytest.mark.parametrize(
    ("name", "op", "value"),
    [
        ("spot", "==", Spot(row_number=2)),
        ("spot", "in", {Spot(row_number=2), Spot(row_number=9)}),
        ("spot", "not-in", {Spot(row_number=1), Spot(row_number=3)}),
        ("spot.row_number", "==", 2),
        ("size", "==", Size.LARGE),
        ("size", "in", (Size.LARGE,)),
        ("price", "==", Money(2, "EUR")),
        ("price.amount", ">", 1),
        ("others", "array_contains", Spot(row_number=7, note="x")),
        ("others", "array_contains_any", {Spot(row_number=7, note="x")}),
        ("others", "==", [Spot(row_number=7, note="x")]),
        ("others", "==", {Spot(row_number=7, note="x")}),
    ],
)
def test_values_of_your_own_classes_are_found_as_they_are_stored(
    name: str, op: Any, value: Any, database: Database
) -> None:
    spot = {"rowNumber": 2}
    database.commit(
        [
            Write("seats/1", {"spot": {"rowNumber": 1}, "size": "s"}),
            Write(
                "seats/2",
                {
                    "spot": spot,
                    "size": "l",
                    "price": {"amount": 2, "currency": "EUR"},
                    "others": [{"rowNumber": 7, "note": "x"}],
                },
            ),
        ]
    )

    found = Repository(database).find(Seat.where(name, op, value))

    assert [seat.doc_id for seat in found] == ["2"]


ALIASES = [
    *(
        "price.eur",
        "due-date",
        "1st",
        "a b",
        "back`tick",
        "back\\slash",
        "café",
        "😀",
        "class",
        ".",
    ),
    *("a.", "``", "null", "日本", "a/b", "a*b", "a[0]", "a\nb", "_", "a~b", "__x"),
]


@pytest.mark.parametrize("alias", ALIASES)
def test_a_field_of_any_name_is_found_sorted_and_watched(
    alias: str, database: Database, writer: Writer
) -> None:
    class Owner(DomainModel, collection="owners"):
        wanted: int = 0

    class Thing(DomainModel, collection="things"):
        amount: int = Field(alias=alias, default=0)

    class OwnerStore(Store):
        owner = root(Owner)
        things = (
            query(Thing)
            .where("amount", "==", lambda s: s.owner.wanted)
            .order_by("amount", descending=True)
        )
        same = query(Thing).where(field_path([alias]), "==", lambda s: s.owner.wanted)

    class OwnerView(ViewModel[OwnerStore], path="ownerViews/{owner_id}"):
        @property
        def found(self) -> list[str]:
            same = [thing.doc_id for thing in self.store.same]
            return [thing.doc_id for thing in self.store.things if thing.doc_id in same]

    engine = Engine([OwnerView.definition()])
    engine.handle(database, writer.write("owners/o", {"wanted": 3}))

    engine.handle(database, writer.write("things/t", {alias: 3}))
    assert writer.content("ownerViews/o") == {"found": ["t"]}
    engine.handle(database, writer.write("things/t", {alias: 4}))
    assert writer.content("ownerViews/o") == {"found": []}
    assert [t.amount for t in Repository(database).find(Thing.where(alias, "==", 4))] == [4]

"""A change that affects very many documents is rebuilt in batches, each exactly once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydantic import Field

from emulator_tests.kit.calls import Calls, Outage
from emulator_tests.kit.definitions import counted
from emulator_tests.kit.domain import GroupView, people
from emulator_tests.kit.fixtures import Connect
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import DomainModel, FanOut, RetryPolicy, Store, ViewModel, one, root
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.fan_out import Batch
from onto_fn.engine.materialise.lookup import Materialised, find_affected
from onto_fn.engine.materialise.together import ATTEMPTS
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.errors import DeclarationError, RetriesExhausted, TransientError
from onto_fn.observability import Change, Outcome, Result

SHARDS = 4
POST, AUTHOR = "posts/p", "authors/ann"


class Author(DomainModel, collection="authors"):
    followers: dict[str, bool] = Field(default_factory=dict)


class Post(DomainModel, collection="posts"):
    author: str
    text: str


class PostStore(Store):
    post = root(Post)
    author = one(Author, lambda store: Author.ref(store.post.author))


class FeedEntry(
    ViewModel[PostStore], path="readers/{reader}/feed/{post_id}", typed=True, shards=SHARDS
):
    @property
    def text(self) -> str:
        if self.store.post.text == "poison":
            raise ValueError("poison")
        return self.store.post.text

    def targets(self) -> Iterable[Mapping[str, str]]:
        readers = [name for name, follows in self.store.author.followers.items() if follows]
        return [{"reader": reader, "post_id": self.store.post.doc_id} for reader in readers]


@dataclass
class Mailbox:
    """Batches that were published, as they arrive: through JSON."""

    batches: list[Batch] = field(default_factory=list)

    def publish(self, database: Database, batches: Iterable[Batch]) -> None:
        self.batches += [Batch.from_json(batch.to_json()) for batch in batches]


def engine_with(
    mailbox: Mailbox, *views: type[ViewModel[Any]], threshold: int = 5, batch: int = 10, **kw: Any
) -> Engine:
    return Engine(
        [view.definition() for view in views or (FeedEntry,)],
        fan_out=FanOut(threshold=threshold, batch=batch),
        publish=mailbox.publish,
        **kw,
    )


def followers(*numbers: int) -> dict[str, Any]:
    return {"followers": {f"r{n:03}": True for n in numbers}}


def feed(writer: Writer, numbers: Iterable[int], post: str = "p") -> dict[int, Any]:
    contents = {n: writer.content(f"readers/r{n:03}/feed/{post}") for n in numbers}
    return {n: content["text"] for n, content in contents.items() if content is not None}


@pytest.fixture
def posted(database: Database, writer: Writer) -> list[Change]:
    """An author with 40 followers and a post that is in all their feeds."""
    changes = [
        writer.write(AUTHOR, followers(*range(40))),
        writer.write(POST, {"author": "ann", "text": "one"}),
    ]
    for change in changes:
        Engine([FeedEntry.definition()]).handle(database, change)
    return changes


def test_every_shard_has_a_record_of_its_own_and_its_documents_are_in_no_other(
    posted: list[Change], writer: Writer
) -> None:
    records = writer.collection(LEDGER_COLLECTION)

    listed = [made["path"] for record in records.values() if record for made in record["documents"]]
    assert len(records) == SHARDS
    assert sorted(listed) == [f"readers/r{n:03}/feed/p" for n in range(40)]
    assert feed(writer, range(40)) == dict.fromkeys(range(40), "one")


def test_the_shards_of_a_root_are_read_and_committed_together(
    posted: list[Change], connect: Connect, writer: Writer
) -> None:
    calls = Calls()
    edited = writer.write(POST, {"author": "ann", "text": "two"})

    outcomes = Engine([FeedEntry.definition()]).handle(connect(calls), edited)

    assert [outcome.result for outcome in outcomes] == [Result.COMMITTED] * SHARDS
    assert calls.counts == {"RunQuery": 1, "BatchGetDocuments": 1, "Commit": 1}


def test_a_change_up_to_the_threshold_is_not_fanned_out(
    posted: list[Change], database: Database, writer: Writer
) -> None:
    mailbox = Mailbox()
    edited = writer.write(POST, {"author": "ann", "text": "two"})

    engine_with(mailbox, threshold=40).handle(database, edited)

    assert mailbox.batches == []
    assert feed(writer, range(40)) == dict.fromkeys(range(40), "two")


def test_a_change_above_the_threshold_is_published_and_nothing_is_written_here(
    posted: list[Change], interleaved: Interleaved, writer: Writer
) -> None:
    mailbox = Mailbox()
    edited = writer.write(POST, {"author": "ann", "text": "two"})

    [outcome] = engine_with(mailbox).handle(interleaved, edited)

    assert (outcome.result, outcome.root) == (Result.FANNED_OUT, f"{SHARDS} roots")
    assert interleaved.commits == []
    items = [item for batch in mailbox.batches for item in batch.items]
    assert sorted(items) == [(POST, shard) for shard in range(SHARDS)]
    assert len(mailbox.batches) > 1


def test_a_first_build_of_unknown_size_has_several_batches(
    database: Database, writer: Writer
) -> None:
    mailbox = Mailbox()
    writer.write(AUTHOR, followers(*range(40)))

    engine = engine_with(mailbox, threshold=3, batch=4)
    engine.handle(database, writer.write(POST, {"author": "ann", "text": "one"}))

    assert sum(len(batch.items) for batch in mailbox.batches) == SHARDS


def test_batches_delivered_again_at_once_and_in_any_order_commit_once(
    posted: list[Change], interleaved: Interleaved, writer: Writer
) -> None:
    mailbox = Mailbox()
    engine = engine_with(mailbox)
    engine.handle(interleaved, writer.write(POST, {"author": "ann", "text": "two"}))
    deliveries = [*mailbox.batches, *reversed(mailbox.batches), *mailbox.batches]

    in_threads(8, lambda batch: engine.handle_batch(interleaved, batch), deliveries)

    for number in range(40):
        [content] = interleaved.history(f"readers/r{number:03}/feed/p")
        assert content is not None
        assert content["text"] == "two"
    for record in writer.collection(LEDGER_COLLECTION):
        assert len(interleaved.history(record)) == 1


def test_a_repeated_event_publishes_nothing_once_its_batches_are_done(
    posted: list[Change], database: Database, writer: Writer
) -> None:
    mailbox = Mailbox()
    engine = engine_with(mailbox)
    edited = writer.write(POST, {"author": "ann", "text": "two"})
    engine.handle(database, edited)
    done = list(mailbox.batches)
    for batch in done[:-1]:
        engine.handle_batch(database, batch)

    engine.handle(database, edited)
    missing = mailbox.batches[len(done) :]
    assert [set(batch.items) for batch in missing] == [set(done[-1].items)]
    engine.handle_batch(database, done[-1])
    engine.handle(database, edited)

    assert len(mailbox.batches) == len(done) + 1


def test_a_stale_batch_commits_nothing(
    posted: list[Change], interleaved: Interleaved, writer: Writer
) -> None:
    mailbox = Mailbox()
    engine = engine_with(mailbox)
    engine.handle(interleaved, writer.write(POST, {"author": "ann", "text": "two"}))
    old = list(mailbox.batches)
    engine.handle(interleaved, writer.write(POST, {"author": "ann", "text": "three"}))
    for batch in mailbox.batches[len(old) :]:
        engine.handle_batch(interleaved, batch)
    interleaved.commits.clear()

    outcomes = [o for batch in old for o in engine.handle_batch(interleaved, batch)]

    assert {outcome.result for outcome in outcomes} == {Result.COVERED}
    assert interleaved.commits == []
    assert feed(writer, range(40)) == dict.fromkeys(range(40), "three")


def test_publishing_that_fails_half_way_is_made_good_by_redelivery(
    posted: list[Change], database: Database, writer: Writer, quick: RetryPolicy
) -> None:
    mailbox = Mailbox()

    def publish(database: Database, batches: Iterable[Batch]) -> None:
        mailbox.batches.append(next(iter(batches)))
        raise TransientError("the broker is gone")

    broken = Engine([FeedEntry.definition()], fan_out=FanOut(5, 10), publish=publish)
    edited = writer.write(POST, {"author": "ann", "text": "two"})
    with pytest.raises(RetriesExhausted, match="the broker is gone"):
        broken.handle(database, edited)

    engine = engine_with(mailbox)
    engine.handle(database, edited)
    for batch in mailbox.batches:
        engine.handle_batch(database, batch)

    assert feed(writer, range(40)) == dict.fromkeys(range(40), "two")


def test_a_batch_whose_answer_is_lost_finds_itself_covered(
    posted: list[Change], connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    mailbox = Mailbox()
    engine = engine_with(mailbox)
    engine.handle(writer.database, writer.write(POST, {"author": "ann", "text": "two"}))
    before = writer.collection(LEDGER_COLLECTION).keys()

    outcomes = [
        outcome
        for batch in mailbox.batches
        for outcome in engine.handle_batch(connect(Outage("Commit", 1, applied=True)), batch)
    ]

    assert {outcome.result for outcome in outcomes} == {Result.COVERED}
    assert writer.collection(LEDGER_COLLECTION).keys() == before
    assert feed(writer, range(40)) == dict.fromkeys(range(40), "two")


def test_an_outage_of_firestore_gives_the_batch_back(
    posted: list[Change], connect: Connect, writer: Writer, quick: RetryPolicy
) -> None:
    mailbox = Mailbox()
    engine = engine_with(mailbox, retry=quick)
    engine.handle(writer.database, writer.write(POST, {"author": "ann", "text": "two"}))
    down = connect(Outage("Commit", 1000))

    with pytest.raises(RetriesExhausted):
        engine.handle_batch(down, mailbox.batches[0])
    for batch in mailbox.batches:
        engine.handle_batch(writer.database, batch)

    assert feed(writer, range(40)) == dict.fromkeys(range(40), "two")


def test_followers_who_come_and_leave_while_batches_wait_end_where_they_belong(
    posted: list[Change], database: Database, writer: Writer
) -> None:
    mailbox = Mailbox()
    engine = engine_with(mailbox)
    changes = [
        writer.write(POST, {"author": "ann", "text": "two"}),
        writer.write(AUTHOR, followers(*range(10, 60))),
        writer.write(AUTHOR, followers(*range(20, 50))),
    ]
    for change in reversed(changes):
        engine.handle(database, change)

    for batch in [*mailbox.batches[::2], *mailbox.batches[1::2]]:
        engine.handle_batch(database, batch)

    assert feed(writer, range(60)) == dict.fromkeys(range(20, 50), "two")


def test_a_deleted_root_loses_all_its_documents_and_records(
    posted: list[Change], database: Database, writer: Writer
) -> None:
    mailbox = Mailbox()
    engine = engine_with(mailbox)
    engine.handle(database, writer.delete(POST))
    for batch in mailbox.batches:
        engine.handle_batch(database, batch)

    assert feed(writer, range(40)) == {}
    assert writer.collection(LEDGER_COLLECTION) == {}


def test_a_build_that_fails_has_one_dead_letter_for_all_its_shards_until_it_is_mended(
    posted: list[Change], database: Database, writer: Writer
) -> None:
    mailbox = Mailbox()
    engine = engine_with(mailbox)
    engine.handle(database, writer.write(POST, {"author": "ann", "text": "poison"}))
    for batch in mailbox.batches:
        engine.handle_batch(database, batch)
    assert len(writer.dead_letters()) == 1
    assert feed(writer, range(40)) == dict.fromkeys(range(40), "one")
    mailbox.batches.clear()

    engine.handle(database, writer.write(POST, {"author": "ann", "text": "two"}))
    for batch in mailbox.batches:
        engine.handle_batch(database, batch)

    assert writer.dead_letters() == {}
    assert feed(writer, range(40)) == dict.fromkeys(range(40), "two")


def test_replay_rebuilds_every_shard(
    posted: list[Change], database: Database, writer: Writer
) -> None:
    engine = Engine([FeedEntry.definition()])
    engine.handle(database, writer.write(POST, {"author": "ann", "text": "poison"}))
    writer.write(POST, {"author": "ann", "text": "two"})  # and its event is late
    [letter] = writer.dead_letters()

    outcome = engine.replay(database, letter.rpartition("/")[2])

    assert outcome is not None
    assert outcome.result is Result.COMMITTED
    assert len(outcome.written) == 40
    assert writer.dead_letters() == {}


# Shards without a copy


@pytest.fixture
def lonely(database: Database, writer: Writer) -> Engine:
    """An author with two followers, and a post that is in both feeds: there are empty shards."""
    engine = Engine([FeedEntry.definition()])
    engine.handle(database, writer.write(AUTHOR, followers(1, 2)))
    engine.handle(database, writer.write(POST, {"author": "ann", "text": "one"}))
    return engine


def shards_of(writer: Writer) -> dict[int, set[str]]:
    """The copies that the record of each shard lists."""
    records = writer.collection(LEDGER_COLLECTION).values()
    return {r["shard"]: {made["path"] for made in r["documents"]} for r in records if r}


def empty_one(writer: Writer) -> tuple[int, int]:
    """A shard without a copy, besides the first, and a follower who belongs to it."""
    empty = {shard for shard, copies in shards_of(writer).items() if shard and not copies}
    for number in range(3, 100):
        shard = FeedEntry.definition().shard_of(f"readers/r{number:03}/feed/p")
        if shard in empty:
            return shard, number
    raise AssertionError("there is none")


def test_the_records_of_empty_shards_are_not_rewritten(
    lonely: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    filled = {shard for shard, copies in shards_of(writer).items() if copies}
    edited = writer.write(POST, {"author": "ann", "text": "two"})

    outcomes = lonely.handle(interleaved, edited)

    [commit] = interleaved.commits
    records = [path for path in commit.contents if path.startswith(LEDGER_COLLECTION)]
    assert len(records) == len(filled | {0}) < SHARDS
    assert feed(writer, range(10)) == {1: "two", 2: "two"}
    assert len(outcomes) == SHARDS
    interleaved.commits.clear()
    assert Result.COMMITTED not in {o.result for o in lonely.handle(interleaved, edited)}
    assert interleaved.commits == []


def test_a_copy_that_comes_into_an_empty_shard_after_edits_that_left_it_out_is_right(
    lonely: Engine, database: Database, writer: Writer
) -> None:
    _, reader = empty_one(writer)
    for text in ("two", "three"):
        lonely.handle(database, writer.write(POST, {"author": "ann", "text": text}))
    lonely.handle(database, writer.write(AUTHOR, followers(1, 2, reader)))
    assert feed(writer, range(100)) == {1: "three", 2: "three", reader: "three"}

    lonely.handle(database, writer.write(AUTHOR, followers(1, 2)))
    lonely.handle(database, writer.write(POST, {"author": "ann", "text": "four"}))

    assert feed(writer, range(100)) == {1: "four", 2: "four"}


def test_a_build_that_was_overtaken_leaves_no_copy_in_a_shard_that_was_left_out(
    lonely: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    """The later build finds the shard empty, as its record says, and writes nothing there."""
    _, reader = empty_one(writer)
    follows = writer.write(AUTHOR, followers(1, 2, reader))

    def leave() -> None:
        lonely.handle(writer.database, writer.write(AUTHOR, followers(1, 2)))

    interleaved.once(Point.READ, leave)
    lonely.handle(interleaved, follows)

    assert feed(writer, range(100)) == {1: "one", 2: "one"}


def test_a_poison_that_was_overtaken_leaves_no_letter_in_a_shard_that_was_left_out(
    lonely: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    poison = writer.write(POST, {"author": "ann", "text": "poison"})

    def correct() -> None:
        lonely.handle(writer.database, writer.write(POST, {"author": "ann", "text": "two"}))

    interleaved.once(Point.READ, correct)
    lonely.handle(interleaved, poison)

    assert writer.dead_letters() == {}
    assert feed(writer, range(10)) == {1: "two", 2: "two"}


def test_a_root_that_is_deleted_takes_the_records_of_empty_shards_with_it(
    lonely: Engine, database: Database, writer: Writer
) -> None:
    lonely.handle(database, writer.write(POST, {"author": "ann", "text": "two"}))

    lonely.handle(database, writer.delete(POST))

    assert feed(writer, range(10)) == {}
    assert writer.collection(LEDGER_COLLECTION) == {}


def groups(writer: Writer, number: int) -> list[Change]:
    """So many groups that all have Ann."""
    written = writer.write_all({f"groups/g{n:03}": {"members": people("a")} for n in range(number)})
    return [writer.write("people/a", {"name": "Ann"}), *written]


def test_many_views_of_one_source_follow_it_in_batches_of_one_commit_each(
    interleaved: Interleaved, writer: Writer
) -> None:
    for change in groups(writer, 25):
        Engine([GroupView.definition()]).handle(interleaved, change)
    mailbox = Mailbox()
    engine = engine_with(mailbox, GroupView)
    engine.handle(interleaved, writer.write("people/a", {"name": "Anna"}))
    interleaved.commits.clear()

    for batch in mailbox.batches:
        engine.handle_batch(interleaved, batch)

    assert [len(batch.items) for batch in mailbox.batches] == [10, 10, 5]
    assert len(interleaved.commits) == 3
    views = writer.collection("groupViews")
    assert [view and view["names"] for view in views.values()] == [["Anna"]] * 25


def test_a_batch_that_fails_as_a_whole_is_done_one_by_one(connect: Connect, writer: Writer) -> None:
    for change in groups(writer, 5):
        Engine([GroupView.definition()]).handle(writer.database, change)
    mailbox = Mailbox()
    engine = engine_with(mailbox, GroupView, threshold=1)
    engine.handle(writer.database, writer.write("people/a", {"name": "Anna"}))
    calls = Calls()

    [batch] = mailbox.batches
    outcomes = engine.handle_batch(connect(Outage("Commit", ATTEMPTS), calls), batch)

    assert [outcome.result for outcome in outcomes] == [Result.COMMITTED] * 5
    assert calls.counts["Commit"] == 5
    views = writer.collection("groupViews")
    assert [view and view["names"] for view in views.values()] == [["Anna"]] * 5


def test_a_batch_does_not_build_what_is_covered(database: Database, writer: Writer) -> None:
    for change in groups(writer, 6):
        Engine([GroupView.definition()]).handle(database, change)
    mailbox = Mailbox()
    definition, builds = counted(GroupView.definition())
    engine = Engine([definition], fan_out=FanOut(1, 10), publish=mailbox.publish)
    changed = writer.write("people/a", {"name": "Anna"})
    engine.handle(database, changed)
    Engine([GroupView.definition()]).handle_batch(
        database, Batch("GroupView", changed, (("groups/g000", 0), ("groups/g001", 0)))
    )

    [batch] = mailbox.batches
    outcomes = engine.handle_batch(database, batch)

    assert sorted(o.result.value for o in outcomes) == ["committed"] * 4 + ["covered"] * 2
    assert len(builds) == 4


def test_a_new_source_in_a_batch_is_not_missed(interleaved: Interleaved, writer: Writer) -> None:
    """What the batch gains is locked, as alone: the change in between makes it build again."""
    writer.write_all({f"groups/g{n}": {"members": people("a")} for n in range(3)})
    changed = writer.write("people/a", {"name": "Ann"})
    engine = Engine([GroupView.definition()])
    batch = Batch("GroupView", changed, tuple((f"groups/g{n}", 0) for n in range(3)))
    late: list[list[Outcome]] = []

    def rename() -> None:
        late.append(engine.handle(writer.database, writer.write("people/a", {"name": "Anna"})))

    interleaved.once(Point.READ, rename)
    engine.handle_batch(interleaved, batch)

    assert late == [[]], "the event of the change finds no view"
    views = writer.collection("groupViews")
    assert [view and view["names"] for view in views.values()] == [["Anna"]] * 3


def test_a_batch_of_a_view_that_the_app_does_not_have_is_refused(database: Database) -> None:
    with pytest.raises(DeclarationError, match="no view or mediator is named 'Gone'"):
        engine_with(Mailbox()).handle_batch(database, Batch("Gone", Change(POST, None, None), ()))


def test_the_look_up_is_paged_at_one_time(connect: Connect, writer: Writer) -> None:
    for change in groups(writer, 25):
        Engine([GroupView.definition()]).handle(writer.database, change)
    calls = Calls()
    changed = writer.write("people/a", {"name": "Anna"})

    views = Materialised([GroupView.definition()])
    found = find_affected(connect(calls), views, changed, RetryPolicy(), page_size=10)
    first = [next(found) for _ in range(10)]
    writer.database.commit([])
    Engine([GroupView.definition()]).handle(writer.database, changed)
    rest = list(found)

    assert len({item.root for item in [*first, *rest]}) == 25
    assert len({item.read_time for item in [*first, *rest]}) == 1
    assert all(i.record and i.record.read_time < i.read_time for i in rest)
    assert calls.counts == {"RunQuery": 3}

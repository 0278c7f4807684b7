"""A mediator that owns fields of domain documents: it touches nothing else of them, ever."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import pytest

from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer
from onto_fn import DocumentSink, DomainModel, Mediator, RetryPolicy
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise import leftovers
from onto_fn.engine.materialise.comparison import look_at
from onto_fn.engine.operate.backfill import targets_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.firestore import Write
from onto_fn.observability import Change, Result

ADA = {"name": "Ada", "address": {"city": "London"}}


class Cart(DomainModel, collection="carts"):
    owner: str
    items: int
    is_open: bool = True


class Counts(Mediator):
    """Keeps in each user what is in the cart."""

    source = Cart
    sink = DocumentSink("users/{user_id}", fields=["itemCount", "status"])

    def on_write(self, source: Cart) -> Iterator[Any]:
        fields: dict[str, Any] = {"itemCount": source.items}
        if source.is_open:
            fields["status"] = "open"
        yield self.sink.document(fields, user_id=source.owner)


class Creating(Counts):
    sink = DocumentSink("users/{user_id}", fields=["itemCount", "status"], creates=True)


class Flags(Mediator):
    """Owns another field of the same documents."""

    source = Cart
    sink = DocumentSink("users/{user_id}", fields=["hasCart"])

    def on_write(self, source: Cart) -> Iterator[Any]:
        yield self.sink.document({"hasCart": True}, user_id=source.owner)


@pytest.fixture
def engine() -> Engine:
    return Engine([Counts().definition()])


def cart(items: int, owner: str = "ada", **more: Any) -> dict[str, Any]:
    return {"owner": owner, "items": items, **more}


def test_only_the_owned_fields_are_written(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write("users/ada", ADA | {"itemCount": "old"})

    [outcome] = engine.handle(database, writer.write("carts/c", cart(3)))

    assert (outcome.result, outcome.written) == (Result.COMMITTED, ("users/ada",))
    assert writer.content("users/ada") == ADA | {"itemCount": 3, "status": "open"}


def test_an_owned_field_that_is_no_longer_made_goes(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write("users/ada", ADA)
    engine.handle(database, writer.write("carts/c", cart(3)))

    engine.handle(database, writer.write("carts/c", cart(4, isOpen=False)))

    assert writer.content("users/ada") == ADA | {"itemCount": 4}


def test_what_somebody_else_writes_at_the_same_time_stays(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    writer.write("users/ada", ADA)
    engine.handle(interleaved, writer.write("carts/c", cart(1)))
    interleaved.once(
        Point.COMMITTING,
        lambda: writer.database.commit([Write("users/ada", {"name": "Ada L."}, mask=("name",))]),
    )

    engine.handle(interleaved, writer.write("carts/c", cart(2)))

    found = ADA | {"name": "Ada L.", "itemCount": 2, "status": "open"}
    assert writer.content("users/ada") == found


def test_the_deletion_of_the_source_takes_only_the_owned_fields(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write("users/ada", ADA)
    engine.handle(database, writer.write("carts/c", cart(3)))

    [outcome] = engine.handle(database, writer.delete("carts/c"))

    assert (outcome.written, outcome.deleted) == (("users/ada",), ())
    assert writer.content("users/ada") == ADA
    assert writer.collection("onto_ledger") == {}


def test_a_source_that_moves_takes_its_fields_along(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write_all({"users/ada": ADA, "users/bob": {"name": "Bob"}})
    engine.handle(database, writer.write("carts/c", cart(3)))

    engine.handle(database, writer.write("carts/c", cart(3, "bob")))

    assert writer.content("users/ada") == ADA
    assert writer.content("users/bob") == {"name": "Bob", "itemCount": 3, "status": "open"}


def test_a_document_that_does_not_exist_is_not_created_and_gets_its_fields_when_it_comes(
    engine: Engine, database: Database, writer: Writer
) -> None:
    engine.handle(database, writer.write("carts/c", cart(3)))
    assert writer.content("users/ada") is None

    engine.handle(database, writer.write("users/ada", ADA))

    assert writer.content("users/ada") == ADA | {"itemCount": 3, "status": "open"}


def test_a_document_that_goes_before_the_commit_is_not_created(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    writer.write("users/ada", ADA)
    engine.handle(interleaved, writer.write("carts/c", cart(1)))
    interleaved.once(Point.COMMITTING, lambda: writer.delete("users/ada"))

    [outcome] = engine.handle(interleaved, writer.write("carts/c", cart(2)))

    assert outcome.attempts == 2
    assert writer.content("users/ada") is None


def test_a_document_that_comes_while_the_first_build_runs_is_not_missed(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    changes: list[Change] = []
    interleaved.once(Point.READ, lambda: changes.append(writer.write("users/ada", ADA)))

    engine.handle(interleaved, writer.write("carts/c", cart(3)))
    engine.handle(interleaved, changes[0])

    assert writer.content("users/ada") == ADA | {"itemCount": 3, "status": "open"}


def test_with_creates_a_document_is_made_and_its_other_fields_are_anybodys(
    database: Database, writer: Writer
) -> None:
    engine = Engine([Creating().definition()])

    engine.handle(database, writer.write("carts/c", cart(3)))
    writer.database.commit([Write("users/ada", {"name": "Ada"}, mask=("name",))])
    engine.handle(database, writer.delete("carts/c"))

    assert writer.content("users/ada") == {"name": "Ada"}


@pytest.mark.parametrize("replaced", [ADA, ADA | {"itemCount": 99, "status": "open"}])
def test_a_document_that_is_replaced_gets_its_fields_again(
    engine: Engine, database: Database, writer: Writer, replaced: dict[str, Any]
) -> None:
    writer.write("users/ada", ADA)
    engine.handle(database, writer.write("carts/c", cart(3)))

    engine.handle(database, writer.write("users/ada", replaced))

    assert writer.content("users/ada") == ADA | {"itemCount": 3, "status": "open"}


def test_a_duplicate_commits_nothing(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    writer.write("users/ada", ADA)
    change = writer.write("carts/c", cart(3))
    engine.handle(interleaved, change)
    interleaved.commits.clear()

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.COVERED
    assert interleaved.commits == []


def test_a_change_of_other_fields_and_its_own_write_are_covered_without_a_build(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    before = writer.write("users/ada", ADA).after
    engine.handle(interleaved, writer.write("carts/c", cart(3)))
    own = Change("users/ada", before, writer.database.get(["users/ada"])[0]["users/ada"])
    interleaved.commits.clear()

    outcomes = engine.handle(interleaved, own)
    kept = {"itemCount": 3, "status": "open"}
    outcomes += engine.handle(interleaved, writer.write("users/ada", {"name": "Else", **kept}))

    assert [outcome.result for outcome in outcomes] == [Result.COVERED] * 2
    assert interleaved.commits == []


def test_two_mediators_own_fields_of_one_document(database: Database, writer: Writer) -> None:
    engine = Engine([Counts().definition(), Flags().definition()])
    writer.write("users/ada", ADA)

    engine.handle(database, writer.write("carts/c", cart(3)))
    assert writer.content("users/ada") == ADA | {"itemCount": 3, "status": "open", "hasCart": True}

    engine.handle(database, writer.delete("carts/c"))
    assert writer.content("users/ada") == ADA


def test_fields_go_although_another_mediator_makes_others_in_the_same_document(
    interleaved: Interleaved, writer: Writer
) -> None:
    class Counting(Counts):
        def on_write(self, source: Cart) -> Iterator[Any]:
            if source.items:
                yield self.sink.document({"itemCount": source.items}, user_id=source.owner)

    engine = Engine([Counting().definition(), Flags().definition()])
    writer.write("users/ada", ADA)
    engine.handle(interleaved, writer.write("carts/c", cart(3)))
    interleaved.commits.clear()

    engine.handle(interleaved, writer.write("carts/c", cart(0)))

    assert len(interleaved.commits) == 1
    assert writer.content("users/ada") == ADA | {"hasCart": True}


def test_fields_that_it_no_longer_declares_go_with_the_next_build(
    engine: Engine, database: Database, writer: Writer
) -> None:
    class Less(Counts):
        name = "Counts"
        sink = DocumentSink("users/{user_id}", fields=["itemCount"])

        def on_write(self, source: Cart) -> Iterator[Any]:
            yield self.sink.document({"itemCount": source.items}, user_id=source.owner)

    writer.write("users/ada", ADA)
    engine.handle(database, writer.write("carts/c", cart(3)))

    Engine([Less().definition()]).handle(database, writer.write("carts/c", cart(4)))

    assert writer.content("users/ada") == ADA | {"itemCount": 4}


def test_dropping_takes_only_the_owned_fields(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write_all({"users/ada": ADA, "users/bob": {"name": "Bob"}})
    for name in ("ada", "bob", "eve"):
        engine.handle(database, writer.write(f"carts/{name}", cart(3, name)))
    writer.delete("users/bob")

    Engine([]).drop(database, "Counts")

    assert writer.collection("users") == {"users/ada": ADA}
    assert writer.collection("onto_ledger") == {}


def test_very_many_documents_that_it_leaves_lose_only_the_owned_fields(
    database: Database, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "MAX_DELETED", 2)

    class Everybody(Mediator):
        source = Cart
        sink = DocumentSink("users/{user_id}", fields=["itemCount"])

        def on_write(self, source: Cart) -> list[Any]:
            ids = map(str, range(source.items))
            return [self.sink.document({"itemCount": 1}, user_id=user_id) for user_id in ids]

    engine = Engine([Everybody().definition()])
    people = {f"users/{n}": {"name": str(n)} for n in range(7)}
    writer.write_all(people)
    engine.handle(database, writer.write("carts/c", cart(7)))

    engine.handle(database, writer.write("carts/c", cart(0)))

    assert writer.collection("users") == people


def test_verification_compares_the_owned_fields_and_repairs_them(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write("users/ada", ADA)
    engine.handle(database, writer.write("carts/c", cart(3)))
    engine.handle(database, writer.write("carts/d", cart(3, "nobody")))
    definition = engine.definitions["Counts"]
    looks = look_at(database, definition, ["carts/c", "carts/d"])
    assert [look.found for look in looks] == [(), ()]
    writer.write("users/ada", ADA | {"itemCount": 4, "status": "open"})

    [look] = look_at(database, definition, ["carts/c"])
    assert [(found.path, found.fields) for found in look.found] == [("users/ada", ("itemCount",))]
    verified = Verification(engine, database, targets_of(engine), repair=True, settle=0).run()

    assert verified.found == 1
    assert writer.content("users/ada") == ADA | {"itemCount": 3, "status": "open"}


class Approvals(Mediator):
    """A task that writes into what it is about."""

    source = Cart
    sink = DocumentSink("users/{user_id}", fields=["itemCount", "status"])
    mode = "task"

    def on_create(self, source: Cart) -> Iterator[Any]:
        yield self.sink.document({"status": "approved"}, user_id=source.owner)


def test_a_task_writes_the_fields_that_it_makes_and_no_others(
    database: Database, writer: Writer
) -> None:
    writer.write("users/ada", ADA | {"itemCount": 3})

    Engine([Approvals().definition()]).handle(database, writer.write("carts/c", cart(3)))

    assert writer.content("users/ada") == ADA | {"itemCount": 3, "status": "approved"}
    assert writer.content("carts/c") is None


def test_a_task_on_what_does_not_exist_is_a_dead_letter_that_says_so(
    database: Database, writer: Writer
) -> None:
    engine = Engine([Approvals().definition()])

    [outcome] = engine.handle(database, writer.write("carts/c", cart(3)))

    assert outcome.result is Result.DEAD_LETTER
    assert "users/ada does not exist" in outcome.error
    assert writer.content("users/ada") is None


class Recording(Database):
    """Keeps the events of the engine's own writes to users."""

    def __init__(self, project: str) -> None:
        super().__init__(project)
        self.changes: list[Change] = []

    def write(self, writes: Sequence[Write], transaction: bytes | None) -> datetime:
        users = [write.path for write in writes if write.path.startswith("users/")]
        before = self.get(users)[0] if users else {}
        time = super().write(writes, transaction)
        after = self.get(users, read_time=time)[0] if users else {}
        self.changes += [Change(path, before[path], after[path]) for path in users]
        return time


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", [Counts, Creating])
def test_whatever_happens_in_whatever_order_the_fields_are_right_in_the_end(
    connect: Any, writer: Writer, seed: int, kind: type[Counts], quick: RetryPolicy
) -> None:
    database, chance = connect(kind=Recording), random.Random(seed)
    engine = Engine([kind().definition()], retry=quick)
    due: list[Change] = []
    for number in range(14):
        user, root = chance.choice("ab"), f"carts/{chance.choice('xy')}"
        # Two carts of one user would write over each other.
        own = cart(number, f"{root[-1]}{user}", isOpen=chance.random() < 0.5)
        path = f"users/{root[-1]}{user}"
        written = chance.choice(
            [(root, own), (root, None), (path, {"name": str(number)}), (path, None)]
        )
        due.append(writer.write(*written))
        for _ in range(chance.randrange(3)):
            engine.handle(database, chance.choice(due))
    chance.shuffle(due)
    handled = 0
    while due:  # each at least once, and the events that this leads to
        handled += 1
        assert handled < 100, "it goes on for ever"
        database.changes.clear()
        engine.handle(database, due.pop())
        due += database.changes

    carts = {f["owner"]: f for f in writer.collection("carts").values() if f is not None}
    users = writer.collection("users")
    for path, fields in users.items():
        own = {name: value for name, value in (fields or {}).items() if name != "name"}
        held = carts.get(path.removeprefix("users/"))
        made = {} if held is None else {"itemCount": held["items"]}
        if held is not None and held["isOpen"]:
            made["status"] = "open"
        assert own == made, path
    if kind is Creating:
        assert {f"users/{owner}" for owner in carts} <= users.keys()

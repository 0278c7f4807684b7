"""Patches: a request changes the domain once, serializably, or is refused with a reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

import pytest

from emulator_tests.kit import bank
from emulator_tests.kit.bank import ACCOUNT, ANN, BOB, PATCH, SAVER, SAVING, AccountPatch, patch
from emulator_tests.kit.calls import Outage
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn import PatchMediator
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.records.ledger import LEDGER_COLLECTION
from onto_fn.observability import Outcome, Result
from onto_fn.testing import EmulatorSuite

Connect = Callable[..., Any]
KILLED = "emulator_tests.kit.killed"


@pytest.fixture
def engine() -> Engine:
    return bank.engine()


@pytest.fixture
def accounts(writer: Writer) -> None:
    writer.write_all({ACCOUNT: ANN, "accounts/b": BOB})


@pytest.fixture
def savings(writer: Writer) -> None:
    """An account, and the limit that it refers to."""
    writer.write_all({ACCOUNT: SAVER, "limits/all": {"amount": 100}})


def mark(writer: Writer, path: str = PATCH) -> dict[str, Any]:
    """The mark of a request, without its time."""
    request = writer.content(path)
    assert request is not None
    return {name: value for name, value in request["processed"].items() if name != "at"}


def failed(reason: str) -> dict[str, Any]:
    return {"state": "failed", "reason": reason}


@pytest.mark.usefixtures("accounts")
def test_a_patch_writes_the_changed_document_and_its_mark_in_one_commit(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    [outcome] = engine.handle(interleaved, writer.write(PATCH, patch(balance=7)))

    assert outcome == Outcome("AccountPatch", PATCH, Result.COMMITTED, written=(ACCOUNT,))
    [commit] = interleaved.commits
    assert set(commit.contents) == {ACCOUNT, PATCH}
    assert writer.content(ACCOUNT) == ANN | {"balance": 7}, "undeclared fields are kept"
    assert mark(writer) == {"state": "done"}
    assert writer.collection(LEDGER_COLLECTION) == {}


@pytest.mark.usefixtures("accounts")
def test_only_fields_that_the_patch_has_are_set(
    engine: Engine, database: Database, writer: Writer
) -> None:
    engine.handle(database, writer.write(PATCH, patch(note="hello", owner="mallory")))

    assert writer.content(ACCOUNT) == ANN | {"note": "hello"}

    engine.handle(database, writer.write("users/ann/accountPatches/q", patch(note=None)))

    assert writer.content(ACCOUNT) == ANN


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (patch(balance=-11), "the family would owe money"),
        (patch(balance="much"), "balance: Input should be a valid integer"),
        (patch(balance=None), "balance: Input should be a valid integer"),
        (patch(), "(document): sets none of balance, deposit, note"),
        ({"balance": 1}, "account: Field required"),
        (patch(balance=1, account=""), "account: the id is empty"),
        (patch(balance=1, account=".."), "account: the id must not be '..'"),
        (patch(balance=1, account="b"), "users/ann/accounts/b does not exist"),
        (patch(balance=1, account="none"), "users/ann/accounts/none does not exist"),
    ],
)
def test_a_patch_that_is_refused_says_why_and_changes_nothing(
    engine: Engine, database: Database, writer: Writer, fields: dict[str, Any], reason: str
) -> None:
    before = writer.collection("accounts")

    [outcome] = engine.handle(database, writer.write(PATCH, fields))

    assert outcome.result is Result.REFUSED
    assert mark(writer)["state"] == "failed"
    assert mark(writer)["reason"].startswith(reason)
    assert writer.collection("accounts") == before
    assert writer.dead_letters() == {}, "a refusal is an answer, not a fault"


@pytest.mark.usefixtures("accounts")
def test_a_refused_patch_stays_refused_when_it_is_delivered_again(
    engine: Engine, database: Database, writer: Writer
) -> None:
    change = writer.write(PATCH, patch(deposit=-21))
    engine.handle(database, change)
    writer.write("accounts/b", BOB | {"balance": 1000})

    [again] = engine.handle(database, change)

    assert again.result is Result.COVERED
    assert mark(writer) == failed("the family would owe money")
    assert writer.content(ACCOUNT) == ANN


@pytest.mark.usefixtures("accounts")
def test_what_code_raises_is_for_the_operator_and_not_for_the_client(
    engine: Engine, database: Database, writer: Writer
) -> None:
    [outcome] = engine.handle(database, writer.write(PATCH, patch(deposit=13)))

    letter = writer.dead_letter("AccountPatch", PATCH)
    assert outcome.result is Result.DEAD_LETTER
    assert mark(writer) == failed("internal error")
    assert letter is not None
    assert "AccountPage.deposit raised ZeroDivisionError: a secret" in letter["error"]["message"]
    assert writer.content(ACCOUNT) == ANN


def test_a_domain_document_that_is_invalid_is_not_shown_to_the_client(
    engine: Engine, database: Database, writer: Writer
) -> None:
    writer.write(ACCOUNT, ANN | {"balance": "a secret of the bank"})

    engine.handle(database, writer.write(PATCH, patch(note="x")))

    letter = writer.dead_letter("AccountPatch", PATCH)
    assert mark(writer) == failed("internal error")
    assert letter is not None
    assert "accounts/a is not a valid Account: balance" in letter["error"]["message"]


@pytest.mark.usefixtures("accounts")
def test_a_patch_can_be_deleted_when_it_is_done_and_stays_when_it_is_refused(
    database: Database, writer: Writer
) -> None:
    definition = PatchMediator(AccountPatch, mark=None).definition()
    engine = Engine([definition])

    engine.handle(database, writer.write(PATCH, patch(deposit=1)))
    [refused] = engine.handle(
        database, writer.write("users/ann/accountPatches/q", patch(deposit=-99))
    )

    assert writer.content(PATCH) is None
    assert writer.content(ACCOUNT) == ANN | {"balance": 11}
    assert refused.result is Result.DEAD_LETTER
    assert refused.error == "the family would owe money"


# Exactly once


@pytest.mark.usefixtures("savings")
def test_a_patch_delivered_eight_times_at_once_is_applied_once(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    change = writer.write(SAVING, patch(deposit=5))

    outcomes = in_threads(8, lambda change: engine.handle(interleaved, change), [change] * 8)

    results = [outcome.result for [outcome] in outcomes]
    assert results.count(Result.COMMITTED) == 1
    assert results.count(Result.COVERED) == 7
    assert writer.content(ACCOUNT) == SAVER | {"balance": 15}


@contextmanager
def process(suite: EmulatorSuite, project: str, point: Point) -> Generator[subprocess.Popen[str]]:
    """A process that delivers the patch, has stopped at a point, and is killed by a line."""
    command = [sys.executable, "-m", KILLED, project, point.name, SAVING]
    pipe = subprocess.PIPE
    running = subprocess.Popen(
        command, stdin=pipe, stdout=pipe, text=True, env=suite.environ() | {"PYTHONUNBUFFERED": "1"}
    )
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "here\n"
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.usefixtures("savings")
@pytest.mark.parametrize("point", [Point.LOCKED, Point.COMMITTED], ids=lambda point: point.name)
def test_a_patch_delivered_five_times_with_a_kill_in_the_middle_changes_the_domain_once(
    firestore_emulator: EmulatorSuite,
    project: str,
    engine: Engine,
    connect: Connect,
    writer: Writer,
    point: Point,
) -> None:
    """One delivery's process is killed while it holds its locks, or has just committed."""
    change = writer.write(SAVING, patch(deposit=5))
    database = connect(kind=Interleaved)

    def deliver(number: int) -> Result:
        if number == 0:
            killed.communicate("now\n", timeout=60)
            return Result.COVERED
        return engine.handle(database, change)[0].result

    with process(firestore_emulator, project, point) as killed:
        results = in_threads(5, deliver, range(5))

    assert killed.returncode == -9
    applied_by_the_killed = point is Point.COMMITTED
    assert results.count(Result.COMMITTED) == (0 if applied_by_the_killed else 1)
    assert writer.content(ACCOUNT) == SAVER | {"balance": 15}
    assert mark(writer, SAVING) == {"state": "done"}
    [again] = engine.handle(database, change)
    assert again.result is Result.COVERED
    assert len(database.history(ACCOUNT)) == (0 if applied_by_the_killed else 1)


@pytest.mark.usefixtures("savings")
@pytest.mark.parametrize("applied", [False, True], ids=["lost", "applied and not answered"])
def test_a_commit_without_an_answer_is_applied_once(
    engine: Engine, connect: Connect, writer: Writer, applied: bool
) -> None:
    change = writer.write(SAVING, patch(deposit=5))

    [outcome] = engine.handle(connect(Outage("Commit", 1, applied=applied)), change)

    assert outcome.result is (Result.COVERED if applied else Result.COMMITTED)
    assert outcome.attempts == 2
    assert writer.content(ACCOUNT) == SAVER | {"balance": 15}


# Serializability


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("accounts/b", BOB | {"balance": 0}),
        ("accounts/b", None),
        ("accounts/c", BOB | {"balance": -10}),
        ("accounts/a", ANN | {"house": "G"}),
    ],
    ids=["a result changes", "a result goes", "a new result", "the root moves"],
)
def test_what_was_read_and_changes_before_the_commit_decides(
    engine: Engine, interleaved: Interleaved, writer: Writer, path: str, content: Any
) -> None:
    """Ann's withdrawal was allowed by what the family had; it has it no more when she commits."""
    change = writer.write(PATCH, patch(balance=-10))
    interleaved.once(Point.READ, lambda: writer.write(path, content))

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.REFUSED
    assert outcome.attempts == 2
    assert mark(writer) == failed("the family would owe money")


@pytest.mark.parametrize("before", [None, {"amount": 100}], ids=["missing", "higher"])
def test_a_reference_that_was_read_and_changes_before_the_commit_decides(
    engine: Engine, interleaved: Interleaved, writer: Writer, before: Any
) -> None:
    account = ANN | {"limit": bank.Limit.ref("all")}
    writer.write_all({ACCOUNT: account} | ({"limits/all": before} if before else {}))
    change = writer.write(PATCH, patch(balance=50))
    interleaved.once(Point.READ, lambda: None)  # the family; then the limit
    interleaved.once(Point.READ, lambda: writer.write("limits/all", {"amount": 20}))

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.REFUSED
    assert mark(writer) == failed("the account would exceed its limit")
    assert writer.content(ACCOUNT) == account


@pytest.mark.usefixtures("accounts")
def test_two_decisions_that_read_what_the_other_writes_are_not_both_committed(
    engine: Engine, connect: Connect, writer: Writer
) -> None:
    """Write skew: each may take 15 as long as the other does not."""
    theirs = "users/bob/accountPatches/p"
    changes = [
        writer.write(PATCH, patch(balance=-10)),
        writer.write(theirs, {"account": "b", "balance": -10}),
    ]

    outcomes = in_threads(2, lambda change: engine.handle(connect(), change), changes)

    results = {outcome.result for [outcome] in outcomes}
    balances = [account["balance"] for account in writer.collection("accounts").values() if account]
    assert results == {Result.COMMITTED, Result.REFUSED}
    assert sorted(balances) == [-10, 10]


@pytest.mark.usefixtures("savings")
def test_many_patches_of_one_document_are_all_applied(
    engine: Engine, database: Database, writer: Writer
) -> None:
    changes = [
        writer.write(f"users/ann/savingsPatches/{number}", patch(deposit=1)) for number in range(12)
    ]

    in_threads(6, lambda change: engine.handle(database, change), changes)

    assert writer.content(ACCOUNT) == SAVER | {"balance": 22}

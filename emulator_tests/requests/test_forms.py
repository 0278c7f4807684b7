"""Forms: a request creates domain documents once, or is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator_tests.kit import bank
from emulator_tests.kit.bank import ACCOUNT, ANN, BOB, FORM
from emulator_tests.kit.interleaving import Interleaved, Point
from emulator_tests.kit.writing import Writer, in_threads
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.observability import Change, Observer, Outcome, Result

Connect = Callable[..., Any]
TRANSFER = "transfers/t"


def transfer(**changes: Any) -> dict[str, Any]:
    return {"account": "a", "amount": 4, "record": "t"} | changes


@pytest.fixture
def engine() -> Engine:
    return bank.engine()


@pytest.fixture(autouse=True)
def accounts(writer: Writer) -> None:
    writer.write_all({ACCOUNT: ANN, "accounts/b": BOB})


def reason(writer: Writer) -> Any:
    """Why the form has failed; None if it is done."""
    form = writer.content(FORM)
    assert form is not None
    return form["processed"].get("reason")


def test_a_form_writes_what_it_makes_what_it_changes_and_its_mark_in_one_commit(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    [outcome] = engine.handle(interleaved, writer.write(FORM, transfer()))

    assert outcome.result is Result.COMMITTED
    [commit] = interleaved.commits
    assert set(commit.contents) == {ACCOUNT, TRANSFER, FORM}
    assert writer.content(ACCOUNT) == ANN | {"balance": 6}
    assert writer.content(TRANSFER) == {
        "amount": 4,
        "doc_id": "t",
        "doc_ref": "transfers/t",
        "obj_type": "Transfer",
    }


def test_a_form_delivered_eight_times_at_once_is_carried_out_once(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    change = writer.write(FORM, transfer())

    outcomes = in_threads(8, lambda change: engine.handle(interleaved, change), [change] * 8)

    results = [outcome.result for [outcome] in outcomes]
    assert results.count(Result.COMMITTED) == 1
    assert results.count(Result.COVERED) == 7
    assert writer.content(ACCOUNT) == ANN | {"balance": 6}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (transfer(account="b"), "not your account"),
        (transfer(account="none"), "accounts/none does not exist"),
        (transfer(account="a/b"), "account: the id must not contain a slash"),
        (transfer(record="a/b"), "doc_id must not contain a slash"),
        (transfer(record=""), "doc_id is empty"),
        (transfer(record="é" * 751), "doc_id has 1502 bytes"),
        (transfer(amount="all"), "amount: Input should be a valid integer"),
        (transfer(obj_type="Transfer"), "obj_type: Extra inputs are not permitted"),
    ],
)
def test_a_form_that_is_refused_says_why_and_writes_nothing(
    engine: Engine, database: Database, writer: Writer, fields: dict[str, Any], expected: str
) -> None:
    [outcome] = engine.handle(database, writer.write(FORM, fields))

    assert outcome.result is Result.REFUSED
    assert reason(writer).startswith(expected)
    assert writer.collection("transfers") == {}
    assert writer.content(ACCOUNT) == ANN
    assert writer.dead_letters() == {}


@pytest.mark.parametrize("point", [Point.READ, Point.COMMITTING], ids=lambda point: point.name)
def test_a_document_that_appears_while_a_form_would_create_it_is_kept(
    engine: Engine, interleaved: Interleaved, writer: Writer, point: Point
) -> None:
    change = writer.write(FORM, transfer())
    interleaved.once(point, lambda: writer.write(TRANSFER, {"amount": 1000}))

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.REFUSED
    assert reason(writer) == "transfers/t already exists"
    assert writer.content(TRANSFER) == {"amount": 1000}
    assert writer.content(ACCOUNT) == ANN


def test_an_account_that_changes_hands_before_the_commit_decides(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    change = writer.write(FORM, transfer())
    interleaved.once(Point.READ, lambda: writer.write(ACCOUNT, ANN | {"owner": "bob"}))

    [outcome] = engine.handle(interleaved, change)

    assert outcome.result is Result.REFUSED
    assert reason(writer) == "not your account"


@pytest.mark.parametrize("record", ["...", "日本", "a b?#%2F", "t" * 1500])
def test_an_unusual_id_that_firestore_allows_is_allowed(
    engine: Engine, database: Database, writer: Writer, record: str
) -> None:
    engine.handle(database, writer.write(FORM, transfer(record=record)))

    assert reason(writer) is None
    assert list(writer.collection("transfers")) == [f"transfers/{record}"]


def test_a_form_is_submitted_with_its_document_in_one_commit(
    engine: Engine, interleaved: Interleaved, writer: Writer
) -> None:
    """As a call does, which has no document before."""
    outcomes = in_threads(
        4, lambda _: engine.submit(interleaved, "TransferForm", FORM, transfer()), range(4)
    )
    created = writer.database.get([FORM])[0][FORM]

    results = [outcome.result for outcome in outcomes]
    assert results.count(Result.COMMITTED) == 1
    assert results.count(Result.COVERED) == 3
    assert writer.content(ACCOUNT) == ANN | {"balance": 6}
    assert created.fields is not None
    assert created.fields["processed"]["state"] == "done"


class Heard(Observer):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Outcome]] = []

    def outcome(self, change: Change, outcome: Outcome, seconds: float) -> None:
        self.told.append((change.path, outcome))


def test_observers_are_told_of_a_form_that_is_submitted(database: Database) -> None:
    heard = Heard()
    engine = bank.engine(observers=[heard])

    for fields in (transfer(), transfer(account="b")):
        engine.submit(database, "TransferForm", f"{FORM}-{fields['account']}", fields)

    assert [(path, told.definition, told.result) for path, told in heard.told] == [
        (f"{FORM}-a", "TransferForm", Result.COMMITTED),
        (f"{FORM}-b", "TransferForm", Result.REFUSED),
    ]


def test_a_submitted_form_that_is_refused_keeps_its_document_with_the_reason(
    engine: Engine, database: Database, writer: Writer
) -> None:
    fields = transfer(account="b")

    first = engine.submit(database, "TransferForm", FORM, fields)
    again = engine.submit(database, "TransferForm", FORM, fields)

    assert (first.result, first.error) == (Result.REFUSED, "not your account")
    assert again.result is Result.COVERED
    assert reason(writer) == "not your account"

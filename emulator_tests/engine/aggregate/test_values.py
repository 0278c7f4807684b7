"""What an aggregate counts is what the model says, whatever the type of the field."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from pydantic import Field, computed_field, model_validator

from emulator_tests.kit.polls import POLL, CountedPoll, numbers, poll_engine
from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, EmbeddedModel, Ref, Store, ViewModel, aggregate, query, root
from onto_fn.aggregates import average, count, maximum, minimum, total
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.materialise.difference import Kind
from onto_fn.engine.operate.backfill import Backfill, targets_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.firestore import Reference
from onto_fn.observability import Change, Result


class Kinds(Enum):
    CARD = "card"
    CASH = "cash"


class City(EmbeddedModel):
    name: str
    size: int = 1


class Payment(DomainModel, collection="countedPolls/{poll}/payments"):
    amount: float = 0
    weight: int = 1
    kind: Kinds = Kinds.CARD
    city: City | None = None
    payer: Ref[CountedPoll] | None = None
    sent_at: datetime | None = None
    day: date | None = None
    lasts: timedelta | None = None
    receipt: UUID | None = None
    tags: list[str | None] | None = None
    note: str | None = None
    score: float | None = None
    reason: str | None = Field(None, alias="why.so")
    reasons: list[str | None] | None = Field(None, alias="why.all")

    @model_validator(mode="before")
    @classmethod
    def _from_cents(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and "cents" in fields:
            return {**fields, "amount": fields["cents"] / 100}
        return fields

    @computed_field
    @property
    def is_large(self) -> bool:
        return self.amount >= 10


def payment(writer: Writer, number: int, **fields: Any) -> Change:
    return writer.write(f"{POLL}/payments/{number}", fields)


def counted(database: Database, writer: Writer, engine: Engine, *payments: dict[str, Any]) -> Any:
    for number, fields in enumerate(payments):
        engine.handle(database, payment(writer, number, **fields))
    return numbers(engine, database, writer)


def test_defaults_validators_and_computed_fields_count_as_the_model_says(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(
        model=Payment,
        weight=total("weight"),
        amount=total("amount"),
        large=count(by="is_large"),
        kinds=count(by="kind"),
        cities=total("city.size", by="city.name"),
    )

    found = counted(
        database, writer, engine, {"cents": 1250}, {"kind": "cash", "city": {"name": "Oslo"}}
    )

    assert found == {
        "weight": 2,
        "amount": 12.5,
        "large": {"true": 1, "false": 1},
        "kinds": {"card": 1, "cash": 1},
        "cities": {"Oslo": 1},
    }


def test_every_type_with_an_order_has_extremes(database: Database, writer: Writer) -> None:
    engine = poll_engine(
        model=Payment,
        last=maximum("sent_at"),
        first=minimum("day"),
        longest=maximum("lasts"),
        kind=minimum("kind"),
        receipt=maximum("receipt"),
        payer=maximum("payer"),
        score=minimum("score"),
    )
    early, late = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 2, 0, 0, 0, 1, UTC)

    found = counted(
        database,
        writer,
        engine,
        {"sentAt": late, "day": "2026-03-01", "lasts": 90, "payer": Reference("countedPolls/b")},
        {"sentAt": early, "day": "2026-02-28", "lasts": 0.5, "kind": "cash", "score": -math.inf},
        {"receipt": "00000000-0000-0000-0000-00000000000a", "payer": Reference("countedPolls/a")},
    )

    assert found == {
        "last": late,
        "first": "2026-02-28",
        "longest": 90,
        "kind": "card",
        "receipt": "00000000-0000-0000-0000-00000000000a",
        "payer": Reference("countedPolls/b"),
        "score": -math.inf,
    }


def test_documents_are_counted_by_references_dates_and_ids(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(
        model=Payment,
        payers=count(by="payer"),
        days=count(by="day"),
        receipts=count(by="receipt"),
        weights=count(by="weight"),
    )
    receipt = "00000000-0000-0000-0000-00000000000a"

    found = counted(
        database,
        writer,
        engine,
        {"payer": Reference("countedPolls/a"), "day": "2026-02-28", "weight": 1},
        {"payer": Reference("countedPolls/a"), "receipt": receipt, "weight": "1"},
    )

    assert found == {
        "payers": {"countedPolls/a": 2},
        "days": {"2026-02-28": 1},
        "receipts": {receipt: 1},
        "weights": {"1": 2},
    }


def test_durations_are_added_up(database: Database, writer: Writer) -> None:
    engine = poll_engine(model=Payment, sum=total("lasts"), mean=average("lasts"))

    found = counted(database, writer, engine, {"lasts": 90}, {"lasts": 0.5}, {})

    assert found == {"sum": 90.5, "mean": 45.25}


@pytest.mark.parametrize("note", ["a.b", "`", "\\", "`" * 1000, "é" * 500, " ", "[*]~", "__x", "/"])
def test_keys_with_any_characters_are_counted(
    note: str, database: Database, writer: Writer
) -> None:
    engine = poll_engine(model=Payment, notes=count(by="note"))

    assert counted(database, writer, engine, {"note": note}) == {"notes": {note: 1}}


@pytest.mark.parametrize("note", ["", "__x__", "____", "x" * 1001])
def test_keys_that_firestore_does_not_take_are_dead_letters_that_say_so(
    note: str, database: Database, writer: Writer
) -> None:
    engine = poll_engine(model=Payment, notes=count(by="note"))

    found = counted(database, writer, engine, {"note": note}, {"note": "a"})

    [letter] = writer.dead_letters().values()
    assert letter is not None
    assert f"{POLL}/payments/0 is not a valid Payment: note: " in letter["error"]["message"]
    assert "cannot be a key of votes" in letter["error"]["message"]
    assert found == {"notes": {"a": 1}}


FILTERS: dict[str, tuple[str, str, Any]] = {
    "a default that is absent": ("weight", "==", 1),
    "null": ("note", "==", None),
    "not a number": ("score", "==", math.nan),
    "minus zero": ("score", "==", -0.0),
    "null in a list": ("tags", "array_contains", None),
    "not a number in a list": ("tags", "array_contains", math.nan),
    "text in a list": ("tags", "array_contains", "a"),
    "an enum": ("kind", "==", Kinds.CASH),
    "a date": ("day", "==", date(2026, 2, 28)),
    "a reference": ("payer", "==", Reference("countedPolls/a")),
    "a nested field": ("city.name", "==", "Oslo"),
    "an embedded model": ("city", "==", City(name="Oslo")),
    "a name with a dot": ("reason", "==", "x"),
    "null in a list with a dot in its name": ("reasons", "array_contains", None),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_selects_what_a_query_finds(name: str, database: Database, writer: Writer) -> None:
    condition: Any = FILTERS[name]

    class PaymentStore(Store):
        poll = root(CountedPoll)
        counted = aggregate(Payment, name="filtered", n=count()).where(*condition).within(poll="p")
        found = query(Payment).where(*condition).within(poll="p")

    class Both(ViewModel[PaymentStore], path="bothCounted/{poll}"):
        @property
        def numbers(self) -> list[int]:
            return [self.store.counted["n"], len(self.store.found)]

    engine = Engine([Both.definition()])
    stored: list[dict[str, Any]] = [
        {},
        {"weight": 1, "note": None, "score": math.nan, "tags": [None, "a", "a"], "kind": "cash"},
        {"weight": 2, "note": "", "score": 0.0, "tags": ["b"], "day": "2026-02-28"},
        {"score": -0.0, "payer": Reference("countedPolls/a"), "city": {"name": "Oslo", "size": 1}},
        {"why.so": "x", "why.all": [None, "y"]},
    ]
    for number, fields in enumerate(stored):
        engine.handle(database, payment(writer, number, **fields))
    writer.write(POLL, {"question": "?"})

    engine.rebuild(database, "Both", POLL)

    content = writer.content("bothCounted/p")
    assert content is not None, writer.dead_letters()
    of_the_aggregate, of_the_query = content["numbers"]
    assert of_the_aggregate == of_the_query


class Strict(DomainModel, collection="countedPolls/{poll}/points"):
    weight: int = 1


class Doubled(DomainModel, collection="countedPolls/{poll}/points"):
    """The same documents, read by other code."""

    weight: int = 1

    @model_validator(mode="after")
    def _double(self) -> Doubled:
        self.__dict__["weight"] = self.weight * 2
        return self


def test_verify_and_backfill_find_what_other_code_has_counted(
    database: Database, writer: Writer
) -> None:
    before = poll_engine(model=Strict, sum=total("weight"))
    after = poll_engine(model=Doubled, sum=total("weight"))
    for number in range(3):
        before.handle(database, writer.write(f"{POLL}/points/{number}", {"weight": number}))

    verified = verify(after, database)
    Backfill(after, database, targets_of(after, ["votes"]), stale=True).run()

    assert [(kind, detail) for kind, detail in verified] == [
        (Kind.STALE, "counted by another version of the definition or its model")
    ] * 3
    assert numbers(after, database, writer) == {"sum": 6}
    assert verify(after, database) == []


def test_an_event_that_an_older_deployment_gets_again_counts_by_no_older_code(
    database: Database, writer: Writer
) -> None:
    before = poll_engine(model=Strict, sum=total("weight"))
    after = poll_engine(model=Doubled, sum=total("weight"))
    change = writer.write(f"{POLL}/points/1", {"weight": 3})
    after.handle(database, change)

    [outcome] = before.handle(database, change)

    assert outcome.result is Result.COVERED
    assert numbers(after, database, writer) == {"sum": 6}


def test_verify_finds_a_wrong_number_in_a_record_and_repairs_it(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(model=Payment, weight=total("weight"))
    change = payment(writer, 0)
    engine.handle(database, change)
    path = engine.aggregates["votes"].contribution_path(change.path)
    record: dict[str, Any] = dict(writer.content(path) or {})
    wrong = [{**item, "amount": 0} for item in record["amounts"] if "sum" in item["names"]]
    writer.write(path, {**record, "amounts": wrong})

    found = verify(engine, database, repair=True)

    assert (Kind.WRONG, "amounts") in found
    assert verify(engine, database) == []
    assert numbers(engine, database, writer) == {"weight": 1}


def test_measures_in_another_order_are_the_same_definition(
    database: Database, writer: Writer
) -> None:
    one = poll_engine(model=Payment, weight=total("weight"), n=count())
    other = poll_engine(model=Payment, n=count(), weight=total("weight"))
    one.handle(database, payment(writer, 0))

    assert verify(other, database) == []
    assert numbers(other, database, writer) == {"n": 1, "weight": 1}


def verify(engine: Engine, database: Database, *, repair: bool = False) -> list[tuple[Kind, str]]:
    found: list[tuple[Kind, str]] = []
    Verification(
        engine,
        database,
        targets_of(engine, ["votes"]),
        settle=0,
        repair=repair,
        report=lambda difference: found.append((difference.kind, difference.detail)),
    ).run()
    return found

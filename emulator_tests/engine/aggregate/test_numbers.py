"""The numbers of an aggregate: sums, means and counts, of the keys that documents have."""

import pytest

from emulator_tests.kit.polls import numbers, poll_engine, vote, withdrawn
from emulator_tests.kit.writing import Writer
from onto_fn import RetryPolicy
from onto_fn.aggregates import average, count, total
from onto_fn.editing import Database
from onto_fn.observability import Result


def test_a_key_whose_documents_sum_to_zero_is_there(database: Database, writer: Writer) -> None:
    engine = poll_engine(sums=total("weight", by="option"), means=average("weight", by="option"))

    engine.handle(database, vote(writer, 1, option="a", weight=5))
    engine.handle(database, vote(writer, 2, option="a", weight=-5))

    assert numbers(engine, database, writer) == {"sums": {"a": 0}, "means": {"a": 0}}


def test_what_only_zeros_were_added_to_is_zero(database: Database, writer: Writer) -> None:
    engine = poll_engine(
        sum=total("weight"), sums=total("weight", by="option"), means=average("weight", by="option")
    )

    engine.handle(database, vote(writer, 1, option="a", weight=0))

    assert numbers(engine, database, writer) == {"sum": 0, "sums": {"a": 0}, "means": {"a": 0}}


def test_a_key_without_documents_is_gone(database: Database, writer: Writer) -> None:
    engine = poll_engine(
        counts=count(by="option"),
        sums=total("weight", by="option"),
        means=average("weight", by="option"),
    )
    for voter, weight in enumerate((0.1, 0.2)):
        engine.handle(database, vote(writer, voter, option="a", weight=weight))
    for voter in range(2):
        engine.handle(database, withdrawn(writer, voter))

    assert numbers(engine, database, writer) == {"counts": {}, "sums": {}, "means": {}}


def test_the_sum_of_no_documents_is_zero(database: Database, writer: Writer) -> None:
    engine = poll_engine(sum=total("weight"), mean=average("weight"))
    before = numbers(engine, database, writer)
    for voter, weight in enumerate((0.1, 0.2)):
        engine.handle(database, vote(writer, voter, weight=weight))
    for voter in range(2):
        engine.handle(database, withdrawn(writer, voter))

    after = numbers(engine, database, writer)

    assert before == after == {"sum": 0, "mean": None}


@pytest.mark.parametrize("weight", [float("inf"), float("nan"), 1e300, 2**63 - 1, -(2**53) - 2])
def test_a_number_that_would_spoil_the_sum_for_ever_is_refused(
    weight: float, database: Database, writer: Writer
) -> None:
    engine = poll_engine(sum=total("weight"), mean=average("weight"))
    engine.handle(database, vote(writer, 1, weight=2))

    [outcome] = engine.handle(database, vote(writer, 2, weight=weight))

    assert outcome.result is Result.DEAD_LETTER
    assert "countedPolls/p/votes/2 is not a valid CountedVote: weight: " in outcome.error
    assert numbers(engine, database, writer) == {"sum": 2, "mean": 2}


def test_the_largest_numbers_leave_the_sum_as_they_came(database: Database, writer: Writer) -> None:
    engine = poll_engine(sum=total("weight"))
    for voter, weight in enumerate((2**53, 2**53, 1)):
        engine.handle(database, vote(writer, voter, weight=weight))
    for voter in range(2):
        engine.handle(database, withdrawn(writer, voter))

    assert numbers(engine, database, writer) == {"sum": 1}


def test_a_document_without_the_key_counts_where_no_key_is_asked_for(
    database: Database, writer: Writer
) -> None:
    engine = poll_engine(
        total=count(),
        counts=count(by="option"),
        sums=total("weight", by="option"),
        means=average("weight", by="option"),
    )

    engine.handle(database, vote(writer, 1, weight=3))
    engine.handle(database, vote(writer, 2, option=None, weight=3))

    assert writer.dead_letters() == {}
    assert numbers(engine, database, writer) == {"total": 2, "counts": {}, "sums": {}, "means": {}}


def test_a_measure_may_be_named_changes(database: Database, writer: Writer) -> None:
    engine = poll_engine(changes=count())
    engine.handle(database, vote(writer, 1))
    engine.handle(database, withdrawn(writer, 1))

    assert numbers(engine, database, writer) == {"changes": 0}


@pytest.mark.parametrize("option", ["__proto__", "x" * 1600])
def test_a_key_that_firestore_refuses_is_a_dead_letter_and_counts_nothing(
    option: str, database: Database, writer: Writer, quick: RetryPolicy
) -> None:
    engine = poll_engine(counts=count(by="option"), retry=quick)
    engine.handle(database, vote(writer, 1, option="a"))
    refused = vote(writer, 1, option=option)

    results = [engine.handle(database, refused)[0].result for _ in range(2)]

    assert results == [Result.DEAD_LETTER, Result.COVERED]
    assert numbers(engine, database, writer) == {"counts": {}}

    engine.handle(database, vote(writer, 1, option="b"))

    assert writer.dead_letters() == {}
    assert numbers(engine, database, writer) == {"counts": {"b": 1}}

"""The numbers of an aggregate: sums, means and counts, of the keys that documents have."""

from kit.polls import numbers, poll_engine, vote, withdrawn
from kit.writing import Writer

from onto_fn import Database, average, count, total


def test_a_key_whose_documents_sum_to_zero_is_there(database: Database, writer: Writer) -> None:
    engine = poll_engine(sums=total("weight", by="option"), means=average("weight", by="option"))

    engine.handle(database, vote(writer, 1, option="a", weight=5))
    engine.handle(database, vote(writer, 2, option="a", weight=-5))

    assert numbers(engine, database, writer) == {"sums": {"a": 0}, "means": {"a": 0}}


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

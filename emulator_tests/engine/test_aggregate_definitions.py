"""An aggregate whose definition changes: what an older one has counted is taken out of it."""

from kit.polls import numbers, poll_engine, vote, withdrawn
from kit.writing import Writer

from onto_fn import Database, count


def test_a_definition_that_is_rolled_back_counts_each_document_once(
    database: Database, writer: Writer
) -> None:
    old = poll_engine(total=count())
    new = poll_engine(total=count(), counts=count(by="option"))
    old.handle(database, vote(writer, 1, option="a"))
    new.handle(database, vote(writer, 1, option="b"))

    old.handle(database, vote(writer, 1, option="c"))

    assert numbers(old, database, writer) == {"total": 1}
    assert numbers(new, database, writer) == {"total": 0, "counts": {}}


def test_a_document_deleted_under_the_new_definition_leaves_the_old_one(
    database: Database, writer: Writer
) -> None:
    old = poll_engine(total=count())
    new = poll_engine(total=count(), counts=count(by="option"))
    old.handle(database, vote(writer, 1, option="a"))

    new.handle(database, withdrawn(writer, 1))

    assert numbers(old, database, writer) == {"total": 0}


def test_of_two_deployments_at_once_the_last_to_see_a_document_counts_it(
    database: Database, writer: Writer
) -> None:
    old = poll_engine(total=count())
    new = poll_engine(total=count(), counts=count(by="option"))
    created = vote(writer, 1, option="a")

    for engine in (old, new, old, new):
        engine.handle(database, created)

    assert numbers(new, database, writer) == {"total": 1, "counts": {"a": 1}}
    assert numbers(old, database, writer) == {"total": 0}

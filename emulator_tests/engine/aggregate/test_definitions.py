"""An aggregate whose definition changes: what an older one has counted is taken out of it."""

import pytest

from emulator_tests.kit.polls import numbers, poll_engine, vote, withdrawn
from emulator_tests.kit.writing import Writer
from onto_fn import DeclarationError, DomainModel
from onto_fn.aggregates import count, total
from onto_fn.editing import Database
from onto_fn.observability import Result


def test_a_definition_that_is_rolled_back_counts_each_document_once(
    database: Database, writer: Writer
) -> None:
    old = poll_engine(total=count())
    new = poll_engine(total=count(), counts=count(by="option"))
    old.handle(database, vote(writer, 1, option="a"))
    new.handle(database, vote(writer, 1, option="b"))

    old.handle(database, vote(writer, 1, option="c"))

    assert numbers(old, database, writer) == {"total": 1}
    assert numbers(new, database, writer) == {"total": 1, "counts": {}}


def test_a_document_deleted_under_the_new_definition_leaves_the_old_one(
    database: Database, writer: Writer
) -> None:
    old = poll_engine(total=count())
    new = poll_engine(total=count(), counts=count(by="option"))
    old.handle(database, vote(writer, 1, option="a"))

    new.handle(database, withdrawn(writer, 1))

    assert numbers(old, database, writer) == {"total": 0}


def test_of_two_deployments_at_once_each_counts_for_both(
    database: Database, writer: Writer
) -> None:
    old = poll_engine(total=count())
    new = poll_engine(total=count(), counts=count(by="option"))
    created = vote(writer, 1, option="a")

    results = [engine.handle(database, created)[0].result for engine in (old, new, old, new)]

    assert results == [Result.COMMITTED, *[Result.COVERED] * 3]
    assert numbers(new, database, writer) == {"total": 1, "counts": {}}
    assert numbers(old, database, writer) == {"total": 1}


class LenientVote(DomainModel, collection="countedPolls/{poll}/votes"):
    """The vote's model, mended to take what clients have written."""

    option: int | None = None
    weight: float | None = None


def test_replay_counts_a_document_once_its_model_is_mended(
    database: Database, writer: Writer
) -> None:
    strict = poll_engine(sum=total("weight"))
    strict.handle(database, vote(writer, 1, option=7, weight=3))
    [letter] = [path.rpartition("/")[2] for path in writer.dead_letters()]
    still_bad = strict.replay(database, letter)
    mended = poll_engine(model=LenientVote, sum=total("weight"))

    outcome = mended.replay(database, letter)

    assert still_bad is not None
    assert still_bad.result is Result.DEAD_LETTER
    assert outcome is not None
    assert outcome.result is Result.COMMITTED
    assert writer.dead_letters() == {}
    assert numbers(mended, database, writer) == {"sum": 3}


def test_an_aggregate_with_the_name_of_a_view_is_refused() -> None:
    with pytest.raises(DeclarationError, match="an aggregate is named 'Results' like a view"):
        poll_engine(name="Results", total=count())

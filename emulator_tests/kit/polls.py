"""Polls whose votes are aggregated, with the measures that a test asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator_tests.kit.writing import Writer
from onto_fn import DomainModel, RetryPolicy, Store, ViewModel, aggregate, root
from onto_fn.aggregates.spec import Measure
from onto_fn.editing import Database
from onto_fn.engine import Engine
from onto_fn.engine.operate.backfill import targets_of
from onto_fn.engine.operate.verify import Verification
from onto_fn.observability import Change

POLL, RESULTS = "countedPolls/p", "countedResults/p"


class CountedPoll(DomainModel, collection="countedPolls"):
    question: str = ""


class CountedVote(DomainModel, collection="countedPolls/{poll}/votes"):
    option: str | None = None
    weight: float | None = None
    height: int | None = None


def poll_engine(
    *,
    model: type[DomainModel] = CountedVote,
    name: str = "votes",
    retry: RetryPolicy | None = None,
    shards: int = 1,
    where: Mapping[str, Any] | None = None,
    consistency: Any = "snapshot",
    **measures: Measure,
) -> Engine:
    """The engine of one deployment: always the same aggregate and view, with its own measures.

    Args:
        model: class of the votes.
        name: of the aggregate.
        retry: bounds of the engine's retries.
        shards: of the aggregate.
        where: values (or functions of the store) that fields of the votes must have.
        consistency: of the view.
        measures: of the aggregate.
    """
    counted = aggregate(model, name=name, shards=shards, **measures)
    for field, value in (where or {}).items():
        counted = counted.where(field, "==", value)

    class ResultsStore(Store):
        poll = root(CountedPoll)
        votes = counted.within(poll=lambda store: store.poll.doc_id)

    class Results(ViewModel[ResultsStore], path="countedResults/{poll}", consistency=consistency):
        @property
        def numbers(self) -> dict[str, Any]:
            return self.store.votes

    return Engine([Results.definition()], retry=retry)


def vote(writer: Writer, voter: int, **fields: Any) -> Change:
    """A vote, new or changed."""
    return writer.write(f"{POLL}/votes/{voter}", fields)


def withdrawn(writer: Writer, voter: int) -> Change:
    """A vote, deleted."""
    return writer.delete(f"{POLL}/votes/{voter}")


def numbers(engine: Engine, database: Database, writer: Writer) -> Any:
    """What the poll's view says once it is built anew."""
    writer.write(POLL, {"question": "?"})
    engine.rebuild(database, "Results", POLL)
    content = writer.content(RESULTS)
    return content["numbers"] if content else None


def assert_exact(engine: Engine, database: Database) -> None:
    """Verifying finds no vote that is counted otherwise than once."""
    found: list[Any] = []
    Verification(
        engine, database, targets_of(engine, ["votes"]), settle=0, report=found.append
    ).run()
    assert found == []

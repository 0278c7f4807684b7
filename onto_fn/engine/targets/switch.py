"""Switching: a changed aggregate's new numbers replace the old ones once they are complete.

A backfill begins a generation, counts every document in it, and ends it. From its beginning, each
event counts for the new generation and for the one that is shown. The end is one commit of the
register and the pointer; the event of the pointer rebuilds the views. Then the older generations
are deleted. A backfill that was stopped at any point can simply begin again.

Why nothing is missed: an event that read the register before the generation began commits on the
precondition of the document's record, or locks the register if there is no record. So it commits
before the backfill reads the document, or not at all.
"""

from __future__ import annotations

from onto_fn.aggregates.generations import Register, fields_of, shown_by
from onto_fn.aggregates.spec import AGGREGATES, AggregateSpec
from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.engine.aggregate import count as counting
from onto_fn.engine.aggregate.contribution import is_of, records_of
from onto_fn.engine.targets.rebuild import rebuild_all
from onto_fn.engine.targets.target import Begun, Target
from onto_fn.errors import Contention
from onto_fn.firestore import Database, Query, Write

PAGE = 200


def is_shown(database: Database, aggregate: AggregateSpec) -> bool:
    """Whether views show the numbers of this definition instead of an earlier one.

    Raises:
        TransientError: the database could not be read.
    """
    documents, _ = database.get([aggregate.pointer_path])
    pointer = documents[aggregate.pointer_path]
    return shown_by(aggregate, pointer).stands_for(aggregate)


def begin(database: Database, aggregate: AggregateSpec, policy: RetryPolicy) -> Begun:
    """Start counting for the definition, unless that has already begun.

    Raises:
        RetriesExhausted: the register could not be written.
    """
    begun = Begun(0, was_shown=True)
    for attempt in policy.attempts_of(_subject(aggregate)):
        with attempt:
            begun = _begin(database, aggregate)
    return begun


def _begin(database: Database, aggregate: AggregateSpec) -> Begun:
    register = _register(database, aggregate)
    begun = register.begun(aggregate)
    if begun != register:
        database.commit([Write(aggregate.register_path, begun.to_fields(), register.update_time)])
    found = begun.find(aggregate)
    assert found is not None
    return Begun(found.number, found.number == begun.current)


def end(
    database: Database,
    target: Target,
    aggregate: AggregateSpec,
    begun: Begun,
    policy: RetryPolicy,
) -> bool:
    """Show a generation in which every document is counted, and delete the older ones.

    Args:
        database: the database.
        target: recounts the documents of the aggregate.
        aggregate: the definition.
        begun: its generation.
        policy: bounds of the retries.

    Returns:
        False if another definition replaced it meanwhile, so it is no longer counted.

    Raises:
        RetriesExhausted: it is not finished; begin again.
    """
    register: Register | None = None
    for attempt in policy.attempts_of(_subject(aggregate)):
        with attempt:
            register = _switch(database, aggregate, begun)
    if register is None:
        return False
    if register.retired:
        _delete_retired(database, target, aggregate, policy)
    return True


def _switch(database: Database, aggregate: AggregateSpec, begun: Begun) -> Register | None:
    register = _register(database, aggregate)
    switched = register.switched(begun.number, alone=begun.was_shown)
    if switched is None or switched == register:
        return switched
    writes = [Write(aggregate.register_path, switched.to_fields(), register.update_time)]
    if switched.current != register.current:
        writes.append(Write(aggregate.pointer_path, fields_of(switched.shown)))
    database.commit(writes)
    return switched


def _register(database: Database, aggregate: AggregateSpec) -> Register:
    documents, _ = database.get([aggregate.register_path])
    register = Register.read(aggregate, documents[aggregate.register_path])
    if register is None:
        counting.begin(database, aggregate)
        raise Contention(
            f"{aggregate.register_path} has started a new generation; it must be read again"
        )
    return register


def _delete_retired(
    database: Database, target: Target, aggregate: AggregateSpec, policy: RetryPolicy
) -> None:
    """Remove the retired generations from the records, then delete their shards.

    In this order: once no record has them, no event that has read an older register can commit.
    """
    register = Register.first(aggregate)
    for attempt in policy.attempts_of(_subject(aggregate)):
        with attempt:
            register = _register(database, aggregate)
    for page in database.pages(records_of(aggregate.name), PAGE):
        sources = [
            (document.fields or {})["source"] for document in page if not is_of(register, document)
        ]
        rebuild_all(database, target, sources, policy)
    for group in database.paths(AGGREGATES):
        number = aggregate.number_of(group)
        if number is not None and number not in register.numbers and number <= register.last:
            for page in database.pages(Query(f"{group}/shards", keys_only=True)):
                for attempt in policy.attempts_of(_subject(aggregate)):
                    with attempt:
                        database.commit([Write(document.path, None) for document in page])
    for attempt in policy.attempts_of(_subject(aggregate)):
        with attempt:
            _forget(database, aggregate, register)


def _subject(aggregate: AggregateSpec) -> Subject:
    return Subject(aggregate.name, step="switch")


def _forget(database: Database, aggregate: AggregateSpec, cleaned: Register) -> None:
    register = _register(database, aggregate)
    left = tuple(number for number in register.retired if number not in cleaned.retired)
    if left != register.retired:
        fields = {**register.to_fields(), "retired": list(left)}
        database.commit([Write(aggregate.register_path, fields, register.update_time)])

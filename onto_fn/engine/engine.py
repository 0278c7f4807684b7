"""`Engine`: takes changes, keeps every affected document up to date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from onto_fn.engine import direct, tasks
from onto_fn.engine.affected import Affected, belongs_to, find_affected, find_one
from onto_fn.engine.aggregation import contribute
from onto_fn.engine.changes import Change
from onto_fn.engine.counting import contribute_together
from onto_fn.engine.dropping import drop
from onto_fn.engine.fanout import Batch, FanOut, Publish, batches, split
from onto_fn.engine.ledger import (
    DEAD_LETTER_COLLECTION,
    LEDGER_COLLECTION,
    OUTBOX_COLLECTION,
    UNWATCHED_COLLECTIONS,
    is_shard,
)
from onto_fn.engine.materialise import materialise
from onto_fn.engine.observers import Observer, observed, tell
from onto_fn.engine.outcomes import Outcome, Result, combined
from onto_fn.engine.retries import RetryPolicy
from onto_fn.engine.snapshots import read_all
from onto_fn.engine.together import materialise_together
from onto_fn.errors import DeclarationError, RetriesExhausted, TransientError
from onto_fn.firestore import Database, Document, Filter, Query, Write
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.paths import parent_collection
from onto_fn.observing import Subject
from onto_fn.store import AggregateSpec
from onto_fn.store.aggregates import CONTRIBUTIONS
from onto_fn.views import Definition
from onto_fn.views.definition import fingerprint

Run = Callable[[], list[Outcome]]
Sender = Callable[[Database, Change], list[Outcome]]


class Engine:
    """Keeps the documents of all its definitions equal to `build` on the current sources.

    Thread-safe and without state: everything it knows is in the ledger.

    Attributes:
        definitions: the views and mediators by name.
        aggregates: the aggregates that their stores read, by name.
        retry: bounds of the retries of one materialisation.

    Args:
        definitions: the views and mediators.
        retry: bounds of the retries of one materialisation.
        fan_out: when to rebuild in batches elsewhere; never unless given.
        publish: publishes the batches; needed with `fan_out`.
        observers: are told of each event that is handled, for logs, traces and metrics.
        sender: sends what a change in the outbox asks for. Without it, what is in the outbox waits.

    Raises:
        DeclarationError: two definitions or aggregates have the same name.
    """

    def __init__(
        self,
        definitions: Iterable[Definition],
        *,
        retry: RetryPolicy | None = None,
        fan_out: FanOut | None = None,
        publish: Publish | None = None,
        observers: Sequence[Observer] = (),
        sender: Sender | None = None,
    ) -> None:
        self.definitions: dict[str, Definition] = {}
        for definition in definitions:
            if definition.name in self.definitions:
                raise DeclarationError(
                    f"two views or mediators are named {definition.name!r}; give one another name"
                )
            self.definitions[definition.name] = definition
        self.aggregates: dict[str, AggregateSpec] = {}
        for definition in self.definitions.values():
            for spec in definition.store.aggregates():
                aggregate = replace(spec, code=partial(fingerprint, {spec.model}))
                known = self.aggregates.get(aggregate.name, aggregate)
                if known != aggregate:
                    raise DeclarationError(
                        f"two aggregates are named {aggregate.name!r}; give one `name=…`"
                    )
                self.aggregates[aggregate.name] = known.joined(aggregate)
                if aggregate.name in self.definitions:
                    raise DeclarationError(
                        f"an aggregate is named {aggregate.name!r} like a view or mediator, and "
                        "they would share dead letters; give it another `name=…`"
                    )
        self._materialised = {
            name: d for name, d in self.definitions.items() if d.mode == "materialise"
        }
        self._sources = {
            source for d in self._materialised.values() for source in d.watched_collections()
        }
        self.retry = retry or RetryPolicy()
        self._fan_out = fan_out
        self._publish = publish
        self._observers = tuple(observers)
        self._sender = sender

    def handle(self, database: Database, change: Change, *, inline: bool = False) -> list[Outcome]:
        """Materialise everything that a change affects.

        It returns only after each affected definition is committed, covered, has its dead letter,
        or is in a batch whose publication is confirmed (G5). The same change may be handled again,
        concurrently and in any order (G4).

        Args:
            database: where it happened.
            change: the event.
            inline: fan nothing out.

        Raises:
            RetriesExhausted: at least one could not be committed; the others were. The event has
                to be delivered again.
        """
        collection = change.path.partition("/")[0]
        with observed(self._observers, change):
            if collection == OUTBOX_COLLECTION and self._sender is not None:
                return _told(self._sender(database, change))
            if change.is_no_op or collection in UNWATCHED_COLLECTIONS:
                return []
            return _all_of(self._runs(database, change, inline))

    def handle_batch(self, database: Database, batch: Batch) -> list[Outcome]:
        """Rebuild what a fanned-out change affects, or a page of a backfill; may be repeated.

        Raises:
            DeclarationError: the batch is of a view or mediator that this app does not have.
            RetriesExhausted: the batch has to be delivered again.
        """
        aggregate = self.aggregates.get(batch.definition)
        # A page of a backfill is told like a change of its first root of which no more is known.
        told = batch.change or Change(batch.items[0][0], None, None)
        with observed(self._observers, told):
            if aggregate is not None:
                return self._contribute_all(database, aggregate, batch)
            definition = self.definition(batch.definition)
            wanted = [Affected(definition, root, shard) for root, shard in batch.items]
            return self._together(database, wanted, batch.change)

    def rebuild(self, database: Database, definition: str, root: str) -> Outcome:
        """Build one root whatever its ledger says, with the same exactly-once commit.

        Args:
            database: the database.
            definition: name of the view or mediator.
            root: document path of the root.

        Raises:
            DeclarationError: there is no definition of that name.
            RetriesExhausted: it could not be committed.
        """
        if definition in self.aggregates:
            return self._contribute(database, self.aggregates[definition], root, None)[0]
        found = self.definition(definition)
        if found.mode != "materialise":
            return self._single(database, found, root, None)[0]
        wanted = [Affected(found, root, shard) for shard in range(found.shards)]
        return combined(self._together(database, wanted, None))

    def submit(
        self,
        database: Database,
        definition: str,
        path: str,
        fields: Fields,
        uid: str | None = None,
    ) -> Outcome:
        """Create a task's document and process it, in one commit; see `tasks.submit`.

        A path that was processed before is covered; what became of it is in the document's mark.

        Args:
            database: the database.
            definition: name of the task, form or patch, which marks its documents.
            path: path of the new document.
            fields: its content.
            uid: id of the user who asks, if a verified token says so.

        Raises:
            DeclarationError: there is no definition of that name.
            RetriesExhausted: it could not be committed; submit it again.
        """
        found = self.definition(definition)
        with observed(self._observers, Change(path, None, None)):
            outcome = tasks.submit(database, found, path, fields, self.retry, uid)
            tell([outcome])
            return outcome

    def read(self, database: Database, path: str) -> Document:
        """One document as it is now.

        Raises:
            RetriesExhausted: it could not be read.
        """
        return self.retry.run(path, lambda _: database.get([path]))[0][path]

    def replay(self, database: Database, letter_id: str) -> Outcome | None:
        """Try again what a dead letter holds; if it succeeds, the letter goes in the same commit.

        Args:
            database: the database.
            letter_id: id of the document in `onto_dead_letters`.

        Returns:
            What became of it (a dead letter again if nothing was mended), or None if the letter
            is gone already, or was of a whole event, which is then handled like a new one. A
            message that could not be sent has the letter of its event in the outbox.

        Raises:
            DeclarationError: it is of a view or mediator that this app does not have, or of a
                message, and this engine has nothing to send it with.
            RetriesExhausted: it could not be committed.
        """
        path = f"{DEAD_LETTER_COLLECTION}/{letter_id}"
        documents, _ = self.retry.run(path, lambda _: database.get([path]))
        letter = documents[path]
        if letter.fields is None:
            return None
        if letter.fields["definition"] is not None:
            return self.rebuild(database, letter.fields["definition"], letter.fields["root"])
        document = letter.fields["event"].get("document")
        outcomes: list[Outcome] = []
        if document is not None:
            if document.startswith(f"{OUTBOX_COLLECTION}/") and self._sender is None:
                raise DeclarationError(f"{path} is of a message; replay it with `App.replay`")
            event_id = letter.fields["event"]["id"]
            outcomes = self.handle(database, Change(document, None, None, event_id))
        if self.retry.run(path, lambda _: _resolve(database, letter)):
            return None
        return next((o for o in outcomes if o.result is Result.DEAD_LETTER), None)

    def letters(self, database: Database, definition: str | None = None) -> Iterator[Document]:
        """All dead letters, or those of one view, mediator or aggregate."""
        filters = () if definition is None else (Filter("definition", "==", definition),)
        for page in database.pages(Query(DEAD_LETTER_COLLECTION, filters)):
            yield from page

    def reconcile(self, database: Database) -> int:
        """Rebuild what changed unseen, and what could not be built when it was last tried.

        That is every root of which a source is not as the ledger has it, and every document that
        is not as an aggregate counted it. For a process that may have missed events, such as a
        listener that was down: a deletion leaves nothing behind that would show up later.

        Returns:
            How many roots were rebuilt, and documents counted again.

        Raises:
            RetriesExhausted: at least one could not be committed; all others were.
        """
        outcomes = _all_of(self._checks(database))
        return sum(outcome.result is Result.COMMITTED for outcome in outcomes)

    def drop(self, database: Database, name: str) -> int:
        """Delete all that a view, mediator or aggregate has written, its records and dead letters.

        Take it out of the app and deploy first: what is still deployed builds again.

        Args:
            database: the database.
            name: of the view, mediator or aggregate; it need not be in the app any more.

        Returns:
            How many roots were dropped, and documents that an aggregate had counted.
        """
        return drop(database, name, self.retry)

    def _checks(self, database: Database) -> Iterator[Run]:
        rebuilt: set[tuple[str, str]] = set()
        for page in database.pages(Query(LEDGER_COLLECTION)):
            for document in page:
                item = belongs_to(document, self._materialised, datetime.now(UTC))
                if item is not None:
                    yield partial(self._check_root, database, item, rebuilt)
        for page in database.pages(Query(CONTRIBUTIONS)):
            yield partial(self._check_contributions, database, page)

    def _check_root(
        self, database: Database, item: Affected, rebuilt: set[tuple[str, str]]
    ) -> list[Outcome]:
        root = (item.definition.name, item.root)
        if root in rebuilt:  # with another of its shards
            return []
        record = item.record
        if record is not None and record.failure is None:
            versions = record.versions
            now, _ = self.retry.run(item.root, lambda _: read_all(database, versions))
            if all(now[path].update_time == versions[path] for path in versions):
                return []
        outcome = self.rebuild(database, *root)
        rebuilt.add(root)
        return [outcome]

    def _check_contributions(self, database: Database, page: list[Document]) -> list[Outcome]:
        records = [document.fields for document in page if "source" in (document.fields or {})]
        records = [record for record in records if record is not None]
        if not records:
            return []
        sources = [record["source"] for record in records]
        now, _ = self.retry.run("what was counted", lambda _: database.get(sources))
        return _all_of(
            partial(
                self._contribute,
                database,
                self.aggregates[record["aggregate"]],
                record["source"],
                None,
            )
            for record in records
            if record["aggregate"] in self.aggregates
            and now[record["source"]].update_time != record["version"]
        )

    def _runs(self, database: Database, change: Change, inline: bool) -> list[Run]:
        """What there is to do about a change."""
        collection = parent_collection(change.path)
        runs: list[Run] = []
        if not is_shard(change.path):
            runs += [
                partial(self._single, database, definition, change.path, change)
                for definition in self.definitions.values()
                if definition.mode != "materialise"
                and definition.root_collection.match(collection) is not None
            ]
            runs += [
                partial(self._contribute, database, aggregate, change.path, change)
                for aggregate in self.aggregates.values()
                if aggregate.shape.collection.match(collection) is not None
            ]
        if any(source.match(collection) is not None for source in self._sources):
            found = find_affected(database, self._materialised, change, self.retry)
            if self._fan_out is None or inline:
                return runs + self._here(database, found, change)
            here, elsewhere = split(found, self._fan_out.threshold)
            runs += self._here(database, here, change)
            runs.append(partial(self._elsewhere, database, elsewhere, change, self._fan_out))
        return runs

    def _here(self, database: Database, found: Iterable[Affected], change: Change) -> list[Run]:
        """Materialise in this call: the shards of a root together, all else alone."""
        order = {name: place for place, name in enumerate(self.definitions)}
        roots: dict[tuple[str, str], list[Affected]] = {}
        for item in sorted(found, key=lambda item: order[item.definition.name]):
            roots.setdefault((item.definition.name, item.root), []).append(item)
        return [
            partial(self._one, database, items[0], change)
            if len(items) == 1
            else partial(self._together, database, items, change)
            for items in roots.values()
        ]

    def _elsewhere(
        self, database: Database, found: Iterable[Affected], change: Change, fan_out: FanOut
    ) -> list[Outcome]:
        """Publish batches that will materialise, elsewhere, what does not cover the change yet."""
        published: Counter[str] = Counter()

        def counted() -> Iterator[Batch]:
            for batch in batches(found, change, fan_out.batch):
                published[batch.definition] += len(batch.items)
                yield batch

        if self._publish is None:
            raise DeclarationError("an engine that fans out needs `publish`")
        self._publish(database, counted())
        outcomes = [
            Outcome(name, f"{number} roots", Result.FANNED_OUT)
            for name, number in published.items()
        ]
        return _told(outcomes)

    def _together(
        self, database: Database, wanted: list[Affected], change: Change | None
    ) -> list[Outcome]:
        done, alone = materialise_together(database, wanted, change, self.retry)
        _told(done)
        return done + _all_of(partial(self._anew, database, item, change) for item in alone)

    def _anew(self, database: Database, wanted: Affected, change: Change | None) -> list[Outcome]:
        found = self.retry.run(
            Subject(wanted.definition.name, wanted.root), lambda _: find_one(database, wanted)
        )
        return self._one(database, found, change)

    def _one(self, database: Database, found: Affected, change: Change | None) -> list[Outcome]:
        return _told([materialise(database, found, change, self.retry)])

    def _single(
        self, database: Database, definition: Definition, path: str, change: Change | None
    ) -> list[Outcome]:
        run = tasks.process if definition.mode == "task" else direct.forward
        return _told([run(database, definition, path, change, self.retry)])

    def _contribute(
        self, database: Database, aggregate: AggregateSpec, path: str, change: Change | None
    ) -> list[Outcome]:
        return _told([contribute(database, aggregate, path, change, self.retry)])

    def _contribute_all(
        self, database: Database, aggregate: AggregateSpec, batch: Batch
    ) -> list[Outcome]:
        paths = [path for path, _ in batch.items]
        outcomes = contribute_together(database, aggregate, paths, self.retry)
        if outcomes is not None:
            return _told(outcomes)
        return _all_of(
            partial(self._contribute, database, aggregate, path, batch.change) for path in paths
        )

    def definition(self, name: str) -> Definition:
        """The view or mediator of a name.

        Raises:
            DeclarationError: there is none.
        """
        if name not in self.definitions:
            known = ", ".join(sorted(self.definitions)) or "none"
            raise DeclarationError(f"no view or mediator is named {name!r}; there is {known}")
        return self.definitions[name]


def _all_of(runs: Iterable[Run]) -> list[Outcome]:
    """The outcomes of all runs; none suffers from the failure of another.

    Raises:
        RetriesExhausted: a run failed, and may succeed when it is tried again.
    """
    outcomes: list[Outcome] = []
    failures: list[Exception] = []
    for run in runs:
        try:
            outcomes += run()
        except Exception as error:
            failures.append(error)
    for failure in failures:
        if not isinstance(failure, TransientError):
            raise failure
    if failures:
        raise RetriesExhausted("; ".join(str(error) for error in failures)) from failures[0]
    return outcomes


def _told(outcomes: list[Outcome]) -> list[Outcome]:
    """The outcomes, of which the observers know now."""
    tell(outcomes)
    return outcomes


def _resolve(database: Database, letter: Document) -> bool:
    """Delete a letter as it was read; False if what it holds has failed again, and it stays."""
    documents, _ = database.get([letter.path])
    now = documents[letter.path]
    if now.update_time == letter.update_time:
        database.commit([Write(letter.path, None, letter.update_time)])
        return True
    return not now.exists

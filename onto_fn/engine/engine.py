"""`Engine`: receives changes and keeps every affected document up to date."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.attempts import Collector, RetryPolicy, Subject, tell
from onto_fn.engine.materialise.fan_out import Batch, FanOut, Publish, batches, split
from onto_fn.engine.materialise.lookup import Affected, Materialised, find_affected
from onto_fn.engine.materialise.protocol import materialise
from onto_fn.engine.materialise.together import materialise_all
from onto_fn.engine.materialise.unread import Unaffected
from onto_fn.engine.operate.drop import drop
from onto_fn.engine.operate.reconcile import reconcile
from onto_fn.engine.records.ledger import (
    DEAD_LETTER_COLLECTION,
    OUTBOX_COLLECTION,
    UNWATCHED_COLLECTIONS,
    is_shard,
)
from onto_fn.engine.targets import task as tasks
from onto_fn.engine.targets.kinds import AggregateTarget, target_of
from onto_fn.engine.targets.target import Target, do_all
from onto_fn.errors import DeclarationError
from onto_fn.events.change import Change
from onto_fn.events.outcome import Outcome, Result, combined
from onto_fn.firestore import Database, Document, Filter, Query, Write
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.paths import parent_collection
from onto_fn.observability.observer import Observer, observed
from onto_fn.views import Definition
from onto_fn.views.definition import fingerprint

Sender = Callable[[Database, Change], list[Outcome]]


class Engine:
    """Keeps the documents of all its definitions equal to `build` on the current sources.

    Thread-safe and stateless: all state is in the ledger.

    Attributes:
        definitions: the views and mediators by name.
        aggregates: the aggregates that their stores read, by name.
        targets: everything that has roots, by name: the aggregates, then the views and mediators.
        retry: bounds of the retries of one materialisation.

    Args:
        definitions: the views and mediators.
        retry: bounds of the retries of one materialisation.
        fan_out: when to rebuild in batches in other function calls; by default never.
        publish: publishes the batches; needed with `fan_out`.
        observers: receive each event that is handled, for logs, traces and metrics.
        sender: sends the messages of a changed outbox. Without it, messages stay in the outbox.

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
                    f"two views or mediators are named {definition.name!r}; rename one of them"
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
        views = {name: target_of(definition) for name, definition in self.definitions.items()}
        counters = {name: AggregateTarget(spec) for name, spec in self.aggregates.items()}
        self.targets: dict[str, Target] = {**counters, **views}
        self._views = {name: view for name, view in views.items() if view.is_verified}
        self._materialised = Materialised(self.definitions[name] for name in self._views)
        self._order = {name: place for place, name in enumerate(self._views, start=1)}
        others = [view for name, view in views.items() if name not in self._views]
        self._direct: list[Target] = [*others, *counters.values()]
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
                outcomes = self._sender(database, change)
                tell(outcomes)
                return outcomes
            if change.is_no_op or collection in UNWATCHED_COLLECTIONS:
                return []
            return self._handle(database, change, inline)

    def handle_batch(self, database: Database, batch: Batch) -> list[Outcome]:
        """Rebuild what a fanned-out change affects, or a page of a backfill; may be repeated.

        Raises:
            DeclarationError: the batch belongs to a view or mediator that this app does not have.
            RetriesExhausted: the batch has to be delivered again.
        """
        # Observers see a page of a backfill as a change to its first root, without a payload.
        seen = batch.change or Change(batch.items[0][0], None, None)
        collector: Collector[Outcome] = Collector()
        with observed(self._observers, seen):
            target = self.target(batch.definition)
            do_all(database, target, batch.items, batch.change, self.retry, collector)
            return collector.outcomes()

    def rebuild(self, database: Database, definition: str, root: str) -> Outcome:
        """Build one root regardless of its ledger record, with the same exactly-once commit.

        Args:
            database: the database.
            definition: name of the view or mediator.
            root: document path of the root.

        Raises:
            DeclarationError: there is no definition of that name.
            RetriesExhausted: it could not be committed.
        """
        target = self.target(definition)
        collector: Collector[Outcome] = Collector()
        do_all(database, target, target.items([root]), None, self.retry, collector)
        return combined(collector.outcomes())

    def submit(
        self,
        database: Database,
        definition: str,
        path: str,
        fields: Fields,
        uid: str | None = None,
    ) -> Outcome:
        """Create a task's document and process it, in one commit; see `tasks.submit`.

        A path that was processed before is covered; the document's mark holds the result.

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
        document = Document(path, None, None)
        for attempt in self.retry.attempts_of(Subject(root=path, step="read")):
            with attempt:
                document = database.get([path])[0][path]
        return document

    def replay(self, database: Database, letter_id: str) -> Outcome | None:
        """Replay a dead letter; if it succeeds, the same commit deletes the letter.

        Args:
            database: the database.
            letter_id: id of the document in `onto_dead_letters`.

        Returns:
            The outcome (a dead letter again if nothing was fixed). None if the letter no longer
                exists, or if it held an event, which is then handled like a new one. An unsent
                message stays in the outbox together with the letter of its event.

        Raises:
            DeclarationError: it belongs to a view or mediator that this app does not have, or to a
                message, and this engine has no `sender`.
            RetriesExhausted: it could not be committed.
        """
        path = f"{DEAD_LETTER_COLLECTION}/{letter_id}"
        letter = self.read(database, path)
        if letter.fields is None:
            return None
        if letter.fields["definition"] is not None:
            return self.rebuild(database, letter.fields["definition"], letter.fields["root"])
        document = letter.fields["event"].get("document")
        outcomes: list[Outcome] = []
        if document is not None:
            if document.startswith(f"{OUTBOX_COLLECTION}/") and self._sender is None:
                raise DeclarationError(f"{path} holds a message; replay it with `App.replay`")
            event_id = letter.fields["event"]["id"]
            outcomes = self.handle(database, Change(document, None, None, event_id))
        for attempt in self.retry.attempts_of(Subject(root=path, step="replay")):
            with attempt:
                if _resolve(database, letter):
                    return None
        return next((o for o in outcomes if o.result is Result.DEAD_LETTER), None)

    def letters(self, database: Database, definition: str | None = None) -> Iterator[Document]:
        """All dead letters, or those of one view, mediator or aggregate."""
        filters = () if definition is None else (Filter("definition", "==", definition),)
        for page in database.pages(Query(DEAD_LETTER_COLLECTION, filters)):
            yield from page

    def reconcile(self, database: Database) -> int:
        """Rebuild roots whose changes were missed, and roots whose last build failed.

        That includes every root with a source that differs from the ledger record, and every
        document that differs from what an aggregate counted. It is for a process that may have
        missed events, such as a listener that was down: nothing else would reveal a missed
        deletion.

        Returns:
            How many roots were rebuilt, and documents counted again.

        Raises:
            RetriesExhausted: at least one could not be committed; all others were.
        """
        return reconcile(database, self.targets, self._materialised, self.retry)

    def drop(self, database: Database, name: str) -> int:
        """Delete all documents, records and dead letters of a view, mediator or aggregate.

        Remove it from the app and deploy first: a function that is still deployed would build it
        again.

        Args:
            database: the database.
            name: of the view, mediator or aggregate; it need not be in the app any more.

        Returns:
            How many roots were dropped, and documents that an aggregate had counted.
        """
        return drop(database, name, self.retry)

    def definition(self, name: str) -> Definition:
        """The view or mediator of a name.

        Raises:
            DeclarationError: there is none.
        """
        if name not in self.definitions:
            known = ", ".join(sorted(self.definitions)) or "none"
            raise DeclarationError(f"no view or mediator is named {name!r}; there is {known}")
        return self.definitions[name]

    def target(self, name: str) -> Target:
        """The view, mediator or aggregate of a name.

        Raises:
            DeclarationError: there is none.
        """
        found = self.targets.get(name)
        return self.targets[self.definition(name).name] if found is None else found

    def _handle(self, database: Database, change: Change, inline: bool) -> list[Outcome]:
        """Does all work for a change, after one look-up."""
        collection = parent_collection(change.path)
        collector: Collector[Outcome] = Collector()
        here: Iterable[Affected] = ()
        unaffected = Unaffected(change)
        elsewhere: Iterable[Affected] | None = None
        if self._materialised.readers_of(collection).are_any:
            found = find_affected(database, self._materialised, change, self.retry)
            here = unaffected.others(found)
            if self._fan_out is not None and not inline:
                here, elsewhere = split(here, self._fan_out.threshold)
        for target in self._direct:
            if target.template.match(collection) is not None and not is_shard(change.path):
                with collector:
                    item = (change.path, 0)
                    collector.add(target.one(database, item, change, self.retry))
        affected = sorted(here, key=self._place)
        if len(affected) == 1:
            with collector:
                collector.add(materialise(database, affected[0], change, self.retry))
        elif affected:
            materialise_all(database, affected, change, self.retry, collector)
        if elsewhere is not None:
            with collector:
                collector.add(*self._fanned_out(database, elsewhere, change))
        collector.add(*unaffected.outcomes())
        outcomes = collector.outcomes()
        return sorted(outcomes, key=self._place) if len(outcomes) > 1 else outcomes

    def _place(self, item: Affected | Outcome) -> int:
        """Views go in the order in which they are declared, after everything else."""
        name = item.definition if isinstance(item, Outcome) else item.definition.name
        return self._order.get(name, 0)

    def _fanned_out(
        self, database: Database, found: Iterable[Affected], change: Change
    ) -> list[Outcome]:
        """Publish batches for all materialisations that do not cover the change yet."""
        if self._publish is None or self._fan_out is None:
            raise DeclarationError("an engine that fans out needs `publish`")
        published: Counter[str] = Counter()
        self._publish(database, counted(batches(found, change, self._fan_out.batch), published))
        return [
            Outcome(name, f"{number} roots", Result.FANNED_OUT)
            for name, number in published.items()
        ]


def counted(found: Iterable[Batch], published: Counter[str]) -> Iterator[Batch]:
    """Passes batches on, and counts the roots of each definition in them."""
    for batch in found:
        published[batch.definition] += len(batch.items)
        yield batch


def _resolve(database: Database, letter: Document) -> bool:
    """Delete a letter that is unchanged; False if it failed again, in which case it stays."""
    documents, _ = database.get([letter.path])
    now = documents[letter.path]
    if now.update_time == letter.update_time:
        database.commit([Write(letter.path, None, letter.update_time)])
        return True
    return not now.exists

"""What an app's operator does to it from Python; the commands of `onto` call the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from onto_fn.engine import Engine
from onto_fn.events import Outcome
from onto_fn.firestore import Database, Document
from onto_fn.models import Ref
from onto_fn.views import ViewModel


class Operations:
    """Rebuild, replay, reconcile and drop; the base of `App`."""

    engine: Engine

    def database(self, project: str | None = None, database: str | None = None) -> Database:
        """The process's one connection to a database."""
        raise NotImplementedError

    def rebuild(
        self,
        definition: str | type[ViewModel[Any]],
        root: str | Ref[Any],
        database: Database | None = None,
    ) -> Outcome:
        """Build the documents of one root again, regardless of its ledger record, exactly once.

        Args:
            definition: the view model, or the name of a view, mediator or aggregate.
            root: document path of the root, such as `"towns/oslo"`, or a reference to it.
            database: where; default the app's database.

        Raises:
            DeclarationError: the app has no such view, mediator or aggregate.
            RetriesExhausted: it could not be committed.
        """
        name = definition if isinstance(definition, str) else definition.__view_name__
        path = root if isinstance(root, str) else root.path
        return self.engine.rebuild(database or self.database(), name, path)

    def replay(self, letter_id: str, database: Database | None = None) -> Outcome | None:
        """Replay a dead letter; if it succeeds, the same commit deletes the letter.

        Args:
            letter_id: id of the document in `onto_dead_letters`.
            database: where; default the app's database.

        Returns:
            The outcome (a dead letter again if nothing was fixed). None if the letter no longer
                exists, or if it held an event, which is then handled like a new one.

        Raises:
            DeclarationError: it belongs to a view or mediator that the app does not have.
            RetriesExhausted: it could not be committed.
        """
        return self.engine.replay(database or self.database(), letter_id)

    def letters(
        self, definition: str | None = None, database: Database | None = None
    ) -> Iterator[Document]:
        """All dead letters, or those of one view, mediator or aggregate.

        Args:
            definition: its name; default all.
            database: where; default the app's database.
        """
        return self.engine.letters(database or self.database(), definition)

    def reconcile(self, database: Database | None = None) -> int:
        """Rebuild roots whose changes were missed, and roots whose last build failed.

        It is for a process that may have missed events, such as a listener that was down.

        Returns:
            How many roots were rebuilt, and documents counted again.

        Raises:
            RetriesExhausted: at least one could not be committed; all others were.
        """
        return self.engine.reconcile(database or self.database())

    def drop(self, name: str, database: Database | None = None) -> int:
        """Delete all documents, records and dead letters of a view, mediator or aggregate.

        Remove it from the app and deploy first: a function that is still deployed would build it
        again.

        Args:
            name: of the view, mediator or aggregate; it need not be in the app any more.
            database: where; default the app's database.

        Returns:
            How many roots were dropped, and documents that an aggregate had counted.
        """
        return self.engine.drop(database or self.database(), name)

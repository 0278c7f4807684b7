"""`Project`: what the checks look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from onto_fn.doctor.finding import Finding, Place, Severity
from onto_fn.doctor.places import app_place, class_place
from onto_fn.firebase_json import FirestoreFiles, firestore_files, parse, read_firebase_json
from onto_fn.firestore import PathTemplate
from onto_fn.mediators import ViewMediator

if TYPE_CHECKING:
    from onto_fn.functions import App
    from onto_fn.functions.rates import Rate
    from onto_fn.views import Definition, ViewModel

Json = dict[str, Any]  # JSON has no narrower type


@dataclass(frozen=True)
class Measured:
    """What the ledger of a database says of one root; see `measured_in`.

    Attributes:
        definition: name of the view or mediator.
        root: path of the root.
        record_bytes: size of its largest ledger record.
        document_bytes: size of one of its documents, 0 if it has none.
        documents: number of its documents in that record.
    """

    definition: str
    root: str
    record_bytes: int
    document_bytes: int
    documents: int


@dataclass(frozen=True)
class Project:
    """An app with the files that are deployed with it.

    Attributes:
        app: the app.
        main: the file that declares it.
        folder: that of `firebase.json`.
        changes: how often documents change, by collection.
        location: where the database is, such as `"nam5"`; None if unknown.
        measured: what was found in a database; empty if none was looked at.
    """

    app: App
    main: Path
    folder: Path
    changes: Mapping[PathTemplate, Rate] = field(default_factory=dict["PathTemplate", "Rate"])
    location: str | None = None
    measured: Sequence[Measured] = ()

    @cached_property
    def files(self) -> FirestoreFiles:
        """The files of rules and indexes."""
        return firestore_files(self.folder, self.app.options.database)

    @cached_property
    def indexes(self) -> Json:
        """The content of the file of indexes, empty if there is none."""
        path = self.files.indexes
        return parse(path.read_text(encoding="utf-8"), path) if path.exists() else {}

    @cached_property
    def firebase(self) -> Json:
        """The content of `firebase.json`."""
        return read_firebase_json(self.folder)

    @property
    def database_location(self) -> str | None:
        """Where the database is: as given, or as `firebase.json` says."""
        entries: object = self.firebase.get("firestore", {})
        for entry in cast("list[Json]", entries if isinstance(entries, list) else [entries]):
            name = entry.get("database", "(default)")
            if self.location is None and name == self.app.options.database:
                return cast("str | None", entry.get("location"))
        return self.location

    def is_exempt(self, collection: str, name: str) -> bool:
        """Whether the file of indexes says that a field has no index of its own.

        The entry of the field decides, else that of all fields of the collection, `*`.
        """
        indexed = {
            override.get("fieldPath"): bool(override.get("indexes"))
            for override in self.indexes.get("fieldOverrides", ())
            if override.get("collectionGroup") == collection
        }
        return not indexed.get(name, indexed.get("*", True))

    def views(self) -> list[type[ViewModel[Any]]]:
        """The view models."""
        return [m.view for m in self.app.mediators if isinstance(m, ViewMediator)]

    def definitions(self) -> list[Definition]:
        """The views and mediators that have a ledger."""
        found = self.app.engine.definitions.values()
        return [definition for definition in found if definition.mode == "materialise"]

    def place_of(self, definition: Definition) -> Place:
        """Where a view or mediator is declared."""
        for view in self.views():
            if view.__view_name__ == definition.name:
                return class_place(view, self.folder)
        return class_place(definition.store, self.folder)

    def at_app(
        self, check: str, severity: Severity, option: str, problem: str, remedy: str
    ) -> Finding:
        """A finding about an option of the app."""
        place = app_place(self.main, self.folder, option)
        return Finding(check, severity, place, problem, remedy)

"""`Declared`: documents as an app declares them, with assumed numbers where it does not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from onto_fn.aggregates.spec import AGGREGATES, SHARDS, AggregateSpec
from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.mediators import ViewMediator
from onto_fn.pricing.world import Reading
from onto_fn.store.aggregate_reads import AggregateRead
from onto_fn.store.conditions import Conditions
from onto_fn.store.queries import QueryRead
from onto_fn.store.reads import Read
from onto_fn.store.references import Keyed, Many
from onto_fn.views import Definition, ViewModel

if TYPE_CHECKING:
    from onto_fn.functions import App

_X = "x"
"""The id of the document that changes, and of what belongs to it."""


@dataclass(frozen=True)
class Declared:
    """An app with numbers of documents.

    Reads of one class are assumed to read the same documents.

    Args:
        app: the app.
        widths: numbers that are known: of the documents of a read (`"MeetingStore.users": 3`), of
            the copies of a view (`"MeetingSession": 3`), and of the roots of a view that read one
            document (`"meetings->UserView": 3`).
        assumed: the number where none is known.

    Raises:
        DeclarationError: a number is of no read, view or collection of the app.
    """

    app: App
    widths: Mapping[str, int] = field(default_factory=dict[str, int])
    assumed: int = 10

    def __post_init__(self) -> None:
        known = set[str]()
        for definition in self._definitions():
            known.add(definition.name)
            for read in definition.store.reads().values():
                known |= {read.title, f"{read.collection.text}->{definition.name}"}
        for name in self.widths:
            if name not in known:
                raise DeclarationError(
                    f"--width names {name!r}, which is no read, view or collection->view of the "
                    f"app; there is {', '.join(sorted(known))}"
                )

    def documents(self, collection: str) -> Sequence[str]:
        """One document, for all."""
        return [_rendered(PathTemplate(collection).child(_X))]

    def readers(self, path: str) -> Sequence[Reading]:
        """The records that read a document."""
        found: list[Reading] = []
        for definition in self._definitions():
            for number in range(self._roots(definition, path)):
                found += self._of_root(definition, _numbered(_X, number), path)
        return found

    def shard_of(self, aggregate: AggregateSpec, path: str) -> str | None:
        """The first shard of its group."""
        return _shard(aggregate, 0)

    def rests_on(self, collection: str) -> list[str]:
        """The numbers that are assumed or given."""
        told: dict[str, None] = {}
        path = _rendered(PathTemplate(collection).child(_X))
        for definition in self._definitions():
            if not self._roots(definition, path):
                continue
            for read in definition.store.reads().values():
                if isinstance(read, Many | Keyed | QueryRead):
                    told[self._told(read.title, _limit(cast("Read[Any]", read)))] = None
            if not _is_rooted(definition, path):
                told[self._told(f"{_text_of(definition, path)}->{definition.name}", 1)] = None
            if self._copies(definition) != 1 or definition.name in self.widths:
                told[self._told(definition.name, None)] = None
        return list(told)

    def _told(self, name: str, known: int | None) -> str:
        if name in self.widths:
            return f"{name}={self.widths[name]} (given)"
        if known is not None:
            return f"{name}={known} (declared)" if "->" not in name else f"{name}={known} (assumed)"
        return f"{name}={self.assumed} (assumed)"

    def _definitions(self) -> list[Definition]:
        found = self.app.engine.definitions.values()
        return [definition for definition in found if definition.mode == "materialise"]

    def _roots(self, definition: Definition, path: str) -> int:
        """How many roots of a view read a document."""
        text = _text_of(definition, path)
        if not text:
            return 0
        if _is_rooted(definition, path):
            return 1
        is_its_shard = text == SHARDS.text
        if is_its_shard and not any(
            path == _shard(spec, number)
            for spec in definition.store.aggregates()
            for number in range(spec.shards)
        ):
            return 0
        return self.widths.get(f"{text}->{definition.name}", 1)

    def _of_root(self, definition: Definition, identifier: str, path: str) -> list[Reading]:
        root = _rendered(definition.root_collection.child(identifier))
        sources, matched = {root}, set[str]()
        for read in definition.store.reads().values():
            if isinstance(read, AggregateRead):
                spec = read.spec
                sources.add(f"{AGGREGATES}/{spec.name}/shards/current")
                sources |= {_shard(spec, number) for number in range(spec.shards)}
            elif read.name == definition.store.root().name:
                continue
            else:
                width = 1
                if isinstance(read, Many | Keyed | QueryRead):
                    limit = _limit(cast("Read[Any]", read))
                    width = self.widths.get(read.title, self.assumed if limit is None else limit)
                into = matched if isinstance(read, QueryRead) else sources
                ids = [_numbered(_X, number) for number in range(width)]
                into |= {_rendered(read.collection.child(one)) for one in ids}
        documents = self._documents(definition, identifier)
        return [
            Reading(
                definition,
                root,
                shard,
                frozenset(sources),
                frozenset(matched),
                tuple(d for d in documents if definition.shard_of(d) == shard),
                (definition.name, root),
            )
            for shard in range(definition.shards)
        ]

    def _documents(self, definition: Definition, identifier: str) -> list[str]:
        target = definition.targets[0]
        copies = self._copies(definition)
        first = dict.fromkeys(target.variables, identifier)
        if not target.variables:
            return [target.text]
        return [
            target.render({**first, target.variables[0]: f"{identifier}.{number}"})
            if number
            else target.render(first)
            for number in range(copies)
        ]

    def _copies(self, definition: Definition) -> int:
        """How many documents a root has."""
        if definition.name in self.widths:
            return self.widths[definition.name]
        for mediator in self.app.mediators:
            if not isinstance(mediator, ViewMediator):
                continue
            view = cast("type[Any]", mediator.view)
            if view.__view_name__ == definition.name:
                is_default = view.targets is ViewModel.__dict__["targets"]
                return 1 if is_default else self.assumed
        return len(definition.targets)


def _limit(read: Read[Any]) -> int | None:
    return cast("Conditions[Any]", read).count if isinstance(read, QueryRead) else None


def _text_of(definition: Definition, path: str) -> str:
    """The template of a document's collection, as a view reads it; "" if it does not."""
    collection = path.rpartition("/")[0]
    for template in sorted(definition.watched_collections(), key=str):
        if template.match(collection) is not None:
            return template.text
    return ""


def _is_rooted(definition: Definition, path: str) -> bool:
    return definition.root_collection.match(path.rpartition("/")[0]) is not None


def _rendered(template: PathTemplate) -> str:
    return template.render(dict.fromkeys(template.variables, _X))


def _numbered(identifier: str, number: int) -> str:
    return f"{identifier}~{number}" if number else identifier


def _shard(spec: AggregateSpec, number: int) -> str:
    return f"{AGGREGATES}/{spec.name}~{_X}/shards/{number}"

"""`aggregate`: a read of numbers over many documents, kept up to date one document at a time.

An aggregate is stored in shards, `onto_aggregates/{group}/shards/{n}`, to which each source
document adds its contribution. The contribution is recorded with the version from which it was
computed, so that an event adds the difference exactly once, in any order and with repetitions. A
build reads the shards like any other document and adds them up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

from onto_fn.aggregates.constants import ANY, Constants, named
from onto_fn.aggregates.measures import (
    Amounts,
    Counted,
    Measure,
    read_back,
    rolled_up,
)
from onto_fn.firestore import Document, Filter, PathTemplate, Query, QueryShape
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import parent_collection
from onto_fn.firestore.queries import Order, field_value, unary_operators
from onto_fn.models import DomainModel
from onto_fn.models.field_values import declared_field

if TYPE_CHECKING:
    pass

M = TypeVar("M", bound=DomainModel)

AGGREGATES = "onto_aggregates"
CONTRIBUTIONS = "onto_contributions"
SHARDS = PathTemplate(f"{AGGREGATES}/{{group}}/shards")
CHANGES = "onto_changes"  # a shard's field that each change to it counts up
MAX_SHARDS = 200


@dataclass(frozen=True)
class Contribution:
    """What one version of a source document adds to its groups."""

    groups: frozenset[str]
    amounts: Amounts
    extremes: Mapping[str, Value]
    shard: int = 0


NOTHING = Contribution(frozenset(), {}, {})


@dataclass(frozen=True)
class AggregateSpec:
    """What the engine needs to know of an aggregate.

    Attributes:
        name: unique; part of the ids of its documents.
        model: class of the source documents.
        shape: by which a source document finds its groups.
        measures: by name, with stored field names.
        shards: how many documents share the writes of one group.
        number: which generation of its numbers it is; see `generations`.
        only: what its constant filters leave; others are in no group. Not part of the identity, so
            that the groups of those that are left keep their ids.
        defined_as: the identity of a generation that another deployment has defined.
        code: makes a digest of the model's code, which decides what a document's values are. It is
            asked for once, when the first document is counted.
    """

    name: str
    model: type[DomainModel]
    shape: QueryShape
    measures: Mapping[str, Measure]
    shards: int
    number: int = 0
    defined_as: str = ""
    only: Constants = field(default=ANY, compare=False)
    code: Callable[[], str] | None = field(default=None, compare=False)

    @cached_property
    def identity(self) -> str:
        """Changes when the counted values change; then the numbers must be counted again."""
        if self.defined_as:
            return self.defined_as
        # Part of stored ids: it stays as it is, whatever becomes of the classes.
        measures = [
            f"({name!r}, Measure(kind={m.kind!r}, field={m.field!r}, by={m.by!r}))"
            for name, m in self.measures.items()
        ]
        collection = f"PathTemplate(text={self.shape.collection.text!r})"
        shape = f"QueryShape(collection={collection}, keyed={self.shape.keyed!r})"
        text = f"{shape}[{', '.join(sorted(measures))}]{self.shards}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """Changes when what is counted does, or the code that reads the documents."""
        if self.code is None and not self.only.text:
            return self.identity
        text = f"{self.identity}{self.code() if self.code else ''}{self.only.text}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def register_path(self) -> str:
        """The document that says which generations are counted; see `generations`."""
        return f"{AGGREGATES}/{self.name}"

    @property
    def pointer_path(self) -> str:
        """The document that says which generation is shown; a build reads it like a shard."""
        return f"{AGGREGATES}/{self.name}/shards/current"

    def numbered(self, number: int, only: str | None = None) -> AggregateSpec:
        """The same as one generation of its numbers.

        Args:
            number: of the generation.
            only: the text of its `only`, if that may be another one.

        Raises:
            ValueError: it is no such text.
        """
        key = (number, self.only.text if only is None else only)
        found = self._numbered.get(key)
        if found is None:
            constants = self.only if key[1] == self.only.text else Constants.read(key[1])
            found = self._numbered[key] = replace(self, number=number, only=constants)
        return found

    @cached_property
    def _numbered(self) -> dict[tuple[int, str], AggregateSpec]:
        return {(self.number, self.only.text): self}

    def stands_for(self, declared: AggregateSpec) -> bool:
        """Whether a generation has all the numbers of a definition."""
        return self.identity == declared.identity and self.only.cover(declared.only)

    def joined(self, other: AggregateSpec) -> AggregateSpec:
        """The same aggregate, declared with other constants in another store: for both."""
        return replace(self, only=self.only.joined(other.only))

    def group(self, key: str) -> str:
        """The id of the group with a query's watch key; each generation has groups of its own."""
        if self.number == 0:
            text = f"{self.identity}{key}"
            return f"{self.name}~{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"
        digest = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        return f"{self.name}~{self.number}~{digest}"

    def number_of(self, group_path: str) -> int | None:
        """The number of the generation that a group is of, None if it is another aggregate's."""
        name, _, rest = group_path.rpartition("/")[2].partition("~")
        if name != self.name or not rest:
            return None
        number, _, digest = rest.rpartition("~")
        return int(number) if number.isdecimal() and digest else 0

    def shard_paths(self, group: str) -> list[str]:
        """The documents that hold a group."""
        return [f"{AGGREGATES}/{group}/shards/{number}" for number in range(self.shards)]

    def shard(self, source: str) -> int:
        """The number of the shard to which a source adds."""
        digest = hashlib.blake2b(source.encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") % self.shards

    def contribution_path(self, source: str) -> str:
        """The document that records what a source has added."""
        return f"{CONTRIBUTIONS}/{self.name}~{_readable(self.name, source)}"

    def beside_path(self, source: str, number: int) -> str:
        """The document beside it, of a generation that is not the newest.

        By it, the queries for extremes and for the sum of a group find the older generation too.
        """
        return f"{CONTRIBUTIONS}/{self.name}~@{number}~{_readable(self.name, source)}"

    def accepts(self, document: Document) -> bool:
        """Whether a document exists and is of the class that is counted."""
        return document.fields is not None and self.model.accepts(document.fields)

    def contribution(self, document: Document, instance: DomainModel) -> Contribution:
        """What a document adds.

        Which groups it belongs to is decided by the stored fields, as a query would. What it adds
        is decided by its model.

        Args:
            document: of the class that is counted.
            instance: the document as its model reads it.

        Raises:
            InvalidDocument: a field to be measured cannot be.
        """
        keys = self._keys(document)
        if not keys:
            return NOTHING
        counted = Counted(document, instance, self.name)
        amounts: Amounts = {}
        extremes: dict[str, Value] = {}
        for name, measure in self.measures.items():
            if measure.is_extreme:
                value = counted.extreme(measure)
                if value is not None:
                    extremes[name] = value
                continue
            key = counted.key(measure)
            if key is None:
                continue
            if measure.kind == "count":
                amounts[(name, *key)] = 1
                continue
            number = counted.number(measure)
            if number is not None:
                amounts[(name, *key, "sum")] = number
                amounts[(name, *key, "count")] = 1
        groups = frozenset(self.group(key) for key in keys)
        return Contribution(groups, amounts, extremes, self.shard(document.path))

    def _keys(self, document: Document) -> set[str]:
        """The keys of the queries that find a document."""
        if self.only.values and not self._is_left(document):
            return set()
        if all(op != "array_contains" for _, op in self.shape.keyed):
            return self.shape.keys_of(document.path, document.fields)
        collection = parent_collection(document.path)
        if self.shape.collection.match(collection) is None:
            return set()
        choices: list[list[Filter]] = []
        for name, op in self.shape.keyed:
            found, value = field_value(document.fields or {}, name)
            values = [value] if found else []
            if op == "array_contains":
                items = cast("list[Value]", value) if isinstance(value, list) else []
                # Nothing contains null or NaN, as far as Firestore's queries go.
                name_of = named(name, op)
                values = [
                    item
                    for item in items
                    if not unary_operators(item) and self.only.leave(name_of, item)
                ]
            choices.append([Filter(name, op, value) for value in values])
        queries = (Query(collection, filters) for filters in product(*choices))
        return set[str]().union(*(query.keys() for query in queries))

    def _is_left(self, document: Document) -> bool:
        """Whether the constant filters for single values leave a document."""
        variables = self.shape.collection.match(parent_collection(document.path))
        if variables is None or not self.only.leave_path(variables):
            return False
        for name, op in self.shape.keyed:
            if op == "==" and named(name, op) in self.only.values:
                found, value = field_value(document.fields or {}, name)
                if not found or not self.only.leave(named(name, op), value):
                    return False
        return True

    def extreme_queries(self, group: str) -> dict[str, Query]:
        """For each extreme, the query for the contribution that holds it."""
        return {
            name: Query(
                CONTRIBUTIONS,
                (Filter("groups", "array_contains", group),),
                (Order(f"extremes.{name}", descending=measure.kind == "maximum"),),
                limit=1,
            )
            for name, measure in self.measures.items()
            if measure.is_extreme
        }

    def values(
        self,
        shards: Sequence[Document],
        extremes: Mapping[str, Sequence[Document]],
        shown: AggregateSpec | None = None,
    ) -> dict[str, Any]:
        """The aggregate's numbers, by name.

        Args:
            shards: of a group.
            extremes: results of the group's `extreme_queries`.
            shown: the generation that the group is of, if it is one of another definition. A
                measure that it does not have is as of no document, until this definition is
                complete.
        """
        return {name: self._value(name, shards, extremes, shown or self) for name in self.measures}

    def can_show(self, name: str, shown: AggregateSpec) -> bool:
        """Whether a generation has a number that can stand for a measure of this definition."""
        measure, stored = self.measures.get(name), shown.measures.get(name)
        return measure is not None and stored is not None and measure.can_show(stored)

    def _value(
        self,
        name: str,
        shards: Sequence[Document],
        extremes: Mapping[str, Sequence[Document]],
        shown: AggregateSpec,
    ) -> Any:
        measure = self.measures[name]
        declared = declared_field(self.model, measure.field) if measure.field else None
        is_there = self.can_show(name, shown)
        if measure.is_extreme:
            found = extremes[name] if is_there else ()
            fields = found[0].fields if found else None
            return read_back(declared, fields["extremes"][name]) if fields and declared else None
        keys = declared_field(self.model, measure.by) if measure.by else None
        stored = shown.measures[name] if is_there else measure
        parts = [(shard.fields or {}).get(name) for shard in shards] if is_there else []
        parts = [part for part in parts if part is not None]
        value = rolled_up(stored, declared, parts, keys)
        # The mean of no document is None, also where a sum takes its place.
        return rolled_up(measure, declared, []) if value is None else value


@lru_cache(maxsize=1024)  # an event asks several times
def _readable(name: str, source: str) -> str:
    # Part by part: `quote` is fast only for a text that it leaves as it is.
    readable = "%2F".join([quote(part, safe="") for part in source.split("/")])
    if len(name) + len(readable) < 1200:
        return readable
    return hashlib.blake2b(source.encode(), digest_size=20).hexdigest()

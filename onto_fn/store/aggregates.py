"""`aggregate`: a read of numbers over many documents, kept up to date one document at a time.

An aggregate is stored in shards, `onto_aggregates/{group}/shards/{n}`, to which each source
document adds what it contributes. What it has contributed is recorded with the version that it was
taken from, so that an event adds the difference once, whatever its order or repetition. A build
reads the shards like any other document and adds them up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

from typing_extensions import override

from onto_fn.errors import BuildError, DeclarationError
from onto_fn.firestore import Document, Filter, PathTemplate, Query, QueryShape
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.paths import check_name
from onto_fn.firestore.queries import Order, keyed_fields, unary_operators
from onto_fn.models import DomainModel
from onto_fn.store.fields import declared_field
from onto_fn.store.measures import (
    Amounts,
    Counted,
    Measure,
    check_measure,
    read_back,
    rolled_up,
    stored_measure,
)
from onto_fn.store.queries import QueryRead
from onto_fn.store.reads import Getter

if TYPE_CHECKING:
    from onto_fn.store.store import Store

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
        defined_as: the identity of a generation that another deployment has defined.
        code: digest of the model's code, which decides what a document's values are.
    """

    name: str
    model: type[DomainModel]
    shape: QueryShape
    measures: Mapping[str, Measure]
    shards: int
    number: int = 0
    defined_as: str = ""
    code: str = ""

    @cached_property
    def identity(self) -> str:
        """Changes when what is counted does; then the numbers have to be counted anew."""
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
        if not self.code:
            return self.identity
        text = f"{self.identity}{self.code}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @property
    def register_path(self) -> str:
        """The document that says which generations are counted; see `generations`."""
        return f"{AGGREGATES}/{self.name}"

    @property
    def pointer_path(self) -> str:
        """The document that says which generation is shown; a build reads it like a shard."""
        return f"{AGGREGATES}/{self.name}/shards/current"

    def numbered(self, number: int) -> AggregateSpec:
        """The same as one generation of its numbers."""
        found = self._numbered.get(number)
        if found is None:
            found = self._numbered[number] = replace(self, number=number)
        return found

    @cached_property
    def _numbered(self) -> dict[int, AggregateSpec]:
        return {self.number: self}

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
        fields: Fields = document.fields or {}
        for name, op in self.shape.keyed:
            if op == "array_contains":
                fields = _findable(fields, name.split("."))
        return self.shape.keys_of(document.path, fields)

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


class AggregateRead(QueryRead[M]):
    """Numbers over the documents that a query matches; see `aggregate`."""

    def __init__(
        self, model: type[M], measures: Mapping[str, Measure], shards: int, name: str
    ) -> None:
        super().__init__(model)
        options: list[tuple[str, Any, Any]] = [
            ("shards", shards, int),
            ("name", name, str),
        ]
        for option, value, kind in options:
            if not isinstance(value, kind):  # a measure of that name
                raise DeclarationError(
                    f"an aggregate of {model.__name__} has {option}={value!r}, which is an option "
                    f"and a {kind.__name__}; give the measure another name"
                )
        if not measures:
            raise DeclarationError(f"an aggregate of {model.__name__} needs at least one measure")
        if CHANGES in measures:
            raise DeclarationError(
                f"an aggregate of {model.__name__} has a measure named {CHANGES!r}, a name that "
                "onto_fn keeps for itself; give it another"
            )
        if not 1 <= shards <= MAX_SHARDS:
            raise DeclarationError(f"shards must be from 1 to {MAX_SHARDS}, got {shards}")
        for measure_name, measure in measures.items():
            check_measure(model, measure_name, measure)
        self._asked = dict(measures)
        self.shards = shards
        self.aggregate_name = name and check_name(name, what="aggregate")

    @cached_property
    def measures(self) -> dict[str, Measure]:
        """What to keep, with stored field names.

        Raises:
            DeclarationError: a measure's field has no order, no sum or no keys.
        """
        return {
            name: stored_measure(self.model, f"{self.title}: {name}", measure)
            for name, measure in self._asked.items()
        }

    @property
    def spec(self) -> AggregateSpec:
        """What the engine needs to know."""
        keyed = keyed_fields((c.field, c.op) for c in self.conditions)
        return AggregateSpec(
            self.aggregate_name or f"{self.owner}.{self.name}",
            self.model,
            QueryShape(self.model.template(), keyed),
            self.measures,
            self.shards,
        )

    @override
    def fixed(self) -> tuple[Filter, ...]:
        return ()  # a document's class is no part of its group: others are not counted at all

    @override
    def where(self, field: str, op: Any, value: object | Getter[Any]) -> AggregateRead[M]:
        if op not in {"==", "array_contains"}:
            raise DeclarationError(
                f"an aggregate's filter is '==' or 'array_contains', got {op!r}: each document "
                "has to know its groups"
            )
        return cast("AggregateRead[M]", super().where(field, op, value))

    @override
    def within(self, **parents: Any) -> AggregateRead[M]:
        return cast("AggregateRead[M]", super().within(**parents))

    @override
    def order_by(self, field: str, *, descending: bool = False) -> AggregateRead[M]:
        raise DeclarationError("an aggregate has no order")

    @override
    def limit(self, count: int) -> AggregateRead[M]:
        raise DeclarationError("an aggregate has no limit")

    @property
    @override
    def collection(self) -> PathTemplate:
        return SHARDS

    @override
    def shapes(self) -> list[QueryShape]:
        return []  # the build watches the shards, not the documents behind them

    def group(self, query: Query, shown: AggregateSpec) -> str:
        """The group that a query asks a generation for.

        Args:
            query: this read's, with its values.
            shown: the generation; of another definition, it may have had other filters.

        Raises:
            BuildError: this read does not tell all that the generation's groups are told apart by.
        """
        wanted = list(shown.shape.keyed)
        filters: list[Filter] = []
        for condition in query.filters:
            if (condition.field, condition.op) in wanted:
                wanted.remove((condition.field, condition.op))
                filters.append(condition)
        if wanted or shown.shape.collection != self.model.template():
            raise BuildError(
                f"{self.title} is counted by other filters now, and its numbers are not complete; "
                f"run `onto backfill {shown.name}`. Until then the view stays as it is"
            )
        [key] = replace(query, filters=tuple(filters)).keys()
        return shown.group(key)

    @override
    def __get__(self, instance: Store | None, owner: type) -> Any:  # the value is no list
        return self if instance is None else instance.loaded(self.name)

    @override
    def _with(self, **changes: Any) -> AggregateRead[M]:
        copy: AggregateRead[M] = AggregateRead.__new__(type(self))
        copy.__dict__.update(self.__dict__, **changes)
        copy.declared_in = None  # a read of its own, also if this one has its place in a store
        return copy


def aggregate(
    model: type[M], *, shards: int = 1, name: str = "", **measures: Measure
) -> AggregateRead[M]:
    """Numbers over all documents of a collection, or those that equality filters leave.

    The cost of an event is constant, whatever the number of documents. The value in the store is a
    dict of the measures; those with `by` are dicts by key, without keys that no document has.

    Args:
        model: class of the documents.
        shards: among how many documents the writes of one group are spread. One sustains about one
            change a second (Firestore's guidance); 10 shards ten.
        name: of the aggregate, unique; default the store's and the attribute's name. Keep it when
            renaming those.
        measures: what to keep: `count`, `total`, `average`, `minimum`, `maximum`.

    Example:
        >>> from onto_fn import DomainModel, Store, aggregate, count, root
        >>> class Poll(DomainModel, collection="polls"):
        ...     question: str
        >>> class Vote(DomainModel, collection="polls/{poll}/votes"):
        ...     option: str
        >>> class PollStore(Store):
        ...     poll = root(Poll)
        ...     votes = aggregate(Vote, shards=10, total=count(), counts=count(by="option")).within(
        ...         poll=lambda store: store.poll.doc_id
        ...     )
    """
    return AggregateRead(model, measures, shards, name)


def _findable(value: Value, names: Sequence[str]) -> Value:
    """The value without what its lists cannot be found by: nothing contains null or NaN."""
    if not names:
        if not isinstance(value, list):
            return value
        return [item for item in cast("list[Value]", value) if not unary_operators(item)]
    if not isinstance(value, Mapping) or names[0] not in value:
        return cast(Value, value)
    fields = cast("Mapping[str, Value]", value)
    return {**fields, names[0]: _findable(fields[names[0]], names[1:])}


@lru_cache(maxsize=1024)  # an event asks several times
def _readable(name: str, source: str) -> str:
    readable = quote(source, safe="")
    if len(name) + len(readable) < 1200:
        return readable
    return hashlib.blake2b(source.encode(), digest_size=20).hexdigest()

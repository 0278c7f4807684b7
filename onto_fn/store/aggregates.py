"""`aggregate`: a read of numbers over many documents, kept up to date one document at a time.

An aggregate is stored in shards, `onto_aggregates/{group}/shards/{n}`, to which each source
document adds what it contributes. What it has contributed is recorded with the version that it was
taken from, so that an event adds the difference once, whatever its order or repetition. A build
reads the shards like any other document and adds them up.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from urllib.parse import quote

from typing_extensions import override

from onto_fn.errors import DeclarationError, InvalidDocument
from onto_fn.firestore import Document, Filter, PathTemplate, Query, QueryShape
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import check_name
from onto_fn.firestore.queries import Order, field_value, keyed_fields
from onto_fn.models import DomainModel
from onto_fn.models.queries import stored_name
from onto_fn.store.queries import QueryRead
from onto_fn.store.reads import Getter

if TYPE_CHECKING:
    from onto_fn.store.store import Store

M = TypeVar("M", bound=DomainModel)

AGGREGATES = "onto_aggregates"
CONTRIBUTIONS = "onto_contributions"
SHARDS = PathTemplate(f"{AGGREGATES}/{{group}}/shards")
CHANGES = "onto_changes"  # a shard's field that each change to it counts up
MAX_KEY_BYTES = 1000  # a key is part of a field's path, of which Firestore takes 1,500
MAX_SHARDS = 200
MAX_SUMMAND = 2**53  # up to here integers and doubles are the same numbers

Kind = Literal["count", "sum", "average", "minimum", "maximum"]
Amounts = dict[tuple[str, ...], int | float]


@dataclass(frozen=True)
class Measure:
    """One number of an aggregate (or one for each key); made by `count`, `total`, and so on."""

    kind: Kind
    field: str | None = None
    by: str | None = None


def count(*, by: str | None = None) -> Measure:
    """How many documents; with `by`, how many for each value of that field.

    A document without that field (or with None in it) is not counted under any key.
    """
    return Measure("count", None, by)


def total(field: str, *, by: str | None = None) -> Measure:
    """The sum of a field; with `by`, for each value of that field.

    Integers are exact. Doubles are added in the order of the events and carry rounding errors. A
    document whose number is infinite, NaN or beyond 2**53 is refused: it has a dead letter, and is
    not counted.
    """
    return Measure("sum", field, by)


def average(field: str, *, by: str | None = None) -> Measure:
    """The mean of a field, None where there is no document."""
    return Measure("average", field, by)


def minimum(field: str) -> Measure:
    """The smallest value of a field, None where there is no document.

    In production each `minimum` and `maximum` needs a composite index on `onto_contributions`:
    `groups` (array contains) with `extremes.<name of the measure>`, ascending for a minimum and
    descending for a maximum. Without it, `MissingIndex` says what to add.
    """
    return Measure("minimum", field)


def maximum(field: str) -> Measure:
    """The greatest value of a field, None where there is no document; see `minimum`."""
    return Measure("maximum", field)


@dataclass(frozen=True)
class AggregateSpec:
    """What the engine needs to know of an aggregate.

    Attributes:
        name: unique; part of the ids of its documents.
        model: class of the source documents.
        shape: by which a source document finds its groups.
        measures: by name, with stored field names.
        shards: how many documents share the writes of one group.
    """

    name: str
    model: type[DomainModel]
    shape: QueryShape
    measures: Mapping[str, Measure]
    shards: int

    def groups_of(self, document: Document) -> set[str]:
        """The groups that a document belongs to."""
        if document.fields is None or not self.model.accepts(document.fields):
            return set()
        keys = self.shape.keys_of(document.path, document.fields)
        return {self.group(key) for key in keys}

    def group(self, key: str) -> str:
        """The id of the group with a query's watch key.

        A changed definition has groups of its own: as a source is counted again, it leaves the
        groups of the definition that counted it, and enters these.
        """
        text = f"{self.fingerprint}{key}"
        return f"{self.name}~{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()}"

    @cached_property
    def fingerprint(self) -> str:
        """Changes when what is counted does."""
        text = f"{self.shape}{sorted(self.measures.items(), key=str)}{self.shards}"
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def shard_paths(self, group: str) -> list[str]:
        """The documents that hold a group."""
        return [f"{AGGREGATES}/{group}/shards/{number}" for number in range(self.shards)]

    def shard(self, source: str) -> int:
        """The number of the shard to which a source adds."""
        digest = hashlib.blake2b(source.encode(), digest_size=4).digest()
        return int.from_bytes(digest, "big") % self.shards

    def shard_path(self, group: str, shard: int) -> str:
        """One of the documents that hold a group."""
        return f"{AGGREGATES}/{group}/shards/{shard}"

    def contribution_path(self, source: str) -> str:
        """The document that records what a source has added."""
        readable = f"{self.name}~{quote(source, safe='')}"
        if len(readable) > 1200:
            digest = hashlib.blake2b(source.encode(), digest_size=20).hexdigest()
            readable = f"{self.name}~{digest}"
        return f"{CONTRIBUTIONS}/{readable}"

    def amounts(self, document: Document) -> Amounts:
        """What a document adds, by the names that lead to each number in a shard.

        Raises:
            InvalidDocument: it does not fit its model, or a field to be added up is no number.
        """
        self.model.from_document(document)
        amounts: Amounts = {}
        for name, measure in self.measures.items():
            if measure.kind in {"minimum", "maximum"}:
                continue
            key = self._key(document, measure)
            if key is None:
                continue
            if measure.kind == "count":
                amounts[(name, *key)] = 1
                continue
            number = self._number(document, measure)
            if number is None:
                continue
            amounts[(name, *key, "sum")] = number
            amounts[(name, *key, "count")] = 1
        return amounts

    def extremes(self, document: Document) -> dict[str, int | float]:
        """The document's values of the fields of which the extremes are asked for."""
        found: dict[str, int | float] = {}
        for name, measure in self.measures.items():
            if measure.kind in {"minimum", "maximum"}:
                number = self._number(document, measure)
                if number is not None:
                    found[name] = number
        return found

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
            if measure.kind in {"minimum", "maximum"}
        }

    def values(
        self, shards: Sequence[Document], extremes: Mapping[str, Sequence[Document]]
    ) -> dict[str, Any]:
        """The aggregate's numbers, by name."""
        result: dict[str, Any] = {}
        for name, measure in self.measures.items():
            if measure.kind in {"minimum", "maximum"}:
                found = extremes[name]
                fields = found[0].fields if found else None
                result[name] = fields["extremes"][name] if fields else None
                continue
            parts = [(shard.fields or {}).get(name) for shard in shards]
            result[name] = _rolled_up(measure, [part for part in parts if part is not None])
        return result

    def _key(self, document: Document, measure: Measure) -> tuple[str, ...] | None:
        """The key that the document counts under, or None if it has none."""
        if measure.by is None:
            return ()
        value = _field(document, measure.by)
        if value is None:
            return None
        if isinstance(value, bool | int | str) and 0 < len(str(value).encode()) <= MAX_KEY_BYTES:
            return (str(value),)
        problem = f"{measure.by}: {value!r} cannot be a key of {self.name}; use a boolean, a whole "
        problem += f"number, or a text of 1 to {MAX_KEY_BYTES} bytes"
        raise InvalidDocument(document.path, self.model.__name__, [problem])

    def _number(self, document: Document, measure: Measure) -> int | float | None:
        value = _field(document, measure.field or "")
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            problem = f"{measure.field}: {value!r} is no number, and {self.name} needs one"
            raise InvalidDocument(document.path, self.model.__name__, [problem])
        limit = MAX_SUMMAND if measure.kind in {"sum", "average"} else math.inf
        if abs(value) <= limit:  # which is false for NaN
            return value
        # Taking it out of the sum again would not bring the sum back.
        problem = f"{measure.field}: {value!r} cannot be added up exactly by {self.name}; a number "
        problem += "from -2**53 to 2**53 can"
        raise InvalidDocument(document.path, self.model.__name__, [problem])


class AggregateRead(QueryRead[M]):
    """Numbers over the documents that a query matches; see `aggregate`."""

    def __init__(
        self, model: type[M], measures: Mapping[str, Measure], shards: int, name: str
    ) -> None:
        super().__init__(model)
        if not measures:
            raise DeclarationError(f"an aggregate of {model.__name__} needs at least one measure")
        if CHANGES in measures:
            raise DeclarationError(
                f"an aggregate of {model.__name__} has a measure named {CHANGES!r}, a name that "
                "onto_fn keeps for itself; give it another"
            )
        if not 1 <= shards <= MAX_SHARDS:
            raise DeclarationError(f"shards must be from 1 to {MAX_SHARDS}, got {shards}")
        self.measures = {
            measure_name: Measure(
                measure.kind,
                stored_name(model, measure.field) if measure.field else None,
                stored_name(model, measure.by) if measure.by else None,
            )
            for measure_name, measure in measures.items()
        }
        self.shards = shards
        self.aggregate_name = name and check_name(name, what="aggregate")

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

    def group(self, store: Store) -> str:
        """The group that a store asks for; raises `NotLoaded` if it is too early."""
        [key] = self.bind(store).keys()
        return self.spec.group(key)

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


def _field(document: Document, path: str) -> Value:
    return field_value(document.fields or {}, path)[1]


def _rolled_up(measure: Measure, parts: list[Any]) -> Any:
    if measure.by is None:
        return _combined(measure, parts)
    by_key: dict[str, list[Any]] = {}
    for part in parts:
        for key, value in part.items():
            by_key.setdefault(key, []).append(value)
    return {
        key: _combined(measure, by_key[key])
        for key in sorted(by_key)
        if _documents(measure, by_key[key])
    }


def _combined(measure: Measure, parts: list[Any]) -> int | float | None:
    documents = _documents(measure, parts)
    if measure.kind == "count":
        return documents
    if not documents:  # the rounding errors of doubles that are gone do not stay
        return None if measure.kind == "average" else 0
    added = sum(part.get("sum", 0) for part in parts)  # nobody has added more than 0 to a shard
    return added / documents if measure.kind == "average" else added


def _documents(measure: Measure, parts: list[Any]) -> int:
    """How many documents contribute to a number: a sum of 0 may be that of many."""
    return sum(part if measure.kind == "count" else part["count"] for part in parts)


def encoded(amounts: Amounts) -> list[dict[str, Value]]:
    """Amounts as a Firestore list: names of any length do not fit a map's keys."""
    return [{"names": list(names), "amount": amount} for names, amount in amounts.items()]


def decoded(amounts: Iterable[Mapping[str, Value]]) -> Amounts:
    """What `encoded` made."""
    return {tuple(item["names"]): item["amount"] for item in amounts}

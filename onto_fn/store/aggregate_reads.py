"""`aggregate`: the read of an aggregate's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self, TypeVar

from typing_extensions import override

from onto_fn.aggregates.constants import Constants, named
from onto_fn.aggregates.generations import shown_by
from onto_fn.aggregates.measures import Measure, check_measure, stored_measure
from onto_fn.aggregates.spec import CHANGES, MAX_SHARDS, SHARDS, AggregateSpec
from onto_fn.errors import BuildError, DeclarationError
from onto_fn.firestore import Filter, Query, QueryShape
from onto_fn.firestore.paths import check_name
from onto_fn.firestore.queries import keyed_fields
from onto_fn.models import DomainModel
from onto_fn.models.filters import filter_value
from onto_fn.store.asking import Answer, Asked, Loaded
from onto_fn.store.conditions import Conditions
from onto_fn.store.objects import Objects
from onto_fn.store.reads import Getter, Read

M = TypeVar("M", bound=DomainModel)
Numbers = dict[str, Any]


@dataclass(frozen=True)
class _Group:
    """What is asked for in the second step.

    Attributes:
        shown: the generation whose numbers are shown.
        extremes: names of the measures whose extreme is asked for by a query.
    """

    shown: AggregateSpec
    extremes: tuple[str, ...]


class AggregateRead(Conditions[Numbers]):
    """Numbers over the documents for which conditions hold; see `aggregate`."""

    asks_twice = True

    def __init__(
        self, model: type[DomainModel], measures: Mapping[str, Measure], shards: int, name: str
    ) -> None:
        super().__init__(model)
        self.collection = SHARDS  # the build watches the shards, not the documents behind them
        options: list[tuple[str, Any, Any]] = [
            ("shards", shards, int),
            ("name", name, str),
        ]
        for option, value, kind in options:
            if not isinstance(value, kind):  # a measure of that name
                raise DeclarationError(
                    f"an aggregate of {model.__name__} has {option}={value!r}: {option} is an "
                    f"option, but the value is a {kind.__name__}; rename the measure"
                )
        if not measures:
            raise DeclarationError(f"an aggregate of {model.__name__} needs at least one measure")
        if CHANGES in measures:
            raise DeclarationError(
                f"an aggregate of {model.__name__} has a measure named {CHANGES!r}, which onto_fn "
                "reserves; rename it"
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
            only=self.only,
        )

    @cached_property
    def only(self) -> Constants:
        """What the constant filters leave."""
        names = [(condition.field, condition.op) for condition in self.conditions]
        filters = [
            Filter(c.field, c.op, filter_value(self.model, c.stored, c.op, c.value))
            for c in self.conditions
            if not callable(c.value) and names.count((c.field, c.op)) == 1
        ]
        parents = {name: value for name, value in self.parents.items() if not callable(value)}
        return Constants.of(filters, parents)

    @override
    def aggregate(self) -> AggregateSpec:
        return self.spec

    @override
    def check(self, reads: Mapping[str, Read[Any]]) -> None:
        _ = self.measures  # here, where its errors can name the store

    @override
    def where(self, field: str, op: Any, value: object | Getter[Any]) -> Self:
        if op not in {"==", "array_contains"}:
            raise DeclarationError(
                f"an aggregate's filter must use '==' or 'array_contains', got {op!r}: a document "
                "alone must determine its groups"
            )
        return super().where(field, op, value)

    @override
    def asks(self, store: Loaded) -> Asked:
        return Asked((self.spec.pointer_path,), about=self.bind(store))

    @override
    def more(self, asked: Asked, answer: Answer) -> Asked | None:
        """The shards of the generation that the pointer names, and its extremes.

        These queries are not part of the read set: every change of their result also changes a
        shard, in the same commit.
        """
        if isinstance(asked.about, _Group):
            return None
        shown = shown_by(self.spec, answer.documents[asked.paths[0]])
        group = self.group(asked.about, shown)
        queries = {
            name: query
            for name, query in shown.extreme_queries(group).items()
            if self.spec.can_show(name, shown)  # else its index may be deleted already
        }
        about = _Group(shown, tuple(queries))
        return Asked(shown.shard_paths(group), tuple(queries.values()), about, is_noted=False)

    @override
    def value(self, asked: Asked, answer: Answer, objects: Objects) -> Numbers:
        group: _Group = asked.about
        shards = [answer.documents[path] for path in asked.paths]
        extremes = dict(zip(group.extremes, answer.results, strict=True))
        return self.spec.values(shards, extremes, group.shown)

    def group(self, query: Query, shown: AggregateSpec) -> str:
        """The group that a query asks a generation for.

        Args:
            query: this read's, with its values.
            shown: the generation; of another definition, it may have had other filters.

        Raises:
            BuildError: this read lacks a value that distinguishes the generation's groups,
                or asks for a group that the generation does not have.
        """
        wanted = list(shown.shape.keyed)
        filters: list[Filter] = []
        for condition in query.filters:
            if (condition.field, condition.op) in wanted:
                wanted.remove((condition.field, condition.op))
                filters.append(condition)
        variables = self.model.template().match(query.collection) or {}
        is_left = shown.only.leave_path(variables) and all(
            shown.only.leave(named(c.field, c.op), c.value) for c in filters
        )
        if wanted or not is_left or shown.shape.collection != self.model.template():
            raise BuildError(
                f"{self.title} has new filters, and its new numbers are not complete; run `onto "
                f"backfill {shown.name}`. Until then the view stays unchanged"
            )
        [key] = replace(query, filters=tuple(filters)).keys()
        return shown.group(key)

    @override
    def _with(self, **changes: Any) -> Self:
        made = super()._with(**changes)
        made.__dict__.pop("only", None)
        return made


def aggregate(
    model: type[DomainModel], *, shards: int = 1, name: str = "", **measures: Measure
) -> AggregateRead:
    """Numbers over all documents of a collection, or over those that match equality filters.

    The cost of an event does not depend on the number of documents. The value in the store is a
    dict of the measures; those with `by` are dicts by key, without keys that no document has.

    Args:
        model: class of the documents.
        shards: number of documents over which the writes of one group are spread. One shard
            sustains about one change per second (Firestore's guidance), 10 shards ten.
        name: of the aggregate, unique; default the store's and the attribute's name. Keep it when
            you rename either.
        measures: what to keep: `count`, `total`, `average`, `minimum`, `maximum`.

    Example:
        >>> from onto_fn import DomainModel, Store, aggregate, root
        >>> from onto_fn.aggregates import count
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

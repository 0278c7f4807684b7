"""Generations: the definitions of an aggregate that are counted, and the one that is shown.

An aggregate has one generation of numbers. When its definition changes, `onto backfill` begins
another beside it: from then on each event counts for both, as recorded here, so it does not matter
which deployment handles it. When the new generation is complete, a single commit replaces the old
one, and the old numbers are deleted.

Two documents record this. The *register*, `onto_aggregates/{name}`, is read by each event. The
*pointer*, `onto_aggregates/{name}/shards/current`, is read by each build and changes once per
switch, which is the event that rebuilds the views.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from onto_fn.aggregates.constants import Constants
from onto_fn.aggregates.measures import Measure
from onto_fn.aggregates.spec import AggregateSpec
from onto_fn.errors import PermanentError
from onto_fn.firestore import Document, PathTemplate, QueryShape
from onto_fn.firestore.documents import Fields, Value


@dataclass(frozen=True)
class Register:
    """The generations of one aggregate.

    Attributes:
        generations: those that each event counts for, oldest first; each a spec with its number.
        current: number of the one whose numbers are shown.
        last: the greatest number so far; numbers are never used again.
        retired: numbers of those whose documents are still to be deleted.
        update_time: of the register's document; None if there is none yet.
    """

    generations: tuple[AggregateSpec, ...]
    current: int
    last: int
    retired: tuple[int, ...] = ()
    update_time: datetime | None = None

    @classmethod
    def first(cls, aggregate: AggregateSpec) -> Register:
        """The register of an aggregate that nothing has counted yet."""
        return cls((aggregate.numbered(0),), 0, 0)

    @classmethod
    def read(cls, aggregate: AggregateSpec, document: Document) -> Register | None:
        """The register in a document, None if there is none.

        Args:
            aggregate: as this app declares it.
            document: at `aggregate.register_path`.

        Raises:
            PermanentError: the document is something else.
        """
        fields = document.fields
        if fields is None:
            return None
        try:
            return cls(
                tuple(generation_of(aggregate, item) for item in fields["generations"]),
                int(fields["current"]),
                int(fields["last"]),
                tuple(fields["retired"]),
                document.update_time,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _unreadable(document, error) from error

    @cached_property
    def numbers(self) -> frozenset[int]:
        """The numbers of the generations that are counted."""
        return frozenset(generation.number for generation in self.generations)

    @property
    def newest(self) -> AggregateSpec:
        """The generation that was begun last."""
        return self.generations[-1]

    @property
    def shown(self) -> AggregateSpec:
        """The generation whose numbers are shown."""
        return next(g for g in self.generations if g.number == self.current)

    def find(self, aggregate: AggregateSpec) -> AggregateSpec | None:
        """The newest generation of a definition, None if it is not counted."""
        found = (g for g in reversed(self.generations) if g.stands_for(aggregate))
        return next(found, None)

    def begun(self, aggregate: AggregateSpec) -> Register:
        """With a generation of a definition, if it has none.

        A generation with more groups than the definition needs (counted by an earlier version of
        onto_fn) is also replaced: this deletes the groups that nobody reads.
        """
        found = self.find(aggregate)
        if found is not None and found.only == aggregate.only:
            return self
        new = aggregate.numbered(self.last + 1)
        return replace(self, generations=(*self.generations, new), last=new.number)

    def switched(self, number: int, *, alone: bool = False) -> Register | None:
        """With a complete generation as the current one, and the older ones retired.

        Args:
            number: of the complete generation.
            alone: also retire newer ones, because the app has returned to the current definition.

        Returns:
            None if the generation was retired meanwhile.
        """
        if number not in self.numbers:
            return None
        kept = tuple(
            g for g in self.generations if g.number == number or (g.number > number and not alone)
        )
        gone = self.numbers - {g.number for g in kept}
        return replace(
            self, generations=kept, current=number, retired=tuple(sorted({*self.retired, *gone}))
        )

    def to_fields(self) -> dict[str, Value]:
        """The register's document."""
        return {
            "generations": [fields_of(generation) for generation in self.generations],
            "current": self.current,
            "last": self.last,
            "retired": list(self.retired),
        }


def fields_of(generation: AggregateSpec) -> dict[str, Value]:
    """A generation as a map: all that counting by it takes, besides the model.

    Most of it is one text, which only a deployment of another definition has to read.
    """
    return {
        "number": generation.number,
        "definition": generation.identity,
        **({"only": generation.only.text} if generation.only.text else {}),
        "counted": json.dumps(
            {
                "collection": generation.shape.collection.text,
                "filters": list(generation.shape.keyed),
                "measures": [
                    [name, measure.kind, measure.field, measure.by]
                    for name, measure in generation.measures.items()
                ],
                "shards": generation.shards,
            }
        ),
    }


def generation_of(aggregate: AggregateSpec, fields: Fields) -> AggregateSpec:
    """What `fields_of` made, with the model of this app."""
    number = int(fields["number"])
    only: str = fields.get("only", "")
    if fields["definition"] == aggregate.identity:
        return aggregate.numbered(number, only)
    counted: dict[str, Any] = json.loads(fields["counted"])
    return replace(
        aggregate,
        shape=QueryShape(
            PathTemplate(counted["collection"]), tuple((f, op) for f, op in counted["filters"])
        ),
        measures={name: Measure(kind, field, by) for name, kind, field, by in counted["measures"]},
        shards=int(counted["shards"]),
        number=number,
        only=Constants.read(only),
        defined_as=fields["definition"],
    )


def shown_by(aggregate: AggregateSpec, pointer: Document) -> AggregateSpec:
    """The generation that a pointer names; the first, if nothing is counted yet.

    Raises:
        PermanentError: the document is something else.
    """
    if pointer.fields is None:
        return aggregate.numbered(0)
    try:
        return generation_of(aggregate, pointer.fields)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(pointer, error) from error


def _unreadable(document: Document, error: Exception) -> PermanentError:
    return PermanentError(
        f"{document.path} was not written by onto_fn ({error!r}); restore it, or drop and backfill "
        "the aggregate"
    )

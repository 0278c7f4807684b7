"""Shapes of what holds other values: lists, maps, documents, unions; see `shapes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from onto_fn.requests.shapes import MAX_ITEMS, Anything, Null, Shape, check_size


@dataclass(frozen=True)
class Items:
    """A list.

    Attributes:
        items: what each item is.
        least: items that it has at least.
        most: and at most.
        places: what the first items are; `items` says it of those after them.
    """

    items: Shape
    least: int = 0
    most: int = MAX_ITEMS
    places: tuple[Shape, ...] = ()

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, list):
            yield f"{where}: Input should be a valid list"
            return
        items = cast("list[object]", value)
        yield from check_size(len(items), self.least, self.most, f"{where}: List", "item")
        for place, item in enumerate(items):
            yield from self._at(place).problems(item, f"{where}.{place}")

    def from_json(self, value: object) -> object:
        """The list with the stored form of each item."""
        if not isinstance(value, list):
            return value
        items = cast("list[object]", value)
        return [self._at(place).from_json(item) for place, item in enumerate(items)]

    def _at(self, place: int) -> Shape:
        return self.places[place] if place < len(self.places) else self.items


@dataclass(frozen=True)
class Entries:
    """A map whose keys nobody declares.

    Attributes:
        values: what each value is.
        least: keys that it has at least.
        most: and at most.
    """

    values: Shape
    least: int = 0
    most: int = MAX_ITEMS

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, dict):
            yield f"{where}: Input should be a valid dictionary"
            return
        entries = cast("dict[str, object]", value)
        yield from check_size(len(entries), self.least, self.most, f"{where}: Dictionary", "item")
        for name, item in entries.items():
            yield from self.values.problems(item, f"{where}.{name}")

    def from_json(self, value: object) -> object:
        """The map with the stored form of each value."""
        if not isinstance(value, dict):
            return value
        entries = cast("dict[str, object]", value)
        return {name: self.values.from_json(item) for name, item in entries.items()}


@dataclass(frozen=True)
class Record:
    """A map whose keys are declared.

    Attributes:
        name: of the class that declares them.
        fields: shapes by key.
        required: the keys that have to be there.
        is_open: whether there may be other keys.
    """

    name: str
    fields: Mapping[str, Shape]
    required: frozenset[str] = frozenset()
    is_open: bool = False

    def problems(self, value: object, where: str = "") -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, dict):
            place = where or "(document)"
            yield f"{place}: Input should be a valid dictionary or instance of {self.name}"
            return
        entries = cast("dict[str, object]", value)
        prefix = f"{where}." if where else ""
        for name, shape in self.fields.items():
            if name in entries:
                yield from shape.problems(entries[name], f"{prefix}{name}")
            elif name in self.required:
                yield f"{prefix}{name}: Field required"
        unknown = [name for name in entries if name not in self.fields]
        if not self.is_open:
            yield from (f"{prefix}{name}: Extra inputs are not permitted" for name in unknown)
        elif len(entries) > MAX_ITEMS:
            yield from check_size(len(entries), 0, MAX_ITEMS, f"{where}: Dictionary", "item")

    def from_json(self, value: object) -> object:
        """The map with the stored form of each field."""
        if not isinstance(value, dict):
            return value
        entries = cast("dict[str, object]", value)
        anything = Anything()
        return {n: self.fields.get(n, anything).from_json(item) for n, item in entries.items()}


@dataclass(frozen=True)
class Either:
    """What one of several shapes takes."""

    parts: tuple[Shape, ...]

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value: what the part says that finds the least."""
        found = [list(part.problems(value, where)) for part in self.parts]
        if all(found):
            told = zip(self.parts, found, strict=True)
            chosen = [problems for part, problems in told if not isinstance(part, Null)]
            least = min(map(len, chosen), default=0)
            nearest = [problems for problems in chosen if len(problems) == least]
            yield from dict.fromkeys(problem for problems in nearest for problem in problems)

    def from_json(self, value: object) -> object:
        """The stored form by the first part that takes it."""
        for part in self.parts:
            stored = part.from_json(value)
            if not list(part.problems(stored, "")):
                return stored
        return value


@dataclass(frozen=True)
class Named:
    """A shape by its name, since shapes may be within themselves.

    Attributes:
        name: of the shape.
        known: shapes by name.
        is_told: whether the map must name its class in `obj_type`, because it replaces another
            class.
    """

    name: str
    known: Mapping[str, Shape] = field(repr=False, compare=False, hash=False)
    is_told: bool = False

    @property
    def shape(self) -> Shape:
        """The shape."""
        shape = self.known[self.name]
        if self.is_told and isinstance(shape, Record):
            return replace(shape, required=shape.required | {"obj_type"})
        return shape

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        return self.shape.problems(value, where)

    def from_json(self, value: object) -> object:
        """The stored form."""
        return self.shape.from_json(value)


def first_shape(shapes: Sequence[Shape]) -> Shape:
    """One shape for several."""
    return shapes[0] if len(shapes) == 1 else Either(tuple(shapes))

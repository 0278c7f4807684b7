"""What a client may write into a request: the one strict check of forms and patches.

A shape says of a field which values it takes, in Firestore's types and without any conversion: the
text `"yes"` is no bool, nor is 1; 1 is a number, and `"1"` is none. The security rules are made
from shapes (`onto_fn.generate.fields`), and a function checks each request by them, however it has
come; so both refuse the same. Pydantic validates afterwards, with the app's own validators.
"""

from __future__ import annotations

import base64
import binascii
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol, cast

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from pydantic_core import SchemaValidator, ValidationError, core_schema

from onto_fn.errors import InvalidPath
from onto_fn.firestore.documents import Reference
from onto_fn.firestore.paths import PathTemplate, check_segment

MAX_TEXT = 10_000
"""Characters of a text without `max_length`."""
MAX_ITEMS = 1_000
"""Items of a list, and keys of a map, without `max_length`."""
MAX_ID = 128
"""Characters of a request's id."""
MAX_PATH = 6 * 1024
"""Characters of a reference that is written as a text."""


class Shape(Protocol):
    """The values that a field takes."""

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value, in the words of pydantic; nothing if it is taken."""
        ...

    def from_json(self, value: object) -> object:
        """The stored form of a value that came as JSON; itself where that is not possible."""
        ...


@dataclass(frozen=True)
class Plain:
    """A value of a type that has but one JSON form."""

    def from_json(self, value: object) -> object:
        """The value, as it is."""
        return value


@dataclass(frozen=True)
class Anything(Plain):
    """Any value."""

    def problems(self, value: object, where: str) -> Iterator[str]:
        """None."""
        return iter(())


@dataclass(frozen=True)
class Null(Plain):
    """None."""

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if value is not None:
            yield f"{where}: Input should be None"


@dataclass(frozen=True)
class Boolean(Plain):
    """True or false."""

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, bool):
            yield f"{where}: Input should be a valid boolean"


@dataclass(frozen=True)
class Number:
    """A whole number, or any number.

    Attributes:
        is_integer: whether it is a whole number.
        bounds: the numbers that it is compared with, by JSON schema's names of the comparisons.
        multiple_of: a whole number of which it is a multiple.
        whole_beyond: a number of any greater size is a whole one.
    """

    is_integer: bool = False
    bounds: tuple[tuple[str, int | float], ...] = ()
    multiple_of: int | None = None
    whole_beyond: int | None = None

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        kinds = int if self.is_integer else int | float
        if isinstance(value, bool) or not isinstance(value, kinds):
            kind = "integer" if self.is_integer else "number"
            yield f"{where}: Input should be a valid {kind}"
            return
        for name, bound in self.bounds:
            text, holds = _COMPARISONS[name]
            if not holds(value, bound):
                yield f"{where}: Input should be {text} {bound}"
        if self.multiple_of is not None and value % self.multiple_of:
            yield f"{where}: Input should be a multiple of {self.multiple_of}"
        if self.whole_beyond is not None and abs(value) > self.whole_beyond and value % 1:
            yield f"{where}: Input beyond {self.whole_beyond} should be a whole number"

    def from_json(self, value: object) -> object:
        """Numbers that JSON lacks are texts, as in Firestore's REST API.

        JavaScript writes the number 1e20 as an integer, which is more than Firestore's have.
        """
        if self.is_integer:
            return value
        if isinstance(value, str) and value in _NO_JSON:
            return float(value)
        is_large = isinstance(value, int) and not -(2**63) <= value < 2**63
        return _as_float(value) if is_large else value


def _as_float(value: Any) -> object:
    """A number as a float, or as it is where that is too large."""
    try:
        return float(value)
    except OverflowError:
        return value


_NO_JSON = frozenset({"NaN", "Infinity", "-Infinity"})
_COMPARISONS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minimum": ("greater than or equal to", operator.ge),
    "exclusiveMinimum": ("greater than", operator.gt),
    "maximum": ("less than or equal to", operator.le),
    "exclusiveMaximum": ("less than", operator.lt),
}


@dataclass(frozen=True)
class Text(Plain):
    """A text.

    Attributes:
        least: characters (code points) that it has at least.
        most: and at most.
        pattern: a pattern that is found in it.
        is_python: whether the pattern is for Python's `re`.
        format: what the text is, by JSON schema's name, if pydantic checks that afterwards.
    """

    least: int = 0
    most: int = MAX_TEXT
    pattern: str | None = None
    is_python: bool = False
    format: str | None = None

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, str):
            yield f"{where}: Input should be a valid string"
            return
        yield from check_size(len(value), self.least, self.most, f"{where}: String", "character")
        if self.pattern is not None and self._found is not None:
            try:
                self._found.validate_python(value)
            except ValidationError:
                yield f"{where}: String should match pattern '{self.pattern}'"

    @cached_property
    def _found(self) -> SchemaValidator | None:
        engine: Any = "python-re" if self.is_python else "rust-regex"
        return SchemaValidator(core_schema.str_schema(pattern=self.pattern, regex_engine=engine))


@dataclass(frozen=True)
class Identifier(Plain):
    """The id of a document."""

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What keeps a value from being an id."""
        if not isinstance(value, str):
            yield f"{where}: Input should be a valid string"
            return
        try:
            check_segment(value, what="the id")
        except InvalidPath as error:
            yield f"{where}: {error}"


@dataclass(frozen=True)
class Bytes:
    """Bytes; in JSON, base64."""

    least: int = 0
    most: int = MAX_TEXT

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, bytes):
            yield f"{where}: Input should be a valid bytes"
            return
        yield from check_size(len(value), self.least, self.most, f"{where}: Data", "byte")

    def from_json(self, value: object) -> object:
        """The bytes of a text in base64."""
        try:
            return base64.b64decode(value, validate=True) if isinstance(value, str) else value
        except (binascii.Error, ValueError):
            return value


@dataclass(frozen=True)
class Time:
    """An instant; in JSON, a text in ISO 8601."""

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, datetime):
            yield f"{where}: Input should be a valid datetime"

    def from_json(self, value: object) -> object:
        """The instant of a text in ISO 8601."""
        if not isinstance(value, str) or not _DAY.match(value):  # seconds since 1970, as a text
            return value
        try:
            return _TIME.validate_python(value)
        except ValidationError:
            return value


_TIME = SchemaValidator(core_schema.datetime_schema(), None)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Point:
    """A GeoPoint; in JSON, `{latitude, longitude}`."""

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, GeoPoint):
            yield f"{where}: Input should be an instance of GeoPoint"
            return
        point: Any = value
        if not (abs(point.latitude) <= 90 and abs(point.longitude) <= 180):
            yield f"{where}: Latitude should be from -90 to 90, and longitude from -180 to 180"

    def from_json(self, value: object) -> object:
        """The point of a map."""
        if not isinstance(value, dict):
            return value
        found = cast("dict[str, object]", value)
        if found.keys() != {"latitude", "longitude"}:
            return found
        numbers = [found["latitude"], found["longitude"]]
        if any(list(Number().problems(number, "")) for number in numbers):
            return found
        return GeoPoint(*cast("list[float]", numbers))


@dataclass(frozen=True)
class Numbers:
    """A Vector; in JSON, a list of numbers."""

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, Vector):
            yield f"{where}: Input should be an instance of Vector"

    def from_json(self, value: object) -> object:
        """The vector of a list of numbers."""
        if not isinstance(value, list):
            return value
        items = cast("list[object]", value)
        if any(list(Number().problems(item, "")) for item in items):
            return cast(object, value)
        numbers = [_as_float(item) for item in items]
        if not all(isinstance(number, float) for number in numbers):
            return cast(object, value)
        return Vector(cast("list[float]", numbers))


@dataclass(frozen=True)
class Link:
    """A reference, or its path as a text.

    Attributes:
        collection: template of the collection's path, if pydantic checks that afterwards.
    """

    collection: PathTemplate | None = None

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not isinstance(value, Reference | str):
            yield f"{where}: Input should be a reference or a path"
        elif isinstance(value, str):
            yield from check_size(len(value), 0, MAX_PATH, f"{where}: String", "character")

    def from_json(self, value: object) -> object:
        """The reference of a path."""
        try:
            return Reference(value) if isinstance(value, str) else value
        except InvalidPath:
            return value


@dataclass(frozen=True)
class Choice:
    """One of some values, distinguished by type: 1 is not true."""

    values: tuple[Any, ...]

    def problems(self, value: object, where: str) -> Iterator[str]:
        """What is wrong with a value."""
        if not any(type(value) is type(known) and value == known for known in self.values):
            yield f"{where}: Input should be {' or '.join(map(repr, self.values))}"

    def from_json(self, value: object) -> object:
        """The value, as it is."""
        return value


def check_size(size: int, least: int, most: int, what: str, unit: str) -> Iterator[str]:
    """What is wrong with a size, if it is not within bounds."""
    if size < least:
        yield f"{what} should have at least {least} {_plural(unit, least)}"
    if size > most:
        yield f"{what} should have at most {most} {_plural(unit, most)}"


def _plural(unit: str, number: int) -> str:
    return unit if number == 1 else f"{unit}s"

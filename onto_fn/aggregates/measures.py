"""Measures: what an aggregate counts or adds up, and which values are allowed.

A measure takes its values from the model, not from the stored fields: a default counts, and so does
what a validator or a computed field makes. The stored form of each value is that of the types
table.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from pydantic import ValidationError

from onto_fn.errors import DeclarationError, InvalidDocument, InvalidValue
from onto_fn.firestore import Document
from onto_fn.firestore.documents import Reference, Value
from onto_fn.firestore.native import key_text, native
from onto_fn.firestore.types import StoredType
from onto_fn.models import DomainModel
from onto_fn.models.annotations import adapter_of
from onto_fn.models.field_values import MISSING, Declared, declared_field, value_at

MAX_KEY_BYTES = 1000  # a key is part of a field's path, of which Firestore takes 1,500
MAX_SUMMAND = 2**53  # up to here integers and doubles are the same numbers
MAX_INDEXED_BYTES = 1500  # Firestore's index has no more of a value, so it cannot order by more

Kind = Literal["count", "sum", "average", "minimum", "maximum"]
Amounts = dict[tuple[str, ...], int | float]

_FUNCTIONS = {"sum": "total"}  # other kinds are called as the function is
_EARLIER_KEYS = {"True": "true", "False": "false"}  # of a bool, as they were once stored
_RESERVED = re.compile(r"__.*__", re.DOTALL)


@dataclass(frozen=True)
class Measure:
    """One number of an aggregate (or one for each key); made by `count`, `total`, and so on."""

    kind: Kind
    field: str | None = None
    by: str | None = None

    @property
    def is_extreme(self) -> bool:
        """Whether it is found by an index, and not added up."""
        return self.kind in {"minimum", "maximum"}

    def can_show(self, earlier: Measure) -> bool:
        """Whether the value of an earlier measure of the same name can stand in for its own."""
        if self.is_extreme or earlier.is_extreme:
            return self.is_extreme and earlier.is_extreme
        return (self.by is None) == (earlier.by is None)


def count(*, by: str | None = None) -> Measure:
    """How many documents; with `by`, how many for each value of that field.

    The keys are texts, like the keys of a map: `"7"` for 7, `"true"` for True, the path for a
    reference. The field has values of one kind. A document with None in it is not counted under
    any key.
    """
    return Measure("count", None, by)


def total(field: str, *, by: str | None = None) -> Measure:
    """The sum of a field of numbers or durations; with `by`, for each value of that field.

    Integers are exact. Doubles are added in the order of the events and carry rounding errors. A
    document whose number is infinite, NaN or beyond 2**53 is refused: it gets a dead letter and is
    not counted.
    """
    return Measure("sum", field, by)


def average(field: str, *, by: str | None = None) -> Measure:
    """The mean of a field of numbers or durations, or None if there is no document."""
    return Measure("average", field, by)


def minimum(field: str) -> Measure:
    """The smallest value of a field of any type with an order, or None if there is no document.

    In production each `minimum` and `maximum` needs a composite index on `onto_contributions`:
    `groups` (array contains) with `extremes.<name of the measure>`, ascending for a minimum and
    descending for a maximum. `onto generate indexes` writes it. Without it, `MissingIndex` says
    what to add.
    """
    return Measure("minimum", field)


def maximum(field: str) -> Measure:
    """The greatest value of a field, or None if there is no document; see `minimum`."""
    return Measure("maximum", field)


def check_measure(model: type[DomainModel], name: str, measure: object) -> None:
    """Refuse a value that is not a measure, or a name that a field cannot have.

    Raises:
        DeclarationError: it says which measure of an aggregate of which model.
    """
    if not isinstance(measure, Measure):
        raise DeclarationError(
            f"{name}={measure!r} is not a measure of an aggregate of {model.__name__}; use "
            "count(), "
            "total(…), average(…), minimum(…) or maximum(…)"
        )
    if not name.isidentifier() or _RESERVED.fullmatch(name):
        raise DeclarationError(
            f"an aggregate of {model.__name__} has a measure named {name!r}, which cannot be a "
            "field name; use a valid Python name that does not begin and end with two underscores"
        )


def stored_measure(model: type[DomainModel], title: str, measure: Measure) -> Measure:
    """The measure with stored field names, if the model's types allow it.

    Args:
        model: class of the documents.
        title: of the measure, for errors: store, read and name.
        measure: with field names of Python or Firestore.

    Raises:
        DeclarationError: there is no such field, or its type has no order, no sum or no keys.
    """
    field = by = None
    if measure.field is not None:
        declared = declared_field(model, measure.field)
        _check_value(model, title, measure, declared)
        field = declared.stored
    if measure.by is not None:
        declared = declared_field(model, measure.by)
        _check_key(model, title, declared)
        by = declared.stored
    return Measure(measure.kind, field, by)


def _check_value(
    model: type[DomainModel], title: str, measure: Measure, declared: Declared
) -> None:
    function = _FUNCTIONS.get(measure.kind, measure.kind)
    what = f'{title}={function}("{measure.field}") of {model.__name__}'
    if declared.problem:
        raise DeclarationError(f"{what}: {declared.problem}; measure a field of one plain value")
    rows = declared.rows
    if measure.is_extreme:
        if any(not row.is_ordered for row in rows):
            raise DeclarationError(
                f"{what}: the stored form of a {_names(rows)} has no order; measure a number, a "
                "text, a date or a datetime"
            )
    elif any(not row.is_number for row in rows):
        raise DeclarationError(
            f"{what}: a {_names(rows)} cannot be added up; measure an int, a float or a timedelta"
        )
    if len({_order_of(row) for row in rows}) > 1:
        raise DeclarationError(
            f"{what}: {_names(rows)} have no order and no sum in common; declare the field with "
            "one of these types"
        )


def _check_key(model: type[DomainModel], title: str, declared: Declared) -> None:
    what = f'{title}=…(by="{declared.name}") of {model.__name__}'
    if declared.problem or declared.is_open:
        problem = declared.problem or "its type is open, so 1 and '1' would share a key"
        raise DeclarationError(
            f"{what}: {problem}; use a field of one plain type, such as str, int, bool, date, "
            "UUID, Ref or an Enum"
        )
    rows = declared.rows
    if any(row.key is None for row in rows):
        raise DeclarationError(
            f"{what}: a {_names(rows)} cannot be a key; use a field of type str, int, bool, date, "
            "UUID, Ref or an Enum, which may be a computed field"
        )
    if len({row.stored for row in rows}) > 1:
        raise DeclarationError(
            f"{what}: its values have several types ({_names(rows)}), and values of two types can "
            "have the same key text; declare the field with one type"
        )


def _order_of(row: StoredType) -> str:
    return row.stored if row.is_converted or not row.is_number else "number"


def _names(rows: tuple[StoredType, ...]) -> str:
    return " or ".join(dict.fromkeys(row.name for row in rows))


@dataclass(frozen=True)
class Counted:
    """A document as the measures see it.

    Attributes:
        document: as it is stored.
        instance: as its model reads it.
        aggregate: name of the aggregate, for errors.
    """

    document: Document
    instance: DomainModel
    aggregate: str

    def key(self, measure: Measure) -> tuple[str, ...] | None:
        """The key that the document counts under, or None if it has none.

        Raises:
            InvalidDocument: Firestore takes no such key.
        """
        if measure.by is None:
            return ()
        value = self._value(measure.by)
        if value is None:
            return None
        try:
            # A path alone would join a document with that of the same path in another database.
            text = str(value) if isinstance(value, Reference) else key_text(value)
        except InvalidValue as error:
            raise self._invalid(
                measure.by, f"{value!r} cannot be a key of {{0}}; it {error}"
            ) from (error)
        if not 0 < len(text.encode()) <= MAX_KEY_BYTES:
            raise self._invalid(
                measure.by,
                f"{text[:100]!r} cannot be a key of {{0}}; a key is a text of 1 to "
                f"{MAX_KEY_BYTES} bytes",
            )
        if _RESERVED.fullmatch(text):
            raise self._invalid(
                measure.by,
                f"{text!r} cannot be a key of {{0}}; Firestore reserves keys of a map that begin "
                "and end with two underscores",
            )
        return (text,)

    def number(self, measure: Measure) -> int | float | None:
        """What the document adds to a sum, or None if that is nothing.

        Raises:
            InvalidDocument: the field is no number, or none that can be added up exactly.
        """
        field = measure.field or ""
        value = self._stored(field)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._invalid(field, f"{value!r} is not a number, which {{0}} needs")
        if abs(value) <= MAX_SUMMAND:  # which is false for NaN
            # A model's float may be a stored integer; as one it is added up exactly.
            return int(value) if value == int(value) else value
        # Taking it out of the sum again would not bring the sum back.
        raise self._invalid(
            field,
            f"{{0}} cannot add up {value!r} exactly; numbers from -2**53 to 2**53 are exact",
        )

    def extreme(self, measure: Measure) -> Value:
        """The value that takes part in a minimum or maximum, None if there is none.

        Raises:
            InvalidDocument: it has no place in an order.
        """
        field = measure.field or ""
        value = self._stored(field)
        if isinstance(value, float) and math.isnan(value):
            raise self._invalid(field, f"{value!r} has no place in the order that {{0}} needs")
        if isinstance(value, list | dict):
            raise self._invalid(field, f"{value!r:.100} is not a single value, which {{0}} needs")
        size = len(value.encode()) if isinstance(value, str) else 0
        if max(size, len(value) if isinstance(value, bytes) else 0) > MAX_INDEXED_BYTES:
            raise self._invalid(
                field,
                f"{{0}} cannot compare a value of more than {MAX_INDEXED_BYTES} bytes, the limit "
                "of Firestore's indexes",
            )
        return value

    def _stored(self, field: str) -> Value:
        value = self._value(field)
        try:
            stored = native(value)
        except InvalidValue as error:
            raise self._invalid(
                field, f"{value!r:.100} cannot be measured by {{0}}; it {error}"
            ) from (error)
        if isinstance(stored, datetime) and stored.tzinfo is None:
            return stored.replace(tzinfo=UTC)  # as it is stored
        return stored

    def _value(self, field: str) -> Any:
        found = value_at(self.instance, field)
        if found is MISSING:  # of an earlier definition, and no longer in the model
            found = value_at(self.document.fields, field)
        return None if found is MISSING else found

    def _invalid(self, field: str, problem: str) -> InvalidDocument:
        text = f"{field}: {problem.replace('{0}', self.aggregate)}"
        return InvalidDocument(self.document.path, type(self.instance).__name__, [text])


def rolled_up(
    measure: Measure, declared: Declared | None, parts: list[Any], keys: Declared | None = None
) -> Any:
    """A measure's value from its parts in the shards.

    Args:
        measure: the measure, not an extreme.
        declared: the field that is added up.
        parts: what each shard holds of it.
        keys: the field whose values are the keys.
    """
    renamed: Mapping[str, str] = _EARLIER_KEYS if keys is not None and keys.is_bool else {}
    is_duration = declared is not None and declared.is_duration
    if measure.by is None:
        return _combined(measure, parts, is_duration=is_duration)
    by_key: dict[str, list[Any]] = {}
    for part in cast("list[dict[str, Any]]", parts):
        for key, value in part.items():
            by_key.setdefault(renamed.get(key, key), []).append(value)
    return {
        key: _combined(measure, by_key[key], is_duration=is_duration)
        for key in sorted(by_key)
        if _documents(measure, by_key[key])
    }


def read_back(declared: Declared, stored: Value) -> Any:
    """An extreme as the model has it: the stored text of a date is a date again."""
    if stored is None or declared.is_open:
        return stored
    try:
        return adapter_of(declared.annotation).validate_python(stored)
    except ValidationError:  # of an earlier definition, of another type
        return stored


def _combined(measure: Measure, parts: list[Any], *, is_duration: bool) -> Any:
    documents = _documents(measure, parts)
    if measure.kind == "count":
        return documents
    if not documents and measure.kind == "average":
        return None
    # Where there are none, the rounding errors of doubles that are gone do not stay. Nobody may
    # have added more than 0 to a shard.
    added: Any = sum(part.get("sum", 0) for part in parts) if documents else 0
    value = added / documents if measure.kind == "average" else added
    return timedelta(seconds=value) if is_duration else value


def _documents(measure: Measure, parts: list[Any]) -> int:
    """How many documents contribute to a number: a sum of 0 may be that of many."""
    return sum(part if measure.kind == "count" else part["count"] for part in parts)


def encoded(amounts: Amounts) -> list[dict[str, Value]]:
    """Amounts as a Firestore list: names of any length do not fit a map's keys."""
    return [{"names": list(names), "amount": amount} for names, amount in amounts.items()]


def decoded(amounts: Any) -> Amounts:
    """What `encoded` made."""
    items = cast("list[Mapping[str, Value]]", amounts)
    return {tuple(item["names"]): item["amount"] for item in items}

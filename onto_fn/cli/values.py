"""Convert between Firestore values and the JSON of seeds, `onto set` and `onto get`.

JSON's own types are stored as they are; a number without a dot is an integer. Each other type is an
object with one key: `{"$ref": "users/ada"}`. A value converted to JSON and back is the same value.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from onto_fn.cli.errors import CommandError, one_line

Reference = Callable[[str], Any]
"""Makes a reference from a document's path."""

_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MIN_INT, _MAX_INT = -(2**63), 2**63 - 1
FORMS = {
    "$ref": '{"$ref": "users/ada"}',
    "$timestamp": '{"$timestamp": "2026-01-01T00:00:00Z"}',
    "$geopoint": '{"$geopoint": [59.9, 10.7]}',
    "$bytes": '{"$bytes": "aGk="}',
    "$vector": '{"$vector": [0.5, 1]}',
    "$int": '{"$int": "9007199254740993"}',
    "$double": '{"$double": "NaN"}',
    "$map": '{"$map": {"$ref": "a map whose keys begin with $"}}',
}
"""An example of each form."""
_OLD_NAMES = {"$time": "$timestamp"}


def document_of(fields: Mapping[str, Any], reference: Reference, where: str) -> dict[str, Any]:
    """Convert the fields of a document from JSON to values for Firestore's client.

    Args:
        fields: the JSON object.
        reference: makes references.
        where: file and document, for errors.

    Raises:
        CommandError: a value does not have this format; the message names the field.
    """
    return {name: value_of(value, reference, where, name) for name, value in fields.items()}


def value_of(value: Any, reference: Reference, where: str, field: str) -> Any:
    """Convert one value; see `document_of`."""
    if isinstance(value, list):
        items = enumerate(cast("list[Any]", value))
        return [value_of(item, reference, where, f"{field}[{at}]") for at, item in items]
    if isinstance(value, int) and not _MIN_INT <= value <= _MAX_INT:
        raise _refused(where, field, f"{value} is not an integer of 64 bits")
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    forms = [name for name in found if name.startswith("$")]
    if not forms:
        return {
            name: value_of(item, reference, where, f"{field}.{name}")
            for name, item in found.items()
        }
    form = _OLD_NAMES.get(forms[0], forms[0])
    if form not in FORMS or len(found) > 1:
        known = ", ".join(FORMS)
        raise _refused(
            where,
            field,
            f"{json.dumps(found)[:100]} is not an object with exactly one of the keys {known}",
            f"put a map with such keys into {FORMS['$map']}",
        )
    content = found[forms[0]]
    if form == "$map" and isinstance(content, dict):
        inner = cast("dict[str, Any]", content).items()
        return {name: value_of(item, reference, where, f"{field}.{name}") for name, item in inner}
    try:
        return _special(form, content, reference)
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        raise _refused(
            where, field, f"{json.dumps(found)[:100]} ({one_line(error)})", f"write {FORMS[form]}"
        ) from error


def _special(form: str, content: Any, reference: Reference) -> Any:
    match form, content:
        case "$ref", str():
            return reference(document_path(content))
        case "$timestamp", str():
            time = datetime.fromisoformat(content)
            if time.tzinfo is None:
                raise ValueError("it has no time zone")
            return time
        case "$geopoint", [int() | float() as latitude, int() | float() as longitude]:
            from google.cloud.firestore_v1 import GeoPoint

            if not (abs(latitude) <= 90 and abs(longitude) <= 180):
                raise ValueError("a latitude is at most 90, a longitude at most 180")
            return GeoPoint(latitude, longitude)
        case "$bytes", str():
            return base64.b64decode(content, validate=True)
        case "$vector", list():
            from google.cloud.firestore_v1.vector import Vector

            return Vector([_double(item) for item in cast("list[Any]", content)])
        case "$int", str() | int() if not isinstance(content, bool):
            number = int(content)
            if not _MIN_INT <= number <= _MAX_INT:
                raise ValueError("it is not an integer of 64 bits")
            return number
        case "$double", _:
            return _double(content)
        case _:
            raise ValueError("it has another form")


def _double(content: Any) -> float:
    if isinstance(content, str):
        return _NUMBERS[content] if content in _NUMBERS else float(content)
    if isinstance(content, bool) or not isinstance(content, int | float):
        raise ValueError(f"{content!r} is not a number")
    return float(content)


def json_of(value: Any) -> Any:
    """Convert a stored value to JSON, so that `value_of` gives the same value again."""
    from google.cloud.firestore_v1 import GeoPoint
    from google.cloud.firestore_v1.vector import Vector

    from onto_fn.firestore.documents import Reference as Stored

    match value:
        case Stored():
            return {"$ref": str(value)}
        case datetime():
            return {"$timestamp": value.astimezone(UTC).isoformat().replace("+00:00", "Z")}
        case GeoPoint():
            point = cast(Any, value)
            return {"$geopoint": [point.latitude, point.longitude]}
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case Vector():
            return {"$vector": [_shown(float(item)) for item in cast(Any, value)]}
        case float() if not math.isfinite(value):
            return {"$double": _shown(value)}
        case list():
            return [json_of(item) for item in cast("list[Any]", value)]
        case dict():
            found = cast("dict[str, Any]", value)
            items = {name: json_of(item) for name, item in found.items()}
            return {"$map": items} if any(name.startswith("$") for name in items) else items
        case _:
            return value


def _shown(number: float) -> float | str:
    if math.isnan(number):
        return "NaN"
    return number if math.isfinite(number) else f"{'-' if number < 0 else ''}Infinity"


def parse_json(text: str, where: str) -> Any:
    """Parse a JSON text.

    Raises:
        CommandError: it is not JSON, or an object has a key twice, so that one would be lost.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        for name in names:
            if names.count(name) > 1:
                raise CommandError(f"{where} has {name!r} twice in one object", "keep one of them")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except ValueError as error:
        raise CommandError(f"{where} is not JSON: {one_line(error)}") from error


def parse_file(file: Path) -> Any:
    """Parse a JSON file; see `parse_json`."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        problem = f"{file} cannot be read: {error.strerror}"
        raise CommandError(problem, "correct --seed FILE") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8: {one_line(error)}") from error
    return parse_json(text, str(file))


def document_path(path: str) -> str:
    """Check that a path names a document, and return it.

    Raises:
        ValueError: it does not.
    """
    from onto_fn.errors import InvalidPath
    from onto_fn.firestore.paths import check_document_path

    repeated = f"{path!r} is not a document path: "

    try:
        return check_document_path(path)
    except InvalidPath as error:
        reason = str(error).removeprefix(repeated)
        raise ValueError(f"{path!r} is not the path of a document: {reason}") from error


def _refused(where: str, field: str, problem: str, remedy: str = "") -> CommandError:
    return CommandError(f"{where}, field {field}: {problem}", remedy)

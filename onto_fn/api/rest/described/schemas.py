"""JSON schemas that requests and answers share, and where schemas are collected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from onto_fn.firestore.paths import MAX_PATH_BYTES, MAX_SEGMENT_BYTES, PathTemplate

Schema = dict[str, Any]  # JSON schemas nest without a narrower type

MIN_INT, MAX_INT = -(2**63), 2**63 - 1
NO_JSON = ("NaN", "Infinity", "-Infinity")
"""The numbers that JSON lacks, as texts."""
FORMATS = frozenset({"date", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"})
"""Formats of texts that mean in JSON schema what pydantic checks."""
_RESERVED = r"^(\.\.?|__[\s\S]*__)$"
_NO_KEY = r"^__[\s\S]+__$"
_NO_SEGMENT = r"(^|/)(\.\.?|__[^/]*__)(/|$)"
_DOCUMENT = "[^/]+/[^/]+(/[^/]+/[^/]+)*"


@dataclass(frozen=True)
class Components:
    """The parts of a document that have names.

    Attributes:
        parts: schemas, headers and others, by kind and name.
    """

    parts: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def put(self, kind: str, name: str, part: Any) -> Schema:
        """Keep a part, and return a reference to it."""
        self.parts.setdefault(kind, {})[name] = part
        return {"$ref": f"#/components/{kind}/{name}"}

    def has(self, kind: str, name: str) -> bool:
        """Whether there is a part of this name."""
        return name in self.parts.get(kind, {})


def component_name(text: str) -> str:
    """A text as the name of a component, which has fewer signs."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def identifier(most: int = MAX_SEGMENT_BYTES) -> Schema:
    """The id of a document.

    Args:
        most: characters that it has at most.
    """
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": most,
        "pattern": "^[^/]+$",
        "not": {"pattern": _RESERVED},
    }


def key_of_map() -> Schema:
    """The key of a map that nobody declares."""
    return {"minLength": 1, "maxLength": MAX_SEGMENT_BYTES, "not": {"pattern": _NO_KEY}}


def document_path(collection: PathTemplate | None) -> Schema:
    """The path of a document, as a client writes it.

    Args:
        collection: where the document is; None for anywhere.
    """
    parts = collection.segments if collection is not None else ()
    text = "/".join("[^/]+" if part.startswith("{") else escaped(part) for part in parts)
    sizes = [MAX_SEGMENT_BYTES if part.startswith("{") else len(part) for part in parts]
    most = sum(sizes) + len(sizes) + MAX_SEGMENT_BYTES if parts else MAX_PATH_BYTES
    return {
        "type": "string",
        "maxLength": min(most, MAX_PATH_BYTES),
        "pattern": f"^{text}/[^/]+$" if parts else f"^{_DOCUMENT}$",
        "not": {"pattern": _NO_SEGMENT},
        "description": words_of_path(collection),
    }


def words_of_path(collection: PathTemplate | None) -> str:
    """What a reference is."""
    where = "" if collection is None else f" in `{collection.text}`"
    return f"The path of a document{where}."


def escaped(text: str) -> str:
    """A text as a pattern that matches it."""
    return re.sub(r"([.*+?^${}()|\[\]\\/])", r"\\\1", text)


def with_no_json(number: Schema, texts: tuple[str, ...] = NO_JSON) -> Schema:
    """A number, or one that JSON lacks as a text."""
    return {"anyOf": [number, {"enum": list(texts)}]} if texts else number


def any_of(parts: Iterable[Schema]) -> Schema:
    """What one of several schemas takes."""
    flat: list[Schema] = []
    for part in parts:
        flat += part["anyOf"] if part.keys() == {"anyOf"} else [part]
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


_PORTABLE = re.compile(
    r"""
      \\[-^$\\.*+?()\[\]{}|/]           # a sign that stands for itself
    | \\x[0-9A-Fa-f]{2} | \\[tnrf]
    | \[\^?(?:[^\[\]\\&~^-]|\\[-^$\\.*+?()\[\]{}|/tnrf]|-(?!-))+\]
    | \((?:\?:|(?!\?)) | \)
    | \{[0-9]+(?:,[0-9]*)?\}
    | [?*+|^$]
    | [^\\\[\](){}?*+|^$.]
    """,
    re.VERBOSE,
)


def portable(pattern: str, *, is_python: bool) -> bool:
    r"""Whether a pattern means the same in JSON schema as where pydantic looks for it.

    `\d`, `\w` and `\s` know all of Unicode there, and ASCII alone in ECMAScript; the dot has other
    line breaks; and `$` is also before a last line break in Python's `re`.

    Args:
        pattern: as it is declared.
        is_python: whether pydantic looks for it with Python's `re`.
    """
    if is_python and "$" in pattern:
        return False
    place = 0
    while place < len(pattern):
        found = _PORTABLE.match(pattern, place)
        if found is None:
            return False
        place = found.end()
    return True


def put_pattern(made: Schema, pattern: str, *, is_python: bool) -> None:
    """Add a pattern to the schema of a text; one that JSON schema lacks is described."""
    if portable(pattern, is_python=is_python):
        made["pattern"] = pattern
        return
    engine = "Python's `re`" if is_python else "Rust's crate `regex`"
    told = made.get("description", "")
    made["description"] = f"{told} It has a part that matches `{pattern}` ({engine}).".strip()


def null_in(schema: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a schema takes null.

    Args:
        schema: of a value.
        known: the schemas that it may refer to, by name.
    """
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return (
            null_in(known[name], {key: part for key, part in known.items() if key != name})
            if (name in known)
            else False
        )
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return any(null_in(part, known) for part in schema[key])
    if "const" in schema:
        return schema["const"] is None
    if "enum" in schema:
        return None in schema["enum"]
    return schema.get("type", "null") == "null"


def refs_in(value: Any) -> Iterator[str]:
    """All references in a part of a document."""
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, Any]", value)
        if isinstance(entries.get("$ref"), str):
            yield entries["$ref"]
        for part in entries.values():
            yield from refs_in(part)
    elif isinstance(value, list):
        for part in cast("list[Any]", value):
            yield from refs_in(part)

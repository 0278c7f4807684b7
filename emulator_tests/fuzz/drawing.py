"""What the generators share: choices, names, and values of every kind that Firestore has."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.cloud.firestore_v1 import GeoPoint
from google.cloud.firestore_v1.vector import Vector
from hypothesis import strategies as st

from onto_fn.firestore import Reference

T = TypeVar("T")
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Plain:
    """Draws what a client writes that knows the declaration: no key that is not declared."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def __call__(self, strategy: st.SearchStrategy[Any]) -> Any:
        return self._draw(strategy)


FOREIGN = "projects/another-project/databases/(default)"
_RESERVED = re.compile(r"__.*__\Z", re.DOTALL)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
integers = st.one_of(
    st.integers(-3, 300), st.integers(-(2**53), 2**53), st.integers(-(2**63), 2**63 - 1)
)
floats = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1.0, -1.5]))
times = st.datetimes(timezones=st.just(UTC))
byte_texts = st.binary(max_size=6)
points = st.builds(
    GeoPoint,
    st.one_of(st.floats(-90, 90), st.sampled_from([0.0, -0.0])),
    st.one_of(st.floats(-180, 180), st.sampled_from([0.0, -0.0])),
)
vectors = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4).map(
    Vector
)
ids = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=5).filter(
    lambda text: text not in {".", ".."} and not _RESERVED.match(text)
)
raw_keys = st.one_of(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=6),
    st.sampled_from(["a.b", "with space", "`tick`", "1st", "é", "keys", "back\\slash"]),
).filter(lambda text: not _RESERVED.match(text) and text != "obj_type")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    integers,
    floats,
    texts,
    byte_texts,
    times,
    points,
    vectors,
    ids.map(lambda name: Reference(f"places/{name}")),
    ids.map(lambda name: Reference.stored(f"places/{name}", FOREIGN)),
)
maps = st.deferred(lambda: st.dictionaries(raw_keys, raw, max_size=3))
raw: st.SearchStrategy[Any] = st.one_of(
    scalars,
    scalars,
    maps,
    st.lists(st.one_of(scalars, maps).filter(lambda v: not isinstance(v, Vector)), max_size=3),
)
"""Any value that Firestore stores; it takes no vector in a list."""
raw_items = raw.filter(lambda value: not isinstance(value, list | Vector))

NAMES = (
    "title", "due_date", "line_1", "a1b2", "camelCase", "class_", "trailing_", "double__under",
    "größe", "名前", "x", "UPPER", "from_", "of", "type", "id", "key", "value", "match", "service",
    "resource", "function", "data", "database", "size", "timestamp", "duration",
)  # fmt: skip
"""Python names without a meaning to the library."""

CLASHING_NAMES = (
    "request", "ref", "at", "where", "template", "content", "family", "all", "copy", "json",
    "schema",
    "validate", "construct", "model_name", "store", "targets", "definition", "save", "query",
    "submit", "parsed", "stored_fields", "doc_update_time", "to_fields", "Document", "root",
    "accepts", "owns", "update", "is_declared", "loaded", "put", "reads", "models",
)  # fmt: skip
"""Names that some class of the library has as well."""

ALIASES = {
    "dots": ("price.eur", "a.b.c", ".", "..", "a.", ".b"),
    "dashes": ("due-date", "-", "a-b.c"),
    "digit first": ("1st", "0", "42"),
    "non-ASCII": ("größe", "名前", "é", "e\u0301", "😀", "ß.ü"),
    "reserved words": (
        "class", "function", "match", "service", "request", "null", "true", "in", "is", "keys",
        "size", "get", "values", "diff", "constructor", "toString", "let", "return", "if", "hasAll",
    ),
    "punctuation": (
        "a b", "`tick`", "back\\slash", "it's", 'say "x"', "$where", "*", "a/b", "[0]", "~", "{x}",
        "${x}", "//", "/*", "*/", "a\nb", "a\tb", "\u2028", "'); //", "#", "%", "a\\'b",
    ),
}  # fmt: skip
REFUSED_ALIASES = ("", "__name__", "__x.y__")


def one_of(draw: Draw, options: Any) -> Any:
    """One of the options."""
    return draw(st.sampled_from(options))


def chance(draw: Draw, percent: int) -> bool:
    """Whether something that happens in so many of a hundred cases does."""
    return draw(st.integers(0, 99)) >= 100 - percent


def is_name(text: str) -> bool:
    """Whether a text can be the name of a field."""
    return text.isidentifier() and not keyword.iskeyword(text)


def as_instant(text: str) -> datetime:
    """The instant of an ISO text."""
    return datetime.fromisoformat(text)

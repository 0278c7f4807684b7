"""Queries, and the keys by which a changed document finds the queries that it matches.

A *watch key* stands for "some build read this". A document's own key is its path. A query's keys
name its collection and the values of its equality-like filters, so that they can be computed from a
document's content as well: the document `{users: [a, b]}` has, for the shape `users
array_contains`, one key for `a` and one for `b`. Range filters, order and limit are left out of the
key: a document may then find a query that it does not match (which costs a build that changes
nothing), but it never misses one that it matches.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from onto_fn.firestore.canonical import canonical
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.fieldpaths import names_in
from onto_fn.firestore.paths import PathTemplate

Operator = Literal[
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "not-in",
    "array_contains",
    "array_contains_any",
]
OPERATORS: dict[str, str] = {
    "==": "EQUAL",
    "!=": "NOT_EQUAL",
    "<": "LESS_THAN",
    "<=": "LESS_THAN_OR_EQUAL",
    ">": "GREATER_THAN",
    ">=": "GREATER_THAN_OR_EQUAL",
    "in": "IN",
    "not-in": "NOT_IN",
    "array_contains": "ARRAY_CONTAINS",
    "array_contains_any": "ARRAY_CONTAINS_ANY",
}
_WITH_NULL = {"==": "IS_NULL", "!=": "IS_NOT_NULL"}
_WITH_NAN = {"==": "IS_NAN", "!=": "IS_NOT_NAN"}
MAX_DISJUNCTIONS = 30
"""Maximum number of alternatives in one query: values of `in`, times those of other conditions."""
_MAX_KEY_BYTES = 1000  # an index entry holds 1,500
SHORT = _MAX_KEY_BYTES // 4
"""A path of at most this many characters is its own watch key, whatever its size in UTF-8."""

_EQUAL = {"==", "in"}
INEQUALITIES = frozenset({"!=", "<", "<=", ">", ">=", "not-in"})
"""Operators that sort a query's result by their field, also where no order says so."""
_CONTAINS = {"array_contains", "array_contains_any"}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition: `field` is a field path, such as `address.city`; see `fieldpaths`."""

    field: str
    op: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key: `field` is a field path."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class QueryShape:
    """The part of a query that is known when it is declared.

    Args:
        collection: template of the collection's path.
        keyed: the fields with equality-like filters, as `(field path, operator)`.
    """

    collection: PathTemplate
    keyed: tuple[tuple[str, Operator], ...]

    def keys_of(self, path: str, fields: Fields | None) -> set[str]:
        """The watch keys of every query of this shape that a document could match."""
        collection = path.rpartition("/")[0]
        if fields is None or self.collection.match(collection) is None:
            return set()
        choices: list[list[str]] = []
        for name, op in self.keyed:
            found, value = field_value(fields, name)
            if not found:
                return set()
            if op in _CONTAINS:
                if not isinstance(value, list):
                    return set()
                items = cast("list[Value]", value)
                choices.append(sorted({canonical(item) for item in items}))
            else:
                choices.append([canonical(value)])
        return {_key(collection, self.keyed, values) for values in itertools.product(*choices)}


@dataclass(frozen=True, slots=True)
class Query:
    """A query with all its values, ready to run."""

    collection: str
    filters: tuple[Filter, ...] = ()
    orders: tuple[Order, ...] = ()
    limit: int | None = None
    start_after: str | None = None
    """Path of the document that the result begins after. If there are orders, `after_values` says
    where it is in them."""
    after_values: tuple[Value, ...] = ()
    """The values by which the document `start_after` is ordered, one for each order."""
    end_at: str | None = None
    """Path of the document that the result ends with; only for queries without orders."""
    collection_group: bool = False
    """Whether `collection` is the id of a collection group: every collection that ends in it."""
    keys_only: bool = False
    """Whether the documents come without their fields."""
    offset: int = 0
    """How many documents to leave out at the beginning; they are billed like the others."""

    def keys(self) -> set[str]:
        """The watch keys of this query: one, or one per value of `in` and `array_contains_any`."""
        keyed = tuple(f for f in self.filters if f.op in _EQUAL | _CONTAINS)
        choices: list[list[str]] = []
        for condition in keyed:
            if condition.op in {"in", "array_contains_any"}:
                values = cast("Iterable[Value]", condition.value)
                choices.append(sorted({canonical(value) for value in values}))
            else:
                choices.append([canonical(condition.value)])
        names: tuple[tuple[str, Operator], ...] = tuple((f.field, f.op) for f in keyed)
        return {_key(self.collection, names, values) for values in itertools.product(*choices)}


def keyed_fields(filters: Iterable[tuple[str, Operator]]) -> tuple[tuple[str, Operator], ...]:
    """Those of a query's `(field, operator)` pairs that become part of its watch keys."""
    return tuple((name, op) for name, op in filters if op in _EQUAL | _CONTAINS)


def unary_operators(value: Value) -> dict[str, str]:
    """The operators that take the place of a comparison, for a value that compares with nothing."""
    if value is None:
        return _WITH_NULL
    return _WITH_NAN if isinstance(value, float) and math.isnan(value) else {}


def document_key(path: str) -> str:
    """The watch key of one document: its path, or a digest of it if it is long."""
    return path if len(path) <= SHORT else _shorten(path)


def field_value(fields: Fields, path: str) -> tuple[bool, Value]:
    """Whether a document has the field at a path, such as `address.city`, and its value."""
    value: Value = fields
    for name in names_in(path):
        if not isinstance(value, Mapping) or name not in value:
            return False, None
        value = cast("Mapping[str, Value]", value)[name]
    return True, value


def _key(collection: str, names: tuple[tuple[str, Operator], ...], values: tuple[str, ...]) -> str:
    conditions = "&".join(
        f"{name}{'~' if op in _CONTAINS else '='}{value}"
        for (name, op), value in sorted(zip(names, values, strict=True))
    )
    return _shorten(f"{collection}?{conditions}")


def _shorten(key: str) -> str:
    encoded = key.encode("utf-8", "surrogatepass")
    if len(encoded) <= _MAX_KEY_BYTES:
        return key
    digest = hashlib.blake2b(encoded, digest_size=16).hexdigest()
    return f"{key[:100]}#{digest}"

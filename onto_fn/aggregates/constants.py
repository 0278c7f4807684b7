"""The constant filters of an aggregate: a document with another value belongs to no group.

Without them, each status of an order would have groups, even if no view reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from onto_fn.firestore import Filter
from onto_fn.firestore.canonical import canonical
from onto_fn.firestore.documents import Value

_LONGEST = 100  # characters of a value that is kept as it is


@dataclass(frozen=True)
class Constants:
    """The values that constant filters accept, by filter. A missing filter accepts all values.

    Attributes:
        values: what `token` makes of the values, by what `named` or `parent` makes of the filter.
    """

    values: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    @classmethod
    def of(cls, filters: Iterable[Filter], parents: Mapping[str, str]) -> Constants:
        """Those of filters and of variables of the collection's path."""
        values: dict[str, frozenset[str]] = {}
        for condition in filters:
            values[named(condition.field, condition.op)] = frozenset({token(condition.value)})
        for name, value in parents.items():
            values[parent(name)] = frozenset({token(value)})
        return cls(values)

    @classmethod
    def read(cls, text: str) -> Constants:
        """Those in what `text` has made.

        Raises:
            ValueError: it is something else.
        """
        found: dict[str, list[str]] = json.loads(text) if text else {}
        return cls({name: frozenset(values) for name, values in found.items()})

    @cached_property
    def text(self) -> str:
        """A text that is the same for the same constants; empty if there are none."""
        if not self.values:
            return ""
        return json.dumps({name: sorted(self.values[name]) for name in sorted(self.values)})

    def leave(self, name: str, value: Value) -> bool:
        """Whether a filter accepts a document with a value."""
        allowed = self.values.get(name)
        return allowed is None or token(value) in allowed

    def leave_path(self, variables: Mapping[str, str]) -> bool:
        """Whether the documents of a collection are accepted, by the variables of its path."""
        return all(self.leave(parent(name), value) for name, value in variables.items())

    def cover(self, others: Constants) -> bool:
        """Whether these accept everything that others accept."""
        return all(
            name in others.values and others.values[name] <= allowed
            for name, allowed in self.values.items()
        )

    def joined(self, others: Constants) -> Constants:
        """The constants that accept what these or others accept."""
        both = self.values.keys() & others.values.keys()
        return Constants({name: self.values[name] | others.values[name] for name in both})


ANY = Constants()


def named(path: str, op: str) -> str:
    """A filter's name."""
    return f"{path} {op}"


def parent(variable: str) -> str:
    """The name of the filter that a variable of the collection's path is."""
    return f"within {variable}"


def token(value: Value) -> str:
    """A short text that is the same for two values if and only if they are equal in Firestore."""
    text = canonical(value)
    if len(text) <= _LONGEST:
        return text
    encoded = text.encode("utf-8", "surrogatepass")
    return f"#{hashlib.blake2b(encoded, digest_size=16).hexdigest()}"

"""Field paths: the names that lead to a field, as one text.

`address.city` leads to the field `city` in the map `address`. A name that looks like a path (it
contains a dot), or like a quoted name (it contains a backtick or a backslash), is put in backticks,
as in Firestore: the one field `price.eur` has the path `` `price.eur` ``. All other names are used
unchanged, so paths of plain names look as if written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

_QUOTED = r"`(?:[^`\\]|\\.)*`"
_PATH = re.compile(rf"(?:{_QUOTED}|[^.`]+)(?:\.(?:{_QUOTED}|[^.`]+))*", re.DOTALL)
_NAME = re.compile(rf"{_QUOTED}|[^.`]+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_AMBIGUOUS = re.compile(r"[.`\\]")


def field_path(names: Iterable[str]) -> str:
    """The path that leads to a field by its name and those of the maps around it."""
    return ".".join(_in_backticks(n) if not n or _AMBIGUOUS.search(n) else n for n in names)


@lru_cache(maxsize=4096)
def names_in(path: str) -> tuple[str, ...]:
    """The names in a path: what `field_path` was given.

    Raises:
        ValueError: a name is empty, or a backtick has no other.
    """
    if _PATH.fullmatch(path) is None:
        raise ValueError(
            f"{path!r} is not a field path: names are joined by dots, and a name that contains a "
            "dot is put in backticks, as in '`price.eur`'"
        )
    return tuple(_ESCAPED.sub(r"\1", n[1:-1]) if n[0] == "`" else n for n in _NAME.findall(path))


@lru_cache(maxsize=4096)
def api_path(path: str) -> str:
    """The path as the Firestore API and index files take it: all but simple names in backticks."""
    return ".".join(quoted(name) for name in names_in(path))


def quoted(name: str) -> str:
    """A field's name as part of a path for the API: in backticks unless it is simple."""
    return name if name.isidentifier() and name.isascii() else _in_backticks(name)


def _in_backticks(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"

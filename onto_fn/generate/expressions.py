"""Write conditions of the rules language as text, with one clause per line."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from onto_fn.errors import DeclarationError

KEYWORDS = frozenset(
    """
    allow duration else false for function hashing if import in is latlng let match math not null
    package return rules_version service timestamp true var while
    """.split()  # noqa: SIM905
)
"""Reserved words of the language, according to the emulator's compiler."""
_METHODS = frozenset({"diff", "get", "keys", "size", "values"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.~-]*\Z")
_GROUP = 30
"""Maximum number of clauses between parentheses, so that the expression does not nest too deep."""


@dataclass(frozen=True)
class Joined:
    """Conditions that are joined by `&&` or `||`."""

    operator: Literal["&&", "||"]
    parts: tuple[str | Joined, ...]


@dataclass(frozen=True)
class Allow:
    """`allow get, list: if …;`."""

    methods: str
    condition: str | Joined


@dataclass(frozen=True)
class Match:
    """A block `match /path { … }`.

    Attributes:
        path: the pattern, with a leading slash.
        comments: comment lines above the block.
        allows: the allowed methods; everything else is denied.
        functions: the conditions of the block's functions, by heads such as `isCity(data)`.
    """

    path: str
    comments: tuple[str, ...]
    allows: tuple[Allow, ...]
    functions: dict[str, str | Joined] = field(default_factory=dict[str, "str | Joined"])

    def lines(self) -> list[str]:
        """The block's text."""
        text = [*comment(*self.comments), f"match {self.path} {{"]
        for allow in self.allows:
            text += _indented(_statement(f"allow {allow.methods}: if ", allow.condition))
        for head, condition in self.functions.items():
            text += ["", f"  function {head} {{"]
            text += _indented(_statement("return ", condition), 4)
            text += ["  }"]
        return [*text, "}"]


def every(*parts: str | Joined) -> str | Joined:
    """A condition that holds if all parts do."""
    return _joined("&&", tuple(part for part in parts if part != "true") or ("true",))


def either(*parts: str | Joined) -> str | Joined:
    """A condition that holds if one of the parts does."""
    return "true" if "true" in parts else _joined("||", parts)


def literal(value: object) -> str:
    """Write a value as a literal of the rules language.

    Raises:
        DeclarationError: the language has no literal for it.
    """
    match value:
        case bool() | None:
            return json.dumps(value)
        case int():
            return str(value) if -(2**63) <= value < 2**63 else f"{value}.0"
        case float() if math.isfinite(value):  # the language has no exponents
            text = format(Decimal(repr(value)), "f")
            return text if "." in text else f"{text}.0"
        case str():
            return f"'{''.join(map(_escaped, value))}'"
        case _:
            raise DeclarationError(f"the rules language has no literal for {value!r}")


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if "\ud800" <= character <= "\udfff":
        raise DeclarationError(f"{character!r} is half a surrogate pair, which text cannot have")
    return character if character.isprintable() else _by_number(character)


def _by_number(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def is_name(text: str) -> bool:
    """Whether a text is a valid name for a variable or function of the rules."""
    return _NAME.match(text) is not None and text not in KEYWORDS


def is_segment(text: str) -> bool:
    """Whether an id of a collection or document can stand unchanged in a path."""
    return _SEGMENT.match(text) is not None


def member(data: str, name: str) -> str:
    """The expression for a value of a map: `data.city` or `data['a b']`."""
    if is_name(name) and name not in _METHODS:
        return f"{data}.{name}"
    return f"{data}[{literal(name)}]"


def names(values: list[str]) -> str:
    """Write a list of texts in the rules language."""
    return f"[{', '.join(literal(value) for value in values)}]"


def comment(*texts: str) -> list[str]:
    """Write comment lines. No character of a name can end its line."""
    lines = ["".join(c if c.isprintable() else " " for c in text) for text in texts]
    return [f"// {line}".rstrip() for line in lines]


def text_of(condition: str | Joined) -> str:
    """A condition on one line, the form for `cost_of`."""
    return " ".join(_lines(condition))


def grouped(condition: str | Joined) -> str | Joined:
    """Put parentheses around groups of clauses, so that a condition of many nests less deep."""
    if isinstance(condition, str):
        return condition
    parts = [grouped(part) for part in condition.parts]
    if len(parts) > 2 * _GROUP:
        groups = [parts[at : at + _GROUP] for at in range(0, len(parts), _GROUP)]
        parts = [Joined(condition.operator, tuple(group)) for group in groups]
    return Joined(condition.operator, tuple(parts))


def _joined(operator: Literal["&&", "||"], parts: tuple[str | Joined, ...]) -> str | Joined:
    flat: list[str | Joined] = []
    for part in parts:
        if isinstance(part, Joined) and part.operator == operator:
            flat += part.parts
        elif part not in flat:
            flat.append(part)
    return flat[0] if len(flat) == 1 else Joined(operator, tuple(flat))


def _statement(head: str, condition: str | Joined) -> list[str]:
    first, *rest = _lines(condition)
    text = [head + first, *_indented(rest)]
    text[-1] += ";"
    return text


def _lines(condition: str | Joined) -> list[str]:
    if isinstance(condition, str):
        return [condition]
    text: list[str] = []
    for part in condition.parts:
        first, *rest = _lines(part)
        # `||` binds less tightly than `&&`. A group with the same operator is from `grouped`.
        if isinstance(part, Joined) and part.operator in {"||", condition.operator}:
            lines = [f"({first}", *rest]
            lines[-1] += ")"
            first, *rest = lines
        operator = f"{condition.operator} " if text else ""
        text += [operator + first, *_indented(rest)]
    return text


def _indented(lines: list[str], columns: int = 2) -> list[str]:
    return [" " * columns + line if line else line for line in lines]

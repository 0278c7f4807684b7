"""Conditions of the rules language, as text with one clause a line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Literal

# Names that are no methods of a map.
_PLAIN = re.compile(r"(?!(?:diff|get|keys|size|values)\Z)[A-Za-z_][A-Za-z0-9_]*\Z")


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
    """`match /path { … }`, with the declaration that it comes from.

    Attributes:
        path: the pattern, with a leading slash.
        comments: lines above it.
        allows: what is allowed; everything else is denied.
        functions: functions of the block, by their heads such as `isCity(data)`.
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
    """A value as the rules language writes it.

    Raises:
        TypeError: it has no form there.
    """
    match value:
        case bool() | None:
            return json.dumps(value)
        case int() | float():
            return repr(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            return f"'{escaped.replace(chr(10), chr(92) + 'n')}'"
        case _:
            raise TypeError(f"the rules language has no literal for {value!r}")


def member(data: str, name: str) -> str:
    """The expression of a map's value: `data.city`, or `data['a b']`."""
    return f"{data}.{name}" if _PLAIN.match(name) else f"{data}[{literal(name)}]"


def names(values: list[str]) -> str:
    """A list of texts as the rules language writes it."""
    return f"[{', '.join(literal(value) for value in values)}]"


def comment(*texts: str) -> list[str]:
    """Lines of comments."""
    return [f"// {text}".rstrip() for text in texts]


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
        if isinstance(part, Joined) and part.operator == "||":  # it binds less than `&&`
            lines = [f"({first}", *rest]
            lines[-1] += ")"
            first, *rest = lines
        operator = f"{condition.operator} " if text else ""
        text += [operator + first, *_indented(rest)]
    return text


def _indented(lines: list[str], columns: int = 2) -> list[str]:
    return [" " * columns + line if line else line for line in lines]

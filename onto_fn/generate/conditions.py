"""Conditions on one value: its size, length, bounds, and where it is."""

from __future__ import annotations

from collections.abc import Iterator

from onto_fn.generate.expressions import (
    literal,
)
from onto_fn.requests.compound_shapes import Either
from onto_fn.requests.shapes import (
    Number,
    Shape,
    Text,
)

COMPARISONS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
}

EMOJI = r"[^\x{0}-\x{FFFF}]"
"""Characters that `size` counts as two."""
MAX_REPEAT = 1_000  # of RE2


def options_of(shape: Shape) -> Iterator[Shape]:
    """The shapes that a value may have."""
    if isinstance(shape, Either):
        for part in shape.parts:
            yield from options_of(part)
    else:
        yield shape


def length_of(text: Text, value: str) -> list[str]:
    """Conditions on the characters of a text; `size` would count an emoji as two."""
    least, most = text.least, text.most
    if most <= MAX_REPEAT:
        count = f"{most}" if least == most else f"{least},{most}"
        return [f"{value}.matches('(?s).{{{count}}}')"]
    characters = f"{value}.replace({literal(EMOJI)}, '.').size()"
    clauses = [f"{characters} <= {most}"]
    if 0 < least <= MAX_REPEAT:
        clauses.append(f"{value}.matches('(?s).{{{least},}}')")
    elif least:
        clauses.append(f"{characters} >= {least}")
    return clauses


def bounds_of(number: Number, value: str) -> list[str]:
    """That a number is within the bounds of its shape."""
    clauses = [f"{value} is {'int' if number.is_integer else 'number'}"]
    clauses += [f"{value} {COMPARISONS[name]} {literal(bound)}" for name, bound in number.bounds]
    if number.multiple_of is not None:
        clauses.append(f"{value} % {literal(number.multiple_of)} == 0")
    return clauses


def size_of(value: str, least: int, most: int) -> list[str]:
    """That a value has from `least` to `most` parts or bytes."""
    if least == most:
        return [f"{value}.size() == {most}"]
    return [f"{value}.size() >= {least}"] * bool(least) + [f"{value}.size() <= {most}"]


def local_name(head: str) -> str:
    """Name of the function that a head declares."""
    return head.partition("(")[0]


def place_of(path: str, name: str) -> str:
    """Path of a field within the document, for a reader."""
    return f"{path}.{name}" if path else name

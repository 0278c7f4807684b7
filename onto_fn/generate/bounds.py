"""Write conditions on one value: on its size, length and bounds."""

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
MAX_REPEAT = 1_000  # the limit of RE2


def options_of(shape: Shape) -> Iterator[Shape]:
    """Yield the alternative shapes of a value."""
    if isinstance(shape, Either):
        for part in shape.parts:
            yield from options_of(part)
    else:
        yield shape


def length_of(text: Text, value: str) -> list[str]:
    """Conditions on the number of characters of a text; `size` would count an emoji as two."""
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
    """Conditions that a number is within the bounds of its shape."""
    clauses = [f"{value} is {'int' if number.is_integer else 'number'}"]
    clauses += [f"{value} {COMPARISONS[name]} {literal(bound)}" for name, bound in number.bounds]
    if number.multiple_of is not None:
        clauses.append(f"{value} % {literal(number.multiple_of)} == 0")
    return clauses


def size_of(value: str, least: int, most: int) -> list[str]:
    """Conditions that a value has from `least` to `most` parts or bytes."""
    if least == most:
        return [f"{value}.size() == {most}"]
    return [f"{value}.size() >= {least}"] * bool(least) + [f"{value}.size() <= {most}"]


def local_name(head: str) -> str:
    """The name in the head of a function, such as `isCity` in `isCity(data)`."""
    return head.partition("(")[0]


def place_of(path: str, name: str) -> str:
    """The dotted path of a field within the document, for people."""
    return f"{path}.{name}" if path else name

"""What the fields of a request must be, as conditions on the document that a client writes.

The conditions are made from the shape by which a function checks the request as well
(`onto_fn.requests.shapes`), so that both refuse the same. What the rules language cannot ask, or
cannot ask within Firestore's limits, is left to the function by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from onto_fn.errors import DeclarationError
from onto_fn.firestore.paths import MAX_SEGMENT_BYTES
from onto_fn.generate.conditions import (
    bounds_of,
    length_of,
    local_name,
    options_of,
    place_of,
    size_of,
)
from onto_fn.generate.costs import MAX_EXPRESSIONS, MAX_NESTING, Cost, Function, cost_of
from onto_fn.generate.expressions import (
    Joined,
    either,
    every,
    grouped,
    is_name,
    literal,
    member,
    names,
    text_of,
)
from onto_fn.generate.patterns import rules_pattern
from onto_fn.models.schema import row_named
from onto_fn.requests.compound_shapes import Either, Entries, Items, Named, Record
from onto_fn.requests.shapes import (
    MAX_PATH,
    MAX_TEXT,
    Anything,
    Boolean,
    Bytes,
    Choice,
    Identifier,
    Link,
    Null,
    Number,
    Numbers,
    Point,
    Shape,
    Text,
    Time,
)

HELPERS = frozenset({"hasClaim", "isUser", "signedIn"})
"""Functions of all blocks, which no function of a block may hide."""
MAX_CHECKED_ITEMS = 10
"""Up to this `max_length`, each item of a list is checked."""
_ROWS: dict[type[Shape], str] = {
    Boolean: "bool",
    Time: "datetime",
    Point: "GeoPoint",
    Numbers: "Vector",
}
"""Rows of the types table that say all there is to ask."""

Condition = str | Joined


@dataclass(frozen=True)
class Checks:
    """The conditions of one request.

    Attributes:
        functions: functions of the rules, by head; the first is the whole check.
        left: what only the function checks, and why.
    """

    functions: dict[str, Condition]
    left: tuple[str, ...] = ()


def checks_of(
    record: Record, name: str, around: str, helpers: Mapping[str, Function], spent: int = 0
) -> Checks:
    """The conditions that a document has the fields of a record and no others.

    Args:
        record: the shape of the document.
        name: of the function that asks.
        around: the condition of the rules that calls it, since Firestore's limits are on both.
        helpers: functions that the condition calls besides.
        spent: expressions that other blocks may have evaluated before.

    Raises:
        DeclarationError: not even the names of the fields can be asked for.
    """
    dropped: dict[str, str] = {}
    why = ""
    while True:
        writer = _Writer(name, frozenset(dropped))
        functions = writer.whole(record)
        called = {local_name(head): Function(text_of(c)) for head, c in functions.items()}
        cost = cost_of(around, {**helpers, **called})
        choices = sorted(writer.parts, key=lambda part: part.rank, reverse=True)
        cost = replace(cost, expressions=cost.expressions + spent)
        if cost.fits:
            left = list(dict.fromkeys(writer.left))
            if dropped:
                left.append(f"{', '.join(dropped.values())} ({why})")
            return Checks(functions, tuple(left))
        why = why or _why(cost)
        if not choices:
            raise DeclarationError(
                f"{record.name}: {why}, and no further check can be left to the function. Declare "
                "fewer fields, or move some of them into an embedded model"
            )
        dropped |= _dropped(choices, cost)


def _dropped(choices: list[_Part], cost: Cost) -> dict[str, str]:
    """The dearest parts without which the request would fit."""
    excess = cost.expressions - MAX_EXPRESSIONS
    dropped: dict[str, str] = {}
    for part in choices:
        if dropped and (excess <= 0 or part.kind != choices[0].kind):
            break
        dropped[part.key] = part.name
        excess -= part.cost + 1  # and an `&&`; but where it is required, its name is asked for
    return dropped


def _why(cost: Cost) -> str:
    if cost.expressions > MAX_EXPRESSIONS:
        return (
            f"all checks together would cost {cost.expressions:,} expressions; Firestore evaluates "
            f"at most {MAX_EXPRESSIONS:,}"
        )
    return f"the checks would nest {cost.nesting} levels; Firestore allows {MAX_NESTING}"


@dataclass(frozen=True)
class _Part:
    """A part of the check that can be left to the function.

    Attributes:
        kind: of parts; those of a greater kind are left first.
        path: of the field.
        name: what is left, for the comment.
        cost: expressions that are evaluated for it.
    """

    kind: int
    path: str
    name: str
    cost: int

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.path}"

    @property
    def rank(self) -> tuple[int, int, str]:
        return self.kind, self.cost, self.path


_FIELD, _RECORD, _ITEMS = range(3)


@dataclass
class _Writer:
    """Writes the conditions of one request.

    Attributes:
        check: name of the function that asks for all.
        dropped: the parts that are left to the function for their cost.
        functions: those of the items of lists, by head.
        parts: what can be left to the function.
        left: what has to be.
    """

    check: str
    dropped: frozenset[str]
    functions: dict[str, Condition] = field(default_factory=dict[str, Condition])
    parts: list[_Part] = field(default_factory=list[_Part])
    left: list[str] = field(default_factory=list[str])
    _asked: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])

    def whole(self, record: Record) -> dict[str, Condition]:
        condition = self.record(record, "data", "", frozenset())
        return {f"{self.check}(data)": grouped(condition), **self.functions}

    def record(
        self, record: Record, data: str, path: str, within: frozenset[str], *, is_item: bool = False
    ) -> Condition:
        """The condition of a map whose keys are declared."""
        clauses: list[Condition] = []
        unasked: list[str] = []
        for name, shape in record.fields.items():
            clause = self.field(record, name, shape, data, place_of(path, name), within)
            if clause is None:
                unasked.append(name)
            else:
                clauses.append(clause)
        required = [name for name in record.fields if name in record.required]
        if record.is_open:
            clauses.insert(0, f"{data}.size() <= {1_000}")
            return every(f"{data} is map", *clauses)
        # A required field of which something is asked has to be there, or the expression fails.
        if is_item and len(required) == len(record.fields) and not unasked:
            return every(f"{data}.size() == {len(required)}", *clauses)
        keys = [f"{data}.keys().hasOnly({names(list(record.fields))})"]
        missing = [name for name in required if name in unasked]
        if missing:
            keys.append(f"{data}.keys().hasAll({names(missing)})")
        return every(*keys, *clauses)

    def field(
        self,
        record: Record,
        name: str,
        shape: Shape,
        data: str,
        path: str,
        within: frozenset[str],
    ) -> Condition | None:
        """The condition of one field, or None if nothing is asked."""
        if f"{_FIELD}:{path}" in self.dropped:
            return None
        value = member(data, name)
        parts = list(options_of(shape))
        known = [part for part in parts if part != Null()]
        condition = self.alternatives(known, value, path, within)
        if condition is None:
            return None
        if name in record.required:
            absent = [f"{value} == null"] if Null() in parts else []
        elif Null() in parts:
            absent = [f"{data}.get({literal(name)}, null) == null"]
        else:
            absent = [f"!({literal(name)} in {data})"]
        asked = either(*absent, condition)
        self.parts.append(_Part(_FIELD, path, path, self.cost(asked)))
        return asked

    def alternatives(
        self, shapes: list[Shape], value: str, path: str, within: frozenset[str]
    ) -> Condition | None:
        """The condition that one of several shapes fits; None if any value does."""
        conditions = [self.of(shape, value, path, within) for shape in shapes]
        known = [condition for condition in conditions if condition is not None]
        if len(known) < len(conditions):
            return None
        return either(*known) if known else f"{value} == null"

    def of(self, shape: Shape, value: str, path: str, within: frozenset[str]) -> Condition | None:
        """The condition that a value fits a shape; None if any does."""
        match shape:
            case Anything():
                return None
            case Null():
                return f"{value} == null"
            case Named(name):
                if name in within:
                    self.left.append(f"the content of {path}, because its type contains itself")
                    return f"{value} is map"
                return self.of(shape.shape, value, path, within | {name})
            case Either(parts):
                return self.alternatives(list(parts), value, path, within)
            case Choice(values):
                written = [literal(item) for item in values]
                if len(written) == 1:
                    return f"{value} == {written[0]}"
                return f"{value} in [{', '.join(written)}]"
            case Link():
                text = every(f"{value} is string", f"{value}.size() <= {MAX_PATH}")
                return either(f"{value} is path", text)
            case Identifier():
                return every(f"{value} is string", *size_of(value, 1, MAX_SEGMENT_BYTES))
            case Text():
                return self.text(shape, value, path)
            case Number():
                return every(*bounds_of(shape, value))
            case Bytes(least, most):
                return every(f"{value} is bytes", *size_of(value, least, most))
            case Items():
                return self.list(shape, value, path, within)
            case Entries(values, least, most):
                if values != Anything():
                    self.left.append(
                        f"the values of {path}, because the rules language has no loops"
                    )
                return every(f"{value} is map", *size_of(value, least, most))
            case Record():
                if f"{_RECORD}:{path}" in self.dropped:
                    return f"{value} is map"
                condition = self.record(shape, value, path, within)
                cost = self.cost(condition)
                self.parts.append(_Part(_RECORD, path, f"what {path} holds", cost))
                return condition
            case _:
                return row_named(_ROWS[type(shape)]).rule.format(value=value)

    def text(self, text: Text, value: str, path: str) -> Condition:
        clauses: list[str] = []
        is_bounded = False
        if text.pattern is not None:
            pattern = rules_pattern(text.pattern, is_python=text.is_python)
            if pattern is None:
                self.left.append(f"the pattern of {path}, which rules cannot check")
            else:
                clauses.append(f"{value}.matches({literal(pattern)})")
                is_bounded = pattern.startswith("^") and not re.search(r"[*+]|,\}", pattern)
        if not is_bounded or text.most != MAX_TEXT:
            clauses += length_of(text, value)
        return every(*clauses)

    def list(self, items: Items, value: str, path: str, within: frozenset[str]) -> Condition:
        clauses: list[Condition] = [f"{value} is list", *size_of(value, items.least, items.most)]
        shape = items.items.shape if isinstance(items.items, Named) else items.items
        if isinstance(shape, Choice) and not items.places:
            return every(*clauses, f"{value}.hasOnly([{', '.join(map(literal, shape.values))}])")
        for place, part in enumerate(items.places):
            condition = self.of(part, f"{value}[{place}]", f"{path}.{place}", within)
            clauses += [] if condition is None else [condition]
        more = range(len(items.places), items.most)
        if shape == Anything() or not more:
            return every(*clauses)
        if items.most > MAX_CHECKED_ITEMS:
            self.left.append(f"each item of {path}, a list of more than {MAX_CHECKED_ITEMS}")
            return every(*clauses)
        if f"{_ITEMS}:{path}" in self.dropped:
            return every(*clauses)
        asked = self.items(items, value, path, within, more)
        if asked:
            cost = sum(map(self.cost, asked))
            self.parts.append(_Part(_ITEMS, path, f"each item of {path}", cost))
        return every(*clauses, *asked)

    def items(
        self, items: Items, value: str, path: str, within: frozenset[str], places: range
    ) -> list[Condition]:
        """The conditions of the items of a list, one for each place."""
        function = self.function(items.items, f"{path}[]", within) if len(places) > 1 else None
        asked: list[Condition] = []
        for place in places:
            item = f"{value}[{place}]"
            if function:
                condition: Condition | None = f"{function}({item})"
            else:
                condition = self.of(items.items, item, f"{path}[]", within)
            if condition is None:
                return []
            if place < items.least:
                asked.append(condition)
            else:
                asked.append(either(f"{value}.size() <= {place}", condition))
        return asked

    def function(self, shape: Shape, path: str, within: frozenset[str]) -> str | None:
        """The function that checks an item which is a map: its name, or None for another item."""
        inner = within
        while isinstance(shape, Named) and shape.name not in inner:
            inner |= {shape.name}
            shape = shape.shape
        if not isinstance(shape, Record):
            return None
        condition = self.record(shape, "item", path, inner, is_item=True)
        self.parts = [part for part in self.parts if not part.path.startswith(f"{path}.")]
        for head, known in self.functions.items():
            if known == condition:
                return local_name(head)
        wanted = f"is{shape.name}"
        name = wanted if is_name(wanted) else f"{self.check}Item"
        taken = {self.check, *HELPERS, *map(local_name, self.functions)}
        number = 2
        while name in taken:
            name = f"{wanted if is_name(wanted) else self.check}{number}"
            number += 1
        self.functions[f"{name}(item)"] = grouped(condition)
        return name

    def cost(self, condition: Condition) -> int:
        known = {local_name(head): Function(text_of(c)) for head, c in self.functions.items()}
        return cost_of(text_of(condition), known).expressions

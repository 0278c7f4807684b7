"""Write the conditions on the fields of a request, for the document that a client writes.

The conditions come from the shape with which the function checks the request too
(`onto_fn.requests.shapes`), so that rules and function refuse the same documents. Some checks are
impossible in the rules language or exceed Firestore's limits. They are left to the function, and a
comment names them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from onto_fn.errors import DeclarationError
from onto_fn.firestore.paths import MAX_SEGMENT_BYTES
from onto_fn.generate.bounds import (
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
"""Functions for all blocks. A block's own functions must have other names."""
MAX_CHECKED_ITEMS = 10
"""The items of a list are checked if its `max_length` is at most this."""
_ROWS: dict[type[Shape], str] = {
    Boolean: "bool",
    Time: "datetime",
    Point: "GeoPoint",
    Numbers: "Vector",
}
"""Shapes whose complete check is in the types table, with the row's name."""

Condition = str | Joined


@dataclass(frozen=True)
class Checks:
    """The conditions of one request.

    Attributes:
        functions: functions of the rules, by head. The first one checks the whole document.
        left: the checks that are left to the Firebase function, with the reason.
    """

    functions: dict[str, Condition]
    left: tuple[str, ...] = ()


def checks_of(
    record: Record, name: str, around: str, helpers: Mapping[str, Function], spent: int = 0
) -> Checks:
    """Write conditions that a document has the fields of a record and no others.

    Args:
        record: the shape of the document.
        name: name of the function that checks the document.
        around: the condition that calls it; Firestore's limits apply to both together.
        helpers: other functions that the condition calls.
        spent: number of expressions that other blocks may have evaluated before.

    Raises:
        DeclarationError: even a check of the fields' names alone exceeds Firestore's limits.
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
    """The most expensive parts whose removal makes the check fit."""
    excess = cost.expressions - MAX_EXPRESSIONS
    dropped: dict[str, str] = {}
    for part in choices:
        if dropped and (excess <= 0 or part.kind != choices[0].kind):
            break
        dropped[part.key] = part.name
        excess -= part.cost + 1  # with its `&&`; the name of a required field is still checked
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
    """A part of the check that can be left to the Firebase function.

    Attributes:
        kind: the kind of the part. Parts of a greater kind are left out first.
        path: path of the field.
        name: the part's description for the comment.
        cost: number of expressions that are evaluated for it.
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
        check: name of the function that checks the whole document.
        dropped: the parts that are left to the Firebase function because of their cost.
        functions: the functions for items of lists, by head.
        parts: the parts that can be left to the Firebase function.
        left: the parts that must be left to it.
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
        """The condition for a map with declared keys."""
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
        # A condition on a missing field fails, so it also checks that the field is there.
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
        """The condition on one field, or None if it needs none."""
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
        """The condition that a value fits one of several shapes; None if any value fits."""
        conditions = [self.of(shape, value, path, within) for shape in shapes]
        known = [condition for condition in conditions if condition is not None]
        if len(known) < len(conditions):
            return None
        return either(*known) if known else f"{value} == null"

    def of(self, shape: Shape, value: str, path: str, within: frozenset[str]) -> Condition | None:
        """The condition that a value fits a shape; None if any value fits."""
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
        """The conditions on the items of a list, one per index."""
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
        """The name of a function that checks a map in a list, None if the item is not a map."""
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

"""What an expression of the security rules language costs, as Firestore counts it.

Firestore evaluates at most 1,000 expressions for one request, and compiles no expression that nests
deeper than 99 levels. A request that is valid and costs more is denied, so `onto generate` has to
know before. The numbers here were measured on the Firestore emulator; the tests measure them again.

Each literal, variable, member, index, call and operator is one expression. `is` is two (the type is
one), `&&` and `||` are two where their right side is evaluated. Parentheses are free. A call adds
all that its function evaluates; each `let` adds one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_EXPRESSIONS = 1_000
"""Expressions that are evaluated for one request."""
MAX_NESTING = 99
"""Levels of one expression."""
MAX_CALLS = 20
"""Functions that call each other, one within the other."""
MAX_LETS = 10
"""`let` bindings of one function."""
MAX_ARGUMENTS = 7
"""Arguments of one function."""
MAX_SOURCE_BYTES = 256 * 1024
"""Size of the file; the emulator takes larger ones, Firestore does not."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<number>\d+(?:\.\d+)?|\.\d+)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!()\[\]{},.:])
    )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "is"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
"""Operators, the loosest first."""


@dataclass(frozen=True)
class Cost:
    """The cost of an expression.

    Attributes:
        expressions: how many are evaluated if all of it is; no request costs more.
        nesting: levels of the expression.
        calls: levels of functions that call each other.
    """

    expressions: int
    nesting: int = 1
    calls: int = 0

    @property
    def fits(self) -> bool:
        """Whether Firestore compiles it, and evaluates it for every request."""
        return (
            self.expressions <= MAX_EXPRESSIONS
            and self.nesting <= MAX_NESTING
            and self.calls <= MAX_CALLS
        )


@dataclass(frozen=True)
class Function:
    """A function of the rules: `let` bindings, and what it returns."""

    returns: str
    lets: tuple[str, ...] = ()


def cost_of(expression: str, functions: Mapping[str, Function] | None = None) -> Cost:
    """The cost of an expression, all parts of which are evaluated.

    Args:
        expression: as the rules have it; `true && data.size() <= 3`.
        functions: what it may call, by name. Another function costs nothing but the call.

    Raises:
        ValueError: it is no expression.
    """
    return _Parser(expression, functions or {}).whole()


@dataclass
class _Parser:
    text: str
    functions: Mapping[str, Function]
    known: dict[str, Cost] = field(default_factory=dict[str, Cost])
    tokens: list[tuple[str, str]] = field(init=False)
    place: int = 0

    def __post_init__(self) -> None:
        self.tokens = []
        end = 0
        text = self.text.rstrip()
        while end < len(text):
            found = _TOKEN.match(text, end)
            if found is None:
                raise ValueError(
                    f"not an expression of the rules language: {text[end : end + 40]!r}"
                )
            self.tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            end = found.end()

    def whole(self) -> Cost:
        cost = self._level(0)
        if self.place != len(self.tokens):
            raise ValueError(f"{self.tokens[self.place][1]!r} is not expected in {self.text!r}")
        return cost

    def _next(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def _take(self, sign: str = "") -> str:
        token = self._next()
        if not token or (sign and token != sign):
            raise ValueError(f"{sign or 'more'} is expected, not {token!r}, in {self.text!r}")
        self.place += 1
        return token

    def _level(self, level: int) -> Cost:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self._next() in _LEVELS[level] and self.tokens[self.place][0] != "text":
            operator = self._take()
            right = self._level(level + 1)
            own = 2 if operator in {"&&", "||"} else 1
            left = _above(own, left, right)
        return left

    def _unary(self) -> Cost:
        if self._next() in {"!", "-"}:
            self._take()
            return _above(1, self._unary())
        return self._postfix()

    def _postfix(self) -> Cost:
        cost = self._primary()
        while self._next() in {".", "["}:
            if self._take() == "[":
                cost = _beside(cost, _above(1, self._level(0)))
                self._take("]")
                continue
            self._take()
            own = Cost(1)
            if self._next() == "(":
                own = _above(1, *self._until("(", ")"))
            cost = _beside(cost, own)
        return cost

    def _primary(self) -> Cost:
        kind = self.tokens[self.place][0] if self.place < len(self.tokens) else ""
        token = self._take()
        if kind in {"text", "number"}:
            return Cost(1)
        if kind == "name":
            if self._next() != "(":
                return Cost(1)
            called = _above(1, *self._until("(", ")"))
            return self._called(token, called)
        self.place -= 1
        if token == "(":
            (inner,) = self._until("(", ")")
            return Cost(inner.expressions, inner.nesting + 1, inner.calls)
        if token == "[":
            return _above(1, *self._until("[", "]"))
        raise ValueError(f"{token!r} is not expected in {self.text!r}")

    def _until(self, opening: str, closing: str) -> list[Cost]:
        self._take(opening)
        parts: list[Cost] = []
        while self._next() != closing:
            parts.append(self._level(0))
            if self._next() != closing:
                self._take(",")
        self._take(closing)
        return parts

    def _called(self, name: str, call: Cost) -> Cost:
        function = self.functions.get(name)
        if function is None:
            return call
        if name not in self.known:
            parts = [function.returns, *function.lets]
            costs = [_Parser(part, self.functions, self.known).whole() for part in parts]
            # Its own nesting is that of an expression by itself.
            self.known[name] = Cost(
                sum(cost.expressions for cost in costs) + len(function.lets),
                max(cost.nesting for cost in costs),
                1 + max(cost.calls for cost in costs),
            )
        body = self.known[name]
        return Cost(call.expressions + body.expressions, call.nesting, max(call.calls, body.calls))


def _above(own: int, *parts: Cost) -> Cost:
    """An expression with parts one level below it."""
    return Cost(
        own + sum(part.expressions for part in parts),
        1 + max((part.nesting for part in parts), default=0),
        max((part.calls for part in parts), default=0),
    )


def _beside(value: Cost, more: Cost) -> Cost:
    """A value and what follows it: a chain of members is no level of its own."""
    return Cost(
        value.expressions + more.expressions,
        max(value.nesting, more.nesting),
        max(value.calls, more.calls),
    )

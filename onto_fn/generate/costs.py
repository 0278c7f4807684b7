"""Compute the cost of an expression in the security rules language, as Firestore counts it.

Firestore evaluates at most 1,000 expressions per request, and compiles no expression that nests
deeper than 99 levels. It denies a valid request that costs more, so `onto generate` computes the
cost in advance. The numbers here were measured on the Firestore emulator, and the tests measure
them again.

Each literal, variable, member, index, call and operator is one expression. `is` counts as two,
because its type is one. `&&` and `||` count as two if their right side is evaluated. Parentheses
are free. A call adds the cost of its function; each `let` adds one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_EXPRESSIONS = 1_000
"""Maximum number of expressions evaluated per request."""
MAX_NESTING = 99
"""Maximum number of levels of one expression."""
MAX_CALLS = 20
"""Maximum depth of functions that call each other."""
MAX_LETS = 10
"""Maximum number of `let` bindings of one function."""
MAX_ARGUMENTS = 7
"""Maximum number of arguments of one function."""
MAX_SOURCE_BYTES = 256 * 1024
"""Maximum size of the file. The emulator accepts larger files; Firestore does not."""

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
"""Operators; the loosest binding comes first."""


@dataclass(frozen=True)
class Cost:
    """The cost of an expression.

    Attributes:
        expressions: number of evaluated expressions if every part is evaluated, which is the most.
        nesting: number of levels of the expression.
        calls: depth of functions that call each other.
    """

    expressions: int
    nesting: int = 1
    calls: int = 0

    @property
    def fits(self) -> bool:
        """Whether Firestore compiles the expression and can evaluate it for every request."""
        return (
            self.expressions <= MAX_EXPRESSIONS
            and self.nesting <= MAX_NESTING
            and self.calls <= MAX_CALLS
        )


@dataclass(frozen=True)
class Function:
    """A function of the rules: its `let` bindings and the expression that it returns."""

    returns: str
    lets: tuple[str, ...] = ()


def cost_of(expression: str, functions: Mapping[str, Function] | None = None) -> Cost:
    """Compute the cost of an expression if every part is evaluated.

    Args:
        expression: an expression of the rules, such as `true && data.size() <= 3`.
        functions: the functions that it may call, by name. For any other function, only the call
            counts.

    Raises:
        ValueError: the text is not an expression.
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
            # The body's nesting is counted separately from that of the call.
            self.known[name] = Cost(
                sum(cost.expressions for cost in costs) + len(function.lets),
                max(cost.nesting for cost in costs),
                1 + max(cost.calls for cost in costs),
            )
        body = self.known[name]
        return Cost(call.expressions + body.expressions, call.nesting, max(call.calls, body.calls))


def _above(own: int, *parts: Cost) -> Cost:
    """The cost of an expression whose parts are one level below it."""
    return Cost(
        own + sum(part.expressions for part in parts),
        1 + max((part.nesting for part in parts), default=0),
        max((part.calls for part in parts), default=0),
    )


def _beside(value: Cost, more: Cost) -> Cost:
    """The cost of a value and its next member; a chain of members does not nest deeper."""
    return Cost(
        value.expressions + more.expressions,
        max(value.nesting, more.nesting),
        max(value.calls, more.calls),
    )

r"""Translate the patterns of declared fields for the security rules language.

Pydantic searches a text with Rust's regular expressions; rules match a whole text with RE2. The two
are similar. But `\d` is any decimal digit in Rust and 0 to 9 in RE2, and each has a few forms that
the other lacks. A pattern without an exact form in RE2 is left to the Firebase function.
"""

from __future__ import annotations

import re

_MAX_REPEATS = 1_000  # the limit of RE2
_SPACES = (
    r"\t\n\v\f\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"
)
_WORDS = (
    r"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200C}\x{200D}"
    r"\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189}"
)
_OUTSIDE = {
    r"\d": r"\p{Nd}",
    r"\D": r"\P{Nd}",
    r"\s": f"[{_SPACES}]",
    r"\S": f"[^{_SPACES}]",
    r"\w": f"[{_WORDS}]",
    r"\W": f"[^{_WORDS}]",
    r"\v": r"\x0B",
}
_INSIDE = {
    r"\d": r"\p{Nd}",
    r"\D": r"\P{Nd}",
    r"\s": _SPACES,
    r"\w": _WORDS,
    r"\v": r"\x0B",
}
_SIGNS = frozenset("(){}?*+|.$")
_TOKEN = re.compile(
    r"""
      \\(?:[pP](?:[A-Z][a-z]?|\{[A-Z][a-z]?\}))          # a general category
    | \\[uU]\{(?P<braces>[0-9A-Fa-f]{1,6})\}
    | \\u(?P<four>[0-9A-Fa-f]{4})
    | \\U(?P<eight>[0-9A-Fa-f]{8})
    | \\x(?:[0-9A-Fa-f]{2}|\{[0-9A-Fa-f]{1,6}\})
    | \\[dDsSwWAz]
    | \\[tnrfav]
    | \\[^\w\s]                                           # a sign that stands for itself
    | \[:\^?[a-z]+:\]                                     # in a class only
    | \(\?(?:P?<[A-Za-z_]\w*>|[ims]*(?:-[ims]+)?[:)])
    | \{\d+(?:,\d*)?\}
    | [^\\]
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


def rules_pattern(pattern: str, *, is_python: bool = False) -> str | None:
    """Translate to a pattern that matches a whole text if and only if pydantic finds `pattern`.

    Args:
        pattern: the declared pattern.
        is_python: whether pydantic searches with Python's `re`.

    Returns:
        The pattern for `matches`; None if RE2 lacks an equivalent form.
    """
    if is_python and re.search(r"\$|\\[wWbBdDsSZ]|\(\?", pattern):
        return None  # Python's `$` also matches before a final line break; its classes differ too
    translated = _translated(pattern)
    if translated is None:
        return None
    if translated.startswith("^") and _ends(translated) and "|" not in translated:
        return translated
    return f"(?s:.*)(?:{translated})(?s:.*)"


def _translated(pattern: str) -> str | None:
    made: list[str] = []
    place, in_class, class_start = 0, False, 0
    repeats = _Repeats()
    while place < len(pattern):
        found = _TOKEN.match(pattern, place)
        if found is None:
            return None
        token = found[0]
        code = found["braces"] or found["four"] or found["eight"]
        place = found.end()
        if code is not None:
            made.append(f"\\x{{{code}}}")
        elif in_class:
            part = _in_class(token, pattern, place, is_first=found.start() == class_start)
            if part is None:
                return None
            in_class = token != "]" or found.start() == class_start
            made.append(part)
        elif token == "[":
            in_class = True
            made.append(token)
            if pattern[place : place + 1] == "^":
                made.append("^")
                place += 1
            class_start = place
        elif token.startswith("{") and len(token) > 1:
            repeats.again(max(int(number) for number in re.findall(r"\d+", token)))
            made.append(token)
        elif token.startswith("[:") or (token == "(" and pattern[place : place + 1] == "?"):
            return None
        elif token.startswith(("(?P<", "(?<")):
            repeats.open()
            made.append("(?:")
        else:
            if token.startswith("(") and not token.endswith(")"):
                repeats.open()
            elif token == ")":
                repeats.close()
            else:
                repeats.inner = 1
            made.append(_OUTSIDE.get(token, token))
    if in_class or repeats.most > _MAX_REPEATS or _is_repeated_twice(pattern):
        return None
    return "".join(made)


class _Repeats:
    """Counts the repetitions of nested groups, whose product RE2 limits."""

    def __init__(self) -> None:
        self.most = 1
        self.inner = 1  # repetitions in the element that was read last
        self._around: list[int] = []

    def open(self) -> None:
        """Begin a group."""
        self._around.append(self.most)
        self.most = self.inner = 1

    def close(self) -> None:
        """End a group."""
        self.inner = self.most
        self.most = max(self.most, self._around.pop() if self._around else 1)

    def again(self, times: int) -> None:
        """Repeat the element that was read last."""
        self.inner *= max(1, times)
        self.most = max(self.most, self.inner)


def _in_class(token: str, pattern: str, place: int, *, is_first: bool) -> str | None:
    """Translate a token between brackets; None if Rust gives it a meaning that RE2 lacks."""
    if token == "[" or (token == "]" and is_first):
        return None
    if token in {"&", "-", "~"} and pattern[place : place + 1] == token:
        return None  # intersection, difference
    if token in {r"\S", r"\W"}:
        return None
    if token.startswith(("(?", "{")) and len(token) > 1:  # in a class, each sign is literal
        return "".join(rf"\{sign}" if not sign.isalnum() else sign for sign in token)
    if token in _SIGNS:
        return rf"\{token}"
    return _INSIDE.get(token, token)


def _is_repeated_twice(pattern: str) -> bool:
    """Whether a repetition is itself repeated, as in `a++`; characters in a class count too."""
    plain = re.sub(r"\\[pPxuU]\{\w+\}|\\.", "x", pattern)
    return re.search(r"[*+?}][*+{]", plain) is not None


def _ends(pattern: str) -> bool:
    """Whether the pattern ends with a `$` that is not escaped."""
    if not pattern.endswith("$"):
        return False
    slashes = len(pattern) - 1 - len(pattern[:-1].rstrip("\\"))
    return slashes % 2 == 0

"""Write JSON in the layout of existing texts: what was on one line stays on one line."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, cast

_OPEN = "{["


def json_text(content: object, like: Iterable[str]) -> str:
    """Write a content as JSON, indented by two spaces.

    Args:
        content: any JSON value.
        like: existing texts. An object or list that is on one line in one of them is copied.
    """
    written = {key: text for text in like for key, text in _on_one_line(text)}
    return _text(content, written, "") + "\n"


def _text(content: Any, written: dict[str, str], indent: str) -> str:
    if not isinstance(content, dict | list) or not content:
        return json.dumps(content, ensure_ascii=False)
    known = written.get(_key(cast(object, content)))
    if known is not None:
        return known
    inner = indent + "  "
    if isinstance(content, dict):
        found = cast("dict[str, Any]", content)
        lines = [
            f"{inner}{json.dumps(name, ensure_ascii=False)}: {_text(value, written, inner)}"
            for name, value in found.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    items = [f"{inner}{_text(item, written, inner)}" for item in cast("list[Any]", content)]
    return "[\n" + ",\n".join(items) + f"\n{indent}]"


def _on_one_line(text: str) -> Iterable[tuple[str, str]]:
    """Yield the objects and lists of a text that are on one line: their key, and their text."""
    decoder = json.JSONDecoder()
    for line in text.splitlines():
        for start, character in enumerate(line):
            if character not in _OPEN:
                continue
            try:
                content, end = decoder.raw_decode(line, start)
            except ValueError:  # it continues in the next line, has a comment, or is in a string
                continue
            yield _key(content), line[start:end]


def _key(content: object) -> str:
    return json.dumps(content)

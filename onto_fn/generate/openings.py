"""Find hand-written rules that open all collections, and so those of onto_fn too.

Firestore allows a request if any line allows it. A block `match /{document=**}` therefore also
opens views and the ledger, whatever their own lines say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from onto_fn.engine.records.ledger import OWN_COLLECTIONS

__all__ = ["Opening", "openings"]

_COMMENT_OR_TEXT = re.compile(
    r"//[^\n]*|/\*.*?\*/|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"", re.DOTALL
)
_SEGMENT = r"/\s*(?:\{\s*\w+\s*(?:=\s*\*\*\s*)?\}|[^\s/{}();]+)"
_TOKEN = re.compile(
    rf"\bmatch\s*(?P<path>(?:{_SEGMENT}\s*)+)\{{"
    r"|\ballow\s+(?P<methods>[\w\s,]+?)\s*(?::\s*if\b(?P<condition>[^;]*))?;"
    r"|(?P<brace>[{}])"
)
_VARIABLE = re.compile(r"\{\s*(\w+)\s*(=\s*\*\*)?\s*\}")
# Documents of onto_fn's own collections and of their subcollections.
_KEPT = [
    [name, *below] for name in sorted(OWN_COLLECTIONS) for below in (["x"], ["x", "shards", "y"])
]


@dataclass(frozen=True)
class Opening:
    """A line that allows requests in every collection.

    Attributes:
        line: its number, from 1.
        path: the pattern of its block.
        allows: its text, such as "allow read, write: if true".
    """

    line: int
    path: str
    allows: str

    def told(self, file: str) -> str:
        """The warning for the user, with the place and the remedy."""
        return (
            f"{file}, line {self.line}: WARNING: `{self.allows}` of `match {self.path}` opens "
            "documents that onto_fn closes: the ledger, and views if it matches every collection. "
            "Firestore allows a request if any line allows it. Name your own collections, one "
            "block each"
        )


def openings(text: str, first_line: int = 1) -> list[Opening]:
    """Find lines that open the collections of onto_fn, in the blocks below `/documents`.

    A condition that uses the variable for the collection is assumed to exclude them.

    Args:
        text: the blocks.
        first_line: the number of their first line in the file.
    """
    plain = _COMMENT_OR_TEXT.sub(_blank, text)
    found: list[Opening] = []
    open_blocks: list[list[str] | None] = []  # the segments of a match, None for another block
    for token in _TOKEN.finditer(plain):
        if token["path"] is not None:
            open_blocks.append(re.findall(_SEGMENT, token["path"]))
        elif token["brace"] == "{":
            open_blocks.append(None)
        elif token["brace"] == "}":
            if open_blocks:
                open_blocks.pop()
        else:
            segments = ["".join(s.split())[1:] for block in open_blocks for s in block or ()]
            if _opens(segments, token["condition"]):
                line = first_line + plain.count("\n", 0, token.start())
                allows = " ".join(text[token.start() : token.end()].rstrip(";").split())
                found.append(Opening(line, "/" + "/".join(segments), allows))
    return found


def _opens(segments: list[str], condition: str | None) -> bool:
    variable = _VARIABLE.fullmatch(segments[0]) if segments else None
    if condition is not None:
        if condition.strip().strip("()").strip() == "false":
            return False
        if variable is not None and re.search(rf"\b{variable[1]}\b", condition):
            return False
    return any(_fits(segments, path) for path in _KEPT)


def _fits(segments: list[str], path: list[str]) -> bool:
    """Whether a pattern matches a path."""
    if not segments:
        return not path
    variable = _VARIABLE.fullmatch(segments[0])
    if variable is None:
        return path[:1] == segments[:1] and _fits(segments[1:], path[1:])
    if variable[2] is None:
        return bool(path) and _fits(segments[1:], path[1:])
    # `{name=**}` matches any number of segments, including none.
    return any(_fits(segments[1:], path[number:]) for number in range(len(path) + 1))


def _blank(found: re.Match[str]) -> str:
    """Replace a comment or text by spaces, because it may contain braces. Line breaks stay."""
    return re.sub(r"[^\n]", " ", found[0])

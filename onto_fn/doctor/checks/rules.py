"""Security rules near Firestore's limits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.places import class_place, text_place
from onto_fn.doctor.project import Project
from onto_fn.generate.costs import MAX_SOURCE_BYTES
from onto_fn.generate.declarations import requests_of
from onto_fn.generate.rules import rules_of

NAME = "rules-cost"
MAX_ACCESS_CALLS = 10
"""Calls of `get` and `exists` in the rules of one request for a document."""
_ACCESS = re.compile(r"\b(?:get|exists|getAfter|existsAfter)\(\s*/databases/")
_NEAR = 0.8


def _run(project: Project) -> Iterator[Finding]:
    rules = rules_of(project.app)
    requests = {request.__name__: request for request in requests_of(project.app)}
    for name, parts in rules.left.items():
        yield Finding(
            NAME,
            "warning",
            class_place(requests[name], project.folder),
            f"{name} is too large for the 1,000 expressions of a request; only its function checks "
            f"{', '.join(parts)}",
            "nothing is let through by that, but a client is refused later; declare smaller forms",
        )
    path = project.files.rules
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    size = len(text.encode())
    if size >= _NEAR * MAX_SOURCE_BYTES:
        yield Finding(
            NAME,
            "error" if size > MAX_SOURCE_BYTES else "warning",
            text_place(path, project.folder),
            f"the rules have {size:,} bytes; Firestore takes {MAX_SOURCE_BYTES:,}",
            "declare fewer or smaller forms",
        )
    for number, line in _blocks(text):
        calls = len(_ACCESS.findall(line))
        if calls > MAX_ACCESS_CALLS:
            place = text_place(path, project.folder, text.splitlines()[number - 1])
            yield Finding(
                NAME,
                "error",
                place,
                f"this rule calls get or exists {calls} times, and Firestore denies a request "
                f"after {MAX_ACCESS_CALLS}",
                "read what it needs from one document, or move it into the token's claims",
            )


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Each `allow` with its condition, and the number of its first line."""
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if line.strip().startswith("allow "):
            rest = "\n".join(lines[number - 1 :])
            yield number, rest.partition(";")[0]


CHECK = Check(NAME, "checks that do not fit into the rules; size and calls of the file", _run)

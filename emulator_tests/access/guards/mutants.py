"""Generated rules with one clause loosened, each of which some attack has to get through."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emulator_tests.access.guards.cases import Case

_CLAUSE = re.compile(r"(\s*(?:allow [a-z, ]+: if |return |&& |\|\| )\(?)(.+)")
_MATCH = re.compile(r"\s*match (/\S+) \{")
_ALLOW = re.compile(r"allow ([a-z, ]+): if")
_FIELD = re.compile(
    r"(?<![.\w])data\.(?:get\('(?P<got>\w+)'|(?P<member>\w+))|'(?P<asked>\w+)' in data\)"
)

# What loosening cannot show, since another clause asks for no less: what is compared has to be a
# number, what has items a list, and what has a first item at least one.
_IMPLIED = (
    re.compile(r"data\.tags\.size\(\) >= 1"),
    re.compile(r"data\.score is number"),
    re.compile(r"data\.(colours|pair|tags) is list"),
)

# What a method that is allowed as well lets through; "" fits every change.
_METHODS = {
    "get": ("get", "read"),
    "list": ("list", "read"),
    "set": ("create", "update", "write"),
    "add": ("create", "write"),
    "batch": ("create", "update", "write"),
    "transaction": ("create", "update", "write"),
    "update": ("update", "write"),
    "delete": ("delete", "write"),
}


@dataclass(frozen=True)
class Mutant:
    """One loosened line.

    Attributes:
        name: what was changed, and in which block.
        number: of the line, from 0.
        line: as it is now.
        block: the pattern of the block; "" for a function of all blocks.
        field: the field that the changed clause is about, if it is about one.
        method: the method that is allowed as well, if it is that which was changed.
    """

    name: str
    number: int
    line: str
    block: str
    field: str = ""
    method: str = ""

    def concerns(self, case: Case) -> bool:
        """Whether the change could let a case through."""
        if not self.block:
            return True
        if not _fits(self.block, case) or (self.method and self.method not in _METHODS[case.op]):
            return False
        fields = case.given.get("fields", {})
        return not self.field or self.field in fields or case.name == f"without {self.field}"

    def disturbs(self, other: Mutant) -> bool:
        """Whether what gets through could be due to either of the two."""
        if not self.block or not other.block or "{path=**}" in self.block + other.block:
            return True
        return self.block == other.block and (self.field in {"", other.field} or not other.field)


def mutants(rules: str) -> Iterator[Mutant]:
    """Every way to loosen one line."""
    block = condition = ""
    for number, line in enumerate(rules.splitlines()):
        if line.strip().startswith("//"):
            continue
        start = _MATCH.match(line)
        if start and not start[1].startswith("/databases"):
            block = start[1]
        if "allow" in line or "function" in line:
            condition = line
        for name, changed, field, method in _loosened(line, block, condition):
            text = f"{block or 'all blocks'}: {name}"
            yield Mutant(text, number, changed, block, field, method)


def rounds(rules: str) -> Iterator[tuple[str, list[Mutant]]]:
    """Rules with as many lines loosened at once as can be told apart, and which these are."""
    found: list[list[Mutant]] = []
    for mutant in mutants(rules):
        for together in found:
            if not any(mutant.disturbs(other) for other in together):
                together.append(mutant)
                break
        else:
            found.append([mutant])
    for together in found:
        lines = rules.splitlines()
        for mutant in together:
            lines[mutant.number] = mutant.line
        yield "\n".join(lines), together


def _loosened(line: str, block: str, condition: str) -> Iterator[tuple[str, str, str, str]]:
    """What is changed, the line, the field and the method that it is about."""
    if line.endswith("{ allow read, write: if false; }"):
        for methods in ("read", "write"):
            allowed = f"allow {methods}: if true; }}"
            changed = line.replace("allow read, write: if false; }", allowed)
            yield f"allow {methods}", changed, "", methods
        return
    allow = _ALLOW.search(line)
    if allow:
        for method in _wider(allow[1], block):
            changed = line.replace(allow[1], f"{allow[1]}, {method}", 1)
            yield f"{method} where there is {allow[1]}", changed, "", method
    clause = _CLAUSE.match(line)
    if clause:
        head, rest = clause.groups()
        text = _balanced(rest)
        if text in {"true", "false"} or any(implied.match(text) for implied in _IMPLIED):
            return
        found = _FIELD.search(text)
        field = (found["got"] or found["member"] or found["asked"]) if found else ""
        field = "" if field in {"keys", "size"} else field
        for part in text.split(" && ") if text.startswith("signedIn() && ") else [text]:
            if part != "signedIn()":
                mutated = rest.replace(part, "true", 1)
                yield f"`{part}` is true", head + mutated, field, ""


def _wider(methods: str, block: str) -> list[str]:
    """The methods that, allowed as well, let something through."""
    if methods == "create":  # others have no document to ask these things of
        return ["update"]
    # A query has no id, nor what it stands for, and nothing is listed in a map.
    by_id = block.endswith(("/view", "/profiles/{team_id}"))
    without = [*(["list"] if by_id else []), *(["create"] if "/guestBooks/" in block else [])]
    wider = ("get", "list", "create", "update", "delete")
    return [method for method in wider if method not in (*methods.split(", "), *without)]


def _balanced(text: str) -> str:
    """The expression at the beginning of the rest of a line, without what closes outer brackets."""
    text = text.rstrip(";")
    while text.endswith(")") and text.count(")") > text.count("("):
        text = text[:-1]
    return text


def _fits(block: str, case: Case) -> bool:
    """Whether a case's path can be one of a block."""
    if case.path.startswith("*/"):
        return block.startswith("/{path=**}/") or case.path.removeprefix("*/") in block
    path = f"/{case.path}" if case.path.count("/") % 2 else f"/{case.path}/x"
    pattern = re.sub(r"\\\{\w+=\\\*\\\*\\\}", ".+", re.escape(block))
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", pattern)
    is_list = case.op in {"list", "add"}
    if is_list and not block.endswith("}"):
        pattern = pattern.rpartition("/")[0] + "/[^/]+"
    paths = [path, *(f"/{write['path']}" for write in case.given.get("writes", ()))]
    return any(re.fullmatch(pattern, p) for p in paths)

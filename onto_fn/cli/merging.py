"""Merge existing files with the files of a new project.

"Theirs" is the text that exists, "ours" that of a new project. A merge keeps theirs and adds ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import requires
from pathlib import Path
from typing import Any, cast

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from onto_fn.cli.layout import json_text
from onto_fn.firebase_json import parse
from onto_fn.generate.files import MADE_BY
from onto_fn.generate.indexes import with_kept
from onto_fn.generate.openings import openings
from onto_fn.generate.rules import KEEP_BEGIN, KEEP_END

Json = dict[str, Any]  # JSON has no narrower type

_BODY = re.compile(
    r"\s*rules_version\s*=\s*(['\"])2\1\s*;?\s*service\s+cloud\.firestore\s*\{\s*"
    r"match\s+/databases/\{database\}/documents\s*\{\n?(.*)\}\s*\}\s*",
    re.DOTALL,
)
_TEXT_OR_COMMENT = re.compile(
    r"//[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL
)
_VERSION_2 = re.compile(r"rules_version\s*=\s*['\"]2['\"]")
_OWN_FUNCTION = re.compile(r"function\s+(\w+)")
_OWN_REQUIREMENT = re.compile(
    r"\s*(\./vendor/onto_fn-|onto[-_.]fn(?=[\s\[=<>~!@;]|$))", re.IGNORECASE
)


def why_not(name: str, theirs: str, ours: str) -> str:
    """Explain why these rules cannot be merged; "" for other files, and if they can be merged."""
    if name != "firestore.rules" or merged(name, theirs, ours) is not None:
        return ""
    if not _VERSION_2.search(_TEXT_OR_COMMENT.sub(_text_only, theirs)):
        return (
            "it cannot be merged: it lacks rules_version = '2', and {document=**} matches other "
            "documents in version 1. Change it to version 2, and run `onto init` again"
        )
    return (
        "it cannot be merged: the new rules have one block, `match "
        "/databases/{database}/documents`, and your lines outside of it, or functions with the "
        "name of a new one, would be lost"
    )


def warnings(files: Mapping[str, str]) -> list[str]:
    """Warnings that a person should read before merged files are written."""
    told: list[str] = []
    before, begin, kept = files.get("firestore.rules", "").partition(f"{KEEP_BEGIN}\n")
    if begin:
        found = openings(kept.partition(KEEP_END)[0], before.count("\n") + 2)
        told += [opening.told("firestore.rules") for opening in found]
    for name in ("functions/requirements.txt", "functions/requirements-dev.txt"):
        told += excluded(name, files.get(name, ""), requires("onto-fn") or [])
    return told


def excluded(name: str, text: str, needed: Iterable[str]) -> list[str]:
    """Find lines of requirements that exclude every version that onto-fn accepts.

    Args:
        name: the file's path, for the messages.
        text: the file's content; lines that are not plain requirements are skipped.
        needed: the requirements in the metadata of onto-fn.
    """
    bounds = {
        canonicalize_name(one.name): one.specifier
        for one in map(Requirement, needed)
        if one.marker is None
    }
    told: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found = Requirement(line.partition(" #")[0].strip())
        except InvalidRequirement:
            continue
        bound = bounds.get(canonicalize_name(found.name))
        if bound is not None and not _meet(found.specifier, bound):
            told.append(
                f"{name}, line {number}: {str(found)!r} excludes what onto-fn needs, "
                f"{found.name}{bound}: the packages cannot be installed; change that line"
            )
    return told


def _meet(one: SpecifierSet, other: SpecifierSet) -> bool:
    """Whether some version is in both: a version that they name, or the one just after it."""
    named = {each.version.removesuffix(".*") for both in (one, other) for each in both}
    versions = [version for text in named for version in (text, f"{text}.1")]
    return not named or any(
        one.contains(version, prereleases=True) and other.contains(version, prereleases=True)
        for version in [*versions, "99999"]
    )


def _text_only(found: re.Match[str]) -> str:
    """A quoted text unchanged; "" for a comment."""
    return "" if found[0].startswith("/") else found[0]


def merged(name: str, theirs: str, ours: str) -> dict[str, str] | None:
    """Merge both texts of a file.

    Args:
        name: the file's path in the project.
        theirs: its existing text.
        ours: its text in a new project.

    Returns:
        The files to write, by path (for some files a second one too); None if the file cannot be
        merged.

    Raises:
        DeclarationError: the existing text should be JSON, but is not.
    """
    merge = _MERGES.get(name)
    return merge(name, theirs, ours) if merge else None


def _json(name: str, theirs: str, ours: str) -> dict[str, str]:
    return _written(name, theirs, ours, _added(parse(theirs, Path(name)), json.loads(ours)))


def _firebase(name: str, theirs: str, ours: str) -> dict[str, str]:
    found, wanted = parse(theirs, Path(name)), cast(Json, json.loads(ours))
    codebases: object = found.get("functions", [])
    listed = cast("list[Any]", codebases if isinstance(codebases, list) else [codebases])
    (own,) = wanted.pop("functions")
    same = [entry for entry in listed if _source(entry) == own["source"]]
    for entry in same:
        # Keep its codebase: under another one, its deployed functions would be created again.
        _hooked(entry, own)
    found["functions"] = listed if same else [*listed, own]
    if isinstance(found.get("firestore"), list):
        for database in cast("list[Any]", found["firestore"]):
            _hooked(database, {"predeploy": wanted["firestore"]["predeploy"]})
    elif "firestore" in found:
        _hooked(found["firestore"], wanted["firestore"])
    return _written(name, theirs, ours, _added(found, wanted))


def _source(entry: object) -> object:
    return cast(Json, entry).get("source", "functions") if isinstance(entry, dict) else None


def _hooked(theirs: object, ours: Json) -> None:
    """Add all missing keys except the codebase, and our hooks after theirs."""
    if not isinstance(theirs, dict):
        return
    entry = cast(Json, theirs)
    hooks: object = entry.get("predeploy", [])
    found = cast("list[Any]", hooks if isinstance(hooks, list) else [hooks])
    added = [hook for hook in ours["predeploy"] if hook not in found]
    entry |= {"predeploy": [*found, *added]}
    for key, value in ours.items():
        if key != "codebase":
            entry.setdefault(key, value)


def _indexes(name: str, theirs: str, ours: str) -> dict[str, str]:
    found = parse(theirs, Path(name))
    if str(found.get("//", "")).startswith(MADE_BY):
        return {name: theirs}  # `onto generate` wrote it, and keeps it up to date
    keep = name.replace(".json", ".keep.json")
    content = {"//": f"{MADE_BY}{keep}", **with_kept(found, json.loads(ours))}
    return {name: json.dumps(content, indent=2) + "\n", keep: theirs}


def _rules(name: str, theirs: str, ours: str) -> dict[str, str] | None:
    """Ours with their blocks in the section to keep; None if some of their lines would be lost."""
    if KEEP_BEGIN in theirs:
        return {name: theirs}  # `onto generate` wrote it, and keeps it up to date
    found = _BODY.fullmatch(theirs)
    if found is None or not _is_closed(found[2]):
        return None
    names = set(_OWN_FUNCTION.findall(ours))
    if names & set(_OWN_FUNCTION.findall(found[2])):
        return None
    kept = found[2].rstrip()
    return {name: ours.replace(f"    {KEEP_END}", f"{kept}\n    {KEEP_END}")}


def _is_closed(body: str) -> bool:
    """Whether the body of rules has balanced braces."""
    depth = 0
    for brace in re.findall(r"[{}]", _TEXT_OR_COMMENT.sub("", body)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


def _lines(name: str, theirs: str, ours: str) -> dict[str, str]:
    found = theirs.splitlines()
    added = [line for line in ours.splitlines() if line not in found]
    return {name: "\n".join([*found, *added]) + "\n" if added else theirs}


def _requirements(name: str, theirs: str, ours: str) -> dict[str, str]:
    """Their requirements and ours. Only ours names onto-fn: pip accepts a package only once."""
    if set(ours.splitlines()) <= set(theirs.splitlines()):
        return {name: theirs}
    found = [line for line in theirs.splitlines() if not _OWN_REQUIREMENT.match(line)]
    return _lines(name, "\n".join(found), ours)


def _added(theirs: Json, ours: Json) -> Json:
    """Theirs, with the keys that only ours has added at every depth."""
    both = dict(theirs)
    for key, value in ours.items():
        if key not in both:
            both[key] = value
        elif isinstance(value, dict) and isinstance(both[key], dict):
            both[key] = _added(cast(Json, both[key]), cast(Json, value))
    return both


def _written(name: str, theirs: str, ours: str, content: Json) -> dict[str, str]:
    """Their text if nothing is added; else the content in its layout, without its comments."""
    if parse(theirs, Path(name)) == content:
        return {name: theirs}
    return {name: json_text(content, [ours, theirs])}


_MERGES: dict[str, Callable[[str, str, str], dict[str, str] | None]] = {
    ".firebaserc": _json,
    ".gitignore": _lines,
    "firebase.json": _firebase,
    "firestore.indexes.json": _indexes,
    "firestore.rules": _rules,
    "functions/requirements-dev.txt": _requirements,
    "functions/requirements.txt": _requirements,
    "package.json": _json,
}

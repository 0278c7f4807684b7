"""`firebase.json`, read as the Firebase command line reads it, and the files that it names."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from onto_fn.errors import DeclarationError

NAME = "firebase.json"
DEFAULT_RULES = "firestore.rules"
DEFAULT_INDEXES = "firestore.indexes.json"

Json = dict[str, Any]  # JSON has no narrower type

# A text, a comment, or a comma that nothing follows.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[\]}])', re.DOTALL)


@dataclass(frozen=True)
class FirestoreFiles:
    """The files of one database.

    Attributes:
        rules: path of the security rules.
        indexes: path of the indexes.
    """

    rules: Path
    indexes: Path

    @property
    def kept_indexes(self) -> Path:
        """Path of the hand-written indexes, next to the generated ones."""
        name = self.indexes.name.removesuffix(".json")
        return self.indexes.with_name(f"{name}.keep.json")


def parse(text: str, path: Path) -> Json:
    """The object of a JSON text that may have comments and trailing commas.

    Raises:
        DeclarationError: it is not JSON or not an object; the message names the line.
    """
    plain = _TOKEN.sub(_blank, text)
    plain = _TRAILING.sub(lambda found: found[1] or " ", plain)
    try:
        content: object = json.loads(plain)
    except ValueError as error:
        raise DeclarationError(f"{path.name} is not valid JSON: {error}") from error
    if not isinstance(content, dict):
        raise DeclarationError(f"{path.name} does not contain a JSON object")
    return cast(Json, content)


def _blank(found: re.Match[str]) -> str:
    """A comment's place, so that an error names the right line; a text stays."""
    if found[0].startswith('"'):
        return found[0]
    return re.sub(r"[^\n]", " ", found[0])


def read_firebase_json(folder: Path) -> Json:
    """The folder's `firebase.json`, empty if it has none.

    Raises:
        DeclarationError: it is not a JSON object.
    """
    return _read(folder / NAME)


def firestore_files(folder: Path, database: str = "(default)") -> FirestoreFiles:
    """The files that `firebase.json` names for a database.

    Args:
        folder: that of `firebase.json`; without one, the files have the usual names.
        database: id of the database.

    Raises:
        DeclarationError: it names several databases but not this one, or its entry for the database
            is malformed.
    """
    settings = _settings(folder, database)
    names: list[str] = []
    for key, default in (("rules", DEFAULT_RULES), ("indexes", DEFAULT_INDEXES)):
        name: object = settings.get(key, default)
        if not isinstance(name, str) or not name:
            raise DeclarationError(f"{NAME}: firestore.{key} is {name!r}, which names no file")
        names.append(name)
    rules, indexes = names
    return FirestoreFiles(folder / rules, folder / indexes)


def _settings(folder: Path, database: str) -> Json:
    found: object = read_firebase_json(folder).get("firestore", {})
    if isinstance(found, dict):
        settings = cast(Json, found)
        only = settings.get("database", database)
        if only != database:
            raise _unknown(database, [str(only)])
        return settings
    if not isinstance(found, list):
        raise DeclarationError(f"{NAME}: firestore is {found!r}, neither an object nor a list")
    entries = [
        cast(Json, entry) for entry in cast("list[object]", found) if isinstance(entry, dict)
    ]
    named: list[str] = []
    for entry in entries:
        databases = _databases(folder, entry)
        if database in databases:
            return entry
        named += databases
    raise _unknown(database, named)


def _databases(folder: Path, entry: Json) -> list[str]:
    """The databases that an entry is for: one, or those of a deploy target."""
    target: object = entry.get("target")
    if target is None:
        return [str(entry.get("database", "(default)"))]
    found: list[str] = []
    for project in _object(_read(folder / ".firebaserc"), "targets").values():
        targets = _object(project, "firestore")
        databases: object = targets.get(str(target))
        if isinstance(databases, list):
            found += map(str, cast("list[object]", databases))
    return list(dict.fromkeys(found))


def _object(content: object, name: str) -> Json:
    """The object of a name in another one, empty if there is none."""
    found: object = cast(Json, content).get(name) if isinstance(content, dict) else None
    return cast(Json, found) if isinstance(found, dict) else {}


def _unknown(database: str, named: list[str]) -> DeclarationError:
    return DeclarationError(
        f"{NAME}: firestore names the databases {', '.join(named) or '(none)'}, and the app "
        f"listens to {database}; add it there, or pass `App(…, database=…)`"
    )


def _read(path: Path) -> Json:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(f"{path.name} cannot be read: {error}") from error
    return parse(text, path)

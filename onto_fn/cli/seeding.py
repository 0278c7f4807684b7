"""Documents to begin with: from a JSON file, or from a function of the app."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from onto_fn.cli.errors import CommandError, one_line

if TYPE_CHECKING:
    from google.cloud.firestore import Client

MAX_WRITES = 500
_REFERENCE, _TIMESTAMP = "$ref", "$time"


def check(source: str) -> None:
    """Refuse, before anything is started, a JSON file that is not there or not of that form.

    Raises:
        CommandError: it is not; see `seed`.
    """
    if source.endswith(".json"):
        _read(Path(source))


def seed(client: Client, source: str, functions: Path) -> int:
    """Write the documents of a source, those that exist already replaced.

    Args:
        client: where to.
        source: a JSON file, `{path: fields}`, in which `{"$ref": "users/ada"}` is a reference and
            `{"$time": "2026-01-31T12:00:00Z"}` a timestamp; or `MODULE:NAME`, a function of the
            client that returns such a mapping with values as the client takes them.
        functions: the folder that `MODULE` is imported from.

    Returns:
        How many documents were written.

    Raises:
        CommandError: there is no such source, or it is not of that form.
    """
    documents = (
        _from_file(client, Path(source))
        if source.endswith(".json")
        else _from_function(client, source, functions)
    )
    pairs = list(documents.items())
    for start in range(0, len(pairs), MAX_WRITES):
        # The client's types are incomplete.
        batch: Any = client.batch()
        for path, fields in pairs[start : start + MAX_WRITES]:
            batch.set(client.document(path), fields)
        batch.commit()
    return len(pairs)


def _from_file(client: Client, file: Path) -> dict[str, Any]:
    return {path: _value(client, fields, f"{file}, {path}") for path, fields in _read(file).items()}


def _read(file: Path) -> dict[str, Any]:
    try:
        content: object = json.loads(file.read_text())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}", "say --seed FILE") from error
    except ValueError as error:
        raise CommandError(f"{file} is not JSON: {one_line(error)}") from error
    return _documents(content, str(file))


def _from_function(client: Client, source: str, functions: Path) -> dict[str, Any]:
    module, _, name = source.partition(":")
    sys.path.insert(0, str(functions.resolve()))
    try:
        function: Any = getattr(importlib.import_module(module), name or "seed")
        content: object = function(client)
    except Exception as error:
        raise CommandError(
            f"--seed {source} failed: {type(error).__name__}: {one_line(error)}",
            "name a JSON file, or a function as MODULE:NAME",
        ) from error
    return _documents({} if content is None else content, source)


def _documents(content: object, source: str) -> dict[str, Any]:
    if isinstance(content, Mapping):
        documents = cast("Mapping[object, object]", content)
        if all(isinstance(fields, Mapping) for fields in documents.values()):
            return {_checked(str(path), source): fields for path, fields in documents.items()}
    raise CommandError(
        f"{source} does not hold documents", 'write them as {"users/ada": {"name": "Ada"}, …}'
    )


def _checked(path: str, source: str) -> str:
    if path.count("/") % 2 == 0 or not all(path.split("/")):
        raise CommandError(f"{source}: {path!r} is not the path of a document")
    return path


def _value(client: Client, value: Any, where: str) -> Any:
    if isinstance(value, list):
        return [_value(client, item, where) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    fields = cast("dict[str, Any]", value)
    if fields.keys() == {_REFERENCE}:
        return client.document(_checked(str(fields[_REFERENCE]), where))
    if fields.keys() == {_TIMESTAMP}:
        try:
            return datetime.fromisoformat(str(fields[_TIMESTAMP]))
        except ValueError as error:
            raise CommandError(f"{where}: {error}") from error
    return {name: _value(client, item, where) for name, item in fields.items()}

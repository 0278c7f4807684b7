"""Write the first documents, from a JSON file or from a function of the app."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from onto_fn.cli.errors import CommandError, one_line
from onto_fn.cli.values import document_of, document_path, parse_file

if TYPE_CHECKING:
    from google.cloud.firestore import Client

MAX_WRITES = 500


def check(source: str) -> None:
    """Check that a JSON file exists and has the form that `seed` needs.

    Raises:
        CommandError: the file is missing, or has another form.
    """
    if source.endswith(".json"):
        file = Path(source)
        for path, fields in _read(file).items():
            document_of(fields, str, f"{file}, {path}")


def seed(client: Client, source: str, functions: Path) -> int:
    """Write the documents of a source, and replace those that exist.

    Args:
        client: a client of the database.
        source: a JSON file `{path: fields}` with values as in `cli.values`; or `MODULE:NAME`, a
            function that takes the client and returns such a mapping, with values for the client.
        functions: the folder from which `MODULE` is imported.

    Returns:
        The number of written documents.

    Raises:
        CommandError: there is no such source, or it has another form.
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
        try:
            for path, fields in pairs[start : start + MAX_WRITES]:
                batch.set(client.document(path), fields)
            batch.commit()
        except Exception as error:  # the client's errors have no common class
            raise CommandError(
                f"{source} cannot be written: {type(error).__name__}: {one_line(error)}"
            ) from error
    return len(pairs)


def _from_file(client: Client, file: Path) -> dict[str, Any]:
    return {
        path: document_of(fields, client.document, f"{file}, {path}")
        for path, fields in _read(file).items()
    }


def _read(file: Path) -> dict[str, Any]:
    return _documents(parse_file(file), str(file))


def _from_function(client: Client, source: str, functions: Path) -> dict[str, Any]:
    module, _, name = source.partition(":")
    sys.path.insert(0, str(functions.resolve()))
    try:
        function: Any = getattr(importlib.import_module(module), name or "seed")
        content: object = function(client)
    except Exception as error:
        raise CommandError(
            f"--seed {source} failed: {type(error).__name__}: {one_line(error)}",
            "name a JSON file, or a function MODULE:NAME in the functions folder that takes the "
            "Firestore client and returns {path: fields}",
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
    try:
        return document_path(path)
    except ValueError as error:
        raise CommandError(f"{source}: {error}") from error

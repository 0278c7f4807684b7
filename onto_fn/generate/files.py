"""Write the generated files, check whether they are stale, and keep hand-written parts."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from onto_fn.errors import DeclarationError
from onto_fn.firebase_json import firestore_files, parse
from onto_fn.generate.indexes import index_file
from onto_fn.generate.openings import openings
from onto_fn.generate.rules import KEEP_BEGIN, KEEP_END, rules_of
from onto_fn.generate.typescript import typescript

if TYPE_CHECKING:
    from onto_fn.functions import App

MADE_BY = "Made by `onto generate`; entries of your own belong into "


@dataclass(frozen=True)
class GeneratedFile:
    """A generated file, and its current content.

    Attributes:
        path: path of the file.
        text: the generated content.
        found: the current content, None if the file does not exist.
        what: the kind of file.
        remarks: remarks for the user who generates it.
    """

    path: Path
    text: str
    found: str | None
    what: Literal["rules", "indexes", "types", "openapi", "openrpc", "graphql"] = "rules"
    remarks: tuple[str, ...] = ()

    @property
    def is_stale(self) -> bool:
        """Whether the current content differs from the generated one."""
        return self.text != self.found

    def diff(self) -> str:
        """The changes that writing the file would make, as a unified diff."""
        lines = difflib.unified_diff(
            (self.found or "").splitlines(keepends=True),
            self.text.splitlines(keepends=True),
            f"{self.path.name} (as it is)",
            f"{self.path.name} (as declared)",
        )
        return "".join(lines)

    def write(self) -> None:
        """Write the file."""
        self.path.write_text(self.text, encoding="utf-8")


def generated_files(app: App, folder: Path) -> list[GeneratedFile]:
    """Generate the security rules and the indexes of an app.

    Args:
        app: the app with its views, requests and queries.
        folder: the folder that contains `firebase.json`, which names the files.

    Raises:
        DeclarationError: a hand-written file would be lost, or a file cannot be read; a
            declaration has no form in rules; or `firebase.json` does not name the app's database.
    """
    files = firestore_files(folder, app.options.database)
    return [_rules(app, files.rules), _indexes(app, files.indexes, files.kept_indexes)]


def types_of(app: App, path: Path) -> GeneratedFile:
    """Generate the TypeScript module of an app; see `typescript`.

    Raises:
        DeclarationError: a field's type has no TypeScript form, or two declarations share a name.
    """
    return GeneratedFile(path, typescript(app), _read(path), "types")


def openapi_of(app: App, path: Path) -> GeneratedFile:
    """The OpenAPI document of an app's API.

    Raises:
        DeclarationError: the app has no API, or a field has no JSON schema.
    """
    if app.api is None or app.offers is None:
        raise DeclarationError(
            "the app has no API to describe; declare it, `App([…], api=Api(views=[…]))`"
        )
    from onto_fn.api.rest.openapi import openapi  # with this alone, as it needs the web's modules

    text = json.dumps(openapi(app.api, app.offers), indent=2, ensure_ascii=False)
    return GeneratedFile(path, f"{text}\n", _read(path), "openapi")


def graphql_of(app: App, path: Path) -> GeneratedFile:
    """The schema of an app's API, in GraphQL's own language.

    Raises:
        DeclarationError: the app has no GraphQL, or a field has no form in it.
    """
    if app.api is None or app.offers is None or app.api.graphql is None:
        raise DeclarationError(
            "the app has no GraphQL; declare it, `App([…], api=Api(graphql=GraphQL(), …))`"
        )
    from onto_fn.api.graphql.schema import schema_of, schema_text  # they need graphql-core

    schema = schema_of(app.offers, streams=app.api.streams is not None)
    text = f"# Made by `onto generate graphql`: a change here is lost.\n\n{schema_text(schema)}"
    return GeneratedFile(path, text, _read(path), "graphql")


def openrpc_of(app: App, path: Path) -> GeneratedFile:
    """The OpenRPC document of an app's methods of JSON-RPC.

    Raises:
        DeclarationError: the app has no such methods, or a field has no JSON schema.
    """
    if app.api is None or app.offers is None or app.api.rpc is None:
        raise DeclarationError(
            "the app has no JSON-RPC to describe; declare it, `App([…], api=Api(…, rpc=Rpc()))`"
        )
    from onto_fn.api.rpc.openrpc import openrpc  # as above

    text = json.dumps(openrpc(app.api, app.offers), indent=2, ensure_ascii=False)
    return GeneratedFile(path, f"{text}\n", _read(path), "openrpc")


def _rules(app: App, path: Path) -> GeneratedFile:
    found = _read(path)
    kept = kept_lines(found, path.name) if found else []
    rules = rules_of(app, kept)
    # Line numbers are those of the new file, which the user will read.
    before = rules.text[: rules.text.index(f"{KEEP_BEGIN}\n")]
    begin, lines = before.count("\n") + 2, "\n".join(line for line in kept if line)
    remarks = [
        *(opening.told(path.name) for opening in openings(lines, begin)),
        *(
            f"{name}: checked only by the function: {part}"
            for name, parts in rules.left.items()
            for part in parts
        ),
    ]
    return GeneratedFile(path, rules.text, found, "rules", tuple(remarks))


def _indexes(app: App, path: Path, keep: Path) -> GeneratedFile:
    found = _read(path)
    made_by = f"{MADE_BY}{keep.name}"
    before = parse(found, path) if found else {}
    is_own = before.get("//") == made_by
    if not is_own and any(before.get(key) for key in before.keys() - {"//"}):
        raise DeclarationError(
            f"{path.name} was written by hand: rename it to {keep.name}, whose entries are kept, "
            "and run generate again"
        )
    kept = _read(keep)
    content = {"//": made_by, **index_file(app, parse(kept, keep) if kept else {})}
    return GeneratedFile(path, json.dumps(content, indent=2) + "\n", found, "indexes")


def kept_lines(text: str, name: str) -> list[str]:
    """The unchanged lines of the marked section.

    Raises:
        DeclarationError: the file does not have exactly one such section.
    """
    lines = text.splitlines()
    begins = [number for number, line in enumerate(lines) if line.strip() == KEEP_BEGIN]
    ends = [number for number, line in enumerate(lines) if line.strip() == KEEP_END]
    if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
        raise DeclarationError(
            f"{name} must have exactly one section between the lines `{KEEP_BEGIN}` and "
            f"`{KEEP_END}`. If it was written by hand, put these two lines around the blocks to "
            "keep; everything else is generated from the app's declarations"
        )
    return lines[begins[0] + 1 : ends[0]]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None

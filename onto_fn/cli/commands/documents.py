"""`onto get`, `onto set`, `onto delete`: read and write a document, to try an app on emulators."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from onto_fn.cli.connecting import OpenedDatabase, open_database
from onto_fn.cli.errors import CommandError, Found, one_line
from onto_fn.cli.options import DatabaseOptions, Yes
from onto_fn.cli.output import Output
from onto_fn.cli.values import document_path, json_of, parse_json, value_of

if TYPE_CHECKING:
    from google.cloud.firestore import Client

GET_EXAMPLE = "onto get cityViews/oslo"
SET_EXAMPLE = "onto set countries/no 'name=\"Norge\"' population=5600000"
DELETE_EXAMPLE = "onto delete cities/oslo"

DocumentPath = Annotated[str, typer.Argument(metavar="PATH", help="Such as users/ada.")]


def get(
    path: DocumentPath,
    *,
    where: DatabaseOptions,
    output: Output,
) -> None:
    """Show a document, with its values in the JSON of seeds.

    The exit code is 1 if there is no such document.
    """
    _check_path(path)
    with open_database(where=where, output=output) as opened:
        document = opened.database.get([path])[0][path]
        if document.fields is None:
            raise Found(f"there is no {path} in {opened.place}")
        fields = json_of(document.fields)
        fields = fields.get("$map", fields)  # a field's name may begin with $
        record = {"path": path, "update_time": document.update_time, "fields": fields}
        output.line(record, json.dumps(fields, indent=2, ensure_ascii=False, sort_keys=True))


def set_fields(
    path: DocumentPath,
    fields: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=JSON…",
            help="For example name='\"Ada\"' or address.city='\"Oslo\"'. Values are in the JSON "
            "of seeds.",
        ),
    ],
    replace: Annotated[bool, typer.Option("--replace", help="Remove all other fields.")] = False,
    *,
    where: DatabaseOptions,
    yes: Yes = False,
    output: Output,
) -> None:
    """Write fields of a document, and create it if it does not exist. Other fields stay.

    A real database needs your confirmation.
    """
    _check_path(path)
    parsed = [_parsed(path, text) for text in fields]
    with open_database(where=where, output=output, writes=True) as opened:
        _confirm(output, opened, f"Write {path}", yes=yes)
        client = _client(opened)
        try:
            _write(client, path, parsed, replace=replace)
        finally:
            client.close()
        text = f"{path} is written in {opened.place}"
        output.line({"path": path, "written": [".".join(names) for names, _ in parsed]}, text)


def delete(
    path: DocumentPath,
    *,
    where: DatabaseOptions,
    yes: Yes = False,
    output: Output,
) -> None:
    """Delete a document. The documents in its subcollections stay.

    A real database needs your confirmation.
    """
    _check_path(path)
    with open_database(where=where, output=output, writes=True) as opened:
        from onto_fn.firestore import Write

        _confirm(output, opened, f"Delete {path}", yes=yes)
        existed = opened.database.get([path])[0][path].exists
        if not existed:
            raise Found(f"there is no {path} in {opened.place}")
        opened.database.commit([Write(path, None)])
        output.line({"path": path, "deleted": True}, f"{path} is deleted in {opened.place}")


def _check_path(path: str) -> None:
    try:
        document_path(path)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _confirm(output: Output, opened: OpenedDatabase, what: str, *, yes: bool) -> None:
    if opened.emulator is None:
        output.confirm(f"{what} in {opened.place}, which is not an emulator?", yes=yes)


def _parsed(path: str, text: str) -> tuple[tuple[str, ...], Any]:
    """The names that lead to a field, and its value in JSON."""
    from onto_fn.firestore.fieldpaths import names_in

    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"{text!r} is not FIELD=JSON", "write name='\"Ada\"' or number=1")
    try:
        names = names_in(name)
    except ValueError as error:
        raise CommandError(one_line(error)) from error
    try:
        content = parse_json(value, f"{path}, field {name}")
    except CommandError as error:
        raise CommandError(
            str(error), f"put text in double quotes inside single quotes, as in {name}='\"text\"'"
        ) from error
    value_of(content, str, path, name)  # refuse bad values before connecting
    return names, content


def _client(opened: OpenedDatabase) -> Client:
    """Google's client for the opened database; environment variables lead it to an emulator."""
    from google.cloud.firestore import Client

    return Client(project=opened.database.project, database=opened.database.database)


def _write(
    client: Client, path: str, parsed: list[tuple[tuple[str, ...], Any]], *, replace: bool
) -> None:
    from onto_fn.firestore.fieldpaths import field_path, quoted

    fields: dict[str, Any] = {}
    for names, content in parsed:
        name = field_path(names)
        inner = fields
        for part in names[:-1]:
            found: Any = inner.setdefault(part, {})
            if not isinstance(found, dict):
                raise CommandError(f"{path}: {name} is inside a field that is also given")
            inner = cast("dict[str, Any]", found)
        if names[-1] in inner:
            raise CommandError(f"{path}: {name} is given twice")
        inner[names[-1]] = value_of(content, client.document, path, name)
    merge: Any = [".".join(map(quoted, names)) for names, _ in parsed]
    document: Any = client.document(path)
    try:
        if replace:
            document.set(fields)
        else:
            document.set(fields, merge=merge)
    except Exception as error:  # the client's errors have no common class
        raise CommandError(f"{path} cannot be written: {one_line(error)}") from error

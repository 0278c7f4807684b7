"""Generate TypeScript: an interface and a Firestore converter for each view, form and patch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import models_json_schema
from typing_extensions import TypeIs

from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.generate.declarations import requests_of, views_of
from onto_fn.generate.typescript_names import ALWAYS, NAME, Names, check_names, identifier_of
from onto_fn.mediators import RequestMediator
from onto_fn.models.schema import FAMILY, LEFT_OUT, STORED, StoredSchema, row_named

if TYPE_CHECKING:
    from onto_fn.functions import App
    from onto_fn.requests import RequestModel
    from onto_fn.views import ViewModel

Schema = Mapping[str, Any]  # JSON schemas nest without a narrower type
_Mode = Literal["validation", "serialization"]

_HEAD = """\
// Made by `onto generate types` from what the app declares: a change here is lost.

import {{
{imports}
}} from "firebase/firestore";
"""
_NOTHING = """\
// Made by `onto generate types`: the app declares neither views nor requests.

export {};
"""
_PRINTED = "x-printed"
_MARK = """
/** The result of a request. */
export type {mark} =
  | {{ state: "done"; at: {Timestamp} }}
  | {{ state: "failed"; at: {Timestamp}; reason: string }};
"""
_MARK_TEXT = "Set once the request has been processed; a client watches it, and must not write it."
_MARK_NAME = "RequestMark"
_REFERENCE = "DocumentReference"

_VIEW = """
/** A document at `{path}`, which clients only read. */
{interface}

export const {lower}Converter: {FirestoreDataConverter}<{name}> = {{
  toFirestore(): {DocumentData} {{
    throw new Error("{name} is a view, which clients only read");
  }},
  fromFirestore(snapshot: {QueryDocumentSnapshot}, options?: {SnapshotOptions}): {name} {{
    return snapshot.data(options) as {name};
  }},
}};
{locate}"""
_REQUEST = """
/** A document that a client creates at `{path}`. */
{interface}

export const {lower}Converter: {FirestoreDataConverter}<{name}> = {{
  toFirestore(
    request: {WithFieldValue}<{name}> | {PartialWithFieldValue}<{name}>,
  ): {DocumentData} {{
    return {{ ...request }};
  }},
  fromFirestore(snapshot: {QueryDocumentSnapshot}, options?: {SnapshotOptions}): {name} {{
    return snapshot.data(options) as {name};
  }},
}};
{locate}"""
_LOCATE = """
export function {lower}Document(
  firestore: {Firestore},
  ids: {{ {ids} }},
): {DocumentReference}<{name}> {{
  return doc(firestore, {segments}).withConverter({lower}Converter);
}}
"""


def typescript(app: App) -> str:
    """Generate a TypeScript module for the front end, which uses the Firebase JS SDK.

    For each view, form and patch it has an interface with the fields' names in Firestore, a
    converter, and a function that returns the typed reference of a document. References have the
    type `DocumentReference`, times `Timestamp`, and bytes `Bytes`.

    Raises:
        DeclarationError: a field's type has no TypeScript form, or two declarations share a name.
    """
    views, requests = views_of(app), requests_of(app)
    check_names([*views, *requests])
    wanted: list[tuple[type[BaseModel], _Mode]] = []
    for view in views:
        wanted.append((view.Document, "serialization"))
    for request in requests:
        wanted.append((request, "validation"))
    schemas, definitions = _schemas(wanted)
    roots = {schema["$ref"].rpartition("/")[2] for schema in schemas.values()}
    names = Names()
    for model, mode in wanted:
        names.add(schemas[model, mode]["$ref"].rpartition("/")[2], model.__name__)
    for key in sorted(definitions.keys() - roots):
        names.add(key, identifier_of(key))
    names.add("", _MARK_NAME)
    mark = names.of("")
    printer = _Printer(names, definitions)
    parts = [
        f"\n{printer.interface(names.of(key), definitions[key], optional=True)}\n"
        for key in sorted(definitions)
        if key not in roots and _is_map(definitions[key])
    ]
    parts += [
        f"\nexport type {names.of(key)} = {printer.kind(definitions[key])};\n"
        for key in sorted(definitions)
        if key not in roots and not _is_map(definitions[key])
    ]
    keys = {model: schemas[model, mode]["$ref"].rpartition("/")[2] for model, mode in wanted}
    for view in views:
        key = keys[view.Document]
        parts.append(_view(view, names.of(key), definitions[key], printer))
    marks = {m.model: m.definition().done.field for m in app.mediators if _is_request(m)}
    sdk = names.sdk()
    parts += [_MARK.format(mark=mark, **sdk)] if any(marks.values()) else []
    for form in requests:
        field = marks[form]
        parts.append(
            _request(form, names.of(keys[form]), definitions[keys[form]], field, mark, printer)
        )
    if not parts:
        return _NOTHING
    used = ALWAYS | printer.imports
    used |= {"PartialWithFieldValue", "WithFieldValue"} if requests else set[str]()
    used |= {"Timestamp"} if any(marks.values()) else set[str]()
    imported = (
        f"  type {name}," if sdk[name] == name else f"  type {name} as {sdk[name]},"
        for name in sorted(used)
    )
    return _HEAD.format(imports="\n".join(["  doc,", *imported])) + "".join(parts)


def _is_map(schema: Schema) -> bool:
    return schema.get("type") == "object" and STORED not in schema


def _view(view: type[ViewModel[Any]], name: str, schema: Schema, printer: _Printer) -> str:
    properties = {n: s for n, s in schema["properties"].items() if n != "doc_id"}
    required = list(schema.get("required", []))
    if view.__typed__:
        properties |= {"obj_type": {"const": view.__name__}, "doc_ref": {"type": "string"}}
        required += ["obj_type", "doc_ref"]
    shown = {**schema, "properties": properties, "required": required}
    return _documents(_VIEW, name, view.__path__, shown, printer, optional=True)


def _is_request(mediator: object) -> TypeIs[RequestMediator]:
    return isinstance(mediator, RequestMediator)


def _request(
    request: type[RequestModel],
    name: str,
    schema: Schema,
    field: str | None,
    mark: str,
    printer: _Printer,
) -> str:
    properties = dict(schema.get("properties", {}))
    required = list(schema.get("required", []))
    for stored in request.stored_names():  # the field for a patch's `target` is not a model field
        if stored not in properties:
            properties[stored] = {"type": "string"}
            required.append(stored)
    if field is not None:
        properties[field] = {_PRINTED: mark, "description": _MARK_TEXT}
    shown = {**schema, "properties": properties, "required": required}
    return _documents(_REQUEST, name, request.__path__, shown, printer, optional=False)


def _documents(
    text: str, name: str, path: PathTemplate, schema: Schema, printer: _Printer, *, optional: bool
) -> str:
    lower = name[:1].lower() + name[1:]
    segments = [
        f"ids.{segment[1:-1]}" if segment.startswith("{") else json.dumps(segment)
        for segment in path.segments
    ]
    locate = _LOCATE.format(
        lower=lower,
        name=name,
        ids="; ".join(f"{variable}: string" for variable in path.variables),
        segments=", ".join(segments),
        **printer.sdk,
    )
    interface = printer.interface(name, schema, optional=optional)
    # A view whose path has no variables needs no ids.
    if not path.variables:
        locate = locate.replace("  ids: {  },\n", "")
    return text.format(
        path=_in_comment(path.text),
        name=name,
        lower=lower,
        interface=interface,
        locate=locate,
        **printer.sdk,
    )


def _in_comment(text: str) -> str:
    return " ".join(text.split()).replace("*/", "*\\/")


class _Printer:
    """Prints JSON schemas as types.

    Args:
        names: the names of all definitions.
        definitions: the schemas of the definitions.

    Attributes:
        imports: the classes of the SDK that were used.
        sdk: the name of each class of the SDK in the module.
    """

    def __init__(self, names: Names, definitions: Mapping[str, Schema]) -> None:
        self._names = names
        self._definitions = definitions
        self.sdk = names.sdk()
        self.imports: set[str] = set()

    def interface(self, name: str, schema: Schema, *, optional: bool) -> str:
        """Print an interface.

        Args:
            name: its name.
            schema: the schema of an object.
            optional: whether a field that may be None is left out of the document, not null.
        """
        return f"export interface {name} {self._object(schema, '', optional=optional)}"

    def kind(self, schema: Schema, indent: str = "", *, optional: bool = True) -> str:
        """Print the type of a value."""
        if "$ref" in schema:
            key = schema["$ref"].rpartition("/")[2]
            others = self._definitions[key].get(FAMILY, ())
            keys = [key, *(part["$ref"].rpartition("/")[2] for part in others)]
            return _union(self._names.of(member) for member in keys)
        if _PRINTED in schema:
            return schema[_PRINTED]
        if schema.get("format") == "document-path":
            return self._imported(_REFERENCE)
        if STORED in schema:
            row = row_named(schema[STORED])
            return self._imported(row.firestore_class) if row.firestore_class else row.typescript
        if "const" in schema:
            return json.dumps(schema["const"], ensure_ascii=False)
        if "enum" in schema:
            return _union(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return _union(self.kind(part, indent, optional=optional) for part in schema[key])
        match schema.get("type"):
            case "string":
                return "string"
            case "integer" | "number":
                return "number"
            case "boolean":
                return "boolean"
            case "null":
                return "null"
            case "array":
                return self._array(schema, indent, optional=optional)
            case "object" if schema.get("properties"):
                return self._object(schema, indent, optional=optional)
            case "object":
                values = schema.get("additionalProperties", True)
                inner = "unknown" if isinstance(values, bool) else self.kind(values, indent)
                return f"Record<string, {inner}>"
            case _:
                return "unknown"

    def _imported(self, name: str) -> str:
        self.imports.add(name)
        return self.sdk[name]

    def _array(self, schema: Schema, indent: str, *, optional: bool) -> str:
        if "prefixItems" in schema:
            parts = [self.kind(part, indent, optional=optional) for part in schema["prefixItems"]]
            return f"[{', '.join(parts)}]"
        inner = self.kind(schema.get("items", {}), indent, optional=optional)
        return f"{inner}[]" if NAME.fullmatch(inner) else f"Array<{inner}>"

    def _object(self, schema: Schema, indent: str, *, optional: bool) -> str:
        lines: list[str] = []
        required = set(schema.get("required", []))
        for name, value in schema.get("properties", {}).items():
            left_out = optional and _allows_null(value) and LEFT_OUT in value
            mark = "?" if left_out or name not in required else ""
            shown = self.kind(_without_null(value) if left_out else value, f"{indent}  ")
            key = name if NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)
            description = value.get("description")
            if description:
                lines.append(f"{indent}  /** {_in_comment(str(description))} */")
            lines.append(f"{indent}  {key}{mark}: {shown};")
        return "\n".join(["{", *lines, f"{indent}}}"])


def _schemas(
    wanted: Sequence[tuple[type[BaseModel], _Mode]],
) -> tuple[dict[tuple[type[BaseModel], _Mode], Schema], dict[str, Schema]]:
    try:
        schemas, whole = models_json_schema(wanted, by_alias=True, schema_generator=StoredSchema)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        _blame(wanted, error)
        raise DeclarationError(f"a type has no TypeScript form: {_first_line(error)}") from error
    found = cast("dict[tuple[type[BaseModel], _Mode], Schema]", schemas)
    return found, cast("dict[str, Schema]", whole.get("$defs", {}))


def _blame(wanted: Sequence[tuple[type[BaseModel], _Mode]], error: Exception) -> None:
    """Raise an error that names the model whose schema cannot be made."""
    for model, mode in wanted:
        try:
            model.model_json_schema(schema_generator=StoredSchema, mode=mode)
        except (PydanticInvalidForJsonSchema, PydanticUserError) as own:
            raise DeclarationError(
                f"{model.__name__} has a field whose type has no TypeScript form: "
                f"{_first_line(own)}"
            ) from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _allows_null(schema: Schema) -> bool:
    return any(part.get("type") == "null" for part in schema.get("anyOf", []))


def _without_null(schema: Schema) -> Schema:
    parts = [part for part in schema["anyOf"] if part.get("type") != "null"]
    return parts[0] if len(parts) == 1 else {"anyOf": parts}


def _union(kinds: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(kinds))

"""What the annotation of a field says about its values: the rows of the types table.

An annotation can be a class, a union, an `Annotated`, an alias or a container. `alternatives`
resolves it to the kinds of values that it allows. Checks of declarations, queries and aggregates
use this module instead of inspecting `typing` themselves.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import (
    Annotated,
    Any,
    ForwardRef,
    Literal,
    NewType,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

import typing_extensions as ext
from pydantic import (
    BaseModel,
    ConfigDict,
    InstanceOf,
    Json,
    PlainSerializer,
    RootModel,
    SkipValidation,
    TypeAdapter,
    WrapSerializer,
)
from pydantic.errors import PydanticUserError

from onto_fn.firestore.native import NATIVE
from onto_fn.firestore.types import StoredType, row_of

Kind = Literal["null", "any", "value", "list", "map", "model", "unresolved", "unknown"]


@dataclass(frozen=True)
class Alternative:
    """One kind of value that an annotation allows.

    Attributes:
        kind: `"value"` is a value of one row of the table; `"model"` a map with declared fields (a
            pydantic model, a dataclass or a TypedDict); `"unknown"` has no stored form, and
            `"unresolved"` is a name that is not defined yet.
        annotation: the part of the annotation that says so.
        row: the row of a `"value"`.
        items: annotations of what a `"list"` holds, or key and value of a `"map"`.
        values: the values of a `Literal` or the members of an `Enum`; empty if it is neither.
    """

    kind: Kind
    annotation: Any
    row: StoredType | None = None
    items: tuple[Any, ...] = ()
    values: tuple[Any, ...] = ()


def alternatives(annotation: Any) -> list[Alternative]:
    """The kinds of values that an annotation allows, in its order, without repetitions."""
    return list(dict.fromkeys(_alternatives(annotation)))


def without_null(annotation: Any) -> list[Alternative]:
    """The alternatives besides None."""
    return [found for found in alternatives(annotation) if found.kind != "null"]


def declared_fields(model: Any) -> dict[str, Any]:
    """The annotations of a `"model"`'s fields, by their names in Python."""
    if issubclass(model, BaseModel):
        fields = {name: _annotated(info) for name, info in model.model_fields.items()}
        computed = model.model_computed_fields
        return fields | {name: info.return_type for name, info in computed.items()}
    hints = get_type_hints(model, include_extras=True)
    if dataclasses.is_dataclass(model):
        return {field.name: hints[field.name] for field in dataclasses.fields(model)}
    return hints


def adapter_of(annotation: Any) -> TypeAdapter[Any]:
    """What validates a value as a field of a model does, GeoPoints and vectors included."""
    try:
        return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:  # a model has a configuration of its own
        return TypeAdapter(annotation)


def _annotated(info: Any) -> Any:
    """A field's annotation with its metadata, which pydantic takes apart."""
    return Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation


def _alternatives(annotation: Any) -> Iterator[Alternative]:
    origin: Any = get_origin(annotation)
    if annotation is None or annotation is type(None):
        yield Alternative("null", None)
    elif annotation is Any or annotation is object:
        yield Alternative("any", Any)
    elif isinstance(annotation, str | ForwardRef):
        yield Alternative("unresolved", annotation)
    elif origin is Annotated:
        for found in _alternatives(_stored_annotation(annotation)):
            yield Alternative("unknown", annotation) if _is_never_read(found, annotation) else found
    elif origin in {Union, UnionType}:
        for part in get_args(annotation):
            yield from _alternatives(part)
    elif origin is Literal:
        yield from _of_values(annotation, get_args(annotation))
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from _of_values(annotation, list(annotation))
    elif origin in {ext.Required, ext.NotRequired, ext.ReadOnly, ext.Final, ext.ClassVar}:
        yield from _alternatives(get_args(annotation)[0])
    elif isinstance(annotation, NewType):
        yield from _alternatives(annotation.__supertype__)
    elif isinstance(annotation, TypeVar):
        yield from _alternatives(_bound(annotation))
    elif _alias_value(annotation) is not None:  # `type X = …`
        yield from _alternatives(_alias_value(annotation))
    elif _alias_value(origin) is not None:  # `type X[T] = …`, used as `X[int]`
        yield from _alternatives(_alias_value(origin)[get_args(annotation)])
    else:
        yield _of_class(annotation, origin or annotation, get_args(annotation))


def _stored_annotation(annotation: Any) -> Any:
    """What an `Annotated` stores: the type that its serializer returns, if it has one."""
    inner, *metadata = get_args(annotation)
    for item in reversed(metadata):
        if item is Json or isinstance(item, cast(Any, Json)):
            return Json  # its text is parsed when it is read, and stored parsed
        if isinstance(item, PlainSerializer | WrapSerializer):
            if item.when_used != "always":
                continue
            function_hints = getattr(item.func, "__annotations__", {})
            returned = function_hints.get("return", Any)
            given = item.return_type
            return given if isinstance(given, type) or get_origin(given) else returned
    return inner


def _is_never_read(found: Alternative, annotation: Any) -> bool:
    """Whether a stored value stays as it is where it would have to become another."""
    metadata = get_args(annotation)[1:]
    if not any(m in _UNREAD or isinstance(m, _UNREAD) for m in metadata):
        return False
    return found.kind == "model" or (found.row is not None and found.row.is_converted)


_UNREAD: Any = (InstanceOf, SkipValidation)


def _alias_value(alias: Any) -> Any:
    return getattr(alias, "__value__", None)


def _bound(variable: Any) -> Any:
    if variable.__bound__ is not None:
        return variable.__bound__
    return Union[variable.__constraints__] if variable.__constraints__ else Any  # noqa: UP007


def _of_values(annotation: Any, values: Sequence[Any]) -> Iterator[Alternative]:
    by_row: dict[StoredType | None, list[Any]] = {}
    for value in values:
        plain: object = value.value if isinstance(value, Enum) else value
        if plain is None:
            yield Alternative("null", None)
        else:
            by_row.setdefault(row_of(type(plain)), []).append(value)
    for row, members in by_row.items():
        kind: Kind = "unknown" if row is None else "value"
        yield Alternative(kind, annotation, row, values=tuple(members))


def _of_class(annotation: Any, named: Any, arguments: tuple[Any, ...]) -> Alternative:
    if not isinstance(named, type):
        return Alternative("unknown", annotation)
    cls = cast("type[Any]", named)
    if issubclass(cls, RootModel):
        inner = alternatives(cls.model_fields["root"].annotation)
        return inner[0] if len(inner) == 1 else Alternative("any", annotation)
    if issubclass(cls, BaseModel) or dataclasses.is_dataclass(cls) or ext.is_typeddict(cls):
        return Alternative("model", annotation if not arguments else cls)
    row = row_of(cls)
    is_own = row is None or f"{cls.__module__}.{cls.__qualname__}" not in row.classes
    if is_own and cls not in _CONTAINERS and is_only_an_instance(annotation):
        return Alternative("unknown", annotation)
    if row is not None:
        return Alternative("value", annotation, row)
    if issubclass(cls, tuple) and hasattr(cast(Any, cls), "_fields"):
        hints = get_type_hints(cast(Any, cls), include_extras=True)
        return Alternative("list", annotation, items=tuple(hints.values()))
    if issubclass(cls, Mapping):
        key, value = arguments if len(arguments) == 2 else (Any, Any)
        if cls.__name__ == "Counter":
            key, value = (arguments or (Any,))[0], int
        return Alternative("map", annotation, items=(key, value))
    if issubclass(cls, list | tuple | deque | AbstractSet) or cls in _LISTS:
        items = tuple(part for part in arguments if part is not Ellipsis and part != ())
        return Alternative("list", annotation, items=items or (Any,))
    return _of_schema(annotation)


@cache
def is_only_an_instance(annotation: Any) -> bool:
    """Whether pydantic takes objects of a class, and makes none of what is read."""
    try:
        schema: Any = adapter_of(annotation).core_schema
    except (PydanticUserError, TypeError):
        return False
    return schema["type"] == "is-instance" and schema["cls"] not in NATIVE


_CONTAINERS: frozenset[Any] = frozenset({list, tuple, set, frozenset, dict})
_LISTS: set[Any] = {Sequence, Iterable, list, tuple}

_SCHEMA_TYPES: Mapping[str, type[Any]] = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "bytes": bytes,
    "date": date,
    "time": time,
    "datetime": datetime,
    "timedelta": timedelta,
    "decimal": Decimal,
    "uuid": UUID,
}


@cache
def _of_schema(annotation: Any) -> Alternative:
    """Of a class that says by itself how pydantic validates it, such as `EmailStr`."""
    try:
        schema: Any = TypeAdapter(annotation).core_schema
    except (PydanticUserError, TypeError):
        return Alternative("unknown", annotation)
    while schema["type"] in {"function-after", "function-before", "function-wrap", "nullable"}:
        if "serialization" in schema:
            return Alternative("unknown", annotation)
        schema = schema["schema"]
    known = _SCHEMA_TYPES.get(schema["type"])
    if known is None:
        return Alternative("unknown", annotation)
    return Alternative("value", annotation, row_of(known))

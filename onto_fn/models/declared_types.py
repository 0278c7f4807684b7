"""Which fields can be stored: a type without a stored form is refused when a model is declared."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from pydantic import BaseModel, Strict, ValidationError

from onto_fn.errors import DeclarationError, InvalidValue
from onto_fn.firestore.native import key_text, native
from onto_fn.firestore.types import row_of
from onto_fn.models.annotations import (
    Alternative,
    adapter_of,
    alternatives,
    declared_fields,
    is_only_an_instance,
)
from onto_fn.models.stored_names import check_names, keeps_computed, serialized_fields

_LISTED = "docs/types.md lists the types that can be stored"

# Dotted names, as a module may not be imported, and what to do instead.
_REMEDIES = {
    "pydantic.types.Secret": "a secret must not be stored as plain text; store a hash of it",
    "pydantic.types._SecretBase": "a secret must not be stored as plain text; store a hash of it",
    "pydantic.types.Json": "declare the type of the parsed value",
    "builtins.complex": "store two floats",
}


_checked: set[type[Any]] = set()


def check_model(model: type[BaseModel]) -> None:
    """Refuse fields of a model, and of models that it embeds, that cannot be stored or read back.

    A model that refers to names that are not defined yet is left for a later call.

    Raises:
        DeclarationError: it names the class, the path to the field, and what to do.
    """
    if model in _checked or not _is_complete(model):
        return
    walk = _Walk(model.__name__)
    walk.model(model, model.__name__)
    if not walk.is_unresolved:
        _checked.add(model)


def check_read(model: type[BaseModel]) -> None:
    """Refuse fields of a model that is read from documents, and never stored, which refuse all.

    Raises:
        DeclarationError: it names the class, the path to the field, and what to do.
    """
    if _is_complete(model):
        _Walk(model.__name__, is_stored=False).model(model, model.__name__)


def _is_complete(model: type[BaseModel]) -> bool:
    return model.__pydantic_complete__


class _Walk:
    """Looks at every field of a model and of what it embeds.

    Args:
        owner: the name of the class that is declared.
        is_stored: whether values are stored as well, or only read.
    """

    def __init__(self, owner: str, *, is_stored: bool = True) -> None:
        self._owner = owner
        self._is_stored = is_stored
        self._seen: set[Any] = set()
        self.is_unresolved = False

    def model(self, model: Any, place: str) -> None:
        """Check a model's names and fields."""
        if model in self._seen:
            return
        self._seen.add(model)
        if issubclass(model, BaseModel):
            if self._is_stored:
                check_names(model, place)
                _check_missing(model, place)
            _check_strict(model, place)
        serialized = serialized_fields(model)
        for name, annotation in declared_fields(model).items():
            if name not in serialized:
                self.value(annotation, f"{place}.{name}")

    def value(self, annotation: Any, place: str) -> None:
        """Check an annotation."""
        found = alternatives(annotation)
        for alternative in found:
            match alternative.kind:
                case "unresolved":
                    self.is_unresolved = True
                case "unknown" if self._is_stored or _is_never_read(alternative.annotation):
                    raise DeclarationError(f"{place}: {_why_unknown(alternative)}")
                case "model":
                    self.model(_class(alternative.annotation), place)
                case "list":
                    self._list(alternative, place)
                case "map":
                    self._map(alternative, place)
                case _:
                    pass
        if self._is_stored:
            _check_union(annotation, found, place)
        _check_members(annotation, found, place)
        _check_zone(annotation, found, place)

    def _list(self, listing: Alternative, place: str) -> None:
        if not self._is_stored:
            for item in listing.items:
                self.value(item, f"{place}[]")
            return
        if _class(listing.annotation) is Iterable:
            raise DeclarationError(
                f"{place} is an Iterable, which pydantic reads as a generator; a generator cannot "
                "be stored. Use list or Sequence"
            )
        for item in listing.items:
            for found in alternatives(item):
                if found.kind == "list":
                    raise DeclarationError(
                        f"{place} is a list of lists ({_shown(listing.annotation)}), which "
                        "Firestore cannot store; put the inner list into a field of a model"
                    )
                if found.row is not None and found.row.stored == "vector":
                    raise DeclarationError(
                        f"{place} is a list of vectors, which Firestore cannot store; put the "
                        "vector into a field of a model"
                    )
                if found.kind == "model" and _is_set(listing.annotation):
                    raise DeclarationError(
                        f"{place} is a set of {_shown(found.annotation)}; maps have no order in "
                        "which they could be stored. Use a list"
                    )
            self.value(item, f"{place}[]")

    def _map(self, mapping: Alternative, place: str) -> None:
        key, value = mapping.items
        if self._is_stored or any(found.values for found in alternatives(key)):
            _check_key(key, place)
        self.value(value, f"{place}.*")


def _check_strict(model: type[BaseModel], place: str) -> None:
    strict = bool(model.model_config.get("strict"))
    for name, info in model.model_fields.items():
        is_strict = next((m.strict for m in info.metadata if isinstance(m, Strict)), strict)
        for found in _within(info.annotation) if is_strict else ():
            is_changed = found.row is not None and found.row.is_converted
            if is_changed or _is_coerced(found):
                raise DeclarationError(
                    f"{place}.{name} is strict, so it cannot be read from its own stored form; "
                    "declare the field with Field(strict=False)"
                )


def _within(annotation: Any) -> Iterator[Alternative]:
    """The alternatives of an annotation, and of all that it holds besides models."""
    for found in alternatives(annotation):
        yield found
        for item in found.items:
            yield from _within(item)


def _check_missing(model: type[BaseModel], place: str) -> None:
    """Refuse fields that reading needs but that are not stored, or that are stored but refused."""
    for name, info in model.model_fields.items():
        if info.exclude and info.is_required():
            raise DeclarationError(
                f"{place}.{name} is excluded, so it is never stored, but it is required when the "
                "document is read; give it a default"
            )
    if model.model_computed_fields and keeps_computed(model):
        raise DeclarationError(
            f"{place}: {model.__name__} has computed fields and "
            f"extra={model.model_config.get('extra')!r}, so it cannot read what it stores; derive "
            "it from onto_fn.EmbeddedModel"
        )


def _check_union(annotation: Any, found: list[Alternative], place: str) -> None:
    """Refuse a union if a stored value would be read as another of its types."""
    values = [alternative for alternative in found if alternative.kind not in {"null", "any"}]
    if len(values) < 2 or not any(a.row and a.row.is_converted for a in values):
        return
    adapter = adapter_of(annotation)
    for alternative in values:
        row = alternative.row
        if row is None or not row.is_converted or row.sample is None:
            continue
        for sample in (row.sample, *row.more_samples):
            try:
                read = adapter.validate_python(row.store(sample))
            except ValidationError:  # a constraint refuses the sample
                continue
            if type(read) is not type(sample) or read != sample:
                raise DeclarationError(
                    f"{place} can be of type {row.name} or {type(read).__name__}, and a stored "
                    "value does not show which; use one of the types, or two fields"
                )


def _check_members(annotation: Any, found: list[Alternative], place: str) -> None:
    """Refuse a choice that is not read from its stored form, such as an Enum of dates."""
    members = [member for alternative in found for member in alternative.values]
    for member in members:
        plain = member.value if isinstance(member, Enum) else member
        stored = native(plain)
        if stored is plain and not (isinstance(member, Enum) and _is_literal(found, member)):
            continue
        try:
            is_read = adapter_of(annotation).validate_python(stored) is member
        except ValidationError:
            is_read = False
        if not is_read:
            raise DeclarationError(
                f"{place} can be {member!r}, which is stored as {stored!r} and cannot be read "
                "again; use an Enum whose values are texts or numbers"
            )


def _is_literal(found: list[Alternative], member: Enum) -> bool:
    return any(get_origin(a.annotation) is Literal and member in a.values for a in found)


def _check_zone(annotation: Any, found: list[Alternative], place: str) -> None:
    """Refuse a time that must have no time zone: what is read has one."""
    parts = get_args(annotation) or (annotation,)
    if all(part is datetime or part is type(None) for part in parts):
        return  # as nearly all are, and a validator takes time to make
    for alternative in found:
        if alternative.row is None or alternative.row.stored != "timestamp" or alternative.values:
            continue
        try:
            adapter_of(annotation).validate_python(alternative.row.sample)
        except ValidationError as error:
            if any(problem["type"] == "timezone_naive" for problem in error.errors()):
                raise DeclarationError(
                    f"{place} accepts no time zone, but every time in Firestore is in UTC; "
                    "declare it as a datetime"
                ) from error


def _check_key(annotation: Any, place: str) -> None:
    found = alternatives(annotation)
    if [alternative.kind for alternative in found] == ["any"]:
        return  # keys of other types than text are refused as they are stored
    if any(alternative.kind == "unresolved" for alternative in found):
        return
    for alternative in found:
        row = alternative.row
        if alternative.kind != "value" or row is None or row.key is None:
            raise DeclarationError(
                f"{place} is a map with keys of type {_shown(alternative.annotation)}; a key can "
                "be a str, int, bool, date, UUID, Ref, or an Enum of these"
            )
    if len(found) == 1 and not found[0].values:
        return
    adapter = adapter_of(cast(Any, dict)[annotation, Any])
    for key in _sample_keys(found):
        try:
            read = list(adapter.validate_python({key_text(key): None}))
        except (ValidationError, InvalidValue):
            read = []
        if read != [key] or type(read[0]) is not type(key):
            raise DeclarationError(
                f"{place} is a map with keys of type {_shown(annotation)}; {key!r} is stored as "
                f"the text {key_text(key)!r}, which cannot be read back. Use texts"
            )


def _sample_keys(found: list[Alternative]) -> Iterator[Any]:
    for alternative in found:
        if alternative.values:
            yield from alternative.values
        elif alternative.row is not None:
            yield alternative.row.sample


def _why_unknown(found: Alternative) -> str:
    cls = found.annotation
    if _is_annotated(cls):
        return (
            f"{_shown(cls)} cannot be read from its stored form because InstanceOf and "
            "SkipValidation do not convert values; remove them"
        )
    if found.values:
        return f"{found.values[0]!r} has no stored form; {_LISTED}"
    for base in getattr(cls, "__mro__", ()):
        remedy = _REMEDIES.get(f"{base.__module__}.{base.__qualname__}")
        if remedy:
            return f"{_shown(cls)} has no stored form: {remedy}"
    if _is_never_read(cls):
        base = _base_of(cls)
        return (
            f"{_shown(cls)} is stored as a {base}, and pydantic does not convert it back when it "
            f"is read; declare {base}, or give the class a `__get_pydantic_core_schema__`"
        )
    return (
        f"{_shown(cls)} has no stored form; {_LISTED}, and "
        "`Annotated[…, PlainSerializer(…, return_type=…)]` gives a class one"
    )


def _base_of(annotation: Any) -> str | None:
    """What the values of a class are stored as, by the name of one of its base classes."""
    cls = _class(annotation)
    if not isinstance(cls, type):
        return None
    row = row_of(cls)
    if row is not None:
        return row.name
    kinds = (list, tuple, set, frozenset, deque)
    named = next((kind.__name__ for kind in kinds if issubclass(cls, kind)), None)
    return "dict" if named is None and issubclass(cls, Mapping) else named


def _is_never_read(annotation: Any) -> bool:
    """Whether a value can be stored but never read back as one."""
    if _is_annotated(annotation):
        return True
    return _base_of(annotation) is not None and is_only_an_instance(annotation)


def _is_annotated(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated


def _is_set(annotation: Any) -> bool:
    cls = getattr(annotation, "__origin__", annotation)
    return isinstance(cls, type) and issubclass(cls, set | frozenset)


def _is_coerced(found: Alternative) -> bool:
    if found.kind == "map":  # whose keys are texts
        keys = alternatives(found.items[0])
        return any(key.row is None or key.row.name != "str" for key in keys if key.kind != "any")
    cls = _class(found.annotation)
    return isinstance(cls, type) and issubclass(cls, Enum | tuple | set | frozenset | deque)


def _class(annotation: Any) -> Any:
    return getattr(annotation, "__origin__", None) or annotation


def _shown(annotation: Any) -> str:
    if isinstance(annotation, type) and not getattr(annotation, "__args__", ()):
        return annotation.__name__
    return str(annotation).replace("typing.", "")

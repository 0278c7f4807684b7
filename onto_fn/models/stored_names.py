"""Names of fields in Firestore: those that a model declares, and which are refused."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from onto_fn.errors import DeclarationError
from onto_fn.models.annotations import (
    declared_fields,
)

MAX_NAME_BYTES = 1500


def stored_name(name: str, info: Any) -> str:
    """The name of a field in Firestore; `info` is pydantic's, of a field or a computed one."""
    serialized = info.serialization_alias if isinstance(info, FieldInfo) else None
    alias = info.alias if serialized is None else serialized
    return name if alias is None else cast(str, alias)


def stored_names(model: type[BaseModel]) -> dict[str, str]:
    """The names of a model's fields, the computed ones included, in Firestore."""
    fields = {n: stored_name(n, i) for n, i in model.model_fields.items() if not i.exclude}
    computed = {n: stored_name(n, i) for n, i in model.model_computed_fields.items()}
    return fields | computed


def check_names(model: type[BaseModel], place: str) -> None:
    """Refuse names that Firestore does not take, and two fields that would be stored as one.

    Raises:
        DeclarationError: it names the fields.
    """
    taken: dict[str, str] = {}
    for name, stored in stored_names(model).items():
        other = taken.setdefault(stored, name)
        if other != name:
            raise DeclarationError(
                f"{place}.{other} and {place}.{name} would both be stored as {stored!r}; rename "
                "one of them, or use `Field(alias=…)`"
            )
        if not stored or (len(stored) > 3 and stored.startswith("__") and stored.endswith("__")):
            raise DeclarationError(
                f"{place}.{name} would be stored as {stored!r}, which Firestore reserves; change "
                "the alias"
            )
        if len(stored.encode()) > MAX_NAME_BYTES:
            raise DeclarationError(
                f"{place}.{name} has a stored name of over {MAX_NAME_BYTES} bytes; shorten it"
            )
    for name, info in model.model_fields.items():
        stored = stored_name(name, info)
        if not info.exclude and not _reads(model, name, info, stored):
            raise DeclarationError(
                f"{place}.{name} is stored as {stored!r} but read as "
                f"{info.validation_alias!r}; use `alias=` for both, or add {stored!r} to its "
                "AliasChoices"
            )


def _reads(model: type[BaseModel], name: str, info: FieldInfo, stored: str) -> bool:
    choices: Any = info.validation_alias
    if choices is None or stored == choices:
        return True
    config = model.model_config
    by_name = config.get("populate_by_name") or config.get("validate_by_name")
    if by_name and stored == name:
        return True
    return any(
        stored == choice or [stored] == getattr(choice, "path", None)
        for choice in getattr(choices, "choices", [choices])
    )


def keeps_computed(model: type[BaseModel]) -> bool:
    """Whether a model that is read keeps, or refuses, what its computed fields have stored."""
    drops = getattr(model, "__drops_computed__", False)
    return not drops and model.model_config.get("extra") in {"allow", "forbid"}


def serialized_fields(model: Any) -> set[str]:
    """Fields that a serializer of the application's own stores: what it returns is not declared."""
    decorators: Any = getattr(model, "__pydantic_decorators__", None)
    if decorators is None:
        return set()
    if decorators.model_serializers:
        return set(declared_fields(model))
    names: set[str] = set()
    for decorator in decorators.field_serializers.values():
        names |= set(decorator.info.fields)
    return set(declared_fields(model)) if "*" in names else names

"""`EmbeddedModel`: a map inside a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack, cast

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from onto_fn.errors import DeclarationError
from onto_fn.models.computed import computed_names, not_reading
from onto_fn.models.field_names import KEPT, FreeNames, free_fields
from onto_fn.models.plain import OBJ_TYPE

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler


class EmbeddedModel(BaseModel, metaclass=FreeNames):
    """A map inside a document; its fields are camelCase in Firestore, as a domain model's are.

    A plain `pydantic.BaseModel` can also be embedded; its field names are not changed.

    Class keywords:
        obj_type: the name of the class, stored in a map's field `obj_type`. Declare
            it on the base class: its subclasses have it too, by default as their class name, and a
            field of the base class's type reads each map as the class that it names. Without it,
            the fields of a subclass are stored, and a field of the base class's type reads those
            of the base class.

    Example:
        >>> from onto_fn import EmbeddedModel
        >>> class Animal(EmbeddedModel, obj_type="Animal"):
        ...     name: str
        >>> class Bird(Animal):
        ...     wingspan: int
        >>> read = Animal.model_validate({"obj_type": "Bird", "name": "Kea", "wingspan": 90})
        >>> type(read).__name__
        'Bird'

    Raises:
        DeclarationError: at class creation, if a subclass has an `obj_type` and its base class has
            none, or two classes have one name.
    """

    __slots__ = ("_copied_from",)

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        validate_assignment=True,
    )

    __embedded_type__: ClassVar[str | None] = None
    __drops_computed__: ClassVar[bool] = True
    """Computed fields are written, and left out when a map is read."""

    def __init_subclass__(
        cls, *, obj_type: str | None = None, **kwargs: Unpack[ConfigDict]
    ) -> None:
        super().__init_subclass__(**kwargs)
        free_fields(cls, EmbeddedModel, KEPT)
        is_told_apart = cls.__embedded_type__ is not None
        base = cls.__base__
        if obj_type is not None and not is_told_apart and base is not EmbeddedModel:
            raise DeclarationError(
                f"{cls.__name__} has obj_type={obj_type!r}, and its base class "
                f"{base.__name__ if base else ''} has none; declare it there as well, so that "
                "fields of that type read each map as the class that it names"
            )
        if obj_type is not None or is_told_apart:
            cls.__embedded_type__ = obj_type or cls.__name__

    def __copy__(self) -> Self:
        """A copy, as `model_copy` makes it, that knows what it is a copy of."""
        return self._noting(super().__copy__())

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """A copy of this object and of what it holds; see `__copy__`."""
        return self._noting(super().__deepcopy__(memo))

    def _noting(self, made: Self) -> Self:
        # Not a private attribute of pydantic's, which would be compared.
        object.__setattr__(made, "_copied_from", self)
        return made

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        schema = not_reading(computed_names(cls), handler(source))
        if cls.__embedded_type__ is None:
            return schema

        def read(value: Any, validate: Callable[[Any], Any]) -> Any:
            return _read(cls, value, validate)

        return core_schema.no_info_wrap_validator_function(read, schema)


def copied_from(value: object) -> object | None:
    """The object that an embedded one is a copy of.

    Stored fields that are not declared stay with the copy: it is a changed version of the same
    object.
    """
    return getattr(value, "_copied_from", None) if isinstance(value, EmbeddedModel) else None


def family(cls: type[EmbeddedModel]) -> Iterator[type[EmbeddedModel]]:
    """A class and all its subclasses."""
    yield cls
    for child in cls.__subclasses__():
        yield from family(child)


def _read(cls: type[EmbeddedModel], value: Any, validate: Callable[[Any], Any]) -> Any:
    if not isinstance(value, Mapping):
        return validate(value)
    fields = dict(cast("Mapping[str, Any]", value))
    named = fields.pop(OBJ_TYPE, cls.__embedded_type__)
    if named != cls.__embedded_type__:
        return _class_named(cls, named).model_validate(fields)
    return validate(fields)


def _class_named(cls: type[EmbeddedModel], name: object) -> type[EmbeddedModel]:
    known: dict[object, type[EmbeddedModel]] = {
        member.__embedded_type__: member for member in family(cls)
    }
    if name not in known:
        names = ", ".join(sorted(map(str, known)))
        raise ValueError(f"obj_type {name!r} is neither {cls.__name__} nor a subclass ({names})")
    return known[name]

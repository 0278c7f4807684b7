"""Tracked objects: domain objects of a build, which note the fields that are read of them.

A document is validated once, as a template. Each build gets an object of the same class with
nothing but its id in `__dict__`, and a slot that leads to the template. The first access of a field
misses the `__dict__`; `DomainModel.__getattr__` then notes the name for the class, and puts the
values where every later access finds them without a call. What uses the object as a whole
(pydantic's serializer, a copy, `vars`, `==`) asks for `__dict__` or a slot of pydantic's: it gets
everything, and everything counts as read.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, cast
from uuid import UUID

from google.cloud.firestore_v1 import GeoPoint
from pydantic import BaseModel

from onto_fn.firestore import Reference
from onto_fn.models.embedded import EmbeddedModel
from onto_fn.models.making import Template
from onto_fn.models.model_type import begin_private
from onto_fn.models.references import Ref
from onto_fn.models.stored import SLOT, StoredModel

ALL = "*"
"""Stands for all names of a class."""
MOST_NAMES = 200
"""More names of one class (of undeclared fields, say) are recorded as `ALL`."""

NATIVE_DICT: Any = BaseModel.__dict__["__dict__"]
"""The descriptor of an object's own `__dict__`, which `DomainModel` hides."""
_PYDANTICS = ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
_UNCHANGEABLE = frozenset(
    {
        *(str, bytes, bool, int, float, complex, type(None), Decimal, UUID),
        *(date, datetime, time, timedelta, timezone, GeoPoint, Reference, Ref),
    }
)
# With one of these, a class decides itself what an access of an attribute does.
_HOOKS = frozenset(
    {"__dict__", "__getattr__", "__getattribute__", "__init__", "__new__", "__slots__"}
)


class Noted:
    """What was read of the documents of one class in one build.

    Attributes:
        is_tracked: whether it is noted; if not, an object counts as read as a whole.
        names: of attributes; `ALL` if an object was used as a whole.
        made: the `__dict__` of each object, if it is noted.
        templates: those of the objects, in the same order.
        given: the values of undeclared fields that objects have copies of, by the `id` of its
            `__dict__`, which is kept here.
    """

    __slots__ = ("given", "is_tracked", "made", "names", "templates")

    def __init__(self, is_tracked: bool) -> None:
        self.is_tracked = is_tracked
        self.names: set[str] = set() if is_tracked else {ALL}
        self.made: list[dict[str, Any]] = []
        self.templates: list[Template] = []
        self.given: dict[int, dict[str, Any]] = {}

    def field(self, model: StoredModel, template: Template, name: str) -> Any:
        """The value of one of the fields, which the object has from then on.

        Once a field is noted, it is noted for the class. So all objects of the class get theirs:
        code that reads several objects mostly reads the same fields of each.
        """
        value = template.fields[name]
        if template.copies and value.__class__ not in _UNCHANGEABLE:
            value = copied(value)
        own = NATIVE_DICT.__get__(model)
        own[name] = value
        if name not in self.names:
            self.names.add(name)
            for known, other in zip(self.made, self.templates, strict=True):
                if known is not own and name in other.fields:
                    _give(known, other, name)
        return value


Reading = tuple[Template, Noted]
"""The link of a build's object: its template, and where to note its reads."""


def _give(own: dict[str, Any], template: Template, name: str) -> None:
    """Give an object the value of a field that is noted; one that needs a copy comes when read."""
    value = template.fields[name]
    if not template.copies or value.__class__ in _UNCHANGEABLE:
        own.setdefault(name, value)


class FieldsRead:
    """Which fields of its source documents one build has read, by class."""

    __slots__ = ("_noted",)

    def __init__(self) -> None:
        self._noted: dict[type[Any], Noted] = {}

    def object_of(self, template: Template) -> Any:
        """An object with the content of a template, which notes here what is read of it."""
        cls = template.cls
        noted = self._noted.get(cls)
        if noted is None:
            noted = self._noted[cls] = Noted(_is_trackable(cls))
        noted.templates.append(template)
        if not noted.is_tracked:
            return deepcopy(template.object()) if template.copies else template.object()
        own: dict[str, Any] = {"doc_id": template.fields["doc_id"]}  # it never changes
        noted.made.append(own)
        for name in noted.names:
            if name in template.fields:
                _give(own, template, name)
        made = _new(cls)
        _set_dict(made, own)
        _set_slot(made, (template, noted))
        return made

    def names(self) -> dict[str, frozenset[str]]:
        """The names that were read, by the class's name; only of classes of which any was.

        Classes of one name are taken together.
        """
        found: dict[str, frozenset[str]] = {}
        for cls, noted in self._noted.items():
            if noted.names:
                is_all = ALL in noted.names or len(noted.names) > MOST_NAMES
                names = _EVERYTHING if is_all else frozenset(noted.names)
                name = cls.__name__
                found[name] = found[name] | names if name in found else names
        return found

    def paths(self, class_name: str) -> set[str]:
        """The documents that were read as objects of a class of that name."""
        return {
            template.path
            for cls, noted in self._noted.items()
            if cls.__name__ == class_name
            for template in noted.templates
        }


_EVERYTHING = frozenset({ALL})


def other(model: StoredModel, name: str) -> Any:
    """The value of an attribute of a build's object that is no field.

    Raises:
        AttributeError: there is none of that name.
    """
    cls = type(model)
    template, noted = cast("Reading", reading_of(model))
    if name == "_path":  # never changes
        return template.path
    if name in _PYDANTICS or name in cls.__private_attributes__:
        _fill(model)
        return getattr(model, name)
    noted.names.add(name)  # undeclared; or missing, which is read as well
    extra = template.extra
    if extra and name in extra:
        given = noted.given.setdefault(id(NATIVE_DICT.__get__(model)), {})
        if name not in given:
            given[name] = _own(template, extra[name])
        return given[name]
    if hasattr(cls, name):  # a property that has raised an AttributeError
        return object.__getattribute__(model, name)
    raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")


def _fill(model: StoredModel) -> None:
    """Give an object all that its template has, and note that everything was read."""
    template, noted = cast("Reading", reading_of(model))
    noted.names.add(ALL)
    own = NATIVE_DICT.__get__(model)
    given = noted.given.get(id(own), {})
    # In the order of the fields, which is that of a dump.
    whole = {n: own[n] if n in own else _own(template, v) for n, v in template.fields.items()}
    _set_dict(model, {**whole, **own})
    extra = template.extra
    if extra is not None:
        extra = {n: given[n] if n in given else _own(template, v) for n, v in extra.items()}
    _set_fields_set(model, set(template.names))
    _set_extra(model, extra)
    _set_private(model, template.private)
    _set_slot(model, None)


def _own(template: Template, value: Any) -> Any:
    return copied(value) if template.copies else value


def copied(value: Any) -> Any:
    """A copy of a value that shares with it nothing that can be changed."""
    kind: Any = value.__class__
    if kind in _UNCHANGEABLE or isinstance(value, Enum | Reference):
        return value
    if kind is list:
        return [copied(item) for item in cast("list[Any]", value)]
    if kind is dict:
        return {key: copied(item) for key, item in cast("dict[Any, Any]", value).items()}
    if isinstance(value, BaseModel) and _copies_plainly(type(value)):
        return _copied_model(value)
    return deepcopy(value)


def _copied_model(model: BaseModel) -> BaseModel:
    """The same as `deepcopy`, at a tenth of its cost."""
    if model.__pydantic_private__:
        return deepcopy(model)
    made: Any = object.__new__(type(model))
    object.__setattr__(made, "__dict__", copied(vars(model)))
    _set_fields_set(made, set(model.__pydantic_fields_set__))
    _set_extra(made, copied(model.__pydantic_extra__))
    _set_private(made, model.__pydantic_private__)
    return made


def whole_dict(model: StoredModel) -> dict[str, Any]:
    """An object's `__dict__`, complete: it is asked for by what uses the object as a whole."""
    if reading_of(model) is not None:
        _fill(model)
    return NATIVE_DICT.__get__(model)


def reading_of(model: StoredModel) -> Reading | None:
    """The link of a build's object that was not used as a whole yet; None of any other."""
    return cast(Any, model)._reading


@cache
def _is_trackable(cls: type[StoredModel]) -> bool:
    """Whether accesses of an object's fields can be noted, and are all that its class does.

    A field with the name of a method, for instance, would be found on the class.
    """
    own = [base for base in cls.__mro__ if base not in _LIBRARYS and base.__module__ != _DOMAIN]
    return (
        cls.model_post_init is begin_private
        and not any(_HOOKS & vars(base).keys() for base in own)
        and not any(_field_names(cls) & vars(base).keys() for base in cls.__mro__)
    )


@cache
def _field_names(cls: type[BaseModel]) -> frozenset[str]:
    return frozenset(cls.model_fields)


@cache
def _copies_plainly(cls: type[BaseModel]) -> bool:
    plain: set[Any] = {BaseModel.__deepcopy__, EmbeddedModel.__deepcopy__}
    return cls.__deepcopy__ in plain


_LIBRARYS = frozenset(StoredModel.__mro__)
_DOMAIN = "onto_fn.models.domain"
_new: Any = object.__new__
_set_slot: Any = StoredModel.__dict__[SLOT].__set__
_set_dict: Any = NATIVE_DICT.__set__
_set_fields_set: Any = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra: Any = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private: Any = BaseModel.__dict__["__pydantic_private__"].__set__

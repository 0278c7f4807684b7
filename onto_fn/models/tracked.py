"""Tracked objects: domain objects of a build, which note the fields that are read of them.

A document is validated once, as a template. Each build gets an object of the same class with an
empty `__dict__` and a slot that leads to the template. The first access of a field misses the
`__dict__`; `DomainModel.__getattr__` then notes the name, and puts the template's value where every
later access finds it without a call. What uses the object as a whole (pydantic's serializer, a
copy, `vars`, `==`) asks for `__dict__` or a slot of pydantic's: it gets everything, and everything
counts as read.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

from google.cloud.firestore_v1 import GeoPoint
from pydantic import BaseModel

from onto_fn.firestore import Reference
from onto_fn.models.embedded import EmbeddedModel
from onto_fn.models.model_type import begin_private
from onto_fn.models.stored import SLOT, StoredModel

M = TypeVar("M", bound=StoredModel)

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
        *(date, datetime, time, timedelta, timezone, GeoPoint),
    }
)
# With one of these, a class decides itself what an access of an attribute does.
_HOOKS = frozenset(
    {"__dict__", "__getattr__", "__getattribute__", "__init__", "__new__", "__slots__"}
)


class Noted:
    """What was read of the documents of one class.

    Attributes:
        names: of attributes; `ALL` if an object was used as a whole.
        paths: of the documents.
    """

    __slots__ = ("is_tracked", "names", "paths")

    def __init__(self, is_tracked: bool) -> None:
        self.is_tracked = is_tracked
        self.names: set[str] = set() if is_tracked else {ALL}
        self.paths: set[str] = set()


class FieldsRead:
    """Which fields of its source documents one build has read, by class."""

    def __init__(self) -> None:
        self._noted: dict[type[Any], Noted] = {}

    def object_of(self, template: M, path: str, *, is_shared: bool) -> M:
        """An object with the content of a template, which notes here what is read of it.

        Args:
            template: a validated object; it is never changed.
            path: of its document.
            is_shared: whether other builds get objects of it; values that can be changed are
                copied then.
        """
        cls = type(template)
        noted = self._noted.get(cls)
        if noted is None:
            noted = self._noted[cls] = Noted(_is_trackable(cls))
        noted.paths.add(path)
        if not noted.is_tracked:
            return deepcopy(template) if is_shared else template
        made = object.__new__(cls)
        _SLOT.__set__(made, Reading(template, noted.names, is_shared))
        return made

    def names(self) -> dict[str, frozenset[str]]:
        """The names that were read, by the class's name; only of classes of which any was.

        Classes of one name are taken together.
        """
        found: dict[str, frozenset[str]] = {}
        for cls, noted in self._noted.items():
            names = noted.names - {"doc_id"}  # which never changes
            if names:
                names = {ALL} if ALL in names or len(names) > MOST_NAMES else names
                found[cls.__name__] = found.get(cls.__name__, frozenset()) | names
        return found

    def paths(self, class_name: str) -> set[str]:
        """The documents that were read as objects of a class of that name."""
        found = (noted.paths for cls, noted in self._noted.items() if cls.__name__ == class_name)
        return set[str]().union(*found)


class Reading:
    """The link from one build's object to its template.

    Attributes:
        fields: the values of the declared fields.
    """

    __slots__ = ("_extra", "_is_shared", "_names", "_template", "fields")

    def __init__(self, template: StoredModel, names: set[str], is_shared: bool) -> None:
        self._template = template
        self._names = names
        self._is_shared = is_shared
        self._extra: dict[str, Any] | None = None
        self.fields: dict[str, Any] = NATIVE_DICT.__get__(template)

    def field(self, model: StoredModel, name: str) -> Any:
        """The value of one of the fields, which the object has from then on.

        If it was read of another object already, this one gets all fields that were: code that
        reads several objects mostly reads the same fields of each.
        """
        fields, names, is_shared = self.fields, self._names, self._is_shared
        value = fields[name]
        if is_shared and type(value) not in _UNCHANGEABLE:
            value = copied(value)
        if name not in names:
            names.add(name)
            object.__setattr__(model, name, value)
            return value
        own = NATIVE_DICT.__get__(model)
        for other in names & fields.keys() - own.keys():
            if not is_shared or type(fields[other]) in _UNCHANGEABLE:
                own[other] = fields[other]
        own[name] = value
        return value

    def other(self, model: StoredModel, name: str) -> Any:
        """The value of an attribute that is no field.

        Raises:
            AttributeError: there is none of that name.
        """
        cls = type(model)
        if name == "_path":  # never changes
            return self.path
        if name in _PYDANTICS or name in cls.__private_attributes__:
            self.fill(model)
            return getattr(model, name)
        self._names.add(name)  # undeclared; or missing, which is read as well
        extra = self._template.__pydantic_extra__
        if extra and name in extra:
            if self._extra is None:
                self._extra = {}
            if name not in self._extra:
                self._extra[name] = self._own(extra[name])
            return self._extra[name]
        if hasattr(cls, name):  # a property that has raised an AttributeError
            return object.__getattribute__(model, name)
        raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")

    @property
    def path(self) -> str | None:
        """Path of the document."""
        return cast(Any, self._template)._path

    def fill(self, model: StoredModel) -> None:
        """Give the object all that its template has, and note that everything was read."""
        self._names.add(ALL)
        template, own = self._template, NATIVE_DICT.__get__(model)
        # In the order of the fields, which is that of a dump.
        whole = {n: own[n] if n in own else self._own(v) for n, v in self.fields.items()}
        NATIVE_DICT.__set__(model, {**whole, **own})
        extra = template.__pydantic_extra__
        if extra is not None:
            known = self._extra or {}
            extra = {n: known[n] if n in known else self._own(v) for n, v in extra.items()}
        private = template.__pydantic_private__
        _set_fields_set(model, set(template.__pydantic_fields_set__))
        _set_extra(model, extra)
        _set_private(model, None if private is None else dict(private))
        _SLOT.__set__(model, None)

    def _own(self, value: Any) -> Any:
        return copied(value) if self._is_shared else value


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
    reading = reading_of(model)
    if reading is not None:
        reading.fill(model)
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
_SLOT: Any = StoredModel.__dict__[SLOT]
_set_fields_set: Any = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra: Any = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private: Any = BaseModel.__dict__["__pydantic_private__"].__set__

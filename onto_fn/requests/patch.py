"""`Patch`: a document with which a client requests changes of a view's fields."""

# A method of a metaclass takes the class; see `request.py`.
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from pydantic import ConfigDict, Field, PrivateAttr
from typing_extensions import Format, dataclass_transform, get_annotations

from onto_fn.access import Owner
from onto_fn.errors import DeclarationError, InvalidRequest
from onto_fn.firestore.documents import Fields
from onto_fn.requests.request import RequestModel, RequestType, validated
from onto_fn.views import ViewModel
from onto_fn.views.view import setter_of

if TYPE_CHECKING:
    from onto_fn.requests.compound_shapes import Record

V = TypeVar("V", bound=ViewModel[Any])


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PrivateAttr))
class PatchType(RequestType):
    """What the class of a patch can do; see `RequestType`."""

    def parsed(cls: type[Any], fields: Fields) -> Any:
        """The patch that a document's fields make.

        Raises:
            InvalidRequest: the fields do not fit, the target is no id, or nothing is set.
        """
        problems = list(PatchType.written_shape(cls).problems(fields))
        if problems:
            raise InvalidRequest(problems)
        targets = cls.__targets__.values()
        patch = validated(cls, {n: v for n, v in fields.items() if n not in targets})
        if not patch.model_fields_set:
            names = ", ".join(info.alias or name for name, info in cls.model_fields.items())
            raise InvalidRequest([f"(document): sets none of {names}"])
        return patch

    def stored_names(cls: type[Any]) -> list[str]:
        """The names in Firestore of all that a client may write; the target as well."""
        return [*cls.__targets__.values(), *RequestType.stored_names(cls)]

    def written_shape(cls: type[Any]) -> Record:
        """Exactly what a client may write, in Firestore's types; the target as well."""
        from onto_fn.requests.shapes import Identifier

        declared = RequestType.written_shape(cls)
        targets = dict.fromkeys(cls.__targets__.values(), Identifier())
        return replace(
            declared,
            fields={**targets, **declared.fields},
            required=declared.required | targets.keys(),
        )


class Patch(RequestModel, Generic[V], metaclass=PatchType):
    """A client's request to change fields of one document of a view.

    Its fields are those of the view that may be changed; each needs a setter there. Only the fields
    that a request has are set, in the order of their declaration, and only the domain documents
    that the setters change are written. Security rules and `onto_request` refuse any other field;
    in a document that comes from elsewhere it is ignored (`extra="forbid"` refuses it there too).

    Class keywords: path: template of the requests' paths, which ends in a variable: the request's
        id. target: the field with which the client chooses one of the user's documents: it holds
        the value of the variable of the view's path that the patch's path does not have. If there
        are several such variables, a mapping from variables to fields. root: the variable of the
        view's path that is the id of the store's root; default the one that `target` gives, or the
        only one there is. create: who may create a request; without it, no client may. read: who
        may read (and so watch) it; default the owner that `create` names, if it does. name: the
        patch's name in dead letters and calls; default the class name. version: change it when code
        changes that is not in the class's own source.

    Example:
        >>> from onto_fn import DomainModel, Patch, Refused, Store, ViewModel, root
        >>> from onto_fn.access import owner
        >>> class Profile(DomainModel, collection="profiles"):
        ...     nick: str
        >>> class ProfileStore(Store):
        ...     profile = root(Profile)
        >>> class ProfilePage(ViewModel[ProfileStore], path="users/{user_id}/pages/profile"):
        ...     @property
        ...     def nick(self) -> str:
        ...         return self.store.profile.nick
        ...     @nick.setter
        ...     def nick(self, value: str) -> None:
        ...         if value == "admin":
        ...             raise Refused("nobody may be called admin")
        ...         self.store.profile.nick = value
        >>> class ProfilePatch(
        ...     Patch[ProfilePage], path="users/{user_id}/profilePatches/{id}",
        ...     create=owner("user_id"),
        ... ):
        ...     nick: str

    Raises:
        DeclarationError: at class creation; a field without a setter on the view, a target that
            does not lead to one document, an owner whose id is no part of the view's path.
    """

    model_config = ConfigDict(extra="ignore")

    __view__: ClassVar[type[ViewModel[Any]]]
    __targets__: ClassVar[Mapping[str, str]] = {}
    """Variables of the view's path that the client gives, and the fields that it gives them in."""
    __root_id__: ClassVar[str] = ""

    def __init_subclass__(
        cls,
        *,
        target: str | Mapping[str, str] | None = None,
        root: str | None = None,
        **kwargs: Any,
    ) -> None:
        for name in get_annotations(cls, format=Format.FORWARDREF):
            # A field that the client leaves out is not set; see `model_fields_set`.
            if not name.startswith("_") and name not in vars(cls):
                setattr(cls, name, Field(default=None))
        super().__init_subclass__(**kwargs)
        if not RequestType.is_declared(cls):
            return
        cls.__view__ = _view_of(cls)
        cls.__targets__ = _targets_of(cls, target)
        cls.__root_id__ = _root_of(cls, root)
        _check_owner(cls)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not RequestType.is_declared(cls):
            return
        if not cls.model_fields:
            raise DeclarationError(f"{cls.__name__} declares no field that may be changed")
        for name, info in cls.model_fields.items():
            _check_setter(cls, name)
            if (info.alias or name) in cls.__targets__.values():
                raise DeclarationError(
                    f"{cls.__name__}.{name} is stored under the same name as the target, "
                    f"{info.alias!r}; rename it"
                )


def _view_of(cls: type[Patch[Any]]) -> type[ViewModel[Any]]:
    argument = cls.__argument__
    if argument is not None and issubclass(argument, ViewModel):
        return cast("type[ViewModel[Any]]", argument)
    raise DeclarationError(
        f"{cls.__name__} names no view; declare it as `class {cls.__name__}(Patch[YourView], …)`"
    )


def _targets_of(cls: type[Patch[Any]], target: str | Mapping[str, str] | None) -> dict[str, str]:
    view = cls.__view__.__path__
    free = [name for name in view.variables if name not in cls.__path__.variables]
    targets = dict.fromkeys(free, target) if isinstance(target, str) else dict(target or {})
    if set(targets) != set(free) or (isinstance(target, str) and len(free) != 1):
        raise DeclarationError(
            f"{cls.__name__}: the path of {cls.__view__.__name__}, {view.text!r}, has the "
            f"variables {free} besides those of {cls.__path__.text!r}; `target` names the field "
            "that gives one, or maps each to a field, and nothing else"
        )
    return targets


def _root_of(cls: type[Patch[Any]], root: str | None) -> str:
    variables = cls.__view__.__path__.variables
    model = cls.__view__.__store__.root().model
    candidates = [root] if root else list(cls.__targets__) or list(variables)
    if len(candidates) != 1 or candidates[0] not in variables:
        raise DeclarationError(
            f"{cls.__name__}: declare which variable of {cls.__view__.__path__.text!r} is the id "
            "of "
            f"the view's root, a {model.__name__}: `root='…'`"
        )
    missing = set(model.template().variables) - set(variables)
    if missing:
        raise DeclarationError(
            f"{cls.__name__}: the root's path {model.template().text!r} needs "
            f"{', '.join(sorted(missing))}, which the view's path does not have"
        )
    return candidates[0]


def _check_owner(cls: type[Patch[Any]]) -> None:
    """An owner who is no part of the view's path could change the view of everybody."""
    for part in cls.__create__.alternatives():
        if isinstance(part, Owner) and part.variable not in cls.__view__.__path__.variables:
            raise DeclarationError(
                f"{cls.__name__}: create={part}, but {part.variable!r} is not a variable of the "
                f"view's path {cls.__view__.__path__.text!r}, so any user could change any of its "
                "documents. Use the variable name of the view's path"
            )


def _check_setter(cls: type[Patch[Any]], name: str) -> None:
    view = cls.__view__
    member = inspect.getattr_static(view, name, None)
    if name not in view.__fields__:
        raise DeclarationError(
            f"{cls.__name__}.{name}: {view.__name__} has no such field; it has "
            f"{', '.join(view.__fields__)}"
        )
    if isinstance(member, cached_property) or cast(property, member).fset is None:
        raise DeclarationError(
            f"{cls.__name__}.{name}: {view.__name__}.{name} has no setter; {setter_of(view, name)}"
        )

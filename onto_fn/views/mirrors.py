"""`mirror`: a view field that shows a field of its store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import getattr_static
from operator import attrgetter
from typing import Any, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typing_extensions import Format, get_annotations

from onto_fn.errors import DeclarationError, Refused
from onto_fn.firestore.fieldpaths import names_in
from onto_fn.models.annotations import Alternative, alternatives
from onto_fn.models.fields import Found, fields_named, known_fields
from onto_fn.store import Store
from onto_fn.store.reads import Root
from onto_fn.store.references import One

_OPEN = {"any", "unresolved", "unknown"}
_NULL = Alternative("null", None)


def mirror(path: str, *, setter: bool = False) -> Any:
    """A field of a view that shows a field of a document that its store read.

    It is the same as a property that returns it: the same field in the document, in TypeScript and
    in the security rules.

    Args:
        path: a read of the store, `root` or `one`, and a field of it, such as `"user.first_name"`.
            It may continue through embedded models: `"user.home.city"`. If any value on the way is
                None, the field is None.
        setter: whether `edit` and a `Patch` may set it: the domain document then gets the value.

    Returns:
        The field. Type checkers take it for a value of the declared type.

    Example:
        >>> from onto_fn import DomainModel, Store, ViewModel, mirror, root
        >>> class Town(DomainModel, collection="towns"):
        ...     town_name: str
        >>> class TownStore(Store):
        ...     town = root(Town)
        >>> class TownView(ViewModel[TownStore], path="townViews/{town_id}"):
        ...     name: str = mirror("town.town_name", setter=True)

    Raises:
        DeclarationError: when the view is declared: the path names no field, more than one
            document, or a value of another type than the field's.
    """
    return Mirror(path, setter, sys._getframe(1).f_globals)  # pyright: ignore[reportPrivateUsage]


class Mirror(property):
    """The property that `mirror` makes. It can be read once it is bound to a view.

    Attributes:
        path: as it was declared.
        has_setter: whether it can be set.
        kind: its type, once it is bound.
    """

    def __init__(
        self,
        path: str,
        setter: bool,
        namespace: Mapping[str, Any],
        fget: Callable[[Any], Any] | None = None,
        fset: Callable[[Any, Any], None] | None = None,
    ) -> None:
        super().__init__(fget, fset)
        self.path = path
        self.has_setter = setter
        self.kind: Any = None
        self._namespace = namespace

    def bound(self, view: type[Any], name: str, annotation: Any, store: type[Store]) -> Mirror:
        """The property of a view, checked against its store.

        Args:
            view: the view, for errors.
            name: of the field.
            annotation: its type as it is declared; a text if it is not evaluated.
            store: what the view reads.

        Raises:
            DeclarationError: see `mirror`.
        """
        title = f"{view.__name__}.{name}"
        kind = self._evaluated(title, annotation)
        end = _end(f"{title}: mirror({self.path!r})", self.path, store)
        _check_type(title, self.path, kind, end)

        def careful(self: Any) -> Any:
            return _followed(self.store, end.names)

        # Of a path with nothing on it that may be None, Python's own getter is enough.
        value = careful if end.may_break else attrgetter(".".join(("store", *end.names)))

        def change(self: Any, value: Any) -> None:
            holder = _followed(self.store, end.names[:-1])
            if holder is None:
                raise Refused(f"{name} cannot be set: there is no {'.'.join(end.names[:-1])}")
            setattr(holder, end.names[-1], value)

        if self.has_setter and end.unchangeable:
            raise DeclarationError(
                f"{title}: mirror({self.path!r}, setter=True) cannot be set, as "
                f"{end.unchangeable}; leave `setter` out"
            )
        setting = change if self.has_setter else None
        made = Mirror(self.path, self.has_setter, self._namespace, value, setting)
        made.kind = kind
        return made

    def _evaluated(self, title: str, annotation: Any) -> Any:
        def holder() -> None: ...

        holder.__annotations__ = {"return": annotation}
        try:
            return get_type_hints(holder, dict(self._namespace), include_extras=True)["return"]
        except NameError as error:
            raise DeclarationError(
                f"{title}: its type cannot be resolved ({error}); import the type at module level, "
                "not only for type checking"
            ) from error


def bind_mirrors(view: type[Any], base: type[Any], store: type[Store]) -> None:
    """Bind all mirrors of a view, declared or inherited.

    Raises:
        DeclarationError: one has no type, or does not fit the store; see `mirror`.
    """
    for part in view.__mro__:
        if part in base.__mro__:
            continue
        annotations = get_annotations(part, format=Format.FORWARDREF)
        for name, member in list(vars(part).items()):
            if not isinstance(member, Mirror) or getattr_static(view, name) is not member:
                continue
            kind = annotations.get(name, member.kind)
            if kind is None:
                raise DeclarationError(
                    f"{view.__name__}.{name} has no type; write "
                    f"`{name}: … = mirror({member.path!r})`"
                )
            setattr(view, name, member.bound(view, name, kind, store))


@dataclass(frozen=True)
class _End:
    """What a path leads to.

    Attributes:
        names: the read, and the fields by their names in Python.
        kinds: what the value may be.
        unchangeable: why it cannot be set; empty if it can.
        may_break: whether something on the way may be None.
    """

    names: tuple[str, ...]
    kinds: tuple[Alternative, ...]
    unchangeable: str
    may_break: bool


def _end(where: str, path: str, store: type[Store]) -> _End:
    try:
        names = names_in(path)
    except (ValueError, AttributeError) as error:
        raise DeclarationError(f"{where} is no path: {error}") from error
    reads = store.reads()
    read = reads.get(names[0])
    if read is None:
        raise DeclarationError(
            f"{where}: {store.__name__} has no read `{names[0]}`; it has {', '.join(reads)}"
        )
    if not isinstance(read, Root | One):
        raise DeclarationError(
            f"{where}: `{names[0]}` holds more than one document; write a property that returns "
            "what the view shows of them"
        )
    if not names[1:]:
        raise DeclarationError(
            f"{where} names a read but none of its fields; write a path such as "
            f"'{names[0]}.{next(iter(read.model.model_fields), 'name')}'"
        )
    may_be_missing = isinstance(read, One) and None in (read.default, read.invalid)
    kinds: tuple[Alternative, ...] = (Alternative("model", read.model),)
    resolved, found = [names[0]], list[Found]()
    for name in names[1:]:
        may_be_missing = may_be_missing or _NULL in kinds
        found = _fields(where, [kind for kind in kinds if kind != _NULL], name)
        resolved.append(found[0].name if found else name)
        kinds = tuple(k for field in found for k in alternatives(field.annotation))
        kinds = kinds or (Alternative("any", Any),)
    if may_be_missing:
        kinds = (*kinds, _NULL)
    unchangeable = _unchangeable(resolved[-1], found)
    return _End(tuple(resolved), kinds, unchangeable, may_be_missing or not found)


def _fields(where: str, kinds: list[Alternative], name: str) -> list[Found]:
    """The field of a name, of each model among some kinds; none where nobody knows."""
    if any(kind.kind in _OPEN for kind in kinds):
        return []
    found = [fields_named((kind,), name) for kind in kinds]
    if any(kind.kind != "model" for kind in kinds) or not all(
        isinstance(kind.annotation, type) and issubclass(kind.annotation, BaseModel)
        for kind in kinds
    ):
        raise DeclarationError(
            f"{where}: {name!r} is looked up in {_shown(kinds)}; a path goes through models. "
            "Declare a read for a referenced document; for anything else, write a property"
        )
    if not all(found):
        raise DeclarationError(
            f"{where}: {_shown(kinds)} has no field {name!r}; {known_fields(kinds)}. For anything "
            "other than a field, write a property"
        )
    return [field for fields in found for field in fields]


def _unchangeable(name: str, found: list[Found]) -> str:
    if name == "doc_id":
        return "the id of a document never changes"
    return "it is computed" if any(field.is_computed for field in found) else ""


def _check_type(title: str, path: str, kind: Any, end: _End) -> None:
    wanted = alternatives(kind)
    if all(any(_takes(one, given) for one in wanted) for given in end.kinds):
        return
    without = [given for given in end.kinds if given != _NULL]
    if all(any(_takes(one, given) for one in wanted) for given in without):
        raise DeclarationError(
            f"{title}: mirror({path!r}) may be None, but the field may not; declare it as "
            f"`{_shown(without)} | None`, or write a property that returns another value instead"
        )
    raise DeclarationError(
        f"{title}: mirror({path!r}) is of type {_shown(end.kinds)}, but the field is declared as "
        f"{_shown(wanted)}; declare it as `{_shown(end.kinds)}`, or write a property that converts"
    )


def _takes(wanted: Alternative, given: Alternative) -> bool:
    """Whether a field of one kind can hold all values of another; in doubt, it can."""
    if {wanted.kind, given.kind} & _OPEN:
        return True
    if wanted.kind != given.kind:
        return False
    match given.kind:
        case "value":
            return _takes_value(wanted, given)
        case "list":
            return _all_fit(_flat(wanted.items), _flat(given.items))
        case "map":
            return all(
                _all_fit(alternatives(mine), alternatives(theirs))
                for mine, theirs in zip(wanted.items, given.items, strict=True)
            )
        case "model":
            mine, theirs = wanted.annotation, given.annotation
            both = isinstance(mine, type) and isinstance(theirs, type)
            return mine == theirs or (both and issubclass(theirs, mine))
        case _:
            return True


def _takes_value(wanted: Alternative, given: Alternative) -> bool:
    if wanted.values:
        return bool(given.values) and set(given.values) <= set(wanted.values)
    if given.values:  # of a Literal or an Enum
        cls = get_origin(wanted.annotation) or wanted.annotation
        return isinstance(cls, type) and all(isinstance(value, cls) for value in given.values)
    names = [kind.row.name if kind.row is not None else "" for kind in (wanted, given)]
    if names == ["float", "int"]:
        return True
    targets = [get_args(kind.annotation) for kind in (wanted, given)]
    is_same_target = not all(targets) or targets[0] == targets[1] or names[0] != "Ref"
    return names[0] == names[1] and is_same_target


def _all_fit(wanted: Iterable[Alternative], given: Iterable[Alternative]) -> bool:
    wanted = list(wanted)
    return all(any(_takes(one, each) for one in wanted) for each in given)


def _flat(annotations: Iterable[Any]) -> list[Alternative]:
    return [kind for annotation in annotations for kind in alternatives(annotation)]


def _shown(kinds: Iterable[Alternative]) -> str:
    names = ("None" if kind == _NULL else _name(kind.annotation) for kind in kinds)
    return " | ".join(dict.fromkeys(names))


def _name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(origin, type) and arguments:
        inner = ", ".join(_name(argument) for argument in arguments)
        return f"{cast('type[Any]', origin).__name__}[{inner}]"
    if isinstance(annotation, type):
        return cast("type[Any]", annotation).__name__
    return str(annotation).replace("typing.", "")


def _followed(store: Any, names: tuple[str, ...]) -> Any:
    found = store
    for name in names:
        if found is None:
            return None
        found = getattr(found, name)
    return found

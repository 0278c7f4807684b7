"""What an app is made of: mediators, and declared classes that need no options."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

from pydantic import BaseModel

from onto_fn.errors import DeclarationError
from onto_fn.mediators.mediator import Mediator
from onto_fn.mediators.request import FormMediator, PatchMediator, RequestMediator
from onto_fn.mediators.view import ViewMediator
from onto_fn.models import DomainModel
from onto_fn.requests import Form, Patch
from onto_fn.store import Store
from onto_fn.views import ViewDocument, ViewModel

AnyMediator = ViewMediator | Mediator | RequestMediator
Declared = AnyMediator | type[ViewModel[Any]] | type[Form[Any]] | type[Patch[Any]] | type[Mediator]


def mediators_of(declared: Iterable[Declared]) -> tuple[AnyMediator, ...]:
    """The mediators of an app; a declared class has one without options.

    Raises:
        DeclarationError: something is neither a mediator nor a class that can have one, or a class
            is there twice. The message says what to give instead.
    """
    if isinstance(declared, type | str) or not isinstance(declared, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DeclarationError(f"an App takes a list, `App([{_named(declared)}])`")
    mediators = tuple(_mediator_of(item) for item in declared)
    if not mediators:
        raise DeclarationError(
            "an App needs at least one view model, form, patch or mediator, as in `App([TeamPage])`"
        )
    _check_once(mediators)
    return mediators


def _mediator_of(declared: object) -> AnyMediator:
    if isinstance(declared, ViewMediator | Mediator | RequestMediator):
        return declared
    if not isinstance(declared, type):
        raise DeclarationError(
            f"an App takes view models, forms, patches and mediators, got {declared!r:.200}"
        )
    cls = cast("type[Any]", declared)
    if cls in _BASES or not issubclass(cls, _STAND_ALONE):
        raise DeclarationError(f"{cls.__name__} cannot be in an App by itself: {_advice(cls)}")
    if issubclass(cls, ViewModel):
        return ViewMediator(cast("type[ViewModel[Any]]", cls))
    if issubclass(cls, Form):
        return FormMediator(cast("type[Form[Any]]", cls))
    if issubclass(cls, Patch):
        return PatchMediator(cast("type[Patch[Any]]", cls))
    return _made(cls)


def _made(cls: type[Mediator]) -> Mediator:
    try:
        inspect.signature(cls).bind()
    except TypeError as error:
        raise DeclarationError(
            f"{cls.__name__} cannot be in an App by itself because it needs arguments ({error}): "
            f"pass an instance, `{cls.__name__}(…)`"
        ) from error
    return cls()


_STAND_ALONE = (ViewModel, Form, Patch, Mediator)
_BASES: frozenset[type[Any]] = frozenset(_STAND_ALONE)


def _advice(cls: type[Any]) -> str:
    name = cls.__name__
    if cls in _BASES:
        return f"derive a class from it, and pass that class: `class Mine({name}…)`, `App([Mine])`"
    if issubclass(cls, ViewDocument):
        return "it is the class of a view's documents; pass the view"
    if issubclass(cls, DomainModel):
        return (
            "an app listens to a domain model's collection for the views and mediators that use "
            "it; pass the view models, forms, patches and mediators"
        )
    if issubclass(cls, Store):
        return f"a store is what a view reads; pass the view, a `ViewModel[{name}]`"
    if issubclass(cls, BaseModel):
        return "it is part of other models; pass the view models, forms and patches that use it"
    return (
        "it is not a view model, form, patch or mediator; declare it as one of them, such as "
        f"`class {name}(ViewModel[…], path='…')`"
    )


def _check_once(mediators: Iterable[AnyMediator]) -> None:
    classes = Counter(_class_of(mediator) for mediator in mediators)
    for cls, times in classes.items():
        if times > 1 and not issubclass(cls, Mediator):
            raise DeclarationError(
                f"{cls.__name__} is in the App {times} times; pass it once, by itself or with its "
                "options"
            )


def _class_of(mediator: AnyMediator) -> type[Any]:
    if isinstance(mediator, ViewMediator):
        return mediator.view
    return mediator.model if isinstance(mediator, RequestMediator) else type(mediator)


def _named(declared: object) -> str:
    return declared.__name__ if isinstance(declared, type) else "…"

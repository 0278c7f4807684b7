"""`Form`: a document with which a client requests new domain documents."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, ClassVar, Generic, cast

from pydantic import PrivateAttr
from typing_extensions import TypeVar

from onto_fn.errors import BuildError, DeclarationError
from onto_fn.models import DomainModel
from onto_fn.models.reserved import check_fields, check_members
from onto_fn.requests.request import Request, RequestModel, RequestType
from onto_fn.store import Store

S = TypeVar("S", bound=Store, default=Store)

_KEPT = ("store", "submit")
_REMEDY = "give the field another name, and `Field(alias=…)` the name that clients write"


class Form(RequestModel, Generic[S]):
    """A client's request to create domain documents.

    A pydantic class: its fields are what the client may write, in camelCase as Firestore has them;
    any other field is refused. `submit` returns the objects to create.

    Class keywords:
        path: template of the requests' paths, which ends in a variable: the request's id.
        create: who may create a request; without it, no client may.
        read: who may read (and so watch) it; default the owner that `create` names, if it does.
        overwrite: whether a document that exists is replaced. By default the request is refused.
        root: for a form that reads a store, `Form[TownStore]`: the field of the form, or the
            variable of its path, that is the id of the store's root. What `submit` changes of the
            store's objects is saved as well, only if all that was read is still the same.
        name: the form's name in dead letters and calls; default the class name.
        version: change it when code changes that is not in the class's own source.

    Example:
        >>> from onto_fn import DomainModel, Form
        >>> from onto_fn.access import owner
        >>> class Order(DomainModel, collection="orders"):
        ...     amount: int
        >>> class OrderForm(
        ...     Form, path="users/{user_id}/orderForms/{order_id}", create=owner("user_id")
        ... ):
        ...     amount: int
        ...     def submit(self, request):
        ...         return [Order(doc_id=request.params["order_id"], amount=self.amount)]

    Raises:
        DeclarationError: at class creation; a path that does not end in a variable, no `submit`, a
            store without `root` or the reverse.
    """

    __overwrite__: ClassVar[bool] = False
    __root_id__: ClassVar[str | None] = None

    _store: S | None = PrivateAttr(default=None)

    def __init_subclass__(
        cls, *, overwrite: bool = False, root: str | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        check_members(cls, cast("type[Any]", Form), _REMEDY)
        check_fields(cls, _KEPT, cast("type[Any]", Form), _REMEDY)
        cls.__overwrite__ = overwrite
        cls.__root_id__ = root

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not RequestType.is_declared(cls):
            return
        if cls.submit is Form.submit or inspect.iscoroutinefunction(cls.submit):
            raise DeclarationError(
                f"{cls.__name__} needs a plain method `def submit(self, request)` that returns the "
                "domain objects to create"
            )
        _check_root(cls)

    @property
    def store(self) -> S:
        """What the form reads, loaded.

        Raises:
            DeclarationError: the form reads no store.
            BuildError: it is not loaded; only onto_fn's own call of `submit` loads it.
        """
        if self._store is not None:
            return self._store
        name, store = type(self).__name__, RequestType.store_type(type(self))
        if store is None:
            raise DeclarationError(
                f"{name} reads no store; declare it as Form[YourStore], root='…'"
            )
        raise BuildError(
            f"the {store.__name__} of this {name} is not loaded: onto_fn loads it before it calls "
            f"`submit`. In a test, use `onto_fn.testing.submit({name}, …, documents=…)`"
        )

    def submit(self, request: Request) -> Iterable[DomainModel]:
        """The objects to create.

        It may run again if its commit loses a race, so it must not have side effects.

        Args:
            request: the user, and the path of the request.

        Raises:
            Refused: the request is refused; the client may read why.
        """
        raise NotImplementedError


def _check_root(cls: type[Form[Any]]) -> None:
    name, store = cls.__name__, RequestType.store_type(cls)
    if store is None:
        if cls.__root_id__ is not None:
            raise DeclarationError(f"{name} has root={cls.__root_id__!r}, but reads no store")
        return
    known = [*cls.__path__.variables, *cls.model_fields]
    if cls.__root_id__ is None or cls.__root_id__ not in known:
        raise DeclarationError(
            f"{name} reads {store.__name__}; declare which of {', '.join(known)} is the id of its "
            f"root: `root='…'` (it is {cls.__root_id__!r})"
        )
    missing = set(store.root().model.template().variables) - set(cls.__path__.variables)
    if missing:
        raise DeclarationError(
            f"{name}: the root's path needs {', '.join(sorted(missing))}, which the path of the "
            f"form, {cls.__path__.text!r}, does not have"
        )

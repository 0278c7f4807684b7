"""Reads of documents by reference: one, a list of them, or a dict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from typing_extensions import override

from onto_fn.errors import BuildError, DeclarationError, MissingDocument
from onto_fn.models import DomainModel
from onto_fn.store.asking import Answer, Asked, Loaded
from onto_fn.store.objects import Objects
from onto_fn.store.paths import PathGetter, Wanted
from onto_fn.store.reads import (
    REQUIRED,
    Getter,
    Read,
    WhenInvalid,
    WhenMissing,
    check_choice,
    evaluate,
)

M = TypeVar("M", bound=DomainModel)
T = TypeVar("T")


class ReferenceRead(Read[T]):
    """A read of documents by reference."""

    form: Wanted

    def __init__(self, model: type[DomainModel], getter: Getter[Any] | str) -> None:
        super().__init__(model)
        if isinstance(getter, str):
            try:
                getter = PathGetter(getter)
            except ValueError as error:
                raise DeclarationError(f"a read of {model.__name__}: {error}") from error
        if not callable(getter):
            raise DeclarationError(
                f"a read of {model.__name__} needs a function of the store, such as "
                f"`lambda store: store.….…`, or a path such as 'team.members', got {getter!r}"
            )
        self.getter: Getter[Any] = getter

    @override
    def getters(self) -> list[Getter[Any]]:
        return [self.getter]

    @override
    def check(self, reads: Mapping[str, Read[Any]]) -> None:
        if not isinstance(self.getter, PathGetter):
            return
        name = self.getter.names[0]
        first = reads[name]
        if first.holds == "dict":
            raise DeclarationError(
                f"{self.title}: the path {self.getter.text!r} begins with `{name}`, which holds a "
                "dict; pass a function of the store"
            )
        several = first.holds == "list"
        self.getter.resolve(self.title, first.model, several, self.form, self.model)


class One(ReferenceRead[T]):
    """One referenced document."""

    form = "one"
    holds = "document"

    def __init__(
        self,
        model: type[DomainModel],
        getter: Getter[Any] | str,
        default: Any,
        invalid: Any = REQUIRED,
    ) -> None:
        super().__init__(model, getter)
        self.default = default
        self.invalid = invalid

    @property
    @override
    def may_skip(self) -> bool:
        return self.invalid is not REQUIRED

    @override
    def asks(self, store: Loaded) -> Asked:
        found = evaluate(self, self.getter, store)
        if found is not None:
            return Asked((self._path_of(found),))
        if self.default is REQUIRED:
            raise BuildError(
                f"{self.title}: the reference is None; declare `default=None` if it may be"
            )
        return Asked()

    @override
    def value(self, asked: Asked, answer: Answer, objects: Objects) -> T:
        if not asked.paths:
            return self.default
        document = answer.documents[asked.paths[0]]
        if document.fields is not None and self.invalid is REQUIRED:
            return objects.make(self.model, document)
        if document.fields is not None:
            found = objects.valid(self.model, [document])
            return found[0] if found else self.invalid
        if self.default is REQUIRED:
            raise MissingDocument(document.path, self.title)
        return self.default


class _Several(ReferenceRead[T]):
    """Several referenced documents, some of which may be missing or invalid."""

    def __init__(
        self,
        model: type[DomainModel],
        getter: Getter[Any] | str,
        missing: WhenMissing,
        invalid: WhenInvalid = "error",
    ) -> None:
        super().__init__(model, getter)
        self.missing: WhenMissing = check_choice("missing", missing)
        self.invalid: WhenInvalid = check_choice("invalid", invalid)


class Many(_Several[list[M]]):
    """A list of referenced documents, in the order of the references."""

    form = "many"
    holds = "list"

    @override
    def asks(self, store: Loaded) -> Asked:
        found = evaluate(self, self.getter, store, _listed)
        return Asked([self._path_of(item) for item in found])

    @override
    def value(self, asked: Asked, answer: Answer, objects: Objects) -> list[M]:
        found: list[M] = []
        for path in asked.paths:
            document = answer.documents[path]
            if document.fields is None:
                if self.missing == "error":
                    raise MissingDocument(path, self.title)
            elif self.invalid == "skip":
                found += objects.valid(self.model, [document])
            else:
                found.append(objects.make(self.model, document))
        return found


class Keyed(_Several[dict[str, M]]):
    """Referenced documents by key."""

    form = "keyed"

    @override
    def asks(self, store: Loaded) -> Asked:
        found = evaluate(self, self.getter, store, _mapped)
        paths = {key: self._path_of(item) for key, item in found.items()}
        return Asked(list(paths.values()), about=paths)

    @override
    def value(self, asked: Asked, answer: Answer, objects: Objects) -> dict[str, M]:
        found: dict[str, M] = {}
        for key, path in asked.about.items():
            document = answer.documents[path]
            if document.fields is None:
                if self.missing == "error":
                    raise MissingDocument(path, f"{self.title}[{key!r}]")
            elif self.invalid == "skip":
                for model in objects.valid(self.model, [document]):
                    found[key] = model
            else:
                found[key] = objects.make(self.model, document)
        return found


def _listed(found: Any) -> list[Any]:
    return list(found or ())


def _mapped(found: Any) -> dict[str, Any]:
    return dict(found or {})

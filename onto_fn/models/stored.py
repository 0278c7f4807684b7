"""`StoredModel`: what references and queries know of a domain model, which is made with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel, Field

from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate, Reference
from onto_fn.firestore.paths import new_id

M = TypeVar("M", bound="StoredModel")
ReferenceForm = Literal["reference", "path"]
SLOT = "_reading"
"""Where an object of a build keeps what notes its reads; see `tracked`."""


class StoredModel(BaseModel):
    """The base of `DomainModel`: a class whose objects are documents of one collection."""

    __slots__ = (SLOT,)

    __collection__: ClassVar[PathTemplate | None] = None
    __obj_type__: ClassVar[str] = "DomainModel"
    __owner__: ClassVar[type[StoredModel] | None] = None
    __references__: ClassVar[ReferenceForm] = "reference"

    doc_id: str = Field(default_factory=new_id, alias="doc_id")

    @property
    def doc_ref(self) -> Reference:
        """The reference of this object's document."""
        raise NotImplementedError


def collection_of(model: type[StoredModel]) -> PathTemplate:
    """Template of the path of a model's collection.

    Raises:
        DeclarationError: the class has no collection.
    """
    if model.__collection__ is None:
        raise DeclarationError(
            f"{model.__name__} has no collection; declare it as "
            f"`class {model.__name__}(DomainModel, collection='…')`"
        )
    return model.__collection__


def owns(model: type[StoredModel], path: str) -> bool:
    """Whether a document path is in a model's collection."""
    return collection_of(model).holds(path)


def family(model: type[M]) -> Iterator[type[M]]:
    """A class and all its subclasses."""
    yield model
    for child in model.__subclasses__():
        yield from family(child)


def narrows_collection(model: type[StoredModel]) -> bool:
    """Whether a class is one of several in its collection, distinguished by `obj_type`."""
    return model.__owner__ is not model


def type_names(model: type[StoredModel]) -> list[str]:
    """The values of `obj_type` that make a document one of this class, sorted."""
    return sorted({member.__obj_type__ for member in family(model)})


def find_model(name: str) -> type[StoredModel]:
    """The one domain model of that name, for references declared by name.

    Raises:
        ValueError: there is none, or more than one.
    """
    found = [model for model in family(StoredModel) if model.__name__ == name]
    if len(found) != 1:
        raise ValueError(f"{len(found)} domain models are named {name!r}; Ref needs exactly one")
    return found[0]

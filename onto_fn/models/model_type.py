"""`DomainModelType`: what the class of a domain model can do."""

# A method of a metaclass takes the class, so that `User.all()` is a query of users. Pyright, which
# understands that, wants the parameter to be of the metaclass itself.
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar, dataclass_transform

from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from onto_fn.errors import DeclarationError, InvalidDocument
from onto_fn.firestore import Document, PathTemplate
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.paths import (
    check_document_path,
    check_segment,
    last_segment,
)
from onto_fn.firestore.queries import Operator
from onto_fn.models import stored
from onto_fn.models.field_names import FreeNames
from onto_fn.models.making import Template, Validate, validation
from onto_fn.models.queries import ModelQuery
from onto_fn.models.references import Ref
from onto_fn.models.stored import StoredModel

D = TypeVar("D", bound=StoredModel)


# Pydantic's metaclass says this too. A type checker does not look there for a class whose base has
# another metaclass than itself, and would know no field of a model.
@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PrivateAttr))
class DomainModelType(FreeNames):
    """What a domain model's class can do: make references, queries and objects.

    These are methods of the class of the class, so that a field may have the name of any of them:
    `User.ref("a")` makes a reference, and `user.ref` is the field `ref` if the model declares one.
    """

    __free_names__ = ("to_fields",)

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **kwargs: Any
    ) -> Any:
        """Create the class, whose private attributes we set by ourselves if it has no others."""
        is_plain = "model_post_init" not in namespace and all(map(_is_plain, bases))
        cls: Any = super().__new__(mcs, name, bases, namespace, **kwargs)
        if is_plain and cls.__private_attributes__.keys() == _PRIVATE.keys():
            cls.model_post_init = begin_private
        return cls

    # Where the documents are

    def is_stored(cls: type[StoredModel]) -> bool:
        """Whether the class has a collection; an abstract base has none."""
        return cls.__collection__ is not None

    def template(cls: type[StoredModel]) -> PathTemplate:
        """Template of the collection's path.

        Raises:
            DeclarationError: the class has no collection.
        """
        return stored.collection_of(cls)

    def owns(cls: type[StoredModel], path: str) -> bool:
        """Whether a document path is in this model's collection."""
        return stored.owns(cls, path)

    def ref(cls: type[D], doc_id: str, **parents: str) -> Ref[D]:
        """A reference by id, and by the variables of the collection's path if it has any.

        Raises:
            InvalidPath: the id or a variable is not allowed in a path.
        """
        collection = stored.collection_of(cls).render(parents)
        return Ref(f"{collection}/{check_segment(doc_id, what=f'{cls.__name__} id')}")

    def at(cls: type[D], path: str, **values: Value) -> D:
        """A new object at a given path, for collections below other documents.

        Raises:
            DeclarationError: the path is not in this model's collection.
        """
        check_document_path(path)
        if not stored.owns(cls, path):
            template = stored.collection_of(cls)
            raise DeclarationError(f"{path!r} is not in {cls.__name__}'s {template}")
        instance = cls(doc_id=last_segment(path), **values)
        mark_stored(instance, path, None)
        return instance

    # Queries

    def all(cls: type[D]) -> ModelQuery[D]:
        """The query for every document of this class, subclasses included."""
        return ModelQuery(cls)

    def where(cls: type[D], field: str, op: Operator, value: Value) -> ModelQuery[D]:
        """The query for the documents of this class for which the condition holds.

        Raises:
            DeclarationError: the model has no such field.
        """
        return ModelQuery(cls).where(field, op, value)

    # Firestore form

    def from_document(cls: type[D], document: Document) -> D:
        """The object of a document that exists.

        The class is chosen by `obj_type` among this class and its subclasses; without that field
        it is this class.

        Raises:
            InvalidDocument: the document does not fit; the message names its path and fields.
        """
        return template_of(cls, document).object()

    def seen_fields(cls: type[StoredModel]) -> frozenset[str] | None:
        """The stored fields that can affect an object, or None if all can.

        All can where a class (a subclass included) keeps or refuses undeclared fields, or has code
        that sees a document before it is validated.
        """
        names = {"obj_type"}
        for member in stored.family(cls):
            if member.model_config.get("extra") != "ignore" or _looks_before(member):
                return None
            for name, info in member.model_fields.items():
                if info.validation_alias not in (None, info.alias):
                    return None
                names |= {name, info.alias or name}
        return frozenset(names)

    # Subclasses in one collection

    def family(cls: type[D]) -> Iterator[type[D]]:
        """This class and all its subclasses."""
        return stored.family(cls)

    def narrows_collection(cls: type[StoredModel]) -> bool:
        """Whether the class is one of several in its collection, distinguished by `obj_type`."""
        return stored.narrows_collection(cls)

    def accepts(cls: type[StoredModel], fields: Fields) -> bool:
        """Whether a document's `obj_type` makes it one of this class."""
        obj_type = fields.get("obj_type")
        if obj_type == cls.__obj_type__:
            return True
        if obj_type is None:
            return cls.__owner__ is cls  # a subclass has `obj_type`
        return obj_type in stored.type_names(cls)


_PRIVATE: dict[str, Any] = {"_path": None, "_update_time": None}


def begin_private(model: Any, context: Any) -> None:
    """Set the private attributes of a class that has no others than ours, nor a hook of its own.

    Pydantic's way, which asks for the default of each, and of each base once more, takes as long as
    all else that it does to read a small document.
    """
    if getattr(model, "__pydantic_private__", None) is None:
        object.__setattr__(model, "__pydantic_private__", {**_PRIVATE})


def template_of(cls: type[StoredModel], document: Document) -> Template:
    """The validated content of a document that exists; see `from_document`.

    Raises:
        InvalidDocument: the document does not fit.
    """
    path = document.path
    fields: dict[str, Value] = {**(document.fields or {}), "doc_id": path.rpartition("/")[2]}
    obj_type = fields.pop("obj_type", None)
    fields.pop("doc_ref", None)
    model = cls
    if obj_type is not None and obj_type != cls.__obj_type__:
        model = _class_of(cls, obj_type, path)
    validate = _validations[model] if model in _validations else _validation(model)
    try:
        if validate is not None:
            return Template(model, path, document.update_time, validate(fields))
        instance = model.model_validate(fields)
    except ValidationError as error:
        raise InvalidDocument(path, model.__name__, problems_of(error)) from error
    except Exception as error:  # a validator of the application's; pydantic passes it on
        problem = f"a validator raised {type(error).__name__}: {error}"
        raise InvalidDocument(path, model.__name__, [problem]) from error
    mark_stored(instance, path, document.update_time)
    return Template.of(instance, path, document.update_time)


_validations: dict[type[Any], Validate | None] = {}


def _validation(model: type[Any]) -> Validate | None:
    """What validates a class's documents faster than pydantic, if there is nothing more to it."""
    if model.__pydantic_complete__:
        has_hook = model.model_post_init is not begin_private
        _validations[model] = None if has_hook else validation(model)
    return _validations.get(model)


def _is_plain(base: type[Any]) -> bool:
    """Whether a base class leaves it to us to set private attributes, or has none."""
    hook = getattr(base, "model_post_init", None)
    return hook is None or hook in (BaseModel.model_post_init, begin_private)


def mark_stored(model: StoredModel, path: str, time: datetime | None) -> None:
    """Record where an object is stored, and the version that was read or saved."""
    private: Any = model
    private._path = path
    private._update_time = time


def problems_of(error: ValidationError) -> list[str]:
    """What pydantic found wrong: one text per field."""
    return [
        f"{'.'.join(str(part) for part in item['loc']) or '(document)'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    ]


def _class_of(cls: type[StoredModel], obj_type: object, path: str) -> type[StoredModel]:
    if obj_type is None:
        return cls
    for member in stored.family(cls):
        if member.__obj_type__ == obj_type:
            return member
    known = ", ".join(stored.type_names(cls))
    problem = f"obj_type: {obj_type!r} is neither {cls.__name__} nor a subclass ({known})"
    raise InvalidDocument(path, cls.__name__, [problem])


def _looks_before(model: type[StoredModel]) -> bool:
    validators = model.__pydantic_decorators__.model_validators.values()
    return model.__pydantic_custom_init__ or any(v.info.mode != "after" for v in validators)

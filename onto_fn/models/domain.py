"""`DomainModel`: a pydantic class stored in a collection."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Literal, Self, Unpack, cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from pydantic.alias_generators import to_camel
from typing_extensions import Format, get_annotations

from onto_fn.errors import DeclarationError, InvalidDocument
from onto_fn.firestore import Document, PathTemplate
from onto_fn.firestore.documents import Fields, Value
from onto_fn.firestore.paths import (
    check_document_path,
    check_segment,
    last_segment,
    new_id,
    parent_collection,
)
from onto_fn.models.queries import ModelQuery
from onto_fn.models.references import Ref, references_as_paths

ReferenceForm = Literal["reference", "path"]
METADATA_FIELDS = frozenset({"doc_id", "doc_ref", "obj_type"})


class EmbeddedModel(BaseModel):
    """A map inside a document; its fields are camelCase in Firestore, as a domain model's are.

    A plain `pydantic.BaseModel` can be embedded as well; its names then stay as they are.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        arbitrary_types_allowed=True,
        validate_assignment=True,
    )


class DomainModel(BaseModel):
    """One kind of document, the single source of truth.

    Class keywords:
        collection: template of the collection's path, such as `"users"` or
            `"polls/{poll}/votes"`. Subclasses inherit it and share the collection; they are told
            apart by the field `obj_type`.
        obj_type: the name stored in `obj_type`; default the class name.
        references: how fields of type `Ref` are stored: `"reference"` (default) as
            DocumentReferences, `"path"` as strings.
        extra: pydantic's own: `"allow"` (default) keeps undeclared fields, `"forbid"` refuses
            them, `"ignore"` drops them.

    Field names are camelCase in Firestore and snake_case in Python. Optional fields that are None
    are left out of the document. `doc_id` is the last segment of the document's path; a new object
    without one gets a random id.

    Example:
        >>> from onto_fn import DomainModel
        >>> class Person(DomainModel, collection="people"):
        ...     first_name: str
        ...     nickname: str | None = None
        >>> Person(doc_id="tove", first_name="Tove").to_fields()["firstName"]
        'Tove'
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        arbitrary_types_allowed=True,
        validate_assignment=True,
        extra="allow",
    )

    __collection__: ClassVar[PathTemplate | None] = None
    __obj_type__: ClassVar[str] = "DomainModel"
    __references__: ClassVar[ReferenceForm] = "reference"
    __owner__: ClassVar[type[DomainModel] | None] = None

    doc_id: str = Field(default_factory=new_id, alias="doc_id")

    _path: str | None = PrivateAttr(default=None)
    _update_time: datetime | None = PrivateAttr(default=None)

    def __init_subclass__(
        cls,
        *,
        collection: str | None = None,
        obj_type: str | None = None,
        references: ReferenceForm | None = None,
        **kwargs: Unpack[ConfigDict],
    ) -> None:
        super().__init_subclass__(**kwargs)
        cls.__obj_type__ = obj_type or cls.__name__
        for name in get_annotations(cls, format=Format.FORWARDREF):
            # Without this, pydantic takes the method of that name for the field's default.
            if name not in vars(cls) and callable(getattr(DomainModel, name, None)):
                setattr(cls, name, Field())
        if references is not None:
            cls.__references__ = references
        if collection is None:
            return
        if cls.__collection__ is not None:
            raise DeclarationError(
                f"{cls.__name__} declares the collection {collection!r}, but inherits "
                f"{cls.__collection__.text!r}: subclasses share their parent's collection"
            )
        template = PathTemplate(collection)
        if template.is_document:
            raise DeclarationError(
                f"{cls.__name__} is declared with collection={collection!r}, which is the path of "
                "a document; a collection has an odd number of segments, as in 'users'"
            )
        cls.__collection__ = template
        cls.__owner__ = cls

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            stored = field.alias or name
            if name != "doc_id" and stored in METADATA_FIELDS:
                raise DeclarationError(
                    f"{cls.__name__}.{name} would be stored as {stored!r}, a field that onto_fn "
                    "writes itself; give it another alias"
                )

    # Where the documents are

    @classmethod
    def is_stored(cls) -> bool:
        """Whether the class has a collection; an abstract base has none."""
        return cls.__collection__ is not None

    @classmethod
    def template(cls) -> PathTemplate:
        """Template of the collection's path.

        Raises:
            DeclarationError: the class has no collection.
        """
        if cls.__collection__ is None:
            raise DeclarationError(
                f"{cls.__name__} has no collection; declare it as "
                f"`class {cls.__name__}(DomainModel, collection='…')`"
            )
        return cls.__collection__

    @classmethod
    def owns(cls, path: str) -> bool:
        """Whether a document path is in this model's collection."""
        return cls.template().match(parent_collection(path)) is not None

    @classmethod
    def ref(cls, doc_id: str, **parents: str) -> Ref[Self]:
        """A reference by id, and by the variables of the collection's path if it has any.

        Raises:
            InvalidPath: the id or a variable is not allowed in a path.
        """
        collection = cls.template().render(parents)
        return Ref(f"{collection}/{check_segment(doc_id, what=f'{cls.__name__} id')}")

    @classmethod
    def at(cls, path: str, **values: Value) -> Self:
        """A new object at a given path, for collections below other documents.

        Raises:
            DeclarationError: the path is not in this model's collection.
        """
        check_document_path(path)
        if not cls.owns(path):
            raise DeclarationError(f"{path!r} is not in {cls.__name__}'s {cls.template()}")
        instance = cls(doc_id=last_segment(path), **values)
        instance._path = path
        return instance

    @property
    def doc_ref(self) -> Ref[Self]:
        """The reference of this object's document."""
        if self._path is not None and last_segment(self._path) == self.doc_id:
            return Ref(self._path)
        template = type(self).template()
        if template.variables:
            raise DeclarationError(
                f"{type(self).__name__} is stored in {template}: create it with "
                f"{type(self).__name__}.at('…path…', …) so that it knows where"
            )
        return Ref(f"{template}/{check_segment(self.doc_id, what='doc_id')}")

    @property
    def doc_update_time(self) -> datetime | None:
        """Update time of the document that this object was read from, or None if it is new."""
        return self._update_time

    # Queries

    @classmethod
    def all(cls) -> ModelQuery[Self]:
        """The query for every document of this class, subclasses included."""
        return ModelQuery(cls)

    @classmethod
    def where(cls, field: str, op: Any, value: Value) -> ModelQuery[Self]:
        """The query for the documents of this class for which the condition holds.

        Raises:
            DeclarationError: the model has no such field.
        """
        return ModelQuery(cls).where(field, op, value)

    # Firestore form

    @classmethod
    def from_document(cls, document: Document) -> Self:
        """The object of a document that exists.

        The class is chosen by `obj_type` among this class and its subclasses; without that field
        it is this class.

        Raises:
            InvalidDocument: the document does not fit; the message names its path and fields.
        """
        fields = dict(document.fields or {})
        obj_type = fields.pop("obj_type", None)
        fields.pop("doc_ref", None)
        fields["doc_id"] = last_segment(document.path)
        model = cls._class_of(obj_type, document.path)
        try:
            instance = model.model_validate(fields)
        except ValidationError as error:
            raise InvalidDocument(document.path, model.__name__, problems_of(error)) from error
        except Exception as error:  # a validator of the application's; pydantic passes it on
            problem = f"a validator raised {type(error).__name__}: {error}"
            raise InvalidDocument(document.path, model.__name__, [problem]) from error
        instance._path = document.path
        instance._update_time = document.update_time
        return cast(Self, instance)

    def to_fields(self) -> dict[str, Value]:
        """The content of this object's document, with `doc_id`, `doc_ref` and `obj_type`."""
        fields = DomainModel.content(self)  # a field may be named like the method
        fields["doc_id"] = self.doc_id
        fields["doc_ref"] = self.doc_ref.path
        fields["obj_type"] = self.__obj_type__
        return fields

    def content(self) -> dict[str, Value]:
        """The declared (and kept) fields in Firestore's names, without onto_fn's own three."""
        fields = self.model_dump(by_alias=True, exclude_none=True, exclude={"doc_id"})
        if self.__references__ == "path":
            return {name: references_as_paths(value) for name, value in fields.items()}
        return fields

    @classmethod
    def seen_fields(cls) -> frozenset[str] | None:
        """The stored fields that can make a difference to an object, or None if all can.

        All can where a class (a subclass included) keeps or refuses undeclared fields, or has code
        that sees a document before it is validated.
        """
        names = {"obj_type"}
        for member in cls.family():
            if member.model_config.get("extra") != "ignore" or _looks_before(member):
                return None
            for name, info in member.model_fields.items():
                if info.validation_alias not in (None, info.alias):
                    return None
                names |= {name, info.alias or name}
        return frozenset(names)

    # Subclasses in one collection

    @classmethod
    def family(cls) -> Iterator[type[DomainModel]]:
        """This class and all its subclasses."""
        yield cls
        for child in cls.__subclasses__():
            yield from child.family()

    @classmethod
    def narrows_collection(cls) -> bool:
        """Whether the class is one of several in its collection, told apart by `obj_type`."""
        return cls.__owner__ is not cls

    @classmethod
    def accepts(cls, fields: Fields) -> bool:
        """Whether a document's `obj_type` makes it one of this class."""
        obj_type = fields.get("obj_type")
        if obj_type is None:
            return not cls.narrows_collection()
        return any(member.__obj_type__ == obj_type for member in cls.family())

    @classmethod
    def _class_of(cls, obj_type: object, path: str) -> type[DomainModel]:
        if obj_type is None:
            return cls
        for member in cls.family():
            if member.__obj_type__ == obj_type:
                return member
        known = ", ".join(sorted(member.__obj_type__ for member in cls.family()))
        problem = f"obj_type: {obj_type!r} is neither {cls.__name__} nor a subclass ({known})"
        raise InvalidDocument(path, cls.__name__, [problem])


def _looks_before(model: type[DomainModel]) -> bool:
    validators = model.__pydantic_decorators__.model_validators.values()
    return model.__pydantic_custom_init__ or any(v.info.mode != "after" for v in validators)


def find_model(name: str) -> type[DomainModel]:
    """The one stored model of that name, for references declared by name.

    Raises:
        ValueError: there is none, or more than one.
    """
    found = [model for model in DomainModel.family() if model.__name__ == name]
    if len(found) != 1:
        raise ValueError(f"{len(found)} domain models are named {name!r}; Ref needs exactly one")
    return found[0]


def problems_of(error: ValidationError) -> list[str]:
    """What pydantic found wrong: one text a field."""
    return [
        f"{'.'.join(str(part) for part in item['loc']) or '(document)'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    ]

"""`DomainModel`: a pydantic class stored in a collection."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack, cast

from pydantic import ConfigDict, GetCoreSchemaHandler, PrivateAttr
from pydantic.alias_generators import to_camel
from pydantic_core import core_schema

from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.documents import Value
from onto_fn.firestore.paths import check_segment, last_segment
from onto_fn.models.computed import computed_names, not_reading
from onto_fn.models.content import Made, content_of
from onto_fn.models.declared_types import check_model
from onto_fn.models.field_names import KEPT, free_fields
from onto_fn.models.model_type import DomainModelType
from onto_fn.models.references import Ref, references_as_paths
from onto_fn.models.stored import SLOT, ReferenceForm, StoredModel
from onto_fn.models.stored_names import stored_names
from onto_fn.models.tracked import NATIVE_DICT, other, whole_dict
from onto_fn.renamed import warn_renamed

METADATA_FIELDS = frozenset({"doc_id", "doc_ref", "obj_type"})
KEPT_NAMES = KEPT | {"doc_ref", "doc_update_time", "doc_fields"}
"""Names that no field of a domain model or view may have."""


class DomainModel(StoredModel, metaclass=DomainModelType):
    """One kind of document, the single source of truth.

    Class keywords:
        collection: template of the collection's path, such as `"users"` or `"polls/{poll}/votes"`.
            Subclasses inherit it and share the collection; the field `obj_type` distinguishes them.
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
        >>> Person(doc_id="tove", first_name="Tove").doc_fields()["firstName"]
        'Tove'
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        validate_assignment=True,
        extra="allow",
    )

    __drops_computed__: ClassVar[bool] = True

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
        free_fields(cls, DomainModel, KEPT_NAMES)
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
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return not_reading(computed_names(cls), handler(source))

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, stored in stored_names(cls).items():
            if name != "doc_id" and stored in METADATA_FIELDS:
                raise DeclarationError(
                    f"{cls.__name__}.{name} would be stored as {stored!r}, a field that onto_fn "
                    "writes; change the alias"
                )
        check_model(cls)

    @property
    def doc_ref(self) -> Ref[Self]:
        """The reference of this object's document."""
        path = self._path
        if path is not None and last_segment(path) == self.doc_id:
            return Ref(path)
        template = DomainModelType.template(type(self))
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

    def doc_fields(self) -> dict[str, Value]:
        """The content of this object's document, with `doc_id`, `doc_ref` and `obj_type`."""
        fields = stored_content(self)
        fields["doc_id"] = self.doc_id
        fields["doc_ref"] = self.doc_ref.path
        fields["obj_type"] = self.__obj_type__
        return fields

    if not TYPE_CHECKING:
        # Not a function of Python's for setting it, as each validation of an object does.
        __dict__ = property(whole_dict, NATIVE_DICT.__set__)

        def __getattr__(self, name: str) -> Any:
            """What is not in `__dict__`: of a build's object, what was not read yet."""
            if name == SLOT:  # of any other object, it is empty
                return None
            reading = self._reading
            if reading is None:
                return super().__getattr__(name)
            if name in reading[0].fields:
                return reading[1].field(self, reading[0], name)
            return other(self, name)

        def to_fields(self) -> dict[str, Value]:
            """`doc_fields`, by its old name."""
            warn_renamed(f"{type(self).__name__}.to_fields", "`doc_fields`")
            return DomainModel.doc_fields(self)

    def __eq__(self, other: object) -> bool:
        """Whether both are objects of one class and document, with the same content.

        The version of the document does not matter: a saved object is equal to the same object when
        it is read again.
        """
        if type(self) is not type(other):
            return NotImplemented
        same = cast(DomainModel, other)
        if self._path and same._path and self._path != same._path:
            return False
        fields = type(self).model_fields
        return self.model_extra == same.model_extra and all(
            getattr(self, name) == getattr(same, name) for name in fields
        )


def stored_content(model: DomainModel, sources: Made | None = None) -> dict[str, Value]:
    """The declared (and kept) fields in Firestore's names, without onto_fn's own three.

    It is a function, so that a field may be named `content`. See `content_of` for the arguments.
    """
    fields = content_of(model, sources)
    if model.__references__ == "path":
        return cast("dict[str, Value]", references_as_paths(fields, sources))
    return fields

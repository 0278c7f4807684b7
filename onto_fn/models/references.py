"""`Ref[Model]`: a typed reference to a document of a model's collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ForwardRef, Generic, TypeVar, cast, get_args

from google.cloud.firestore_v1 import DocumentReference
from pydantic_core import core_schema

from onto_fn.errors import InvalidPath
from onto_fn.firestore import Reference
from onto_fn.firestore.canonical import ordered
from onto_fn.firestore.documents import Value
from onto_fn.models.stored import StoredModel, collection_of, find_model, owns

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue

M = TypeVar("M", bound=StoredModel, covariant=True)

COLLECTION = "x-collection"
"""Key of the JSON schema of a reference: template of the collection that it leads into."""


class Ref(Reference, Generic[M]):
    """A reference to a document of `M`'s collection.

    In a model, a field of this type takes a Firestore DocumentReference, a path (`"users/tijuana"`,
    as older data has them), another `Ref`, or an instance of the model. It is stored as a
    DocumentReference, or as its path if the model is declared with `references="path"`. A reference
    to another database, as left by an import, is kept unchanged; reading through it raises
    `InvalidReference`.

    Example:
        >>> from onto_fn import DomainModel, Ref
        >>> class Author(DomainModel, collection="authors"):
        ...     name: str
        >>> class Book(DomainModel, collection="books"):
        ...     author: Ref[Author]
        >>> Book(doc_id="b", author=Author.ref("tove")).author.path
        'authors/tove'
    """

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        arguments = get_args(source)
        target: object = arguments[0] if arguments else None
        known = _resolve(target) if isinstance(target, type) else None

        def validate(value: object) -> Ref[Any]:
            return _coerce(value, known or _resolve(target))

        taken: Any = validate
        if known is not None:  # most values are references as they are stored
            taken = cast(Any, Ref).of_collection(collection_of(known), validate)
            taken.__name__ = validate.__name__  # errors about one of several types show it

        def as_path(value: Reference) -> str:
            return str(value)

        return core_schema.no_info_plain_validator_function(
            taken,
            serialization=core_schema.plain_serializer_function_ser_schema(
                as_path, when_used="json"
            ),
            metadata=None if known is None else {COLLECTION: collection_of(known).text},
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        metadata = cast("dict[str, object]", schema.get("metadata") or {})
        known = {name: metadata[name] for name in (COLLECTION,) if name in metadata}
        return {"type": "string", "format": "document-path", **known}


def as_reference(value: object) -> Reference:
    """The reference for `value`; see `Ref` for the accepted forms.

    Raises:
        ValueError: it is not a reference in any of these forms.
    """
    if isinstance(value, Reference):
        return value
    if isinstance(value, StoredModel):
        return value.doc_ref
    if isinstance(value, DocumentReference):
        return Reference(cast(str, value.path))
    if isinstance(value, str):
        try:
            return Reference(value)
        except InvalidPath as error:
            raise ValueError(str(error)) from error
    raise ValueError(f"expected a document reference or a path, got {type(value).__name__}")


def references_as_paths(value: Value, sources: dict[int, object] | None = None) -> Any:
    """A value with every reference in it replaced by its path.

    Args:
        value: a field's value, or a document's fields.
        sources: what maps were made from, by `id`; it is kept for the maps that take their place.
    """
    if isinstance(value, Reference):  # one into another database has no path here
        return value.path if value.database is None else value
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Value]", value).items()
        made = {name: references_as_paths(item, sources) for name, item in items}
        source = None if sources is None else sources.pop(id(cast(object, value)), None)
        if sources is not None and source is not None:
            sources[id(made)] = source
        return made
    if isinstance(value, list | tuple | set | frozenset):
        return [references_as_paths(item, sources) for item in ordered(cast("list[Value]", value))]
    return value


def _coerce(value: object, model: type[StoredModel] | None) -> Ref[Any]:
    reference = as_reference(value)
    is_here = reference.database is None
    if model is not None and is_here and not owns(model, reference.path):
        raise ValueError(
            f"expected a reference to a document of {collection_of(model)}, got {reference.path!r}"
        )
    return cast("Ref[Any]", cast(Any, Ref).of(reference))


def _resolve(target: object) -> type[StoredModel] | None:
    """The model a reference points to; names are looked up, as models may form circles."""
    if isinstance(target, ForwardRef):
        target = target.__forward_arg__
    if isinstance(target, str):
        return find_model(target)
    if isinstance(target, type) and issubclass(target, StoredModel) and target.__collection__:
        return target
    return None

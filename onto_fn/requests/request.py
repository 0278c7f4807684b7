"""What forms and patches share: a document that a client writes to ask for a change."""

# A method of a metaclass takes the class, so that `CityForm.parsed(…)` is a `CityForm`. Pyright,
# which understands that, wants the parameter to be of the metaclass itself.
# pyright: reportGeneralTypeIssues=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, Unpack, cast

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from pydantic.alias_generators import to_camel
from typing_extensions import dataclass_transform

from onto_fn.access import NOBODY, Access, AnyOf, Owner, checked_access
from onto_fn.errors import DeclarationError, InvalidRequest
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.documents import Fields
from onto_fn.firestore.paths import check_name, last_segment
from onto_fn.models.declared_types import check_read
from onto_fn.models.domain import METADATA_FIELDS
from onto_fn.models.field_names import KEPT, FreeNames, free_fields
from onto_fn.models.model_type import problems_of
from onto_fn.models.reserved import check_members

if TYPE_CHECKING:  # else with the first request: an event function does without
    from onto_fn.requests.compound_shapes import Record


@dataclass(frozen=True)
class Request:
    """What is known of a request besides its fields.

    Attributes:
        path: path of its document; unique among all requests.
        params: values of the variables of the declared path, all of them allowed as ids.
        uid: id of the user who asks, where it is certain: that of the verified ID token of a call;
            of a document that a client has written, the variable of the path that only its owner
            can write. A document does not say who has written it, so where somebody else may
            create it as well (`owner("user_id") | role("admin")`), it is None.
        time: when the request was made, by the server's clock: the creation of its document; of a
            call, its arrival. The same in retries, redeliveries and replays. Aware, in UTC.
    """

    path: str
    params: Mapping[str, str]
    uid: str | None = None
    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def id(self) -> str:
        """The id of the request: the path of its document."""
        return self.path

    @property
    def doc_id(self) -> str:
        """The id of the request's document, the last segment of its path."""
        return last_segment(self.path)


_REMEDY = "give the field another name, and `Field(alias=…)` the name that clients write"


R = TypeVar("R", bound="RequestModel")


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PrivateAttr))
class RequestType(FreeNames):
    """What the class of a form or patch can do.

    These are methods of the class of the class, so that a field may have the name of any of them.
    """

    def is_declared(cls: type[RequestModel]) -> bool:
        """Whether the class has a path; a base class that others share fields by has none."""
        return "__path__" in vars(cls)

    def store_type(cls: type[RequestModel]) -> type[Any] | None:
        """The class of the store that a form reads, if it does."""
        return cls.__argument__

    def stored_names(cls: type[RequestModel]) -> list[str]:
        """The names in Firestore of all that a client may write."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    def written_shape(cls: type[RequestModel]) -> Record:
        """Exactly what a client may write, in Firestore's types; also what the rules are made of.

        Raises:
            DeclarationError: a field has a type that Firestore lacks.
        """
        return _shape_of(cast(Any, cls))

    def parsed(cls: type[R], fields: Fields) -> R:
        """The request that a document's fields make.

        Nothing is converted but what the types table says: `"yes"` is no bool, `"1"` no int.

        Raises:
            InvalidRequest: the fields do not fit; the message names each that does not.
        """
        problems = list(RequestType.written_shape(cls).problems(fields))
        if problems:
            raise InvalidRequest(problems)
        return validated(cls, fields)

    def request(
        cls: type[RequestModel],
        path: str,
        uid: str | None = None,
        time: datetime | None = None,
    ) -> Request:
        """What is known of the request at a path that fits the declaration.

        Without `uid`, the user is the one that the path names, if only that user may create it.
        Without `time`, the request was made now.

        Raises:
            InvalidRequest: the id of the request is longer than 128 characters.
        """
        check_id(last_segment(path))
        params = cls.__path__.match(path) or {}
        parts = list(cls.__create__.alternatives())
        if uid is None and len(parts) == 1 and isinstance(parts[0], Owner):
            uid = params.get(parts[0].variable)
        return Request(path, params, uid, time or datetime.now(UTC))


def validated(model: type[R], fields: Fields) -> R:
    """The request of fields that have the right shape.

    Raises:
        InvalidRequest: pydantic refuses them.
    """
    try:
        return model.model_validate(fields, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidRequest(problems_of(error)) from error


class RequestModel(BaseModel, metaclass=RequestType):
    """Base of `Form` and `Patch`: the fields that a client may write, and who may create it."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        arbitrary_types_allowed=True,
        protected_namespaces=(),
        extra="forbid",
    )

    __path__: ClassVar[PathTemplate]
    __create__: ClassVar[Access] = NOBODY
    __read__: ClassVar[Access] = NOBODY
    __request_name__: ClassVar[str] = ""
    __version__: ClassVar[str] = ""
    __argument__: ClassVar[type[Any] | None] = None

    def __init_subclass__(
        cls,
        *,
        path: str | None = None,
        create: Access | None = None,
        read: Access | None = None,
        name: str | None = None,
        version: str = "",
        **kwargs: Unpack[ConfigDict],
    ) -> None:
        super().__init_subclass__(**kwargs)
        check_members(cls, RequestModel, _REMEDY)
        free_fields(cls, RequestModel, _KEPT, _REMEDY)
        if path is None:
            return
        cls.__path__ = PathTemplate(path)
        if not cls.__path__.is_document or last_segment(path) not in {
            f"{{{variable}}}" for variable in cls.__path__.variables
        }:
            raise DeclarationError(
                f"{cls.__name__}: path {path!r} must end in a variable, so that each request is "
                f"its own document, as in 'users/{{user_id}}/cityForms/{{city_id}}'"
            )
        cls.__request_name__ = check_name(name or cls.__name__, what="form or patch")
        cls.__version__ = version
        cls.__create__ = checked_access(create, cls.__name__, cls.__path__)
        cls.__read__ = (
            AnyOf(tuple(p for p in cls.__create__.alternatives() if isinstance(p, Owner)))
            if read is None
            else checked_access(read, cls.__name__, cls.__path__)
        )

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, info in cls.model_fields.items():
            if (info.alias or name) in METADATA_FIELDS:
                raise DeclarationError(
                    f"{cls.__name__}.{name} would be stored as {info.alias or name!r}, which a "
                    "client must not choose; rename it"
                )
        check_read(cls)

    if not TYPE_CHECKING:

        def __class_getitem__(cls, argument: Any) -> Any:
            """The class for a view or a store, as in `Patch[MeetingSession]`.

            It is a subclass that knows its argument. What pydantic makes of a generic model would
            be looked for in its module, which the deploy tool does not register.
            """
            if not isinstance(argument, type):
                return super().__class_getitem__(argument)
            name = f"{cls.__name__}[{argument.__name__}]"
            namespace = {"__module__": cls.__module__, "__argument__": argument}
            return type(cls)(name, (cls,), namespace)


# Names that are no fields of clients: onto_fn, or pydantic, calls what they name.
_KEPT = {*KEPT, *(name for name in vars(RequestModel) if not name.startswith("_"))}


@cache
def _shape_of(model: type[RequestModel]) -> Record:
    # Imported with the first request: it needs pydantic's JSON schemas, which events do not.
    from onto_fn.requests.declared import record_of

    return record_of(model)


def check_id(identifier: str) -> str:
    """Return the id of a request if it is not too long.

    Raises:
        InvalidRequest: it is longer than 128 characters.
    """
    from onto_fn.requests.shapes import MAX_ID

    if len(identifier) > MAX_ID:
        raise InvalidRequest([f"id: String should have at most {MAX_ID} characters"])
    return identifier


def problems_of_id(value: object, field: str) -> list[str]:
    """What keeps a value that a client has written from being an id."""
    from onto_fn.requests.shapes import Identifier

    return list(Identifier().problems(value, field))

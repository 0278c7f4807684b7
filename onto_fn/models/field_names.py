"""Fields may be named like a method of pydantic, such as `copy`, `json` or `schema`.

Pydantic would warn of such a field, and take the method for its default. onto_fn does not call
these methods, so such a field hides nothing. Names that pydantic itself needs (`model_dump`) are
refused.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, PrivateAttr
from pydantic.errors import PydanticUserError
from typing_extensions import Format, dataclass_transform, get_annotations

from onto_fn.errors import DeclarationError
from onto_fn.models.reserved import kept_name

if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)

_CONFIG = "model_config"
_ALL = {name for name in dir(BaseModel) if not name.startswith("_")}
KEPT = frozenset(name for name in _ALL if name.startswith("model_"))
"""The names that pydantic needs: its methods and settings, not all that begins with `model_`."""
REMEDY = "give the field another name, and `Field(alias=…)` the name that it has in the document"


@dataclass_transform(kw_only_default=True, field_specifiers=(Field, PrivateAttr))
class FreeNames(ModelMetaclass):
    """The class of models whose fields may be named like methods of pydantic, without a warning."""

    __free_names__: Iterable[str] = ()
    """More names that fields may have although a base class has them."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **kwargs: Any
    ) -> Any:
        """Create the class, without pydantic's warning of fields that hide nothing.

        Raises:
            DeclarationError: `model_config` is declared as a field.
        """
        names = {*_ALL, *mcs.__free_names__, *(n for n in dir(mcs) if not n.startswith("_"))}
        hides_nothing = rf'Field name "(?:{"|".join(sorted(names))})" in '
        refusal = DeclarationError(
            f"{name}.{_CONFIG}: pydantic reserves the name {_CONFIG!r}; {REMEDY}"
        )
        if not isinstance(namespace.get(_CONFIG, {}), Mapping):
            raise refusal
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", hides_nothing, UserWarning)
            try:
                return super().__new__(mcs, name, bases, namespace, **kwargs)
            except PydanticUserError as error:
                if error.code == "model-config-invalid-field-name":
                    raise refusal from error
                raise


def free_fields(
    cls: type[BaseModel], base: type[BaseModel], kept: Iterable[str], remedy: str = REMEDY
) -> None:
    """Let the fields of a class have names of its base's methods; call it in `__init_subclass__`.

    Args:
        cls: the class, before pydantic has looked at its fields.
        base: the class of onto_fn that it is declared with.
        kept: names that no field may have.
        remedy: what to do about a kept name, for the message.

    Raises:
        DeclarationError: a field has a name that is kept.
    """
    refused = set(kept) - {_CONFIG}  # which has a value now: see FreeNames
    for name in get_annotations(cls, format=Format.FORWARDREF):
        if name in refused:
            raise DeclarationError(kept_name(cls, name, base, remedy))
        # Without this, pydantic takes the method of that name for the field's default.
        if name not in vars(cls) and callable(getattr(base, name, None)):
            setattr(cls, name, Field())
    for parent in cls.__mro__[1:]:
        # The same of an inherited field, which pydantic looks for on the class once more.
        for name, info in getattr(parent, "__pydantic_fields__", {}).items():
            if name not in vars(cls) and callable(getattr(base, name, None)):
                setattr(cls, name, copy(info))

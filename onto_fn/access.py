"""Who may read a view, or create a request: declared once, checked in two places.

The security rules that `onto_fn.generate` writes ask these questions of clients that talk to
Firestore directly; `allows` asks the same of those that come by HTTP.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from onto_fn.errors import DeclarationError
from onto_fn.firestore import PathTemplate
from onto_fn.firestore.documents import Fields

__all__ = ["allows", "claim", "members", "owner", "public", "role", "signed_in"]

ClaimValue = bool | int | str


@dataclass(frozen=True)
class Access:
    """A condition on who asks; `a | b` holds if either does."""

    def __or__(self, other: Access) -> Access:
        return AnyOf((*self.alternatives(), *other.alternatives()))

    def alternatives(self) -> Iterator[Access]:
        """The conditions of which one has to hold."""
        yield self


@dataclass(frozen=True)
class AnyOf(Access):
    """Holds if one of its parts does; without parts, for nobody."""

    parts: tuple[Access, ...]

    def __str__(self) -> str:
        return " | ".join(str(part) for part in self.parts) or "nobody"

    def alternatives(self) -> Iterator[Access]:
        """The conditions of which one has to hold."""
        yield from self.parts


@dataclass(frozen=True)
class Public(Access):
    """Anybody, signed in or not."""

    def __str__(self) -> str:
        return "public()"


@dataclass(frozen=True)
class SignedIn(Access):
    """Anybody who is signed in, anonymous accounts among them."""

    def __str__(self) -> str:
        return "signed_in()"


@dataclass(frozen=True)
class Owner(Access):
    """The user whose id is the value of a variable of the path."""

    variable: str

    def __str__(self) -> str:
        return f'owner("{self.variable}")'


@dataclass(frozen=True)
class Claim(Access):
    """Users whose ID token has a custom claim of this value."""

    name: str
    value: ClaimValue

    def __str__(self) -> str:
        if self.value is True:
            return f'role("{self.name}")'
        return f'claim("{self.name}", {json.dumps(self.value)})'


@dataclass(frozen=True)
class Members(Access):
    """The users whose ids a field of the document lists, by its name in Firestore.

    Attributes:
        field: name of the field.
        is_map: whether the ids are the keys of a map, not the items of a list.
    """

    field: str
    is_map: bool = False

    def __str__(self) -> str:
        return f'members("{self.field}")'


NOBODY = AnyOf(())


def public() -> Access:
    """Anybody, also without an account."""
    return Public()


def signed_in() -> Access:
    """Any user of the project; an anonymous account is one too."""
    return SignedIn()


def owner(variable: str) -> Access:
    """The user whose id is the value of a variable of the path.

    Example: `class UserPage(ViewModel[…], path="users/{user_id}/UserPage/view",
    read=owner("user_id"))`
    """
    return Owner(variable)


def role(name: str) -> Access:
    """Users whose ID token has the custom claim `name` with the value true."""
    return claim(name, True)


def claim(name: str, value: ClaimValue) -> Access:
    """Users whose ID token has the custom claim `name` with exactly this value.

    Raises:
        DeclarationError: the value is neither a boolean, a whole number nor a text.
    """
    if not isinstance(value, bool | int | str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DeclarationError(
            f"claim({name!r}, {value!r}): a claim is compared with a boolean, an int or a str"
        )
    return Claim(name, value)


def members(field: str) -> Access:
    """The users whose ids are in a field of the document.

    Args:
        field: a list of user ids, or a map whose keys are user ids; a key whose value is false is
            that of somebody who is no member.
    """
    return Members(field)


def allows(
    access: Access,
    uid: str | None,
    claims: Mapping[str, Any],
    params: Mapping[str, str],
    fields: Fields | None = None,
) -> bool:
    """Whether a user has access, as the generated rules decide it.

    Args:
        access: who is allowed.
        uid: id of the user who asks; None for a caller who is not signed in.
        claims: the claims of the user's verified ID token.
        params: values of the variables of the document's path.
        fields: content of the document, for `members`.
    """
    return any(_holds(part, uid, claims, params, fields or {}) for part in access.alternatives())


def checked_access(
    access: Access | None,
    owner_name: str,
    path: PathTemplate,
    fields: Mapping[str, Members] | None = None,
) -> Access:
    """Check an access against the path it is declared for; None is nobody.

    Args:
        access: as declared.
        owner_name: the class that declares it, for the error.
        path: of the documents.
        fields: the fields that may list members, by their names in Python; None where members
            make no sense, since there is no document yet.

    Returns:
        The access with the names of fields in Firestore.

    Raises:
        DeclarationError: `owner` names no variable of the path, `members` no such field.
    """
    if access is None:
        return NOBODY
    if not isinstance(access, Access):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DeclarationError(
            f"{owner_name}: {access!r} says of nobody whether they have access; use public(), "
            "signed_in(), owner(…), role(…), claim(…), members(…), or several joined by |"
        )
    return AnyOf(tuple(_checked(part, owner_name, path, fields) for part in access.alternatives()))


def _checked(
    part: Access, owner_name: str, path: PathTemplate, fields: Mapping[str, Members] | None
) -> Access:
    match part:
        case Owner(variable) if variable not in path.variables:
            known = ", ".join(path.variables) or "none"
            raise DeclarationError(
                f"{owner_name}: owner({variable!r}) names no variable of the path "
                f"{path.text!r}; it has {known}"
            )
        case Members(field):
            return _checked_members(field, owner_name, fields)
        case _:
            return part


def _checked_members(field: str, owner_name: str, fields: Mapping[str, Members] | None) -> Members:
    if fields is None:
        raise DeclarationError(
            f"{owner_name}: members({field!r}) cannot say who creates a document, as it is "
            "the client who writes the list; use owner(…) or claim(…)"
        )
    for name, found in fields.items():
        if field in {name, found.field}:
            return found
    known = ", ".join(fields) or "none"
    raise DeclarationError(
        f"{owner_name}: members({field!r}) names no field that lists user ids, a "
        f"list[str] or a dict[str, …]; there is {known}"
    )


def _holds(
    part: Access,
    uid: str | None,
    claims: Mapping[str, Any],
    params: Mapping[str, str],
    fields: Fields,
) -> bool:
    if isinstance(part, Public):
        return True
    if uid is None:
        return False
    match part:
        case SignedIn():
            return True
        case Owner(variable):
            return params.get(variable) == uid
        case Claim(name, value):
            found = claims.get(name)
            return type(found) is type(value) and found == value
        case Members(field):
            return _is_member(uid, fields.get(field))
        case _:
            return False


def _is_member(uid: str, value: object) -> bool:
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(uid, False) is not False
    if isinstance(value, list | tuple | set | frozenset):
        return uid in cast("Collection[object]", value)
    return False

"""`Caller`: who asks, by a verified ID token; and from which app, by App Check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from onto_fn.access import Access, Public
from onto_fn.emulators import emulator_of, is_emulated
from onto_fn.errors import EmulatorMissing
from onto_fn.gate.refusal import Refusal
from onto_fn.gate.tokens import has_expired, initialise


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        uid: id of the user; None for somebody who is not signed in.
        claims: of the verified ID token.
        is_app: whether a valid App Check token says that the request comes from an app of the
            project.
    """

    uid: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_app: bool = False


def caller_of(authorization: str | None, app_check: str | None) -> Caller:
    """Who sends a request. It may fetch Google's certificates, so call it where it may wait.

    Args:
        authorization: the header `Authorization`, if there is one.
        app_check: the header `X-Firebase-AppCheck`, if there is one.

    Raises:
        Refusal: a token is not valid. On emulators, App Check tokens are not looked at, as App
            Check has no emulator.
    """
    is_app = _from_app(app_check) if app_check is not None and not is_emulated() else False
    if authorization is None:
        return Caller(is_app=is_app)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refusal("unauthenticated", "send an ID token, `Authorization: Bearer …`")
    claims = _claims(token.strip())
    return signed_in(str(claims["uid"]), claims, is_app=is_app)


def signed_in(uid: str | None, claims: Mapping[str, Any], *, is_app: bool) -> Caller:
    """A user whose token the Admin SDK has verified.

    Args:
        uid: id of the user.
        claims: as the SDK gives them.
        is_app: whether an App Check token is valid too.

    Raises:
        Refusal: the token has expired.
    """
    if has_expired(claims):
        raise Refusal("unauthenticated", "the ID token has expired; get a new one")
    # `uid` is of the SDK, not of the token: the rules do not see it.
    return Caller(uid, {name: claims[name] for name in claims if name != "uid"}, is_app)


def check_app(caller: Caller) -> None:
    """Refuse a caller without a valid App Check token; on emulators, where there is none, nobody.

    Raises:
        Refusal: it has none.
    """
    if not caller.is_app and not is_emulated():
        raise Refusal("unauthenticated", "this request needs a valid App Check token")


def denied(access: Access, caller: Caller, what: str) -> Refusal:
    """The refusal of a caller: by signing in it might get access, or it may not have it."""
    could = any(not isinstance(part, Public) for part in access.alternatives())
    if caller.uid is None and could:
        return Refusal("unauthenticated", "sign in, and send the ID token")
    return Refusal("permission-denied", f"you may not {what}")


def _claims(token: str) -> Mapping[str, Any]:
    from firebase_admin import auth  # pyright: ignore[reportMissingTypeStubs]

    try:
        emulator_of("auth")  # without one, the SDK would fetch Google's certificates
    except EmulatorMissing as error:
        raise Refusal("unavailable", str(error)) from error
    initialise()
    admin = cast(Any, auth)
    try:
        return admin.verify_id_token(token)
    except admin.CertificateFetchError as error:
        raise Refusal("unavailable", "ID tokens cannot be verified now; try again") from error
    except Exception as error:  # whatever is wrong with it, it is not a proof of identity
        raise Refusal("unauthenticated", "the ID token is not valid") from error


def _from_app(token: str) -> bool:
    from firebase_admin import app_check  # pyright: ignore[reportMissingTypeStubs]

    initialise()
    try:
        cast(Any, app_check).verify_token(token)
    except Exception as error:
        raise Refusal("unauthenticated", "the App Check token is not valid") from error
    return True

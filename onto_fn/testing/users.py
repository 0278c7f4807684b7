"""Users of an app in tests, with an ID token and access to Firestore under the security rules."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from typing_extensions import override

from onto_fn.firebase_json import firestore_files
from onto_fn.testing.denied import PermissionDenied
from onto_fn.testing.emulators.process import EmulatorError
from onto_fn.testing.emulators.service import environment

if TYPE_CHECKING:
    from google.cloud.firestore import Client, Query

    from onto_fn.testing.emulators.suite import EmulatorSuite

__all__ = ["User", "sign_in", "with_rules"]

_TOKEN_SECONDS = 3600
_KEPT_CLAIMS = {
    *("acr", "amr", "at_hash", "aud", "auth_time", "azp", "cnf", "c_hash", "exp", "firebase"),
    *("iat", "iss", "jti", "nbf", "nonce", "sub"),
}


@dataclass(frozen=True)
class User:
    """A user of the app, signed in or not.

    `get`, `set`, `update`, `delete` and `query` do what a front end does, and raise
    `PermissionDenied` if the rules refuse it. `client` is Google's client for everything else;
    it raises `google.api_core.exceptions.PermissionDenied`.

    Attributes:
        uid: the user's id, None if the user is not signed in.
        token: the ID token, None if the user is not signed in.
        claims: the custom claims of the token.
    """

    uid: str | None
    token: str | None = field(repr=False)
    claims: Mapping[str, Any]
    _suite: EmulatorSuite = field(repr=False)

    @cached_property
    def client(self) -> Client:
        """A Firestore client with the user's token, under the rules."""
        return _client(self._suite, self.token)

    def get(self, path: str) -> dict[str, Any] | None:
        """The fields of a document, None if it does not exist.

        Raises:
            PermissionDenied: the user may not read it.
        """
        with self._clearly("read", path):
            return cast(Any, self.client).document(path).get().to_dict()

    def set(self, path: str, fields: Mapping[str, Any], *, merge: bool = False) -> None:
        """Create a document, or replace it.

        Args:
            path: the document.
            fields: the fields in their stored form.
            merge: keep fields that `fields` does not have.

        Raises:
            PermissionDenied: the user may not create or update it like this.
        """
        with self._clearly("write", path):
            cast(Any, self.client).document(path).set(dict(fields), merge=merge)

    def update(self, path: str, fields: Mapping[str, Any]) -> None:
        """Change fields of an existing document.

        Raises:
            PermissionDenied: the user may not update it like this.
        """
        with self._clearly("update", path):
            self.client.document(path).update(dict(fields))

    def delete(self, path: str) -> None:
        """Delete a document.

        Raises:
            PermissionDenied: the user may not delete it.
        """
        with self._clearly("delete", path):
            self.client.document(path).delete()

    def query(self, query: Query | str) -> dict[str, dict[str, Any]]:
        """The documents that a query finds, by path, in the query's order.

        Args:
            query: the path of a collection, or a query made with `client`:
                `ada.client.collection("orders").where(…)`.

        Raises:
            PermissionDenied: the user may not read every document that the query could find.
        """
        asked: Any = self.client.collection(query) if isinstance(query, str) else query
        what = query if isinstance(query, str) else "what the query finds"
        with self._clearly("list", what):
            return {found.reference.path: found.to_dict() or {} for found in asked.stream()}

    def close(self) -> None:
        """Close the connection, if there is one."""
        if "client" in self.__dict__:
            self.client.close()

    @contextmanager
    def _clearly(self, verb: str, what: str) -> Generator[None]:
        from google.api_core import exceptions

        try:
            yield
        except exceptions.PermissionDenied as error:
            who = self.uid or "a user who is not signed in"
            claims = f" with {json.dumps(dict(self.claims))}" if self.claims else ""
            lines = [part.strip() for part in str(cast(Any, error).message).split(",")]
            said = ", ".join(dict.fromkeys(lines))
            raise PermissionDenied(f"{who}{claims} may not {verb} {what}: {said}") from error


def sign_in(suite: EmulatorSuite, uid: str | None, claims: Mapping[str, Any]) -> User:
    """Make a user of an app on emulators.

    If the Auth emulator runs, the ID token comes from it, and functions can verify it. Otherwise
    the token is unsigned, which the Firestore emulator accepts.

    Args:
        suite: the running emulators.
        uid: the user's id, None for a user who is not signed in.
        claims: custom claims.

    Raises:
        EmulatorError: the emulator refuses the id.
        ValueError: there are claims without a user id, or a claim has a reserved name.
    """
    if uid is None:
        if claims:
            raise ValueError("a user who is not signed in has no claims")
        return User(None, None, {}, suite)
    kept = sorted(claims.keys() & _KEPT_CLAIMS)
    if kept:
        raise ValueError(f"{', '.join(kept)}: Firebase reserves these claim names")
    make = _signed_in_token if "auth" in suite.only else _unsigned_token
    return User(uid, make(suite, uid, claims), dict(claims), suite)


def with_rules(suite: EmulatorSuite) -> None:
    """Make sure that emulators use the project's security rules; without rules, all is allowed.

    Raises:
        EmulatorError: the project has no security rules.
    """
    rules = firestore_files(suite.project_dir).rules
    if not rules.is_file():
        raise EmulatorError(
            f"{rules} does not exist, and without security rules everything is allowed: run "
            "`onto generate rules`"
        )
    if suite.only == ("firestore",):  # it may have been started without firebase-tools
        suite.load_rules(rules.read_text())


def _signed_in_token(suite: EmulatorSuite, uid: str, claims: Mapping[str, Any]) -> str:
    """The Auth emulator's ID token for a custom token, which need not be signed."""
    service = "https://identitytoolkit.googleapis.com/"
    custom = {
        "aud": f"{service}google.identity.identitytoolkit.v1.IdentityToolkit",
        "iss": "tests@example.com",
        "sub": "tests@example.com",
        "uid": uid,
        "claims": dict(claims),
        **_times(),
    }
    request = urllib.request.Request(
        f"http://{suite.auth_host}/identitytoolkit.googleapis.com/v1/"
        "accounts:signInWithCustomToken?key=any",
        data=json.dumps({"token": _unsigned(custom), "returnSecureToken": True}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["idToken"]
    except urllib.error.HTTPError as error:
        said = json.load(error)["error"]["message"]
        raise EmulatorError(f"the Auth emulator refused to sign in {uid!r}: {said}") from error


def _unsigned_token(suite: EmulatorSuite, uid: str, claims: Mapping[str, Any]) -> str:
    return _unsigned(
        {
            **claims,
            "iss": f"https://securetoken.google.com/{suite.project_id}",
            "aud": suite.project_id,
            "sub": uid,
            "user_id": uid,
            "auth_time": int(time.time()),
            "firebase": {"identities": {}, "sign_in_provider": "custom"},
            **_times(),
        }
    )


def _times() -> dict[str, int]:
    now = int(time.time())
    return {"iat": now, "exp": now + _TOKEN_SECONDS}


def _unsigned(content: Mapping[str, Any]) -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": "none", "typ": "JWT"}, content)]
    head, body = (base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    return f"{head}.{body}."


def _client(suite: EmulatorSuite, token: str | None) -> Client:
    """Google's client with an ID token in each call, so that the rules see the user."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud.firestore import Client

    class UnderRules(Client):
        """Google's client without the authorization that bypasses the rules on an emulator."""

        @property
        @override
        def _rpc_metadata(self) -> list[tuple[str, str]]:
            name = f"projects/{self.project}/databases/(default)"
            authorization = [] if token is None else [("authorization", f"Bearer {token}")]
            return [("google-cloud-resource-prefix", name), *authorization]

    with environment(FIRESTORE_EMULATOR_HOST=suite.firestore_host):
        return UnderRules(project=suite.project_id, credentials=AnonymousCredentials())

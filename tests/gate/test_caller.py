"""Who asks: what a token has to say, and what of it counts."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from firebase_admin import auth

from onto_fn.access import claim, owner, public, role
from onto_fn.gate import caller as callers
from onto_fn.gate.caller import Caller, caller_of, check_app, denied
from onto_fn.gate.refusal import Refusal
from onto_fn.gate.tokens import has_expired

EMULATORS = ("FIRESTORE_EMULATOR_HOST", "FIREBASE_AUTH_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No emulators, and nothing of the SDK that would ask Google."""
    for name in (*EMULATORS, "GCLOUD_PROJECT", "GCP_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(callers, "initialise", lambda: None)


@pytest.mark.parametrize(
    "end", [None, "never", "9999999999", [], True, math.inf, math.nan, 0, -1, 1.5]
)
def test_a_token_without_an_end_to_come_has_expired(end: Any) -> None:
    assert has_expired({"exp": end})
    assert has_expired({})


def test_a_token_is_valid_until_its_end() -> None:
    assert not has_expired({"exp": time.time() + 5})
    assert has_expired({"exp": time.time() - 0.001})


def test_what_the_sdk_adds_to_a_token_is_no_claim(
    deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"sub": "ada", "uid": "ada", "admin": True, "exp": time.time() + 60}
    monkeypatch.setattr(auth, "verify_id_token", lambda token: dict(found))
    caller = caller_of("Bearer x", None)
    assert caller.uid == "ada"
    assert "uid" not in caller.claims, "which the rules do not see"
    assert caller.claims["admin"] is True


def test_a_token_that_cannot_be_verified_now_is_not_called_wrong(
    deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_certificates(token: str) -> None:
        raise auth.CertificateFetchError("no network", cause=None)

    monkeypatch.setattr(auth, "verify_id_token", no_certificates)
    with pytest.raises(Refusal) as refusal:
        caller_of("Bearer x", None)
    assert refusal.value.code == "unavailable"


@pytest.mark.parametrize(
    "error", [ValueError("why"), auth.ExpiredIdTokenError("why", None), RuntimeError("why")]
)
def test_whatever_is_wrong_with_a_token_it_proves_nothing(
    deployed: None, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(token: str) -> None:
        raise error

    monkeypatch.setattr(auth, "verify_id_token", fail)
    with pytest.raises(Refusal, match="the ID token is not valid") as refusal:
        caller_of("Bearer x", None)
    assert refusal.value.code == "unauthenticated"


def test_an_app_check_token_is_verified_and_asked_for(
    deployed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from firebase_admin import app_check

    def verify(token: str) -> None:
        if token != "good":
            raise ValueError(token)

    monkeypatch.setattr(app_check, "verify_token", verify)
    assert caller_of(None, "good").is_app
    with pytest.raises(Refusal, match="App Check"):
        caller_of(None, "bad")
    check_app(Caller(is_app=True))
    with pytest.raises(Refusal, match="App Check"):
        check_app(caller_of(None, None))


def test_who_could_get_access_by_signing_in_is_told_so_and_others_are_not() -> None:
    for access, uid, code in (
        (owner("x"), None, "unauthenticated"),
        (role("admin"), "ada", "permission-denied"),
        (public(), None, "permission-denied"),
        (claim("a", 1) | public(), None, "unauthenticated"),
    ):
        assert denied(access, Caller(uid), "read this").code == code

"""Call `onto_request` in tests, as a front end does with the Firebase SDK."""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from onto_fn.firestore.documents import Fields
from onto_fn.firestore.json import json_text
from onto_fn.functions.on_request import NAME
from onto_fn.gate.integers import encoded
from onto_fn.testing.denied import CallFailed
from onto_fn.testing.emulators.process import EmulatorError

if TYPE_CHECKING:
    from onto_fn.requests import Form, Patch
    from onto_fn.testing.emulators.suite import EmulatorSuite
    from onto_fn.testing.users import User

__all__ = ["Call", "call"]

_SECONDS = 60  # the first call starts a process of the function


class Call(Protocol):
    """The type of the fixture `call`, for annotations."""

    def __call__(
        self,
        request: type[Form[Any]] | type[Patch[Any]] | str,
        fields: Fields | None = None,
        *,
        id: str | None = None,
        user: User | None = None,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Call `onto_request`; see `onto_fn.testing.calling.call`."""
        ...


def call(
    suite: EmulatorSuite,
    request: type[Form[Any]] | type[Patch[Any]] | str,
    fields: Fields | None = None,
    *,
    id: str | None = None,
    user: User | None = None,
    params: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Call `onto_request` on the Functions emulator.

    Args:
        suite: the emulators, with the functions.
        request: the form's or patch's class, or its name.
        fields: the fields of the request's document; they are sent in their JSON form.
        id: id of the request; by default, a new id.
        user: the caller; by default, somebody who is not signed in.
        params: values of the other variables of the request's path.

    Returns:
        `{"id": …, "path": …, "state": "done"}`.

    Raises:
        CallFailed: the call is refused; the error has the reason.
        EmulatorError: there is no function `onto_request`, or the Auth emulator, which verifies
            the user, does not run.
    """
    if user is not None and user.token is not None and "auth" not in suite.only:
        raise EmulatorError(
            "onto_request verifies callers with the Auth emulator, which is not running: add auth "
            "to the pytest option onto_fn_emulators"
        )
    data = {
        "request": request if isinstance(request, str) else request.__request_name__,
        "id": id or secrets.token_hex(8),
        "params": dict(params or {}),
        "fields": json.loads(json_text(fields or {})),
    }
    headers = {"Content-Type": "application/json"}
    if user is not None and user.token is not None:
        headers["Authorization"] = f"Bearer {user.token}"
    asked = urllib.request.Request(
        _url(suite), data=json.dumps({"data": encoded(data)}).encode(), headers=headers
    )
    try:
        with urllib.request.urlopen(asked, timeout=_SECONDS) as answer:
            return json.load(answer)["result"]
    except urllib.error.HTTPError as error:
        raise _failed(error) from error


def _failed(error: urllib.error.HTTPError) -> Exception:
    text = error.read().decode(errors="replace")
    try:
        said: dict[str, Any] = json.loads(text)["error"]
        code = str(said["status"]).lower().replace("_", "-")
        details: dict[str, Any] = said.get("details") or {}
        problems: list[str] = details.get("problems") or []
        return CallFailed(code, str(said["message"]), problems)
    except (AttributeError, KeyError, TypeError, ValueError):
        return EmulatorError(f"{NAME} answers {error.code}: {text}")


def _url(suite: EmulatorSuite) -> str:
    """The address of the function, which contains its region."""
    with urllib.request.urlopen(f"http://{suite.functions_host}/backends", timeout=30) as answer:
        backends: list[dict[str, Any]] = json.load(answer)["backends"]
    for backend in backends:
        for trigger in backend.get("functionTriggers", ()):
            if trigger.get("entryPoint") == NAME or trigger.get("name") == NAME:
                region = trigger.get("region") or "us-central1"
                return f"http://{suite.functions_host}/{suite.project_id}/{region}/{NAME}"
    raise EmulatorError(
        f"the app has no function {NAME}: make a form or patch callable, "
        "`FormMediator(…, callable=True)`"
    )

"""The attacks by which a loosened guard of JSON-RPC is found out."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from emulator_tests.access.guards.cases import NOBODY
from emulator_tests.api.attacks.asgi import served
from emulator_tests.api.guards.tries import ATTACKS, Field, attack, deployed
from emulator_tests.apps.guarded import NoteForm
from onto_fn import App, FormMediator
from onto_fn.api import Api, Rpc, application
from onto_fn.api.rpc import methods
from onto_fn.gate.caller import Caller

__all__ = ["ATTACKS"]

LISTED = {"jsonrpc": "2.0", "method": "Titled.list", "id": 1}


def code_of(field: Field, message: object, user: str = NOBODY, **rest: Any) -> int:
    """The code of the error that answers a message; 0 if it is carried out."""
    answer = field.place.send("POST", "/rpc", user, body=message, **rest).json
    return answer["error"]["code"] if "error" in answer else 0


def call(name: str, code: int, more: Mapping[str, Any]) -> None:
    """A call that is refused by a code, and with another if it gets through."""
    ATTACKS[name] = lambda field: code_of(field, {**LISTED, **more}) != code


call("call for a long page", -32602, {"params": {"limit": 101}})
call("call with more arguments", -32602, {"params": {"offset": 1}})
call("call with more places", -32602, {"method": "rpc.discover", "params": [1]})
call("call with a condition of another type", -32602, {"params": {"where": {"title": 1}}})
call("a call with no id", -32600, {"id": True})
call("a call of another version", -32600, {"jsonrpc": "1.0"})
call("a call whose arguments are a text", -32600, {"params": "x"})


@attack("call for many long pages")
def _(field: Field) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "MAX_LISTED", 1)
        asked = {**LISTED, "params": {"limit": 1}}
        answer = field.place.send("POST", "/rpc", body=[asked, asked]).json
    return "error" not in answer[1] or answer[1]["error"]["code"] != -32006


@attack("call by a list")
def _(field: Field) -> bool:
    return code_of(field, {**LISTED, "params": {"cursor": ["x"]}}) != -32602


@attack("a long batch")
def _(field: Field) -> bool:
    unknown = {"jsonrpc": "2.0", "method": "none", "id": 1}
    return isinstance(field.place.send("POST", "/rpc", body=[unknown] * 51).json, list)


@attack("a call with a query")
def _(field: Field) -> bool:
    return field.place.send("POST", "/rpc?x=1", body=LISTED).status != 400


@attack("a call for another form")
def _(field: Field) -> bool:
    headers = {"Accept": "text/html"}
    return field.place.send("POST", "/rpc", body=LISTED, headers=headers).status != 406


@attack("call after the end")
def _(field: Field) -> bool:
    times = itertools.count(0, 100)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(methods, "monotonic", lambda: next(times))
        discover = {"jsonrpc": "2.0", "method": "rpc.discover", "id": 1}
        return code_of(field, discover) != -32006


@attack("call without App Check")
def _(field: Field) -> bool:
    form = FormMediator(NoteForm, callable=True, app_check=True)
    app = App([form], api=Api(requests=[NoteForm], rpc=Rpc()))
    params = {"id": f"guard-{id(app)}", "fields": {"text": "x"}}
    with pytest.MonkeyPatch.context() as patch:
        deployed(patch)
        patch.setattr(application, "caller_of", lambda *_: Caller("ada"))
        sent = {**LISTED, "method": "NoteForm", "params": params}
        return code_of(field, sent, app=served(app, field.place.database)) != -32001

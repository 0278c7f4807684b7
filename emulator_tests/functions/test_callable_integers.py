"""Large integers between the Firebase JS SDK and `onto_request`."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request
from werkzeug.serving import make_server

from onto_fn import App, DomainModel, Form, FormMediator, Request
from onto_fn.access import public
from onto_fn.gate.integers import encoded
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.toolchain import find_node

ROOT = Path(__file__).resolve().parents[2]
BIG = 2**53 + 1
SCRIPT = """
const { createRequire } = require("node:module");
const web = createRequire(process.argv[1]);
const { initializeApp } = web("firebase/app");
const { getFunctions, connectFunctionsEmulator, httpsCallable } = web("firebase/functions");
const functions = getFunctions(initializeApp({ projectId: process.argv[2], apiKey: "any" }));
connectFunctionsEmulator(functions, "127.0.0.1", Number(process.argv[3]));
httpsCallable(functions, process.argv[4])(JSON.parse(process.argv[5])).then(
  (answer) => console.log(JSON.stringify({ data: answer.data })),
  (error) => console.log(JSON.stringify({ code: error.code, message: error.message })),
);
"""


class Tally(DomainModel, collection="tallies"):
    votes: int


class TallyForm(Form, path="tallyForms/{id}", create=public()):
    votes: int

    def submit(self, request: Request) -> Tally:
        return Tally(doc_id=request.params["id"], votes=self.votes)


@pytest.fixture
def project() -> str:
    return f"demo-{secrets.token_hex(6)}"


Call = Callable[[str, Any], Any]


@pytest.fixture
def call(
    firestore_emulator: EmulatorSuite, project: str, monkeypatch: pytest.MonkeyPatch
) -> Generator[Call]:
    """Calls a function with the Firebase JS SDK."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator.firestore_host)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", project)
    function = App([FormMediator(TallyForm, callable=True)]).functions()["onto_request"]
    flask = Flask("functions")

    @flask.route("/<path:_>", methods=["POST", "OPTIONS"])
    def answer(_: str) -> Any:
        if request.path.endswith("/answer"):
            return {"result": encoded({"big": BIG, "small": 17})}
        return function(request)

    server = make_server("127.0.0.1", 0, flask, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def call(name: str, data: Any) -> Any:
        words = [str(ROOT / "web" / "package.json"), project, str(server.port), name]
        ended = subprocess.run(
            [find_node(ROOT), "-e", SCRIPT, *words, json.dumps(data)],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(ended.stdout)

    yield call
    server.shutdown()
    thread.join()


def votes(value: str, kind: str = "Int64Value") -> dict[str, Any]:
    written = {"@type": f"type.googleapis.com/google.protobuf.{kind}", "value": value}
    return {"request": "TallyForm", "id": "a", "fields": {"votes": written}}


@pytest.mark.parametrize("kind", ["Int64Value", "UInt64Value"])
def test_an_integer_of_64_bits_arrives_whole(
    call: Call, firestore_emulator: EmulatorSuite, project: str, kind: str
) -> None:
    answer = call("onto_request", votes(str(BIG), kind))

    assert answer["data"]["state"] == "done"
    with_client = firestore_emulator.client(project_id=project)
    assert with_client.document("tallies/a").get().get("votes") == BIG
    with_client.close()


def test_an_integer_that_firestore_cannot_store_is_refused_by_its_field(call: Call) -> None:
    answer = call("onto_request", votes(str(2**63), "UInt64Value"))

    assert answer["code"] == "functions/invalid-argument"
    assert answer["message"].startswith("fields.votes: 9223372036854775808 is out of range")


def test_the_sdk_reads_a_large_integer_of_an_answer(call: Call) -> None:
    assert call("answer", {}) == {"data": {"big": float(BIG), "small": 17}}

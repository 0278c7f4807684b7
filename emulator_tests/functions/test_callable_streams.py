"""The Firebase JS SDK streams a view from `onto_stream`, on the functions emulator, unchanged."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from onto_fn.testing import EmulatorSuite
from onto_fn.testing.emulators.toolchain import find_node
from onto_fn.testing.eventually import Eventually

ProjectFolder = Callable[[Path, str], Path]

ROOT = Path(__file__).resolve().parents[2]
APP = """
from onto_fn import App, DomainModel, Store, ViewModel, mirror, root
from onto_fn.access import signed_in
from onto_fn.api import Api, Streams


class Score(DomainModel, collection="scores"):
    points: int


class ScoreStore(Store):
    score = root(Score)


class ScorePage(ViewModel[ScoreStore], path="scorePages/{score_id}", read=signed_in()):
    points: int = mirror("score.points")


app = App(
    [ScorePage],
    region="us-central1",
    api=Api(views=[ScorePage], streams=Streams(timeout_sec=60), origins=["https://app.example"]),
)
app.export(globals())
"""
SCRIPT = """
const { createRequire } = require("node:module");
const web = createRequire(process.argv[1]);
const { initializeApp } = web("firebase/app");
const { getAuth, connectAuthEmulator, signInAnonymously } = web("firebase/auth");
const { getFunctions, connectFunctionsEmulator, httpsCallable } = web("firebase/functions");
const [project, functionsPort, authAddress, ending] = process.argv.slice(2);
const app = initializeApp({ projectId: project, apiKey: "any" });
const functions = getFunctions(app);
connectFunctionsEmulator(functions, "127.0.0.1", Number(functionsPort));
const show = (line) => console.log(JSON.stringify(line));
const page = { view: "ScorePage", params: { score_id: "s" } };
const watch = async (data, last) => {
  try {
    const { stream, data: result } = await httpsCallable(functions, "onto_stream").stream(data);
    result.catch(() => {});  // it is rejected as well as the stream
    for await (const message of stream) {
      show({ message });
      if (message.fields?.points === last) return;
    }
    show({ result: await result });
  } catch (error) {
    show({ code: error.code, message: error.message });
  }
};
(async () => {
  await watch(page);
  const auth = getAuth(app);
  connectAuthEmulator(auth, `http://${authAddress}`, { disableWarnings: true });
  await signInAnonymously(auth);
  await watch({ view: "Nothing" });
  const answer = await httpsCallable(functions, "onto_stream")(page);
  show({ answer: answer.data });
  await watch(page, Number(ending));
  process.exit(0);
})();
"""


@pytest.fixture(scope="module")
def suite(
    tmp_path_factory: pytest.TempPathFactory, project_folder: ProjectFolder
) -> Generator[EmulatorSuite]:
    folder = project_folder(tmp_path_factory.mktemp("callable_streams"), APP)
    with EmulatorSuite(folder, only=("auth", "firestore", "functions")) as running:
        yield running


def test_the_sdk_gets_each_version_and_errors_as_its_own(
    suite: EmulatorSuite, eventually: Eventually
) -> None:
    client = suite.client()
    scores: Any = client.document("scores/s")
    scores.set({"points": 1})
    page: Any = client.document("scorePages/s")
    eventually(lambda: page.get().to_dict() == {"points": 1}, deadline=120)
    port = suite.functions_host.rpartition(":")[2]
    words = [str(ROOT / "web" / "package.json"), suite.project_id, port, suite.auth_host, "2"]
    script = subprocess.Popen(
        [find_node(ROOT), "-e", SCRIPT, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert script.stdout is not None

        def told() -> Any:
            line = script.stdout.readline() if script.stdout else ""
            assert line, script.stderr.read() if script.stderr else ""
            return json.loads(line)

        assert told()["code"] == "functions/unauthenticated"
        assert told()["code"] == "functions/invalid-argument"
        assert told()["answer"]["fields"] == {"points": 1}
        first = told()["message"]
        assert (first["state"], first["fields"]) == ("snapshot", {"points": 1})
        scores.set({"points": 2})
        second = told()["message"]
        assert second["fields"] == {"points": 2}
        assert int(second["version"]) > int(first["version"])
        assert script.wait(60) == 0
    finally:
        script.kill()
        script.wait()
        client.close()

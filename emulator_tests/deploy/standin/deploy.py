"""`FirebaseDeploy`: the real `firebase deploy`, against a stand-in."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from emulator_tests.deploy.standin.recording import Recording
from emulator_tests.deploy.standin.server import StandIn
from onto_fn.testing.emulators.discovery import discovery
from onto_fn.testing.emulators.toolchain import find_toolchain

DEADLINE_SECONDS = 600
POLL_SECONDS = 0.2
# The first that the tool asks for when it has discovered the functions.
DISCOVERED = ("GET", r"/locations/-/functions$")


@dataclass(frozen=True)
class Deployment:
    """One run of the tool.

    Attributes:
        status: its exit status.
        output: what it printed.
        requests: what it asked of Google.
    """

    status: int
    output: str
    requests: Recording


class FirebaseDeploy:
    """Deploys the folder of a Firebase project, without anybody at the keyboard.

    Args:
        root: of the repository, where the tool is installed.
        folder: of the project that is deployed.
        home: where the tool keeps what it remembers.
        stand_in: what it takes for Google.
    """

    def __init__(self, root: Path, folder: Path, home: Path, stand_in: StandIn) -> None:
        self.folder = folder
        self.stand_in = stand_in
        self._home = home
        self._toolchain = find_toolchain(root, home)

    def run(self, only: str = "functions,firestore") -> Deployment:
        """Deploy.

        Args:
            only: what is deployed.

        Raises:
            AssertionError: the tool asked for something that the stand-in does not know.
        """
        # It confirms that the functions will be retried, and deletes what is gone.
        return self.call("deploy", f"--only={only}", "--force")

    def call(self, *words: str) -> Deployment:
        """Run a command of the tool.

        Raises:
            AssertionError: the tool asked for something that the stand-in does not know.
        """
        start = len(self.stand_in.recording)
        with (self._home / "deploy.log").open("w+") as log:
            with discovery():
                process = subprocess.Popen(
                    self._command(words),
                    cwd=self.folder,
                    env=self._environ(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                while process.poll() is None and not self.stand_in.recording.wait_for(
                    *DISCOVERED, start=start, deadline=POLL_SECONDS
                ):
                    pass
            try:
                status = process.wait(DEADLINE_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
            log.seek(0)
            output = log.read()
        assert self.stand_in.unknown == [], f"the stand-in does not know this; {output}"
        return Deployment(status, output, self.stand_in.recording.since(start))

    def _command(self, words: tuple[str, ...]) -> list[str]:
        assert self._toolchain.firebase is not None
        project = f"--project={self.stand_in.project.id}"
        return [*self._toolchain.firebase, *words, project, "--non-interactive"]

    def _environ(self) -> dict[str, str]:
        environ = self._toolchain.environ(self.stand_in.project.id)
        for emulator in ("FIRESTORE_EMULATOR_BINARY_PATH", "PUBSUB_EMULATOR_BINARY_PATH"):
            environ.pop(emulator, None)
        # A service account's key would not do: the tool's library fetches the token for that from
        # Google itself, past the proxy.
        environ["FIREBASE_TOKEN"] = "1//what-login-ci-prints"
        environ["XDG_CONFIG_HOME"] = str(self._home)
        environ["CI"] = "true"
        return environ | self.stand_in.environ

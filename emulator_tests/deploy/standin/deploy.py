"""`FirebaseDeploy`: the real `firebase deploy`, against a stand-in."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from standin.recording import Recording
from standin.server import StandIn

from onto_fn.testing.toolchain import find_toolchain

DEADLINE_SECONDS = 300


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
        home: where the tool keeps its own state, and credentials are written.
        stand_in: what it takes for Google.
    """

    def __init__(self, root: Path, folder: Path, home: Path, stand_in: StandIn) -> None:
        self.folder = folder
        self.stand_in = stand_in
        self._home = home
        self._toolchain = find_toolchain(root, home)

    def run(self, credentials: dict[str, str]) -> Deployment:
        """Deploy functions and Firestore.

        Args:
            credentials: environment variables, of `service_account_key` or `login_token`.

        Raises:
            AssertionError: the tool asked for something that the stand-in does not know.
        """
        assert self._toolchain.firebase is not None
        project = self.stand_in.project.id
        start = len(self.stand_in.recording)
        run = subprocess.run(
            [
                *self._toolchain.firebase,
                "deploy",
                "--only=functions,firestore",
                f"--project={project}",
                "--non-interactive",
                "--force",  # confirms that the functions may be retried
            ],
            cwd=self.folder,
            env={
                **self._toolchain.environ(project),
                **self.stand_in.environ,
                "XDG_CONFIG_HOME": str(self._home),
                "CI": "true",
                **credentials,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_SECONDS,
            check=False,
        )
        requests = self.stand_in.recording.since(start)
        assert self.stand_in.unknown == [], f"the stand-in does not know this; {run.stdout}"
        return Deployment(run.returncode, run.stdout, requests)

    def service_account_key(self) -> dict[str, str]:
        """A key of a service account, as a CI has it."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        project = self.stand_in.project.id
        path = self._home / "deployer.json"
        path.write_text(
            json.dumps(
                {
                    "type": "service_account",
                    "project_id": project,
                    "private_key_id": "1",
                    "private_key": key.decode(),
                    "client_email": f"deployer@{project}.iam.gserviceaccount.com",
                    "client_id": "1",
                    "token_uri": "https://oauth2.googleapis.com/token",
                }
            )
        )
        return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}

    def login_token(self) -> dict[str, str]:
        """What `firebase login:ci` prints."""
        return {"FIREBASE_TOKEN": "1//refresh"}

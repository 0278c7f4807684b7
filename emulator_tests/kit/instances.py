"""`onto_api` in an instance, as a deploy starts it: by functions-framework."""

from __future__ import annotations

import shutil
from pathlib import Path

from emulator_tests.deploy.serving import Instance

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "emulator_tests" / "apps" / "rest.py"


def write_functions(folder: Path) -> None:
    """Write the app of apps/rest.py into a folder of functions, with the package that it needs."""
    (folder / "main.py").write_text(APP.read_text())
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        ROOT / "functions" / "meeting_room",
        folder / "meeting_room",
        ignore=ignored,
        dirs_exist_ok=True,
    )


def api_instance(folder: Path, project: str, firestore_host: str, **environ: str) -> Instance:
    """An instance of the app in a folder, which has not been started.

    Args:
        folder: of the functions; the log is written there.
        project: id of the project.
        firestore_host: address of the Firestore emulator, or of what stands in its place.
        environ: more environment variables.
    """
    variables = {
        "FUNCTION_TARGET": "onto_api",
        "GCLOUD_PROJECT": project,
        "LOG_EXECUTION_ID": "true",
    }
    spec = {"serviceConfig": {"environmentVariables": variables}}
    return Instance(spec, folder, ROOT / "functions" / "venv", firestore_host, **environ)

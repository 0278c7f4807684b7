"""What the tests of a deploy share: what is deployed, and what comes of it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from emulator_tests.deploy.standin import Deployment, GoogleProject

ROOT = Path(__file__).resolve().parents[2]

PROJECT = "demo-meeting-room"
FAILING = "on_tickets_written"
BUILD_FAILURE = "Build failed: the builder ran out of disk space"

# What lies about in a developer's folder, and is nobody's business.
DEBRIS = {
    ".env": "GREETING=hello\n",
    f".env.{PROJECT}": "PLACE=here\n",
    ".env.local": "ONLY=local\n",
    ".secret.local": "API_KEY=hunter2\n",
    ".venv/bin/python": "",
    ".pytest_cache/v/cache": "",
    ".ruff_cache/0.1/cache": "",
    ".mypy_cache/3.11/main.json": "",
    ".hypothesis/examples/one": "",
    ".DS_Store": "",
    "__pycache__/main.cpython-311.pyc": "",
    "meeting_room/__pycache__/views.cpython-311.pyc": "",
    "meeting_room/test_views.py": "",
    "tests/test_main.py": "",
    "tests/conftest.py": "",
    "service-account.json": '{"private_key": "…"}',
    f"{PROJECT}-firebase-adminsdk-x1y2z-0a1b2c3d4e.json": '{"private_key": "…"}',
    "signing.pem": "",
    "signing.key": "",
    "firebase-debug.log": "",
    "functions.log": "",
}

# Not in version control either.
ESTATE_SETTINGS = {
    ".env": "CURRENCY=EUR\nVIEW_REGION=europe-west1\nVIEW_MEMORY=256\nVIEW_TIMEOUT=120\n"
    "VIEW_CONCURRENCY=40\nVIEW_MOST=7\n",
    ".env.demo-estate": "VIEW_MEMORY=1024\nVIEW_WARM=1\n"
    "VIEW_ACCOUNT=views@demo-estate.iam.gserviceaccount.com\n",
    ".env.local": "VIEW_WARM=0\n",
    ".secret.local": "SIGNING_KEY=local-key\nAPI_KEY=local\n",
}


@dataclass(frozen=True)
class Later:
    """The deploys after the first.

    Attributes:
        renamed: of a source with `places` where `locations` was.
        unchanged: of the same source again.
    """

    renamed: Deployment
    unchanged: Deployment


@dataclass(frozen=True)
class Estate:
    """A deploy, and the project that it left."""

    deployment: Deployment
    project: GoogleProject


@dataclass(frozen=True)
class Workspace:
    """An unpacked archive.

    Attributes:
        folder: with `main.py`.
        venv: the virtual environment with its requirements.
    """

    folder: Path
    venv: Path


def archive_of(deployment: Deployment) -> zipfile.ZipFile:
    """What a deploy uploaded."""
    (upload,) = deployment.requests.matching("PUT", r"\.zip$", host="storage.")
    return zipfile.ZipFile(io.BytesIO(upload.content))

"""The OpenAPI document has no error and no warning by the linters that others use."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator_tests.apps.documented import app
from onto_fn.api.rest.openapi import openapi
from onto_fn.testing.emulators.toolchain import find_node

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGES = ROOT / "tools" / "node_modules"
QUIET = {"REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "REDOCLY_TELEMETRY": "off", "NO_COLOR": "1"}


def run(package: str, *words: str | Path) -> str:
    """What a command of a package says; it has to succeed."""
    described = json.loads((PACKAGES / package / "package.json").read_text())["bin"]
    script = described if isinstance(described, str) else next(iter(described.values()))
    done = subprocess.run(
        [find_node(ROOT), PACKAGES / package / script, *words],
        env={**os.environ, **QUIET},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(params=[False, True], ids=["open", "app_check"])
def document(request: Any, tmp_path: Path) -> Path:
    """The file of an API with everything, without and with App Check."""
    assert app.api is not None
    assert app.offers is not None
    path = tmp_path / "openapi.json"
    made = openapi(replace(app.api, app_check=request.param), app.offers)
    path.write_text(json.dumps(made))
    return path


def test_spectral_finds_nothing(document: Path) -> None:
    ruleset, warnings = HERE / "spectral.yaml", ["--fail-severity", "warn"]
    found = run("@stoplight/spectral-cli", "lint", document, "--ruleset", ruleset, *warnings)
    assert "No results with a severity of 'warn' or higher found" in found


def test_redocly_finds_nothing(document: Path) -> None:
    found = run("@redocly/cli", "lint", document, "--config", HERE / "redocly.yaml")
    assert "Your API description is valid" in found
    assert "warning" not in found.replace("Deprecation warning", "")

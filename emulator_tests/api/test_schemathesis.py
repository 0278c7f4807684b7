"""The served API does what its OpenAPI document says, on cases that schemathesis makes up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import httpx

from emulator_tests.api.documented import ROOT, Served

CONFIG = Path(__file__).with_name("schemathesis.toml")
COMMAND = Path(sys.executable).parent / "schemathesis"


def test_every_operation_succeeds_and_none_breaks_its_description(
    served: Served, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    done = subprocess.run(
        [
            *(COMMAND, "--config-file", CONFIG, "run", f"{served.url}/openapi.json"),
            *("--url", served.url, "--header", f"Authorization: Bearer {served.token}"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "emulator_tests.api.schemathesis_hooks",
            "SEEN": str(seen),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]

    statuses: dict[tuple[str, str], set[int]] = defaultdict(set)
    for line in seen.read_text().splitlines():
        method, path, status = json.loads(line)
        statuses[method, path].add(status)
    paths = httpx.get(f"{served.url}/openapi.json").json()["paths"]
    expected = {
        (method.upper(), path)
        for path, item in paths.items()
        for method in item
        if method != "parameters"
    }
    succeeded = {one for one, found in statuses.items() if any(200 <= s < 300 for s in found)}
    assert expected - succeeded == set()
    assert len(expected) == 24

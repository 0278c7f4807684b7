"""The OpenRPC document is valid by the tools of OpenRPC."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from emulator_tests.apps.documented import app
from onto_fn.api import Api, Rpc
from onto_fn.api.rpc.openrpc import openrpc
from onto_fn.testing.emulators.toolchain import find_node

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def checked(document: Any, folder: Path) -> tuple[int, str]:
    path = folder / "openrpc.json"
    path.write_text(json.dumps(document))
    done = subprocess.run(
        [find_node(ROOT), HERE / "openrpc.mjs", ROOT / "tools" / "package.json", path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("of_everything", [True, False])
def test_it_is_valid(of_everything: bool, tmp_path: Path) -> None:
    empty = Api(rpc=Rpc())
    assert app.api is not None
    assert app.offers is not None
    document = openrpc(app.api, app.offers) if of_everything else openrpc(empty, empty.offers([]))
    assert checked(document, tmp_path) == (0, f"valid: {len(document['methods'])} methods\n")


def test_what_is_not_valid_is_found(tmp_path: Path) -> None:
    assert app.api is not None
    assert app.offers is not None
    document = openrpc(app.api, app.offers)
    del document["methods"][0]["params"][0]["schema"]
    status, said = checked(document, tmp_path)
    assert status == 1
    assert "required" in said

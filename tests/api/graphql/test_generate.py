"""`onto generate graphql`: the schema as a file, and whether it is stale."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from graphql import build_schema, validate_schema

APP = Path(__file__).parent / "declaring.py"


def onto(folder: Path, *words: str, app: Path = APP) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "onto"
    command = [program, "generate", "graphql", "--app", app, "--folder", folder, *words]
    return subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)


def test_the_schema_is_written_and_found_stale(tmp_path: Path) -> None:
    assert onto(tmp_path).returncode == 0
    file = tmp_path / "schema.graphql"
    schema = build_schema(file.read_text())
    assert validate_schema(schema) == []
    assert schema.subscription_type is not None
    assert "up to date" in onto(tmp_path, "--check").stdout

    file.write_text(file.read_text().replace("name: String!", "name: Int!"))
    stale = onto(tmp_path, "--check")
    assert stale.returncode == 1
    assert "name: Int!" in stale.stdout + stale.stderr
    assert "onto generate graphql" in stale.stdout + stale.stderr


def test_an_app_without_graphql_has_no_schema(tmp_path: Path) -> None:
    app = tmp_path / "main.py"
    app.write_text(APP.read_text().replace("graphql=GraphQL(), ", ""))
    done = onto(tmp_path, app=app)
    assert done.returncode != 0
    assert "the app has no GraphQL" in done.stdout + done.stderr

"""A project on disk for an app: its files as `onto generate` writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from onto_fn import App
from onto_fn.doctor import Finding, Measured, Project, diagnose
from onto_fn.generate import index_file, rules_text

Examine = Callable[..., list[Finding]]


@pytest.fixture
def examine(tmp_path: Path) -> Examine:
    """Diagnoses an app; `text` is that of its file, which only says where options are."""

    def run(
        app: App,
        *,
        text: str = "from onto_fn import App\n\napp = App(\n    [],\n)\n",
        changes: dict[str, str] | None = None,
        location: str | None = None,
        measured: Sequence[Measured] = (),
        indexes: Callable[[dict[str, Any]], None] = lambda content: None,
        rules: str = "",
        firebase: dict[str, Any] | None = None,
        others: dict[str, str] | None = None,
    ) -> list[Finding]:
        main = tmp_path / "functions" / "main.py"
        files = {"functions/main.py": text, **(others or {})}
        content = json.loads(json.dumps(index_file(app, {})))  # the parts are shared
        indexes(content)
        files["firestore.indexes.json"] = json.dumps(content, indent=2)
        files["firestore.rules"] = rules or rules_text(app)
        files["firebase.json"] = json.dumps(firebase or {})
        for name, written in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(written)
        rates = app.rates(changes or {})
        return diagnose(Project(app, main, tmp_path, rates, location, measured))

    return run

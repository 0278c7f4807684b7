"""The tests on emulators that docs/testing.md shows pass, in a project of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from onto_fn.cli.apps import load_app
from onto_fn.generate import rules_text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"


def test_the_tests_of_the_page_pass(
    tmp_path: Path, project_folder: Callable[[Path, str], Path]
) -> None:
    app, *tests = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    [options] = re.findall(r"```ini\n(.*?)```", PAGE.read_text(), re.DOTALL)
    folder = project_folder(tmp_path, f"{app}\napp.export(globals())\n")
    main = folder / "functions" / "main.py"
    (folder / "firestore.rules").write_text(rules_text(load_app(str(main))))
    (folder / "test_page.py").write_text("\n\n".join(["from main import *", *tests]))
    (folder / "pytest.ini").write_text(options)

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(main.parent)},
        capture_output=True,
        text=True,
        timeout=500,
    )

    assert ended.returncode == 0, ended.stdout
    assert f"{sum(test.count('def test_') for test in tests)} passed" in ended.stdout

"""`onto doctor` and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from onto_fn.cli.main import status_of

ROOT = Path(__file__).resolve().parents[2]
APP = ["--app", str(ROOT / "functions" / "main.py"), "--folder", str(ROOT)]


def test_an_app_without_findings_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["doctor", *APP, "--strict"]) == 0
    assert capsys.readouterr().err == "0 errors, 0 warnings\n"


def test_a_warning_exits_with_0_and_with_1_if_strict(capsys: pytest.CaptureFixture[str]) -> None:
    far = ["doctor", *APP, "--location", "eur3", "--json"]

    assert status_of(far) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["check"], found["severity"], found["file"]) == (
        "region",
        "warning",
        "functions/main.py",
    )
    assert status_of([*far, "--strict"]) == 1
    assert "onto: 0 errors, 1 warning" in capsys.readouterr().err


def test_an_error_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    # 20 instances with 80 events each take 16,000 a second
    assert status_of(["doctor", *APP, "--changes", "users=20000/s"]) == 1
    assert "functions/main.py:19: 20 instances" in capsys.readouterr().out


@pytest.mark.parametrize("changes", ["users", "nobody=1/s", "users=1"])
def test_a_rate_that_means_nothing_is_a_wrong_usage(changes: str) -> None:
    assert status_of(["doctor", *APP, "--changes", changes]) == 2

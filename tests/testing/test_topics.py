"""Which topics an app needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from onto_fn import App, DomainModel, Store, ViewMediator, ViewModel, root
from onto_fn.functions.topics import topics_of
from onto_fn.messaging import EndpointSink, TopicSink
from onto_fn.testing import EmulatorError
from onto_fn.testing import topics as topics_module
from onto_fn.testing.topics import declared_topics, full_name


class Town(DomainModel, collection="towns"):
    name: str


class TownStore(Store):
    town = root(Town)


class TownView(ViewModel[TownStore], path="townViews/{id}"):
    @property
    def name(self) -> str:
        return self.store.town.name


class TownPage(ViewModel[TownStore], path="townPages/{id}"):
    @property
    def name(self) -> str:
        return self.store.town.name


SENDING = """
from onto_fn import *
from onto_fn.messaging import TopicSink
class Town(DomainModel, collection="towns"):
    name: str
class TownStore(Store):
    town = root(Town)
class TownView(ViewModel[TownStore], path="townViews/{id}"):
    @property
    def name(self) -> str:
        return self.store.town.name
print("a line of the app's own")
app = App([ViewMediator(TownView, sends=[TopicSink("towns")])])
app.export(globals())
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an empty folder of functions."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "firebase.json").write_text('{"functions": [{"source": "functions"}]}')
    return tmp_path


def test_the_topics_of_an_app_are_those_of_its_topic_sinks_each_once() -> None:
    elsewhere = TopicSink("projects/other/topics/towns")
    app = App(
        [
            ViewMediator(TownView, sends=[TopicSink("towns"), elsewhere]),
            ViewMediator(TownPage, sends=[TopicSink("towns"), EndpointSink("https://x.example")]),
        ]
    )

    assert topics_of(app) == ["towns", "projects/other/topics/towns"]
    assert full_name("towns", "demo-a") == "projects/demo-a/topics/towns"
    assert full_name(elsewhere.topic, "demo-a") == elsewhere.topic


def test_the_topics_of_a_project_are_found_without_importing_it_here(project: Path) -> None:
    (project / "functions" / "main.py").write_text(SENDING)

    assert declared_topics(project) == ["towns"]


def test_topics_are_found_where_the_testing_tools_are_not_installed(project: Path) -> None:
    functions = project / "functions"
    (functions / "main.py").write_text(SENDING)
    without = "import sys; sys.modules['onto_fn.testing'] = sys.modules['psutil'] = None"
    code = f"{without}\n{topics_module._PRINT_TOPICS}"

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=functions, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert set(json.loads(ended.stdout.splitlines()[-1])) == {"towns"}


def test_an_app_that_cannot_be_loaded_says_why(project: Path) -> None:
    (project / "functions" / "main.py").write_text("import nothing_of_that_name  # TopicSink")

    with pytest.raises(EmulatorError, match="nothing_of_that_name"):
        declared_topics(project)


def test_a_project_without_functions_has_no_topics(tmp_path: Path) -> None:
    assert declared_topics(tmp_path) == []


def test_code_that_names_no_topic_is_not_loaded(project: Path) -> None:
    (project / "functions" / "main.py").write_text("import nothing_of_that_name")

    assert declared_topics(project) == []


def test_where_the_functions_have_another_version_of_the_library_this_python_loads_them(
    project: Path,
) -> None:
    older = project / "functions" / "venv" / "bin" / "python"
    older.parent.mkdir(parents=True)
    older.write_text("#!/bin/sh\necho no module named onto_fn.testing.topics >&2\nexit 1\n")
    older.chmod(0o755)
    (project / "functions" / "main.py").write_text(SENDING)

    assert declared_topics(project) == ["towns"]

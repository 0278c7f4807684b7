"""The pytest plugin, with emulators that are only pretended."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

PRETENDED_SUITE = """
import onto_fn.testing.emulators.suite
import pytest

class Pretended:
    started = []
    def __init__(self, project_dir, only, log_dir, tell):
        self.project_dir, self.only, self.log_dir = project_dir, only, log_dir
    def __enter__(self):
        self.started.append(self)
        return self
    def __exit__(self, *exc):
        pass
    def log_tail(self):
        return "what the functions printed"

onto_fn.testing.emulators.suite.EmulatorSuite = Pretended

@pytest.fixture
def pretended():
    return Pretended
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project whose emulators are only pretended."""
    pytester.makeconftest(PRETENDED_SUITE)
    return pytester


def test_nothing_is_started_unless_a_fixture_asks_for_it(project: pytest.Pytester) -> None:
    project.makepyfile("def test_plain(pretended): assert pretended.started == []")

    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_emulators_are_those_of_the_configured_folder(project: pytest.Pytester) -> None:
    project.makeini(
        "[pytest]\nonto_fn_project_dir = app\nonto_fn_emulators = firestore functions pubsub\n"
    )
    project.makepyfile(
        """
        def test_suite(emulators, pytestconfig):
            assert emulators.project_dir == pytestconfig.rootpath / "app"
            assert emulators.only == ("firestore", "functions", "pubsub")
        """
    )

    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_one_suite_serves_all_tests_of_a_session(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        def test_first(emulators): pass
        def test_second(emulators, pretended): assert len(pretended.started) == 1
        """
    )

    project.runpytest_subprocess().assert_outcomes(passed=2)


def test_failed_test_shows_the_log_of_the_emulators_it_used(project: pytest.Pytester) -> None:
    project.makepyfile("def test_wrong(emulators): assert False")

    result = project.runpytest_subprocess()

    result.stdout.fnmatch_lines(["*emulators log*", "what the functions printed"])


def test_plugin_alone_loads_no_google_client() -> None:
    script = (
        "import sys, onto_fn\n"
        "before = set(sys.modules)\n"
        "import onto_fn.testing.plugin\n"
        "print([name for name in set(sys.modules) - before if name.startswith('google')])\n"
    )

    loaded = subprocess.check_output([sys.executable, "-c", script], text=True)

    assert loaded == "[]\n"

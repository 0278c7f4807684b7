"""The command line's help, its page in docs/, and the graph that it draws."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
import typer.main
from typer.testing import CliRunner

from onto_fn import (
    App,
    DocumentSink,
    DomainModel,
    Form,
    FormMediator,
    Mediator,
    Patch,
    PatchMediator,
    Store,
    ViewMediator,
    ViewModel,
    aggregate,
    many,
    one,
    root,
)
from onto_fn.access import public
from onto_fn.aggregates import count
from onto_fn.cli.commands import graph as graph_command
from onto_fn.cli.errors import CommandError
from onto_fn.cli.main import cli, status_of
from onto_fn.cli.options import Workers
from onto_fn.cli.output import Output, number_of
from onto_fn.contrib.beam.pipeline import Place
from onto_fn.engine.operate import backfill, verify
from onto_fn.engine.operate.pool import LARGE
from onto_fn.generate.graph import Graph, Node, graph_of
from onto_fn.messaging import TopicSink

ROOT = Path(__file__).resolve().parents[2]


def commands(command: Any = None, names: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    command = command or typer.main.get_command(cli)
    for name, child in getattr(command, "commands", {}).items():
        yield from commands(child, (*names, name))
    if not hasattr(command, "commands"):
        yield " ".join(names), command


COMMANDS = dict(commands())


def load_script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_an_example_of_it(name: str) -> None:
    shown = CliRunner().invoke(cli, [*name.split(), "--help"])

    assert shown.exit_code == 0
    assert re.search(rf"Example: .*onto {name}\b", " ".join(shown.output.split()))


@pytest.mark.parametrize("name", ["", "dead-letters", *COMMANDS])
def test_the_help_shows_no_value_for_an_option_that_takes_none(name: str) -> None:
    shown = CliRunner().invoke(cli, [*name.split(), "--help"])

    assert "--help" in shown.output
    assert "<bool>" not in shown.output


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(["--version"]) == 0
    assert capsys.readouterr().out == f"onto-fn {version('onto-fn')}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_neither_the_library_nor_google(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        "from onto_fn.cli.main import status_of\n"
        f"assert status_of({arguments}) == 0\n"
        "print(*sorted(sys.modules), file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    loaded = done.stderr.split()
    assert "typer" in loaded
    # `google.cloud` itself is loaded by a .pth file of another package, empty.
    google = ("google.cloud.", "google.api_core", "google.auth", "google.protobuf")
    heavy = (*google, "grpc", "pydantic", "requests", "firebase_functions", "onto_fn.exports")
    assert [name for name in loaded if name.startswith(heavy)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_a_form_for_programs(name: str) -> None:
    assert "--json" in [option for p in COMMANDS[name].params for option in p.opts]


def test_the_page_of_the_command_line_is_made_from_the_help() -> None:
    page = load_script("command_line_page")

    assert page.PAGE.read_text().partition(page.MADE)[2].strip() == page.made(), "run `make docs`"


def test_without_a_terminal_nothing_is_destroyed_unless_it_is_confirmed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(CommandError, match="Drop it\\? There is no terminal to ask in: pass --yes"):
        Output(as_json=False).confirm("Drop it?", yes=False)
    Output(as_json=False).confirm("Drop it?", yes=True)


def test_output_without_a_terminal_has_no_colour_and_is_not_folded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = "x" * 500

    Output(as_json=False).table([{"a": long, "b": "[red]"}], ("a", "b"))

    shown = capsys.readouterr().out
    assert f"{long}   [red]" in shown
    assert "\x1b" not in shown


class Vote(DomainModel, collection="polls/{poll}/votes"):
    option: str


class Poll(DomainModel, collection="polls"):
    title: str


class PollStore(Store):
    poll = root(Poll)
    votes = aggregate(Vote, total=count())


class PollPage(ViewModel[PollStore], path="pollPages/{poll_id}"):
    @property
    def title(self) -> str: ...


class Line(ViewModel[PollStore], path="lines/{poll_id}"):
    @property
    def title(self) -> str: ...


class LineStore(Store):
    line = root(Line.Document)


class Screen(ViewModel[LineStore], path="screens/{id}"):
    @property
    def title(self) -> str: ...


class Request(DomainModel, collection="requests"):
    text: str


class Answers(Mediator):
    source = Request
    sink = DocumentSink("polls/{id}/votes/{voter}")
    mode = "task"

    def on_create(self, source: Request) -> None: ...


@pytest.fixture(scope="module")
def drawn() -> Graph:
    mediators = [
        ViewMediator(PollPage, sends=[TopicSink("poll-pages")]),
        ViewMediator(Line),
        ViewMediator(Screen),
        Answers(),
    ]
    return graph_of(App(mediators))


def edges(graph: Graph) -> set[tuple[str, str, str]]:
    names = {node.id: node.name for node in graph.nodes}
    return {(names[edge.source], names[edge.target], edge.label) for edge in graph.edges}


def test_a_collection_leads_through_its_function_to_the_views(drawn: Graph) -> None:
    assert {
        ("polls", "on_polls_written", ""),
        ("on_polls_written", "PollPage", "root"),
        ("PollPage", "pollPages", "writes"),
        ("PollPage", "on_onto_outbox_written", "sends to poll-pages"),
        ("on_onto_outbox_written", "poll-pages", ""),
    } <= edges(drawn)


def test_an_aggregate_lies_between_what_it_counts_and_the_view(drawn: Graph) -> None:
    (name,) = [node.name for node in drawn.nodes if node.kind == "aggregate"]
    (function,) = [t for s, t, _ in edges(drawn) if s == name]

    assert ("on_polls_votes_written", name, "reads") in edges(drawn)
    assert (function, "PollPage", "reads") in edges(drawn)


def test_a_view_of_views_follows_the_documents_of_the_other(drawn: Graph) -> None:
    assert {
        ("Line", "lines", "writes"),
        ("lines", "on_lines_written", ""),
        ("on_lines_written", "Screen", "root"),
    } <= edges(drawn)


def test_a_collection_is_one_node_whatever_its_variables_are_called(drawn: Graph) -> None:
    (votes,) = [node.name for node in drawn.nodes if node.name.endswith("/votes")]

    assert {("Answers", votes, "writes"), (votes, "on_polls_votes_written", "")} <= edges(drawn)


def test_nodes_say_what_they_are(drawn: Graph) -> None:
    details = {(node.kind, node.name): node.detail for node in drawn.nodes}

    assert details["collection", "polls"] == "Poll"
    assert details["definition", "Answers"] == "task mode"
    assert details["sink", "poll-pages"] == "topic poll-pages"


def test_every_function_is_joined_to_something(drawn: Graph) -> None:
    joined = {end for source, target, _ in edges(drawn) for end in (source, target)}

    assert {node.name for node in drawn.nodes if node.kind == "function"} <= joined


def test_a_patch_leads_to_the_domain_models_that_its_views_setters_can_change() -> None:
    class CountryStore(Store):
        page = root(Poll)
        line = one(Line.Document, lambda store: None, default=None)
        requests = many(Request, lambda store: [])
        votes = aggregate(Vote, total=count())

    class CountryPage(ViewModel[CountryStore], path="countryPages/{poll_id}"):
        @property
        def title(self) -> str:
            return self.store.page.title

        @title.setter
        def title(self, value: str) -> None:
            self.store.page.title = value

    class TitlePatch(
        Patch[CountryPage], path="titlePatches/{id}", target="pollId", create=public()
    ):
        title: str

    mediators = [ViewMediator(CountryPage), PatchMediator(TitlePatch, callable=True)]
    drawn = edges(graph_of(App(mediators)))

    changed = {
        target for source, target, label in drawn if (source, label) == ("TitlePatch", "may change")
    }
    assert changed == {"polls", "requests"}
    assert ("onto_request", "TitlePatch", "calls") in drawn


def test_a_form_leads_to_what_its_store_has_as_well() -> None:
    class Renaming(Form[PollStore], path="renamings/{id}", root="poll_id", create=public()):
        poll_id: str

        def submit(self, request: object) -> None: ...

    drawn = edges(graph_of(App([FormMediator(Renaming)])))

    assert ("Renaming", "polls", "may change") in drawn


def test_what_has_a_meaning_to_mermaid_or_dot_is_escaped() -> None:
    graph = Graph((Node("n0", "sink", 'a "<b>"'),), ())

    assert 'n0>"a #quot;#lt;b>#quot;"]' in graph.mermaid()
    assert r'n0 [label="a \"<b>\"" shape=cds]' in graph.dot()


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_the_meeting_room_is_drawn(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = status_of(["graph", "--format", form, "--app", str(ROOT / "functions" / "main.py")])

    assert code == 0
    assert "MeetingSession" in capsys.readouterr().out


def test_a_picture_is_drawn_by_graphviz(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = tmp_path / "dot"
    program.write_text('#!/bin/sh\necho "$1"\ncat\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    picture = tmp_path / "graph.svg"

    code = status_of(["graph", "-o", str(picture), "--app", str(ROOT / "functions" / "main.py")])

    assert code == 0
    assert picture.read_text().startswith("-Tsvg\ndigraph onto {")


def test_without_graphviz_a_picture_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(graph_command.shutil, "which", lambda program: None)

    picture = tmp_path / "graph.png"
    code = status_of(["graph", "-o", str(picture), "--app", str(ROOT / "functions" / "main.py")])

    assert code == 2
    assert "install graphviz, or pass --format mermaid" in capsys.readouterr().err
    assert not picture.exists()


def test_a_graph_for_programs_has_nodes_and_edges(capsys: pytest.CaptureFixture[str]) -> None:
    status_of(["graph", "--json", "--app", str(ROOT / "functions" / "main.py")])

    content = json.loads(capsys.readouterr().out)
    assert {"id", "kind", "name", "detail"} == set(content["nodes"][0])
    assert {"source", "target", "label"} == set(content["edges"][0])


@pytest.mark.parametrize(("count", "said"), [(0, "0 roots"), (1, "1 root"), (2, "2 roots")])
def test_one_thing_is_not_told_as_several(count: int, said: str) -> None:
    assert number_of(count, "root") == said


WORKERS_HELP = str(get_args(Workers)[1].help)


def test_defaults_of_options_are_those_of_the_library() -> None:
    """They stand twice, as `onto --help` loads none of the library."""
    commands: Any = typer.main.get_command(cli)
    options = {
        (command, option.name): option.default
        for command in ("backfill", "verify")
        for option in commands.commands[command].params
    }

    for command, module in (("backfill", backfill), ("verify", verify)):
        assert options[command, "page"] == module.PAGE
        assert options[command, "workers"] is None  # as many processes as pay
    assert f"{LARGE:,} roots" in WORKERS_HELP
    assert Place().page == backfill.PAGE

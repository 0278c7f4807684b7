"""An app compiled to functions: what `firebase deploy` and an instance see of it."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from firebase_functions import params
from firebase_functions.private.serving import functions_as_yaml

from onto_fn import (
    App,
    DeclarationError,
    DocumentSink,
    DomainModel,
    Mediator,
    Store,
    ViewMediator,
    ViewModel,
    one,
    query,
    root,
)
from onto_fn.mediators import Documents

ROOT = Path(__file__).parents[2]
MAIN = ROOT / "functions" / "main.py"


class Poll(DomainModel, collection="polls"):
    question: str


class Ballot(DomainModel, collection="polls/{poll}/ballots"):
    option: str


class PollStore(Store):
    poll = root(Poll)
    ballots = query(Ballot).within(poll=lambda store: store.poll.doc_id)


class PollResult(ViewModel[PollStore], path="pollResults/{poll_id}"):
    @property
    def total(self) -> int:
        return len(self.store.ballots)


class PollOnlyStore(Store):
    poll = root(Poll)
    same = one(Poll, lambda store: store.poll.doc_ref)


class PollTitle(ViewModel[PollOnlyStore], path="pollTitles/{poll_id}"):
    @property
    def title(self) -> str:
        return self.store.poll.question


def manifest(**options: Any) -> dict[str, Any]:
    """The endpoints as the deploy tool reads them."""
    app = App([ViewMediator(PollResult)], **options)
    return yaml.safe_load(functions_as_yaml(app.functions()))["endpoints"]


def test_there_is_one_function_for_each_source_collection() -> None:
    app = App([ViewMediator(PollResult), ViewMediator(PollTitle)])

    assert sorted(app.functions()) == ["on_polls_ballots_written", "on_polls_written"]


def test_every_function_asks_for_redelivery() -> None:
    endpoints = manifest()

    assert {e["eventTrigger"]["retry"] for e in endpoints.values()} == {True}


def test_a_function_is_triggered_by_every_write_to_its_collection() -> None:
    trigger = manifest()["on_polls_ballots_written"]["eventTrigger"]

    assert trigger["eventType"] == "google.cloud.firestore.document.v1.written"
    assert trigger["eventFilters"] == {"database": "(default)", "namespace": "(default)"}
    assert trigger["eventFilterPathPatterns"] == {"document": "polls/{poll}/ballots/{doc_id}"}


def test_options_come_through_to_the_deploy_tool() -> None:
    endpoint = manifest(
        region="europe-west1",
        memory=512,
        timeout_sec=60,
        concurrency=80,
        min_instances=0,
        max_instances=20,
        cpu=1,
        service_account="runner@polls.iam.gserviceaccount.com",
        secrets=["API_KEY"],
        labels={"team": "polls"},
    )["on_polls_written"]

    del endpoint["eventTrigger"]
    assert endpoint == {
        "entryPoint": "on_polls_written",
        "platform": "gcfv2",
        "region": ["europe-west1"],
        "availableMemoryMb": 512,
        "timeoutSeconds": 60,
        "concurrency": 80,
        "minInstances": 0,
        "maxInstances": 20,
        "cpu": 1,
        "serviceAccountEmail": "runner@polls.iam.gserviceaccount.com",
        "secretEnvironmentVariables": [{"key": "API_KEY"}],
        "labels": {"team": "polls"},
    }


def test_options_that_are_not_given_are_left_to_the_platform() -> None:
    endpoint = manifest()["on_polls_written"]

    assert set(endpoint) - {"secretEnvironmentVariables"} == {
        "entryPoint",
        "platform",
        "eventTrigger",
    }


def test_the_database_of_the_app_is_the_triggers() -> None:
    trigger = manifest(database="archive")["on_polls_written"]["eventTrigger"]

    assert trigger["eventFilters"]["database"] == "archive"


def test_parameters_are_left_to_be_resolved_at_deployment() -> None:
    endpoint = manifest(
        memory=params.IntParam("ONTO_FN_TEST_MEMORY"),
        min_instances=params.IntParam("ONTO_FN_TEST_MINIMUM"),
        region=params.StringParam("ONTO_FN_TEST_REGION"),
        service_account=params.StringParam("ONTO_FN_TEST_ACCOUNT"),
        secrets=[params.SecretParam("ONTO_FN_TEST_SECRET")],
    )["on_polls_written"]

    assert endpoint["availableMemoryMb"] == "{{ params.ONTO_FN_TEST_MEMORY }}"
    assert endpoint["minInstances"] == "{{ params.ONTO_FN_TEST_MINIMUM }}"
    assert endpoint["region"] == ["{{ params.ONTO_FN_TEST_REGION }}"]
    assert endpoint["serviceAccountEmail"] == "{{ params.ONTO_FN_TEST_ACCOUNT }}"
    assert endpoint["secretEnvironmentVariables"] == [{"key": "ONTO_FN_TEST_SECRET"}]


def test_short_name_of_an_account_is_left_to_the_deploy_tool() -> None:
    endpoint = manifest(service_account="runner@")["on_polls_written"]

    assert endpoint["serviceAccountEmail"] == "runner@"


def test_short_name_of_an_account_that_reads_secrets_is_refused() -> None:
    """The deploy tool would open the secret to "runner@", literally, which Google refuses."""
    with pytest.raises(DeclarationError, match=r"runner@PROJECT\.iam\.gserviceaccount\.com"):
        manifest(service_account="runner@", secrets=["API_KEY"])


def test_functions_are_plain_functions_of_one_event() -> None:
    for name, function in App([ViewMediator(PollResult)]).functions().items():
        assert inspect.isfunction(function)
        assert not inspect.iscoroutinefunction(function)
        assert function.__name__ == name
        assert list(inspect.signature(function).parameters) == ["event"]


def test_collections_that_differ_in_variable_names_only_share_a_function() -> None:
    class OtherBallot(DomainModel, collection="polls/{p}/ballots"):
        option: str

    class Counts(Mediator):
        source = OtherBallot
        sink = DocumentSink("counts/{option}")

        def on_write(self, source: OtherBallot) -> Documents:
            return None

    app = App([ViewMediator(PollResult), Counts()])

    assert len(app.functions()) == 2


def forwarding(collection: str) -> Mediator:
    """A mediator on documents of `collection`."""

    plain = collection.translate(str.maketrans("/", "-", "{}"))

    class Source(DomainModel, collection=collection):
        pass

    class Forward(Mediator):
        source = Source
        sink = DocumentSink(f"copies-of-{plain}/{{id}}")
        name = f"Forward-{plain}"

        def on_write(self, source: DomainModel) -> Documents:
            return None

    return Forward()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("user-data", "user_data"),
        ("Users", "users"),
        ("polls/{poll}/votes", "polls_votes"),
        ("日本", "東京"),
    ],
)
def test_of_two_functions_of_one_name_the_second_has_a_digest(first: str, second: str) -> None:
    names = [trigger.name for trigger in App([forwarding(first), forwarding(second)]).triggers()]
    again = [trigger.name for trigger in App([forwarding(second), forwarding(first)]).triggers()]

    assert names == again
    assert len({name.lower() for name in names}) == 2
    assert re.fullmatch(r"on_\w+_[0-9a-f]{8}_written", names[1])
    alone = {t.name for c in (first, second) for t in App([forwarding(c)]).triggers()}
    assert names[0] in alone


def test_a_nested_collection_with_a_variable_of_the_same_name_has_another_pattern() -> None:
    [function] = App([forwarding("a/{doc_id}/b")]).triggers()

    assert function.document == "a/{doc_id}/b/{document_id}"


def test_a_name_that_is_too_long_for_the_platform_is_shortened() -> None:
    [longest] = App([forwarding("x" * 51)]).triggers()
    [first] = App([forwarding("x" * 52)]).triggers()
    [second] = App([forwarding("x" * 53)]).triggers()

    assert longest.name == f"on_{'x' * 51}_written"  # as it has always been
    assert [len(trigger.name) for trigger in (longest, first, second)] == [62, 62, 62]
    assert first.name != second.name


def test_an_app_names_its_functions() -> None:
    names = {"a/{id}/b": "on_b", "y": "onY"}
    app = App([forwarding("a/{other}/b"), forwarding("x"), forwarding("y")], function_names=names)

    assert sorted(app.functions()) == ["onY", "on_b", "on_x_written"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ({"z": "on_z"}, "'z', to which the app does not listen; it listens to x, y"),
        ({"x": "1st"}, "not a function name"),
        ({"x": "on_é"}, "not a function name"),
        ({"x": "o" * 63}, "not a function name"),
        ({"x": "onto_request"}, "not a function name"),
        ({"x": "same", "y": "SAME"}, "'x' and 'y' would both be named 'SAME'"),
    ],
)
def test_a_name_that_a_function_cannot_have_is_refused(names: dict[str, str], problem: str) -> None:
    app = App([forwarding("x"), forwarding("y")], function_names=names)

    with pytest.raises(DeclarationError, match=problem):
        app.functions()


def test_an_app_without_mediators_is_refused() -> None:
    with pytest.raises(DeclarationError, match="at least one view model"):
        App([])


def test_two_mediators_of_one_name_are_refused() -> None:
    class Another(ViewModel[PollOnlyStore], path="others/{id}", name="PollTitle"):
        @property
        def title(self) -> str:
            return "T"

    with pytest.raises(DeclarationError, match="two views or mediators are named 'PollTitle'"):
        App([ViewMediator(PollTitle), ViewMediator(Another)])


def test_the_same_view_twice_is_refused() -> None:
    with pytest.raises(DeclarationError, match="PollTitle"):
        App([ViewMediator(PollTitle), ViewMediator(PollTitle)])


def test_export_puts_the_functions_into_a_module() -> None:
    namespace: dict[str, Any] = {"app": 1}

    App([ViewMediator(PollResult)]).export(namespace)

    assert set(namespace) == {"app", "on_polls_written", "on_polls_ballots_written"}


def test_export_overwrites_nothing() -> None:
    namespace: dict[str, Any] = {"on_polls_written": "mine"}

    with pytest.raises(DeclarationError, match="already defines 'on_polls_written'"):
        App([ViewMediator(PollResult)]).export(namespace)
    assert namespace["on_polls_written"] == "mine"


def imported_modules(code: str, directory: Path) -> set[str]:
    """The modules that a fresh interpreter has loaded after `code`."""
    show = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", show], cwd=directory, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


HEAVY = {
    "flask",
    "fastapi",
    "starlette",
    "strawberry",
    "google.pubsub_v1",
    "google.events",
}


@pytest.mark.parametrize(
    ("code", "directory"),
    [("import onto_fn", ROOT), ("import main", MAIN.parent)],
    ids=["library", "meeting room"],
)
def test_importing_loads_no_web_framework_and_nothing_of_an_event(
    code: str, directory: Path
) -> None:
    loaded = imported_modules(code, directory)

    assert not {name for name in loaded if name in HEAVY}
    assert not {name for name in loaded if name.startswith(("firebase_functions", "pytest"))}


def test_the_meeting_room_is_declared_in_less_than_40_lines() -> None:
    assert len(MAIN.read_text().splitlines()) < 40


def test_the_meeting_room_uses_no_private_name() -> None:
    for module in [MAIN, *(MAIN.parent / "meeting_room").glob("*.py")]:
        tree = ast.parse(module.read_text())
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        imports = {
            (node.module or "", alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert not {name for name in attributes if name.startswith("_")}
        assert not {name for _, name in imports if name.startswith("_")}
        assert {m for m, _ in imports if m.startswith("onto_fn")} <= {"onto_fn", "onto_fn.access"}

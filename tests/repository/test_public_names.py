"""What `onto_fn` and its public modules give, and where names are that it once had."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import onto_fn
from onto_fn.moved import PLACES

TOP = (
    "App DomainModel EmbeddedModel Ref Store ViewModel Form Patch Request Refused Mediator "
    "DocumentSink root one many keyed query aggregate mirror RetryPolicy FanOut OntoError "
    "DeclarationError ViewMediator PatchMediator FormMediator"
)
GROUPS = {
    "onto_fn.aggregates": "count total average minimum maximum",
    "onto_fn.api": "Api Rest Rpc Live GraphQL Listing Streams by",
    "onto_fn.messaging": "TopicSink EndpointSink Message Inbox Receipt",
    "onto_fn.observability": "Observer Change Outcome Result OpenTelemetry CloudHandler",
    "onto_fn.editing": "edit load_view Database Write Repository",
}


def run(program: str) -> str:
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_top_level_has_these_names_and_no_others() -> None:
    assert sorted(onto_fn.__all__) == sorted(TOP.split())
    assert all(getattr(onto_fn, name) is not None for name in onto_fn.__all__)


@pytest.mark.parametrize("module", GROUPS)
def test_a_group_has_these_names_and_no_others(module: str) -> None:
    face = import_module(module)

    assert sorted(face.__all__) == sorted(GROUPS[module].split())
    assert all(getattr(face, name) is not None for name in face.__all__)
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'nonsense'"):
        _ = face.nonsense


@pytest.mark.parametrize("name", PLACES)
def test_a_name_that_has_moved_still_works_and_says_where_it_is(name: str) -> None:
    place = PLACES[name]

    with pytest.warns(DeprecationWarning, match=rf"onto_fn\.{name} is deprecated: use ") as told:
        found = getattr(onto_fn, name)

    assert found is getattr(import_module(place.module), name)
    assert told[0].filename == __file__, "the warning is about the line that uses the name"


def test_every_name_of_a_group_that_was_at_the_top_says_so() -> None:
    new = {"OpenTelemetry", "CloudHandler", *GROUPS["onto_fn.api"].split()}
    names = {name for names in GROUPS.values() for name in names.split()} - new

    assert names <= PLACES.keys()


def test_a_name_that_never_was_has_no_place() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = onto_fn.nonsense


@pytest.mark.parametrize("module", GROUPS)
def test_a_group_costs_nothing_until_a_name_is_asked_for(module: str) -> None:
    loaded = run(f"import sys, {module}; print(*sys.modules)").split()

    heavy = {"opentelemetry", "pydantic", "google.cloud.firestore_v1", "onto_fn.exports"}
    assert heavy.isdisjoint(loaded)
    assert not [name for name in loaded if name.startswith(("onto_fn.engine", "onto_fn.store"))]


def test_access_needs_no_models_and_no_engine() -> None:
    loaded = run("import sys, onto_fn.access; print(*sys.modules)").split()

    assert {"onto_fn.exports", "onto_fn.engine", "onto_fn.models", "pydantic"}.isdisjoint(loaded)

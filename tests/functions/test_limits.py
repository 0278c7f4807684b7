"""The platform's limits of a function: what exceeds them is refused when the app is declared."""

from __future__ import annotations

from typing import Any

import pytest
from firebase_functions import params
from firebase_functions.options import MemoryOption

from onto_fn import App, DeclarationError, DomainModel, Store, ViewModel, root
from onto_fn.access import public
from onto_fn.api import Api
from onto_fn.functions.endpoints import FunctionOptions
from onto_fn.functions.limits import MEMORY_MIB


class Poll(DomainModel, collection="polls"):
    title: str


class PollStore(Store):
    poll = root(Poll)


class PollPage(ViewModel[PollStore], path="pollPages/{poll_id}", read=public()):
    @property
    def title(self) -> str:
        return self.store.poll.title


def api_endpoint(api: Api, **options: Any) -> Any:
    return App([PollPage], api=api, **options).functions()["onto_api"].__firebase_endpoint__


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timeout_sec": 541}, r"timeout_sec=541 is not from 1 to 540: .*Api\(timeout_sec=\)"),
        ({"timeout_sec": 0}, "timeout_sec=0 is not from 1 to"),
        ({"timeout_sec": 3601}, "timeout_sec=3601 is not from 1 to"),
        ({"timeout_sec": "60s"}, "timeout_sec='60s' is not a whole number: seconds"),
        ({"timeout_sec": True}, "timeout_sec=True is not a whole number"),
        ({"concurrency": 0}, "concurrency=0 is not from 1 to 1,000"),
        ({"concurrency": 1001}, "concurrency=1001 is not from 1 to 1,000: .*raise max_instances"),
        ({"memory": 300}, "memory=300 is no size of an instance in MiB; use 128, 256, 512"),
        ({"memory": "1GB"}, "memory='1GB' is no size"),
        ({"min_instances": -1}, "min_instances=-1 is not at least 0"),
        ({"max_instances": 0}, "max_instances=0 is not at least 1"),
        ({"min_instances": 3, "max_instances": 2}, "min_instances=3 is above max_instances=2"),
        ({"cpu": 3}, "cpu=3 is no number of vCPUs; use 1, 2, 4, 6 or 8"),
        ({"cpu": "two"}, "cpu='two' is no number of vCPUs"),
        ({"cpu": 0.05}, "cpu=0.05 is no number of vCPUs"),
        ({"cpu": 0.5, "concurrency": 2}, "concurrency=2 needs a whole vCPU"),
        ({"cpu": 4}, "cpu=4 needs 2048 MiB: use memory=2048"),
        ({"cpu": 6, "memory": 2048}, "cpu=6 needs 3072 MiB: memory=2048 is less; use memory=4096"),
        ({"cpu": 0.2, "memory": 1024}, "memory=1024 needs cpu=0.5 at least, and cpu=0.2"),
        ({"cpu": 0.5, "memory": 2048}, "memory=2048 needs cpu=1 at least, and cpu=0.5"),
    ],
)
def test_an_app_refuses_what_the_platform_does_not_have(options: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        App([PollPage], **options)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout_sec": 1},
        {"timeout_sec": 540, "concurrency": 1000},
        {"concurrency": 1, "cpu": 0.08},
        {"min_instances": 0, "max_instances": 1},
        {"min_instances": 2, "max_instances": 2},
        {"cpu": "gcf_gen1", "memory": 128},
        {"cpu": 8, "memory": 4096},
        {"memory": MemoryOption.GB_32},
        *({"memory": size} for size in MEMORY_MIB),
    ],
)
def test_an_app_takes_what_the_platform_has(options: Any) -> None:
    App([PollPage], **options)


def test_parameters_are_not_checked_as_their_values_are_not_known() -> None:
    names = ("timeout_sec", "concurrency", "memory", "min_instances", "max_instances")
    given: Any = {name: params.IntParam(f"ONTO_FN_LIMIT_{name.upper()}") for name in names}

    App([PollPage], **given)
    App([PollPage], **{**given, "max_instances": 1})


def test_an_http_function_has_an_hour_and_an_event_function_nine_minutes() -> None:
    options = FunctionOptions(timeout_sec=3600)

    assert options.endpoint("onto_api", https={}).timeoutSeconds == 3600
    with pytest.raises(DeclarationError, match="timeout_sec=3600 is not from 1 to 540"):
        options.endpoint("on_polls_written", event={})


def test_the_api_has_a_time_of_its_own() -> None:
    endpoint = api_endpoint(Api(views=[PollPage], timeout_sec=3600), timeout_sec=300)

    assert endpoint.timeoutSeconds == 3600
    assert api_endpoint(Api(views=[PollPage]), timeout_sec=300).timeoutSeconds is None


def test_the_api_is_an_https_endpoint_with_its_options_in_place_of_the_apps() -> None:
    api = Api(views=[PollPage], timeout_sec=90, concurrency=200, memory=1024, max_instances=50)

    endpoint = api_endpoint(api, memory=512, concurrency=10, min_instances=1, region="us-east1")

    assert (endpoint.httpsTrigger, endpoint.eventTrigger, endpoint.callableTrigger) == (
        {},
        None,
        None,
    )
    assert (endpoint.timeoutSeconds, endpoint.concurrency) == (90, 200)
    assert (endpoint.availableMemoryMb, endpoint.region) == (1024, ["us-east1"])
    assert (endpoint.minInstances, endpoint.maxInstances) == (1, 50)


@pytest.mark.parametrize(
    ("api", "app", "says"),
    [
        ({"timeout_sec": 3601}, {}, r"Api\(timeout_sec=3601\)"),
        ({"concurrency": 1001}, {}, "concurrency=1001 is not from 1 to 1,000"),
        ({"memory": 1000}, {}, "memory=1000 is no size"),
        ({"max_instances": 2}, {"min_instances": 3}, "min_instances=3 is above max_instances=2"),
        ({"cpu": 0.5}, {"concurrency": 80}, "concurrency=80 needs a whole vCPU"),
    ],
)
def test_the_apis_limits_are_refused_with_the_app(api: Any, app: Any, says: str) -> None:
    with pytest.raises(DeclarationError, match=says):
        App([PollPage], api=Api(views=[PollPage], **api), **app)

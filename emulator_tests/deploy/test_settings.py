"""Parameters, secrets, codebases, databases, a region, a prefix: deployed, and on the emulators."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import requests

from emulator_tests.deploy.deployed import Estate
from onto_fn.testing import EmulatorSuite

Eventually = Callable[..., Any]
ACCOUNT = "views@demo-estate.iam.gserviceaccount.com"
ORDERS, ARCHIVE, FAN_OUT = "on_orders_written", "archive-on_orders_written", "onto_fan_out"
API = "onto_api"


def trigger_of(estate: Estate, function: str) -> dict[str, Any]:
    trigger = estate.project.function(function)["eventTrigger"]
    filters = {item["attribute"]: item["value"] for item in trigger["eventFilters"]}
    return trigger | {"eventFilters": filters}


# Deployed


def test_every_function_is_deployed(estate: Estate) -> None:
    assert estate.deployment.status == 0
    assert estate.project.function_ids() == {ORDERS, ARCHIVE, FAN_OUT, API}
    assert {f["state"] for f in estate.project.functions.values()} == {"ACTIVE"}


def test_apis_that_are_missing_are_enabled(estate: Estate) -> None:
    enabled = estate.deployment.requests.matching("POST", ":enable$", host="serviceusage.")

    services = {request.path.rpartition("/")[2].partition(":")[0] for request in enabled}
    assert services == {"eventarc.googleapis.com", "run.googleapis.com"}


def test_function_that_exceeds_the_quota_is_created_later(estate: Estate) -> None:
    attempts = [
        request.status
        for request in estate.deployment.requests.matching("POST", "/functions$")
        if request.query == f"functionId={ORDERS}"
    ]

    assert attempts == [429, 200]


@pytest.mark.parametrize("function", [ORDERS, FAN_OUT])
def test_parameters_have_the_values_of_the_project(estate: Estate, function: str) -> None:
    created = estate.project.function(function)
    service = created["serviceConfig"]

    assert "/locations/europe-west1/" in created["name"]
    assert service["availableMemory"] == "1024Mi", "of the project's file, which goes first"
    assert service["timeoutSeconds"] == 120
    assert service["maxInstanceRequestConcurrency"] == 40
    assert service["minInstanceCount"] == 1
    assert service["maxInstanceCount"] == 7
    assert service["availableCpu"] == "2"
    assert service["serviceAccountEmail"] == ACCOUNT
    assert created["eventTrigger"]["serviceAccountEmail"] == ACCOUNT
    assert created["labels"]["team"] == "sales"
    assert service["environmentVariables"]["CURRENCY"] == "EUR"


def test_the_api_is_an_http_function_with_settings_of_its_own(estate: Estate) -> None:
    created = estate.project.function(API)
    service = created["serviceConfig"]

    assert "eventTrigger" not in created
    assert created["buildConfig"]["entryPoint"] == API
    assert service["environmentVariables"]["FUNCTION_TARGET"] == API
    # Nothing about events, so that functions-framework serves HTTP.
    assert "FUNCTION_SIGNATURE_TYPE" not in service["environmentVariables"]
    assert (service["timeoutSeconds"], service["maxInstanceRequestConcurrency"]) == (900, 200)
    assert service["availableMemory"] == "512Mi"
    # What the API does not say is the app's.
    assert (service["minInstanceCount"], service["maxInstanceCount"]) == (1, 7)
    assert (service["availableCpu"], service["serviceAccountEmail"]) == ("2", ACCOUNT)
    assert created["labels"]["team"] == "sales"


def test_anybody_may_call_the_api_which_checks_who_it_is(estate: Estate) -> None:
    granted = estate.deployment.requests.matching("POST", ":setIamPolicy$", host="run.")

    (request,) = (one for one in granted if one.path.endswith("/onto-api:setIamPolicy"))
    assert request.body["policy"]["bindings"] == [
        {"role": "roles/run.invoker", "members": ["allUsers"]}
    ]


def test_secrets_are_pinned_and_open_to_the_account_that_the_functions_run_as(
    estate: Estate,
) -> None:
    secrets = estate.project.function(ORDERS)["serviceConfig"]["secretEnvironmentVariables"]
    assert secrets == [
        {"key": name, "secret": name, "projectId": "demo-estate", "version": "1"}
        for name in ("API_KEY", "SIGNING_KEY")
    ]
    for name in ("API_KEY", "SIGNING_KEY"):
        policy = estate.project.policy(f"projects/demo-estate/secrets/{name}")
        assert policy["bindings"] == [
            {
                "role": "roles/secretmanager.secretAccessor",
                "members": [f"serviceAccount:{ACCOUNT}"],
            }
        ]


def test_secret_goes_only_to_the_codebase_that_names_it(estate: Estate) -> None:
    assert not estate.project.function(ARCHIVE)["serviceConfig"].get("secretEnvironmentVariables")


def test_codebases_are_uploaded_apart(estate: Estate) -> None:
    labels = {
        function: estate.project.function(function)["labels"]["firebase-functions-codebase"]
        for function in (ORDERS, ARCHIVE)
    }
    sources = {
        function: estate.project.function(function)["buildConfig"]["source"]["storageSource"]
        for function in (ORDERS, ARCHIVE)
    }

    assert labels == {ORDERS: "sales", ARCHIVE: "archive"}
    assert sources[ORDERS] != sources[ARCHIVE]


def test_prefix_names_the_function_and_not_what_is_served(estate: Estate) -> None:
    created = estate.project.function(ARCHIVE)

    assert created["buildConfig"]["entryPoint"] == ORDERS
    assert created["serviceConfig"]["environmentVariables"]["FUNCTION_TARGET"] == ORDERS


@pytest.mark.parametrize(
    ("function", "database", "location"),
    [(ORDERS, "(default)", "eur3"), (ARCHIVE, "archive", "europe-west1")],
)
def test_function_listens_to_its_database_where_that_is(
    estate: Estate, function: str, database: str, location: str
) -> None:
    trigger = trigger_of(estate, function)

    assert trigger["eventFilters"]["database"] == database
    assert trigger["eventFilters"]["document"] == "orders/{doc_id}"
    assert trigger["triggerRegion"] == location
    assert trigger["retryPolicy"] == "RETRY_POLICY_RETRY"


def test_fan_out_has_its_topic_and_is_redelivered(estate: Estate) -> None:
    trigger = trigger_of(estate, FAN_OUT)

    assert trigger["pubsubTopic"] in estate.project.topics
    assert trigger["retryPolicy"] == "RETRY_POLICY_RETRY"


def test_each_database_has_its_rules_and_its_indexes(estate: Estate) -> None:
    folder = Path(__file__).parent / "estate"
    released = {
        name.partition("/releases/")[2]: estate.project.rulesets[release["rulesetName"]]
        for name, release in estate.project.releases.items()
    }
    rules = {name: ruleset["source"]["files"][0]["content"] for name, ruleset in released.items()}
    indexes = [name.split("/")[3:6] for name in estate.project.indexes]
    fields = [name.split("/")[3:8] for name in estate.project.fields]

    assert rules == {
        "cloud.firestore": (folder / "firestore.rules").read_text(),
        "cloud.firestore/archive": (folder / "archive.rules").read_text(),
    }
    assert indexes == [["(default)", "collectionGroups", "orderPages"]]
    assert fields == [["archive", "collectionGroups", "onto_ledger", "fields", "sources"]]


# On the emulators


@pytest.fixture(scope="module")
def emulated(
    estate_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Generator[EmulatorSuite]:
    suite = EmulatorSuite(
        estate_folder, project_id="demo-estate", log_dir=tmp_path_factory.mktemp("emulated")
    )
    with suite:
        yield suite


def test_functions_see_their_parameters_and_secrets(
    emulated: EmulatorSuite, eventually: Eventually
) -> None:
    client = emulated.client()

    client.document("orders/o1").set({"customer": "ada", "total": 3})

    page = client.document("orderPages/o1")
    eventually(lambda: page.get().to_dict() == {"price": "3 EUR", "signed": True})
    client.close()
    url = f"{emulated.function_urls()[API]}/orderPages/o1"
    assert requests.get(url, timeout=60).json() == {"price": "3 EUR", "signed": True}


def test_functions_of_a_database_see_it_and_no_other(
    emulated: EmulatorSuite, eventually: Eventually
) -> None:
    default, archive = emulated.client(), emulated.client("archive")

    archive.document("orders/o2").set({"customer": "bob", "total": 1})
    default.document("orders/o3").set({"customer": "cleo", "total": 2})

    archived = archive.document("archivedOrders/o2")
    eventually(lambda: archived.get().to_dict() == {"customer": "bob"})
    eventually(lambda: default.document("orderPages/o3").get().exists)
    assert not archive.document("orderPages/o2").get().exists
    assert not default.document("archivedOrders/o3").get().exists
    default.close()
    archive.close()

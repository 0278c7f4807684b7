"""What a deploy asks of Google: each function as it was declared, the rules, the indexes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator_tests.deploy.deployed import (
    BUILD_FAILURE,
    FAILING,
    PROJECT,
    ROOT,
    Later,
    archive_of,
)
from emulator_tests.deploy.standin import Deployment

SOURCES = {
    "on_locations_written": "locations/{doc_id}",
    "on_meetings_written": "meetings/{doc_id}",
    "on_tickets_written": "tickets/{doc_id}",
    "on_users_written": "users/{doc_id}",
    "on_users_MeetingSession_PATCH_written": "users/{user_id}/MeetingSession_PATCH/{doc_id}",
    "on_users_UserView_PATCH_written": "users/{user_id}/UserView_PATCH/{doc_id}",
}
WRITES = "POST|PUT|PATCH|DELETE"
# What asks, although it is a POST, or names what is there already.
HARMLESS = r":(test|testIamPermissions|getIamPolicy|generateServiceIdentity)$|/releases/|/token$"

Specs = dict[str, dict[str, Any]]
FUNCTIONS = [*SOURCES, "onto_replay"]


# Functions


def test_one_function_for_each_source_and_one_for_the_administrators(specs: Specs) -> None:
    assert set(specs) == set(FUNCTIONS)


@pytest.mark.parametrize("function", SOURCES)
def test_function_listens_to_its_collection_and_is_redelivered(specs: Specs, function: str) -> None:
    trigger = dict(specs[function]["eventTrigger"])
    filters = trigger.pop("eventFilters")

    assert trigger == {
        "eventType": "google.cloud.firestore.document.v1.written",
        "retryPolicy": "RETRY_POLICY_RETRY",
        "triggerRegion": "us-central1",
    }
    assert sorted(filters, key=lambda item: item["attribute"]) == [
        {"attribute": "database", "value": "(default)"},
        {
            "attribute": "document",
            "value": SOURCES[function],
            "operator": "match-path-pattern",
        },
        {"attribute": "namespace", "value": "(default)"},
    ]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_runs_as_main_py_says(specs: Specs, function: str) -> None:
    spec = specs[function]
    service = spec["serviceConfig"]

    assert spec["buildConfig"]["runtime"] == "python311"
    assert spec["buildConfig"]["entryPoint"] == function
    assert service["availableMemory"] == "512Mi"
    assert service["timeoutSeconds"] == 60
    assert service["maxInstanceRequestConcurrency"] == 80
    assert service["maxInstanceCount"] == 20
    assert service["availableCpu"] == "1"
    assert "minInstanceCount" not in service
    assert "serviceAccountEmail" not in service
    assert not service.get("secretEnvironmentVariables")


@pytest.mark.parametrize("name", SOURCES)
def test_environment_tells_the_build_what_to_serve(specs: Specs, name: str) -> None:
    environment = dict(specs[name]["serviceConfig"]["environmentVariables"])
    config = json.loads(environment.pop("FIREBASE_CONFIG"))

    assert config["projectId"] == PROJECT
    assert environment == {
        "FUNCTION_TARGET": name,
        "FUNCTION_SIGNATURE_TYPE": "cloudevent",
        "FUNCTION_REGION": "us-central1",
        "GCLOUD_PROJECT": PROJECT,
        "EVENTARC_CLOUD_EVENT_SOURCE": (
            f"projects/{PROJECT}/locations/us-central1/services/{name}"
        ),
        "LOG_EXECUTION_ID": "true",
        # From the .env files, which are not uploaded.
        "GREETING": "hello",
        "PLACE": "here",
    }


def test_all_functions_are_built_from_the_one_archive(first: Deployment, specs: Specs) -> None:
    (upload,) = first.requests.matching("PUT", r"\.zip$", host="storage.")

    sources = [spec["buildConfig"]["source"]["storageSource"] for spec in specs.values()]

    assert {f"/{source['bucket']}/{source['object']}" for source in sources} == {upload.path}


def test_anybody_may_call_the_function_that_checks_the_token_itself(first: Deployment) -> None:
    (request,) = first.requests.matching("POST", ":setIamPolicy$", host="run.")

    assert request.path.endswith("/services/onto-replay:setIamPolicy")
    assert request.body["policy"]["bindings"] == [
        {"role": "roles/run.invoker", "members": ["allUsers"]}
    ]


def test_events_may_be_passed_on_and_received(first: Deployment) -> None:
    (request,) = first.requests.matching("POST", ":setIamPolicy$", host="cloudresourcemanager.")

    roles = {binding["role"] for binding in request.body["policy"]["bindings"]}
    assert {"roles/eventarc.eventReceiver", "roles/run.invoker"} <= roles


def test_images_of_old_functions_are_cleaned_up(first: Deployment) -> None:
    (request,) = first.requests.matching("PATCH", "/gcf-artifacts$", host="artifactregistry.")

    assert request.body["cleanupPolicies"]["firebase-functions-cleanup"]["action"] == "DELETE"


def test_page_on_deploying_names_the_apis_and_the_roles(first: Deployment) -> None:
    page = (ROOT / "docs" / "deploy.md").read_text()
    checked = first.requests.matching("GET", "/services/", host="serviceusage.")
    (granted,) = first.requests.matching("POST", ":setIamPolicy$", host="cloudresourcemanager.")

    apis = {request.path.rpartition("/")[2] for request in checked}
    roles = {binding["role"] for binding in granted.body["policy"]["bindings"]}
    assert [name for name in sorted(apis | roles) if f"`{name}`" not in page] == []


# Rules and indexes


def test_rules_are_uploaded_and_released(first: Deployment) -> None:
    (ruleset,) = first.requests.matching("POST", "/rulesets$", host="firebaserules.")
    (release,) = first.requests.matching("POST", "/releases$", host="firebaserules.")

    (file,) = ruleset.body["source"]["files"]
    assert file["content"] == (ROOT / "firestore.rules").read_text()
    assert release.body["name"] == f"projects/{PROJECT}/releases/cloud.firestore"


def test_indexes_are_uploaded(first: Deployment) -> None:
    requests = first.requests.matching("PATCH", "/fields/", host="firestore.")

    def declared(field: dict[str, Any]) -> tuple[str, str, bool, list[dict[str, str]]]:
        group, path, ttl = field["collectionGroup"], field["fieldPath"], field.get("ttl", False)
        return group, path, ttl, [_mode(index) for index in field["indexes"]]

    def uploaded(request: Any) -> tuple[str, str, bool, list[dict[str, str]]]:
        group, _, path = request.path.split("/")[-3:]
        indexes = request.body["indexConfig"]["indexes"]
        modes = [_mode(index | index["fields"][0]) for index in indexes]
        return group, path, "ttlConfig" in request.body, modes

    fields = json.loads((ROOT / "firestore.indexes.json").read_text())["fieldOverrides"]
    assert sorted(map(uploaded, requests)) == sorted(map(declared, fields))


def _mode(index: dict[str, Any]) -> dict[str, str]:
    return {key: index[key] for key in ("order", "arrayConfig", "queryScope") if key in index}


# A build that fails, and the next deploy


def test_build_that_fails_is_told_and_the_others_are_deployed(first: Deployment) -> None:
    assert first.status == 2
    assert BUILD_FAILURE in first.output
    assert first.output.count("Successful create operation") == len(SOURCES)


def test_next_deploy_builds_again_what_failed(later: Later) -> None:
    updates = later.renamed.requests.matching("PATCH", f"/functions/{FAILING}$")

    assert later.renamed.status == 0
    assert len(updates) == 1


# A source that has another name, and a source that has not changed


def test_renamed_source_is_a_function_created_and_one_deleted(later: Later) -> None:
    created = later.renamed.requests.matching("POST", "/functions$", host="cloudfunctions.")
    deleted = later.renamed.requests.matching("DELETE", "", host="cloudfunctions.")

    assert [request.query for request in created] == ["functionId=on_places_written"]
    assert [request.path.rpartition("/")[2] for request in deleted] == ["on_locations_written"]
    (filters,) = (request.body["eventTrigger"]["eventFilters"] for request in created)
    assert "places/{doc_id}" in [item["value"] for item in filters]


def test_update_leaves_redelivery_on(later: Later) -> None:
    updates = later.renamed.requests.matching("PATCH", "/functions/on_", host="cloudfunctions.")

    assert len(updates) == len(SOURCES) - 1
    for request in updates:
        assert request.body["eventTrigger"]["retryPolicy"] == "RETRY_POLICY_RETRY"


def test_update_uploads_no_rules_and_no_indexes(later: Later) -> None:
    assert later.renamed.requests.matching("POST", "/rulesets$") == []
    assert later.renamed.requests.matching(WRITES, "", host="firestore.") == []


def test_library_is_packed_to_the_same_bytes_each_time(first: Deployment, later: Later) -> None:
    before, after = archive_of(first), archive_of(later.renamed)

    (wheel,) = (name for name in before.namelist() if name.endswith(".whl"))
    assert before.read(wheel) == after.read(wheel)


def test_deploy_without_changes_writes_nothing(later: Later) -> None:
    requests = later.unchanged.requests

    written = {str(r) for r in requests.matching(WRITES, "")}
    harmless = {str(r) for r in requests.matching(WRITES, HARMLESS)}
    assert later.unchanged.status == 0
    assert written - harmless == set()
    assert later.unchanged.output.count("Skipped (No changes detected)") == len(SOURCES) + 1

"""In instances as deployed: a PUT that is killed or comes many times changes the domain once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests

from emulator_tests.deploy.serving import Instance, KillingProxy
from emulator_tests.kit.instances import api_instance, write_functions
from emulator_tests.kit.writing import Writer
from onto_fn.testing import EmulatorSuite
from onto_fn.testing.chaos import Fault
from onto_fn.testing.users import sign_in

SECONDS = 60.0
PROJECT = "demo-purses"  # of the instances, which outlive a test
PURSE, DEPOSIT = "purses/ada", "users/ada/deposits/d1"
FIVE = {"purse": "ada", "deposit": 5}

Put = Callable[..., "requests.Response | None"]


@pytest.fixture
def project(project: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Instead of a new project for each test; its documents are deleted before each."""
    return PROJECT


@pytest.fixture
def purse(firestore_emulator: EmulatorSuite, writer: Writer) -> Writer:
    url = f"http://{firestore_emulator.firestore_host}/emulator/v1/projects/{PROJECT}"
    requests.delete(f"{url}/databases/(default)/documents", timeout=SECONDS)
    writer.write(PURSE, {"owner": "ada", "cents": 0})
    return writer


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Instance]:
    def start(firestore_host: str) -> Instance:
        folder = tmp_path_factory.mktemp("purses")
        write_functions(folder)
        # Tokens of an emulator are not signed, so that it need not run for them to be read.
        auth = {"FIREBASE_AUTH_EMULATOR_HOST": "127.0.0.1:1"}
        return api_instance(folder, PROJECT, firestore_host, **auth)

    return start


@pytest.fixture(scope="module")
def fragile(
    start: Callable[[str], Instance], firestore_emulator: EmulatorSuite
) -> Generator[tuple[Instance, KillingProxy]]:
    """An instance behind a proxy that can end it."""
    with KillingProxy(firestore_emulator.firestore_host) as proxy, start(proxy.host) as instance:
        yield instance, proxy


@pytest.fixture(scope="module")
def two(
    start: Callable[[str], Instance], firestore_emulator: EmulatorSuite
) -> Generator[list[Instance]]:
    """Two instances of the function."""
    with ExitStack() as stack:
        host = firestore_emulator.firestore_host
        yield [stack.enter_context(start(host)) for _ in range(2)]


def token() -> str:
    suite = SimpleNamespace(only=("firestore",), project_id=PROJECT)
    return str(sign_in(cast(Any, suite), "ada", {}).token)


def signed(instance: Instance, path: str) -> dict[str, Any]:
    """The address and the headers of a request of Ada's."""
    headers = {"Authorization": f"Bearer {token()}"}
    url = f"http://127.0.0.1:{instance.port}/{path}"
    return {"url": url, "headers": headers, "timeout": SECONDS}


def put(
    instance: Instance, fields: dict[str, Any] = FIVE, path: str = DEPOSIT
) -> requests.Response | None:
    """The answer, None if there is none."""
    try:
        return requests.put(json=fields, **signed(instance, path))
    except requests.ConnectionError:
        return None


@pytest.mark.parametrize(
    ("fault", "call", "status"),
    [
        (Fault.KILL_BEFORE_READ, "BatchGetDocuments", 201),
        (Fault.KILL_BEFORE_COMMIT, "Commit", 201),
        (Fault.KILL_AFTER_COMMIT, "Commit", 200),
    ],
)
def test_a_put_whose_instance_was_killed_changes_the_domain_once_when_it_comes_again(
    fault: Fault,
    call: str,
    status: int,
    fragile: tuple[Instance, KillingProxy],
    purse: Writer,
) -> None:
    instance, proxy = fragile
    proxy.arm(fault, call, instance.kill)

    assert put(instance) is None
    assert proxy.faults == [fault.name]
    instance.stop()
    instance.start()
    again, once_more = put(instance), put(instance)

    assert again is not None
    assert once_more is not None
    assert (again.status_code, once_more.status_code) == (status, 200)
    assert again.json() == once_more.json()
    assert purse.content(PURSE) == {"owner": "ada", "cents": 5}
    assert proxy.commits(PURSE) == 1


def test_a_commit_whose_answer_is_lost_counts_once(
    fragile: tuple[Instance, KillingProxy], purse: Writer
) -> None:
    instance, proxy = fragile
    proxy.arm(Fault.AMBIGUOUS, "Commit", instance.kill)

    first, second = put(instance), put(instance)

    assert proxy.faults == [Fault.AMBIGUOUS.name]
    assert first is not None
    assert second is not None
    assert first.status_code in {200, 201}
    assert second.status_code == 200
    assert first.json() == second.json()
    assert purse.content(PURSE) == {"owner": "ada", "cents": 5}


def test_of_the_same_put_many_times_at_once_one_is_new(two: list[Instance], purse: Writer) -> None:
    with ThreadPoolExecutor(12) as clients:
        answers = list(clients.map(put, two * 6))

    found = [answer for answer in answers if answer is not None]
    assert Counter(answer.status_code for answer in found) == {201: 1, 200: 11}
    (body,) = {answer.text for answer in found}
    assert '"state":"done"' in body
    assert purse.content(PURSE) == {"owner": "ada", "cents": 5}


def test_of_different_puts_to_one_id_at_once_one_is_carried_out(
    two: list[Instance], purse: Writer
) -> None:
    amounts = range(1, 13)
    with ThreadPoolExecutor(12) as clients:
        answers = list(
            clients.map(
                lambda amount: put(two[amount % 2], {"purse": "ada", "deposit": amount}), amounts
            )
        )

    statuses = [answer.status_code for answer in answers if answer is not None]
    assert Counter(statuses) == {201: 1, 409: 11}
    assert purse.content(PURSE) == {"owner": "ada", "cents": amounts[statuses.index(201)]}


def test_a_put_to_the_id_of_a_document_with_other_fields_is_refused(
    two: list[Instance], purse: Writer
) -> None:
    """A front end has written it, and its event is still to come."""
    purse.write(DEPOSIT, {"purse": "ada", "deposit": 7})

    other, same = put(two[0]), put(two[0], {"purse": "ada", "deposit": 7})

    assert other is not None
    assert same is not None
    assert (other.status_code, same.status_code) == (409, 201)
    assert purse.content(PURSE) == {"owner": "ada", "cents": 7}


def test_puts_with_ids_of_their_own_are_all_carried_out(two: list[Instance], purse: Writer) -> None:
    with ThreadPoolExecutor(12) as clients:
        answers = list(
            clients.map(
                lambda number: put(two[number % 2], path=f"users/ada/deposits/n{number}"), range(12)
            )
        )

    refused = [answer for answer in answers if answer is not None and answer.status_code != 201]
    assert {answer.status_code for answer in refused} <= {503}
    for number, answer in enumerate(answers):
        if answer in refused:  # it says that the same may come again
            retried = put(two[0], path=f"users/ada/deposits/n{number}")
            assert retried is not None
            assert retried.status_code in {200, 201}
    assert purse.content(PURSE) == {"owner": "ada", "cents": 60}


def test_an_instance_logs_what_cloud_logging_understands_and_no_token(
    two: list[Instance], purse: Writer
) -> None:
    """functions-framework disables loggers that are there before the function is served."""
    purse.write("rainbows/no+such", {})

    done = put(two[0], path="users/ada/deposits/logged")
    failed = requests.get(**signed(two[0], "rainbow/no+such"))

    assert done is not None
    assert (done.status_code, failed.status_code) == (201, 500)
    lines = [json.loads(line) for line in two[0].log().splitlines()]
    outcomes = [line.get("logging.googleapis.com/labels", {}) for line in lines]
    assert "users/ada/deposits/logged" in [outcome.get("document") for outcome in outcomes]
    (error,) = [line for line in lines if line["severity"] == "ERROR"]
    assert error["message"].startswith("RainbowView cannot be read: ")
    assert "colors/no" in error["message"]
    assert "colors/" not in failed.text
    assert token().split(".")[0] not in two[0].log()

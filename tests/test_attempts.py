"""Retries: how often, for how long, and with which error they end."""

import pytest

from onto_fn import attempts as retries
from onto_fn.attempts import RetryPolicy, Subject
from onto_fn.errors import Contention, PermanentError, RetriesExhausted

IT = Subject("it")
QUICK = RetryPolicy(attempts=4, first_wait=0.0001, longest_wait=0.0001)


def tried(policy: RetryPolicy, attempt: "Attempts") -> str:
    """What comes of an attempt that is repeated as a policy says."""
    made = ""
    for again in policy.attempts_of(IT):
        with again:
            made = attempt(again.number)
    return made


class Attempts:
    """Fails so many times, and keeps the numbers of its attempts."""

    def __init__(self, failures: int, error: type[Exception] = Contention) -> None:
        self.numbers: list[int] = []
        self._failures, self._error = failures, error

    def __call__(self, number: int) -> str:
        self.numbers.append(number)
        if number <= self._failures:
            raise self._error(f"failure {number}")
        return "done"


@pytest.mark.parametrize("failures", [0, 1, 3])
def test_attempts_are_numbered_from_one_until_one_succeeds(failures: int) -> None:
    attempt = Attempts(failures)

    assert tried(QUICK, attempt) == "done"
    assert attempt.numbers == list(range(1, failures + 2))


@pytest.mark.parametrize("attempts", [1, 4])
def test_after_the_last_attempt_its_error_is_told(attempts: int) -> None:
    attempt = Attempts(99)
    policy = RetryPolicy(attempts=attempts, first_wait=0.0001, longest_wait=0.0001)

    with pytest.raises(RetriesExhausted, match=f"it: {attempts} attempts.*failure {attempts}"):
        tried(policy, attempt)

    assert attempt.numbers == list(range(1, attempts + 1))


def test_what_can_not_succeed_is_not_tried_again() -> None:
    attempt = Attempts(1, PermanentError)

    with pytest.raises(PermanentError, match="failure 1"):
        tried(QUICK, attempt)

    assert attempt.numbers == [1]


def test_the_time_of_the_first_attempt_counts_for_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times = iter([0.0, QUICK.deadline + 1])  # before and after the first attempt
    monkeypatch.setattr(retries, "monotonic", lambda: next(times))
    attempt = Attempts(1)

    with pytest.raises(RetriesExhausted, match="1 attempts"):
        tried(QUICK, attempt)

    assert attempt.numbers == [1]

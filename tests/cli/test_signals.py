"""Ctrl-C and SIGTERM."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest

from onto_fn.cli.signals import stoppable, until_stopped

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@SIGNALS
def test_work_that_goes_on_is_interrupted_and_has_succeeded(number: signal.Signals) -> None:
    ended: list[str] = []

    with until_stopped() as stopping:
        try:
            os.kill(os.getpid(), number)
            ended.append("not interrupted")
        finally:
            os.kill(os.getpid(), number)  # one more, while it tidies up
            ended.append("tidied up")

    assert ended == ["tidied up"]
    assert stopping.is_set()


def test_an_interrupt_that_python_loses_is_still_to_be_seen_and_nothing_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Loses:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)  # what a destructor raises is dropped

    class Fails:
        def __del__(self) -> None:
            raise ValueError("a fault")

    reported: list[object] = []

    def report(lost: Any) -> None:
        reported.append(lost.exc_type)

    monkeypatch.setattr(sys, "unraisablehook", report)

    with until_stopped() as stopping:
        Loses()
        Fails()

    assert stopping.is_set()
    assert reported == [ValueError]


@SIGNALS
def test_work_with_an_end_is_told_first_and_interrupted_at_the_second(
    number: signal.Signals,
) -> None:
    with stoppable() as stopping:
        os.kill(os.getpid(), number)
        assert stopping.is_set()

        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_the_handlers_before_are_back_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with stoppable(), until_stopped():
        pass

    assert signal.getsignal(signal.SIGTERM) is before

"""Wait for the work of functions in the background with conditions and deadlines, not sleeps."""

from __future__ import annotations

import dis
import functools
import inspect
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

__all__ = ["Eventually", "eventually"]

T = TypeVar("T")

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.25
# A check may raise these while its document is not there yet: `None["name"]`, `{}["name"]`.
_NOT_YET = (AssertionError, AttributeError, LookupError, TypeError)


class Eventually(Protocol):
    """The type of `eventually`, for the annotation of a fixture."""

    def __call__(self, check: Callable[[], T], *, deadline: float = 20.0) -> T:
        """Call `check` until it holds."""
        ...


def eventually(check: Callable[[], T], *, deadline: float = 20.0) -> T:
    """Call `check` until it holds, and return what it returned.

    ```python
    def renamed():
        assert client.document("users/ada").get().get("name") == "Ada"

    eventually(renamed)
    ada = eventually(lambda: client.document("users/ada").get().to_dict())
    ```

    Args:
        check: A function that holds when it returns something true. None is not true, and neither
            is a document that does not exist. But a function that returns no value holds when all
            its assertions pass. AssertionError, LookupError, TypeError and AttributeError mean "not
            yet", because `document.to_dict()["name"]` raises them before there is a document. Any
            other exception is raised immediately.
        deadline: Seconds after which the last failure is raised. `check` is called at least once.

    Raises:
        AssertionError: The last result was not true; the message contains it.
        TypeError: `check` is a coroutine function; calling it does not run it.
    """
    started = time.monotonic()
    pause = _FIRST_PAUSE
    attempts = 0
    while True:
        attempts += 1
        try:
            result = check()
            failure: Exception | None = _failure(check, result)
        except _NOT_YET as error:
            result, failure = None, error
        if inspect.iscoroutine(result):
            result.close()
            raise TypeError(f"{_name(check)} is a coroutine function; wait on a plain function")
        if failure is None:
            return cast(T, result)
        elapsed = time.monotonic() - started
        if elapsed >= deadline:
            failure.add_note(f"still failing after {elapsed:.1f} s and {attempts} attempts")
            raise failure
        time.sleep(min(pause, max(0.0, deadline - elapsed)))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _failure(check: Callable[[], Any], result: Any) -> AssertionError | None:
    """The reason why a result is not a success, None if it is one."""
    if result is None:
        if _only_asserts(check):
            return None
        return AssertionError(
            f"{_name(check)} returned None: there is nothing yet. If it calls a function of "
            "assertions, pass that function itself"
        )
    if getattr(result, "exists", True) is False:  # a document's snapshot itself is always true
        path = getattr(getattr(result, "reference", result), "path", "the document")
        return AssertionError(f"{path} does not exist")
    return None if result else AssertionError(f"{_name(check)} returned {result!r}")


def _only_asserts(check: Callable[[], Any]) -> bool:
    """Whether a function returns only None, at its end or by a plain `return`.

    This looks at the bytecode, because most tests have no annotations.
    """
    function: Any = check
    while isinstance(function, functools.partial):
        function = cast(Any, function).func
    function = getattr(function, "__func__", function)
    if not inspect.isfunction(function) or function.__name__ == "<lambda>":
        return False
    before: dis.Instruction | None = None
    for instruction in dis.get_instructions(function):
        if instruction.opname == "RETURN_CONST" and instruction.argval is not None:
            return False
        if instruction.opname == "RETURN_VALUE" and not (
            before is not None and before.opname == "LOAD_CONST" and before.argval is None
        ):
            return False
        before = instruction
    return True


def _name(check: Callable[[], Any]) -> str:
    return getattr(check, "__qualname__", None) or repr(check)

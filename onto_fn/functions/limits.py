"""The platform's limits of a function, so that a deploy does not fail of them.

Parameters of `firebase_functions.params` get their values when they are deployed, so they are not
checked.
"""

from __future__ import annotations

from onto_fn.errors import DeclarationError

MAX_EVENT_SEC = 540
"""Seconds that a function has for an event."""
MAX_HTTP_SEC = 3600
"""Seconds that a function has for an HTTP request."""
MAX_CONCURRENCY = 1000
"""Requests that one instance can serve at once."""
MEMORY_MIB = (128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
"""Sizes of an instance."""
_CPUS = (1, 2, 4, 6, 8)
_LEAST_CPU = 0.08
_DEFAULT_MIB = 256
_NEEDED_MIB = {4: 2048, 6: 3072, 8: 4096}  # by vCPUs


def check_number(name: str, value: object, least: int, most: int | None, what: str) -> None:
    """Refuse an option that the platform does not take.

    Args:
        name: of the option.
        value: of the option; None and parameters are taken.
        least: the least number.
        most: the greatest number; None if there is none.
        what: what the number is, and the remedy.

    Raises:
        DeclarationError: it is no whole number, or not in the range.
    """
    if not _is_plain(value):
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise DeclarationError(f"{name}={value!r} is not a whole number: {what}")
    if value < least or (most is not None and value > most):
        span = f"at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise DeclarationError(f"{name}={value} is not {span}: {what}")


def check_memory(value: object) -> None:
    """Refuse a size of an instance that the platform does not have.

    Raises:
        DeclarationError: it does not.
    """
    if _is_plain(value) and value not in MEMORY_MIB:
        known = ", ".join(map(str, MEMORY_MIB))
        raise DeclarationError(f"memory={value!r} is no size of an instance in MiB; use {known}")


def check_instances(least: object, most: object) -> None:
    """Refuse bounds of which the lower one is above the upper one.

    Raises:
        DeclarationError: it is.
    """
    check_number("min_instances", least, 0, None, "instances kept warm")
    check_number("max_instances", most, 1, None, "upper bound of instances; leave it out for none")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        raise DeclarationError(
            f"min_instances={least} is above max_instances={most}; lower one, or raise the other"
        )


def check_cpu(cpu: object, concurrency: object, memory: object) -> None:
    """Refuse vCPUs that the platform does not have, or not with that concurrency and memory.

    Raises:
        DeclarationError: it does not.
    """
    if cpu is None or cpu == "gcf_gen1" or not _is_plain(cpu):
        return
    number = float(cpu) if isinstance(cpu, int | float) and not isinstance(cpu, bool) else 0.0
    if number not in _CPUS and not _LEAST_CPU <= number < 1:
        raise DeclarationError(
            f"cpu={cpu!r} is no number of vCPUs; use 1, 2, 4, 6 or 8, a part of one from "
            f"{_LEAST_CPU}, or 'gcf_gen1'"
        )
    if number < 1 and isinstance(concurrency, int) and concurrency > 1:
        raise DeclarationError(
            f"concurrency={concurrency} needs a whole vCPU, and cpu={cpu}; use cpu=1, or "
            "concurrency=1"
        )
    size = _DEFAULT_MIB if memory is None else memory
    if not isinstance(size, int):
        return
    needed = _NEEDED_MIB.get(int(number), 0)
    if size < needed:
        given = "" if memory is None else f"memory={memory} is less; "
        raise DeclarationError(
            f"cpu={cpu} needs {needed} MiB: {given}use memory={_fitting(needed)}"
        )
    least = 1 if size > 1024 else 0.5 if size > 512 else 0
    if number < least:
        raise DeclarationError(f"memory={size} needs cpu={least} at least, and cpu={cpu}")


def _fitting(mib: int) -> int:
    return next(size for size in MEMORY_MIB if size >= mib)


def _is_plain(value: object) -> bool:
    """Whether an option is given, and not by a parameter."""
    return isinstance(value, bool | int | float | str)

"""Renamed arguments and attributes: the old name works for one version, with a warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def warn_renamed(old: str, new: str, *, stacklevel: int = 2) -> None:
    """Warn the caller's caller that a name has changed."""
    warnings.warn(f"{old} is deprecated: use {new}", DeprecationWarning, stacklevel=stacklevel + 1)


def renamed_arguments(**names: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """A function that takes keyword arguments by their old names as well.

    Type checkers see the new names only.

    Args:
        names: the new name of each argument, by its old one.
    """

    def decorated(function: Callable[P, T]) -> Callable[P, T]:
        called = function.__qualname__.removesuffix(".__init__")

        @wraps(function)
        def with_old_names(*args: Any, **kwargs: Any) -> T:
            for old, new in names.items():
                if old not in kwargs:
                    continue
                if new in kwargs:
                    raise TypeError(f"{called} got {old!r}, the old name of {new!r}, and {new!r}")
                warn_renamed(f"{called}({old}=…)", f"`{new}=`")
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return with_old_names

    return decorated

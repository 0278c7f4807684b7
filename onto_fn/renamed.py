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


def renamed_fields(**names: str) -> Callable[[type[T]], type[T]]:
    """A dataclass whose fields have their old names as well.

    Args:
        names: the new name of each field, by its old one.
    """

    def decorated(cls: type[T]) -> type[T]:
        made: Any = cls
        made.__init__ = renamed_arguments(**names)(made.__init__)
        for old, new in names.items():
            setattr(cls, old, _old_field(cls.__name__, old, new))
        return cls

    return decorated


def _old_field(owner: str, old: str, new: str) -> property:
    def value(self: object) -> object:
        warn_renamed(f"{owner}.{old}", f"`{new}`")
        return getattr(self, new)

    return property(value)

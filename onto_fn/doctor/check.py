"""What a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from onto_fn.doctor.finding import Finding
from onto_fn.doctor.project import Project


@dataclass(frozen=True)
class Check:
    """One kind of fault that is looked for.

    Attributes:
        name: unique, such as `"hot-aggregate"`.
        looks_at: what it reads, for the documentation.
        run: finds them.
    """

    name: str
    looks_at: str
    run: Callable[[Project], Iterable[Finding]]

"""What breaks first at 1,000, 10,000 and 100,000 changes a second: a simulation; docs/scale.md.

`make bench BENCH=scale` prints its tables, `python -m benchmarks.scale --write` writes the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frame import Options


def run(options: Options) -> Any:
    """The report of `make bench`. It is the same each time, so there is no quicker one."""
    from frame import Report, Table

    from .report import sections

    return Report(
        tables=[
            Table(name, tuple(shown.columns), tuple(tuple(row) for row in shown.rows))
            for name, shown in sections()
        ]
    )

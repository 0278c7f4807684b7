"""Write docs/public-names.md: the public modules and what is in them, a line each."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "public-names.md"
MODULES = (
    "onto_fn",
    "onto_fn.access",
    "onto_fn.aggregates",
    "onto_fn.api",
    "onto_fn.messaging",
    "onto_fn.observability",
    "onto_fn.editing",
    "onto_fn.errors",
    "onto_fn.testing",
)
HEAD = """\
# Public names

<!-- This page is made by `make docs` from the modules themselves. -->

These modules, the command `onto` and the pytest fixtures are public. What is listed here changes
only with a note in the [changelog](../CHANGELOG.md), and an old name goes on working for one
version, with a warning. All other modules are private, also those whose names have no underscore.
"""


def main() -> int:
    PAGE.write_text(page())
    return 0


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([HEAD, *(_section(name) for name in MODULES)])


def _section(name: str) -> str:
    module = import_module(name)
    lines = [f"## `{name}`", "", _first_line(module), "", "| name | what it is |", "|---|---|"]
    for public in sorted(module.__all__, key=str.lower):
        lines.append(f"| `{public}` | {_cell(_first_line(getattr(module, public)))} |")
    return "\n".join([*lines, ""])


def _first_line(documented: object) -> str:
    """The first sentence of a docstring, which may go over several lines."""
    text = inspect.getdoc(documented) or ""
    return " ".join(text.partition("\n\n")[0].split())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.exit(main())

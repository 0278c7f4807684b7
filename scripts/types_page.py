"""Write the table of docs/types.md from `onto_fn.firestore.types`; the text around it stays."""

from __future__ import annotations

import sys
from pathlib import Path

from onto_fn.firestore.types import TABLE, StoredType

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "types.md"
BEGIN = "<!-- The table is made from onto_fn/firestore/types.py by `make docs`. -->\n"
END = "<!-- End of the table. -->\n"
HEAD = """\
| Python | Firestore | JSON | TypeScript | ordered | key of a map | what to know |
|---|---|---|---|---|---|---|
"""


def main() -> int:
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}")
    return 0


def table() -> str:
    """The table, in Markdown."""
    return HEAD + "".join(f"{_row(row)}\n" for row in TABLE)


def _row(row: StoredType) -> str:
    cells = [
        f"`{row.name}`",
        row.stored,
        str(row.json_schema["type"]),
        f"`{row.typescript}`",
        "yes" if row.is_ordered else "no",
        "yes" if row.key else "no",
        row.note,
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())

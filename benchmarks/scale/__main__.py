"""`python -m benchmarks.scale` prints the tables; `--write` puts them into docs/scale.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from .report import sections

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scale.md"


def main() -> int:
    found = sections()
    for name, table in found:
        print(f"{name}\n\n{table}")
    if "--write" in sys.argv[1:]:
        text = PAGE.read_text()
        for name, table in found:
            text = re.sub(
                rf"(<!-- {name} -->\n).*?(<!-- end -->)",
                lambda match, table=table: match[1] + str(table) + match[2],
                text,
                flags=re.DOTALL,
            )
        PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

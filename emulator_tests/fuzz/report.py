"""What is printed of a run: tables by property, type and feature, and the faults."""

from __future__ import annotations

import pprint
from collections import Counter
from collections.abc import Iterable, Iterator

from emulator_tests.fuzz.declarations import HEAD, Declaration
from emulator_tests.fuzz.running import Fault, Tally

LONGEST_TEXT = 1500


def tables(tally: Tally) -> Iterator[str]:
    """The lines of the tables."""
    broken = Counter(fault.broken for fault in tally.faults)
    yield "property".ljust(38) + "cases".rjust(8) + "faults".rjust(8)
    names = [*tally.properties, *(name for name in broken if name not in tally.properties)]
    for name in names:
        cases = str(tally.properties[name]) if name in tally.properties else ""
        yield f"  {name:<36}{cases:>8}{broken[name]:>8}"
    yield "refused at import, or by a generator".ljust(38) + "cases".rjust(8)
    for name, count in sorted(tally.refused.items()):
        yield f"  {name:<36}{count:>8}"
    for title, counts, of_fault in (
        ("type", tally.kinds, "kinds"),
        ("feature", tally.features, "features"),
    ):
        yield title.ljust(38) + "cases".rjust(8) + "faults".rjust(8)
        with_fault = _by_case(tally.faults, of_fault)
        for name, count in sorted(counts.items()):
            yield f"  {name:<36}{count:>8}{with_fault[name]:>8}"


def _by_case(faults: Iterable[Fault], of_fault: str) -> Counter[str]:
    found: Counter[str] = Counter()
    numbers: set[int] = set()
    for fault in faults:
        if fault.number not in numbers:
            numbers.add(fault.number)
            found.update(getattr(fault, of_fault))
    return found


def shown(fault: Fault, declaration: Declaration) -> str:
    """A fault, with a declaration that one can paste and the documents that it is about."""
    documents = pprint.pformat([document.fields for document in declaration.documents], width=100)
    parts = [
        f"{fault.broken}: {fault.text[:LONGEST_TEXT]}",
        f"types: {', '.join(sorted(declaration.kinds()))}",
        f"features: {', '.join(sorted(declaration.features()))}",
        HEAD + declaration.source(),
        f"documents = {documents}",
        f"request = {pprint.pformat(declaration.request.fields, width=100)}",
    ]
    if declaration.target is not None:
        way = "patch" if declaration.by_patch else "edit"
        parts.append(f"# set by {way}: {declaration.target.name}, to that of")
        parts.append(f"other = {pprint.pformat(declaration.other.fields, width=100)}")
    return "\n".join(parts)

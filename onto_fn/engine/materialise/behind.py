"""Which roots are behind their sources, although their records name earlier versions of many.

An event of fields that no build has read leaves the record as it is, so an earlier version in a
record need not matter. There is no earlier content to compare with. So such roots are built in
memory, and compared with their records.
"""

from __future__ import annotations

from collections.abc import Sequence

from onto_fn.engine.materialise.build import build_all
from onto_fn.engine.materialise.lookup import Affected, find_these
from onto_fn.engine.materialise.plan import Build, only_versions_differ, plan
from onto_fn.errors import PermanentError
from onto_fn.firestore import Database
from onto_fn.views import Definition

_TOGETHER = 100


def roots_behind(database: Database, definition: Definition, roots: Sequence[str]) -> set[str]:
    """The roots of which a build would change more than versions in their records.

    That is a document, or what the record says about which changes concern it. Also those whose
    last build failed, or that cannot be built. Nothing is written.

    Args:
        database: the database.
        definition: a view or mediator.
        roots: paths of roots.

    Raises:
        TransientError: a read failed.
    """
    found: set[str] = set()
    for start in range(0, len(roots), _TOGETHER):
        part = roots[start : start + _TOGETHER]
        wanted = [Affected(definition, root, s) for root in part for s in range(definition.shards)]
        items = find_these(database, wanted)
        found |= {item.root for item in items if item.record is None}
        found |= _behind(database, [item for item in items if item.record is not None])
    return found


def _behind(database: Database, items: Sequence[Affected]) -> set[str]:
    if not items:
        return set()
    try:
        built = build_all(database, items)
    except PermanentError:  # Firestore refuses to read for all of them
        half = len(items) // 2
        if not half:
            return {items[0].root}
        return _behind(database, items[:half]) | _behind(database, items[half:])
    pairs = zip(items, built, strict=True)
    return {item.root for item, made in pairs if not _is_current(item, made)}


def _is_current(item: Affected, made: Build) -> bool:
    record = item.record
    if record is None or record.failure is not None or made.error is not None:
        return False
    planned = plan(item.definition, record, made, item.root, None, item.shard)
    if planned is None:
        return True
    if planned.written or planned.deleted or planned.record is None:
        return False
    return only_versions_differ(record, planned.record)

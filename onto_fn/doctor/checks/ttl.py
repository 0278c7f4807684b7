"""Collections of onto_fn that grow for ever without a TTL policy."""

from __future__ import annotations

from collections.abc import Iterator

from onto_fn.doctor.check import Check
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.places import text_place
from onto_fn.doctor.project import Project
from onto_fn.engine.records.ledger import INBOX_COLLECTION

NAME = "missing-ttl"
_EXPIRING = {INBOX_COLLECTION: "expiresAt"}


def _run(project: Project) -> Iterator[Finding]:
    for collection, name in _EXPIRING.items():
        is_there = any(
            override.get("collectionGroup") == collection
            and override.get("fieldPath") == name
            and override.get("ttl") is True
            for override in project.indexes.get("fieldOverrides", ())
        )
        if not is_there:
            yield Finding(
                NAME,
                "warning",
                text_place(project.files.indexes, project.folder, f'"{collection}"', f'"{name}"'),
                f"{collection} has no TTL policy on {name}: the marks of received messages stay "
                "for ever",
                "run `onto generate indexes`, and deploy the indexes",
            )


CHECK = Check(NAME, "`ttl` of `onto_inbox.expiresAt` in the file of indexes", _run)

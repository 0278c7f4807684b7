"""All checks, and what they find in a project."""

from __future__ import annotations

from onto_fn.doctor.check import Check
from onto_fn.doctor.checks import (
    hot,
    ids,
    indexed,
    ledgers,
    limits,
    queries,
    regions,
    rules,
    sizes,
    ttl,
)
from onto_fn.doctor.finding import Finding
from onto_fn.doctor.project import Project

CHECKS: tuple[Check, ...] = (
    ids.CHECK,
    indexed.CHECK,
    *hot.CHECKS,
    *sizes.CHECKS,
    limits.CHECK,
    regions.CHECK,
    rules.CHECK,
    queries.CHECK,
    ledgers.CHECK,
    ttl.CHECK,
)


def diagnose(project: Project) -> list[Finding]:
    """All findings, errors first, each once.

    Raises:
        DeclarationError: a file that `firebase.json` names cannot be read.
    """
    found = dict.fromkeys(finding for check in CHECKS for finding in check.run(project))
    return sorted(found, key=lambda finding: (finding.severity, finding.place, finding.check))

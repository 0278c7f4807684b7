"""`GoogleProject`: the resources of one project, as the APIs keep them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

# What the tool asks for before it deploys functions and Firestore.
SERVICES = frozenset(
    f"{name}.googleapis.com"
    for name in (
        "artifactregistry",
        "cloudbuild",
        "cloudfunctions",
        "cloudresourcemanager",
        "eventarc",
        "firestore",
        "pubsub",
        "run",
        "secretmanager",
        "storage",
    )
)


@dataclass
class GoogleProject:
    """One project.

    Attributes:
        id: the project's id.
        locations: location of each Firestore database, by its id.
        secrets: values by name.
        enabled: names of the APIs that are enabled; all that a deploy needs unless told.
        failing: functions whose next build fails, with the message of the failure.
        exhausted: functions whose next creation or update exceeds the quota.
    """

    id: str
    number: str = "123456789012"
    locations: dict[str, str] = field(default_factory=lambda: {"(default)": "us-central1"})
    secrets: dict[str, str] = field(default_factory=dict)
    enabled: set[str] = field(default_factory=lambda: set(SERVICES))
    failing: dict[str, str] = field(default_factory=dict)
    exhausted: set[str] = field(default_factory=set)

    functions: dict[str, Json] = field(default_factory=dict)
    operations: dict[str, Json] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    policies: dict[str, Json] = field(default_factory=dict)
    rulesets: dict[str, Json] = field(default_factory=dict)
    releases: dict[str, Json] = field(default_factory=dict)
    indexes: dict[str, Json] = field(default_factory=dict)
    fields: dict[str, Json] = field(default_factory=dict)
    topics: set[str] = field(default_factory=set)
    repositories: dict[str, Json] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        """A number that was not used before."""
        return next(self._numbers)

    @property
    def compute_account(self) -> str:
        """The account that functions run as unless they name one."""
        return f"{self.number}-compute@developer.gserviceaccount.com"

    def function(self, function_id: str) -> Json:
        """The one function of an id, whatever its region."""
        (found,) = (f for name, f in self.functions.items() if name.endswith(f"/{function_id}"))
        return found

    def function_ids(self) -> set[str]:
        """The ids of all functions."""
        return {name.rpartition("/")[2] for name in self.functions}

    def policy(self, resource: str) -> Json:
        """The IAM policy of a resource."""
        return self.policies.setdefault(resource, {"version": 1, "etag": "e0", "bindings": []})

"""Domain models and views read and written from Python: scripts, jobs and HTTP handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onto_fn.lazily import names_from

if TYPE_CHECKING:
    from onto_fn.firestore.database import Database
    from onto_fn.firestore.documents import Write
    from onto_fn.models.repository import Repository
    from onto_fn.requests.edit import edit, load_view
else:
    __getattr__ = names_from(
        __name__,
        {
            "Database": "onto_fn.firestore.database",
            "Repository": "onto_fn.models.repository",
            "Write": "onto_fn.firestore.documents",
            "edit": "onto_fn.requests.edit",
            "load_view": "onto_fn.requests.edit",
        },
    )

__all__ = [
    "Database",
    "Repository",
    "Write",
    "edit",
    "load_view",
]

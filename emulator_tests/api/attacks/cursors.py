"""Cursors that no answer had."""

from __future__ import annotations

import base64
from typing import Any

from onto_fn.firestore.values import encode
from onto_fn.gate.cursors import _Cursor


def cursor(*values: Any, message: Any = None) -> str:
    """A cursor of values, or of a message."""
    found = message or _Cursor()
    for value in values:
        found.values.append(
            encode(value, documents="projects/-/databases/-/documents", where="the cursor")
        )
    return base64.urlsafe_b64encode(found.SerializeToString()).decode().rstrip("=")

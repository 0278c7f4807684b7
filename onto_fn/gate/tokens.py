"""The Firebase Admin SDK, for functions that verify tokens; imported when one does."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, cast


def initialise() -> None:
    """Make the SDK's default app, unless the application has made it."""
    import firebase_admin  # pyright: ignore[reportMissingTypeStubs]

    admin = cast(Any, firebase_admin)
    try:
        admin.get_app()
    except ValueError:
        admin.initialize_app()


def has_expired(claims: Mapping[str, Any]) -> bool:
    """Whether a verified token is too old: the SDK does not look at that on the Auth emulator."""
    return claims.get("exp", math.inf) <= time.time()

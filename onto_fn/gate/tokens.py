"""The Firebase Admin SDK, for functions that verify tokens; imported when one does."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, cast

from onto_fn.emulators import is_emulated, named_project


def initialise() -> None:
    """Make the SDK's default app, unless the application has made it."""
    import firebase_admin  # pyright: ignore[reportMissingTypeStubs]

    admin = cast(Any, firebase_admin)
    try:
        admin.get_app()
    except ValueError:
        # Else the SDK would look for credentials to learn the project from, on emulators as well.
        project = named_project() if is_emulated() else None
        admin.initialize_app(options={"projectId": project} if project else None)


def has_expired(claims: Mapping[str, Any]) -> bool:
    """Whether a verified token is too old, or does not say until when it is valid.

    The SDK does not look at that on the Auth emulator.
    """
    until = claims.get("exp")
    return not isinstance(until, int | float) or not time.time() < until < math.inf

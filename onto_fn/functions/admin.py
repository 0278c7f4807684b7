"""The Firebase Admin SDK, for functions that verify tokens; imported when one does."""

from __future__ import annotations

from typing import Any, cast


def initialise() -> None:
    """Make the SDK's default app, unless the application has made it."""
    import firebase_admin  # pyright: ignore[reportMissingTypeStubs]

    admin = cast(Any, firebase_admin)
    try:
        admin.get_app()
    except ValueError:
        admin.initialize_app()

"""What a test is told when its user may not do what it asked for."""

from __future__ import annotations


class PermissionDenied(Exception):
    """The user may not do that; says who, what, and by which rule."""

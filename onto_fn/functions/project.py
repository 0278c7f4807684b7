"""The Google Cloud project that an instance works for."""

from __future__ import annotations

from typing import Any, cast

from onto_fn.emulators import is_emulated, named_project
from onto_fn.errors import DeclarationError


def project_of_process() -> str:
    """The project that the environment or the credentials name.

    Raises:
        DeclarationError: neither names one.
    """
    named = named_project()
    if named is not None:
        return named
    if is_emulated():  # what follows asks Google's own machines
        raise DeclarationError("no project is named; set GOOGLE_CLOUD_PROJECT")
    import google.auth

    # google.auth carries incomplete types.
    project: str | None = cast(Any, google.auth).default()[1]
    if project is None:
        raise DeclarationError("no Google Cloud project; set GOOGLE_CLOUD_PROJECT")
    return project

"""The OpenAPI 3.1 document of an API, made from what it offers."""

from __future__ import annotations

from typing import Any

from onto_fn.api.declared import Api
from onto_fn.gate.offers import Offers


def openapi(api: Api, offers: Offers) -> dict[str, Any]:
    """The document, in JSON's own types.

    Args:
        api: what is declared.
        offers: what it offers.
    """
    return {
        "openapi": "3.1.1",
        "info": {"title": api.rest.title, "version": api.rest.version},
        "paths": {},
    }

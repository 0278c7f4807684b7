"""Whether the paths of views and requests keep apart what different users may read.

Whoever opens documents to clients, the security rules or the HTTP door, knows them by their paths.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from onto_fn.engine.records.ledger import OWN_COLLECTIONS
from onto_fn.errors import DeclarationError
from onto_fn.requests import RequestModel
from onto_fn.views import ViewModel

Opened = type[ViewModel[Any]] | type[RequestModel]


def check_paths(owners: Sequence[Opened], opened: Collection[Opened] | None = None) -> None:
    """Refuse paths by which clients would reach documents of something else.

    Args:
        owners: the views and requests of an app, whose documents are stored.
        opened: those that clients reach; None for all.

    Raises:
        DeclarationError: one is opened whose path fits documents of another, or of onto_fn.
    """
    for index, owner in enumerate(owners):
        path, is_open = owner.__path__, opened is None or owner in opened
        if is_open and (path.segments[0].startswith("{") or path.segments[0] in OWN_COLLECTIONS):
            raise DeclarationError(
                f"{owner.__name__}: path {path.text!r} would open collections of onto_fn, such as "
                "the ledger; begin it with a collection of the app"
            )
        for other in owners[:index]:
            if path.overlaps(other.__path__) and (is_open or other in (opened or ())):
                raise DeclarationError(
                    f"{other.__name__} and {owner.__name__} are both at {path.text!r}, so that "
                    "users who may read one could read the other; change the path of one"
                )

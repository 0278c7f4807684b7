"""`GraphQL`: how an API is offered by GraphQL. It imports no GraphQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from onto_fn.errors import DeclarationError

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


@dataclass(frozen=True)
class GraphQL:
    """The GraphQL protocol; it needs `onto-fn[graphql]`.

    There is a query for each view and each list of them, a mutation for each form and patch, and,
    if the API has streams, a subscription for each stored view and list. All queries of one
    operation are answered as of one instant.

    Attributes:
        path: where it is, such as `"/graphql"`.
        introspection: whether clients may read the schema: `"emulator"` means on emulators only.
        max_tokens: tokens of a document.
        max_depth: fields within fields, lists counting as one; introspection has its own bound.
        max_aliases: aliases of a document.
        max_roots: fields of an operation itself: each of them is a document, a list or a request.
        max_fields: fields of an operation, those of a fragment counted each time it is used.

    Raises:
        DeclarationError: the path is none, or a limit is not above 0.
    """

    path: str = "/graphql"
    introspection: bool | Literal["emulator"] = "emulator"
    max_tokens: int = 1000
    max_depth: int = 12
    max_aliases: int = 20
    max_roots: int = 20
    max_fields: int = 500

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise DeclarationError(
                f"GraphQL({self.path!r}): write its path like '/graphql', without a slash at the "
                "end"
            )
        if self.introspection not in (True, False, "emulator"):
            raise DeclarationError(
                f"GraphQL(introspection={self.introspection!r}): one of True, False and 'emulator'"
            )
        for name in ("max_tokens", "max_depth", "max_aliases", "max_roots", "max_fields"):
            if getattr(self, name) < 1:
                raise DeclarationError(f"GraphQL({name}={getattr(self, name)}): at least 1")

"""The HTTP door of an app: which views may be asked for, which requests may be sent, and how.

    app = App(
        [TeamPage, TeamPatch],
        api=Api(views=[TeamPage, Live(UserCard)], requests=[TeamPatch]),
    )

What is here is only declared: a web framework is loaded by the function `onto_api`, and by no
other.
"""

from typing import TYPE_CHECKING

from onto_fn.lazily import names_from

if TYPE_CHECKING:
    from onto_fn.api.declared import Api, Live, Rest, Rpc, Streams
    from onto_fn.api.graphql.declared import GraphQL
    from onto_fn.gate.offers import Listing, by
else:
    __getattr__ = names_from(
        __name__,
        {
            "Api": "onto_fn.api.declared",
            "GraphQL": "onto_fn.api.graphql.declared",
            "Listing": "onto_fn.gate.offers",
            "Live": "onto_fn.api.declared",
            "Rest": "onto_fn.api.declared",
            "Rpc": "onto_fn.api.declared",
            "Streams": "onto_fn.api.declared",
            "by": "onto_fn.gate.offers",
        },
    )

__all__ = ["Api", "GraphQL", "Listing", "Live", "Rest", "Rpc", "Streams", "by"]

"""The HTTP door of an app: which views may be asked for, which requests may be sent, and how.

    app = App(
        [TeamPage, TeamPatch],
        api=Api(views=[TeamPage, Live(UserCard)], requests=[TeamPatch]),
    )

What is here is only declared: a web framework is loaded by the function `onto_api`, and by no
other.
"""

from onto_fn.api.declared import Api, Listing, Live, Rest, by

__all__ = ["Api", "Listing", "Live", "Rest", "by"]

"""Waiting until a view shows what a caller has written, whatever the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from typing import NoReturn

from onto_fn.api.work import Work
from onto_fn.gate.caller import Caller
from onto_fn.gate.coverage import covers
from onto_fn.gate.offers import ViewOffer
from onto_fn.gate.reading import Shown, Views
from onto_fn.gate.refusal import Refusal

Who = Callable[[], Caller]
"""Verifies who sends the request at hand; it may wait for certificates."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5  # seconds between two looks at a view that is waited for
_BETWEEN_BUILDS = 2.0  # seconds; a look without one reads one document


class NotYet(Refusal):
    """A view does not show the write within the time that a request may wait.

    Args:
        message: for the caller.
        shown: the document as it is; None if there is none.
    """

    def __init__(self, message: str, shown: Shown | None) -> None:
        super().__init__("deadline-exceeded", message)
        self.shown = shown


@dataclass(frozen=True)
class Waiting:
    """Waits for views.

    Attributes:
        views: reads views.
        work: runs what waits for the database.
        max_sec: seconds that a request may wait.
    """

    views: Views
    work: Work
    max_sec: float

    async def until(
        self, offer: ViewOffer, params: Mapping[str, str], who: Who, time: datetime
    ) -> None:
        """Wait until a document shows what was written at an instant.

        Args:
            offer: its view. What is computed shows everything, and is not waited for.
            params: values of the variables of its path.
            who: asks for it.
            time: the instant.

        Raises:
            NotYet: it still does not, after the time that it may wait.
            Refusal: the caller may not read it, or Firestore could not be reached.
        """
        if offer.is_live:
            return

        def check() -> None:
            caller = who()
            if not self.views.may_ask(offer, params, caller):
                self.views.get(offer, params, caller)  # refuses who is not a member

        # Once: what is shown in the end is decided then, and a look shows nothing.
        await self.work.run(check)
        look = partial(covers, self.views, offer, params, time)
        end = monotonic() + self.max_sec
        next_build = monotonic()
        pause = _FIRST_PAUSE
        while True:
            left = end - monotonic()
            # The ledger has every build that an event makes. Only a build here shows that no event
            # is still to come.
            builds = left <= 0 or monotonic() >= next_build
            if builds:
                next_build = monotonic() + _BETWEEN_BUILDS
            if await self.work.run(partial(look, builds=builds)):
                return
            if left <= 0:
                await self._give_up(offer, params, who)
            await asyncio.sleep(min(pause, max(left, 0.001)))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _give_up(self, offer: ViewOffer, params: Mapping[str, str], who: Who) -> NoReturn:
        shown: Shown | None = None
        try:
            shown = await self.work.run(lambda: self.views.get(offer, params, who()))
        except Refusal as refusal:
            if refusal.code != "not-found":
                raise
        raise NotYet(
            f"{offer.name} does not show the write within {self.max_sec:g} s; ask again", shown
        )

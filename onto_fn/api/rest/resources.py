"""What each address answers: a view's document, a list of them, a request that is put there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from onto_fn.api.rest.addresses import quoted_path
from onto_fn.api.rest.asked import body_of, check_accepts, instant_of, query_of, size_of
from onto_fn.api.rest.problem import HttpProblem, problem_of
from onto_fn.api.rest.validators import VARY, etag_of, has_it, headers_of
from onto_fn.api.together import Together
from onto_fn.api.waiting import NotYet, Waiting, Who
from onto_fn.api.work import Work
from onto_fn.engine import Engine
from onto_fn.firestore.documents import Value
from onto_fn.firestore.json import json_text, plain
from onto_fn.firestore.paths import last_segment
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import CheckedListing, RequestOffer, ViewOffer
from onto_fn.gate.reading import MAX_PAGE, Shown, Views, path_of
from onto_fn.gate.refusal import Refusal, invalid
from onto_fn.gate.submitting import Submitted, submit
from onto_fn.gate.submitting import path_of as path_of_request

JSON = "application/json"
TOKENS = ("authorization", "x-firebase-appcheck")
"""The headers whose verification may have to wait for certificates."""
PAGE = 20
"""Documents in a page for which nothing else is asked."""


@dataclass(frozen=True)
class Resources:
    """Answers requests to views and of requests.

    Attributes:
        engine: carries requests out.
        views: reads views.
        offered: the views that are offered, by name.
        work: runs what waits for the database.
        together: reads stored documents.
        max_wait: seconds that `?after=` may wait.
        max_body: bytes of a request.
    """

    engine: Engine
    views: Views
    offered: Mapping[str, ViewOffer]
    work: Work
    together: Together[Shown | None]
    max_wait: float
    max_body: int

    async def view(
        self, request: Request, offer: ViewOffer, params: dict[str, str], who: Who
    ) -> Response:
        """Answer a request for one document."""
        query = query_of(request, {"after"})
        check_accepts(request, JSON)
        if "after" in query:
            await self._wait(offer, params, who, instant_of(query["after"]))
        shown = await self._shown_to(request, offer, params, who)
        headers = headers_of(shown, offer.view.__read__)
        if has_it(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(json_text(shown.fields), 200, headers, JSON)

    async def _shown_to(
        self, request: Request, offer: ViewOffer, params: dict[str, str], who: Who
    ) -> Shown:
        """What a caller gets; documents that others want at the same time are read with it."""
        if offer.is_live:
            return await self.work.run(lambda: self.views.get(offer, params, who()))
        path = path_of(offer, params)
        has_token = any(name in request.headers for name in TOKENS)
        caller = await self.work.run(who) if has_token else who()
        may = self.views.may_ask(offer, params, caller)
        found: Shown | Refusal | None
        try:
            found = await self.together.get(path)
        except Refusal as refusal:
            found = refusal
        return self.views.decided(offer, params, caller, found, may=may)

    async def list(
        self, request: Request, offer: ViewOffer, params: dict[str, str], who: Who
    ) -> Response:
        """Answer a request for a page of a view's documents."""
        filters = {name for listing in offer.lists for name in (c.field for c in listing.where)}
        query = query_of(request, {"limit", "cursor", "order", *filters})
        check_accepts(request, JSON)
        size = size_of(query.get("limit"), PAGE, MAX_PAGE)
        listing, where = _listing(offer, query)
        cursor = query.get("cursor")
        page = await self.work.run(
            lambda: self.views.page(
                offer, params, who(), size=size, cursor=cursor, listing=listing, where=where
            )
        )
        headers = {"Cache-Control": "private, no-cache", "Vary": VARY}
        if page.cursor is not None:
            following = urlencode({**query, "cursor": page.cursor}, quote_via=quote)
            headers["Link"] = f'<?{following}>; rel="next"'
        text = f'{{"items":{items_text(page.items)},"next":{json.dumps(page.cursor)}}}'
        return Response(text, 200, headers, JSON)

    async def put(
        self,
        request: Request,
        offer: RequestOffer,
        params: dict[str, str],
        who: Who,
    ) -> Response:
        """Carry out a request that is put at its path."""
        query = query_of(request, {"return"})
        check_accepts(request, JSON)
        fields = await body_of(request, self.max_body)
        wanted = self._wanted(offer, params, fields, query["return"]) if "return" in query else None
        identifier = last_segment(offer.path.text)[1:-1]
        others = {name: value for name, value in params.items() if name != identifier}

        def carry_out() -> tuple[Caller, Submitted]:
            caller = who()
            # Whether it may ask at all goes before what it sends, and what it wants to see as well.
            try:
                path_of_request(offer.mediator, params[identifier], others, caller)
            except Refusal as refusal:  # of the address, not of the body
                raise problem_of(refusal) from refusal
            if wanted is not None:
                self.views.may_ask(*wanted, caller)
            database = self.views.database
            return caller, submit(
                self.engine, database, offer.mediator, params[identifier], others, fields, caller
            )

        try:
            caller, done = await self.work.run(carry_out)
        except Refusal as refusal:
            raise problem_of(refusal, is_body=refusal.code == "invalid-argument") from refusal
        content: dict[str, Any] = dict(done.told)
        if wanted is not None:
            shown = await self._shown(*wanted, caller)
            content["view"] = None if shown is None else plain(shown.fields)
        return Response(
            json.dumps(content, ensure_ascii=False, separators=(",", ":")),
            201 if done.is_new else 200,
            {
                "Cache-Control": "no-store",
                "Location": quoted_path(params[identifier]),
                "Onto-After": done.told["after"],
            },
            JSON,
        )

    async def _wait(
        self, offer: ViewOffer, params: dict[str, str], who: Who, time: datetime
    ) -> None:
        try:
            await Waiting(self.views, self.work, self.max_wait).until(offer, params, who, time)
        except NotYet as late:
            shown = late.shown
            more = {"view": None if shown is None else plain(shown.fields)}
            if shown is not None:
                more["etag"] = etag_of(shown)
            raise HttpProblem(504, str(late), more=more) from late

    def _wanted(
        self, offer: RequestOffer, params: Mapping[str, str], fields: Mapping[str, Any], name: str
    ) -> tuple[ViewOffer, dict[str, str]]:
        """The document of a view that a request wants to see once it is carried out.

        Raises:
            HttpProblem: there is no such view, or the request does not say which of its documents.
        """
        view = self.offered.get(name)
        if view is None or view.root is None:
            known = ", ".join(sorted(n for n, o in self.offered.items() if o.root is not None))
            raise HttpProblem(400, f"return names one of the views {known or '(there are none)'}")
        found: dict[str, str] = {}
        for variable in view.path.variables:
            value = params.get(variable, fields.get(offer.field_of(variable)))
            if not isinstance(value, str):
                raise HttpProblem(
                    400,
                    f"return={name}: neither the address nor the body says the {variable!r} of "
                    f"{view.path.text!r}",
                )
            found[variable] = value
        try:
            path_of(view, found)
        except Refusal as refusal:
            raise problem_of(refusal) from refusal
        return view, found

    async def _shown(
        self, offer: ViewOffer, params: dict[str, str], caller: Caller
    ) -> Shown | None:
        """The view as it is once the request is done; None if it cannot be shown.

        The request has been carried out, so nothing about the view may make it look refused.
        """
        try:
            return await self.work.run(lambda: self.views.get(offer, params, caller, computed=True))
        except Refusal:
            return None


def items_text(items: Iterable[Shown]) -> str:
    """The documents of a list as JSON text: `[{"id", "etag", "fields"}]`."""
    texts = [
        f'{{"id":{json.dumps(last_segment(item.path))},"etag":{json.dumps(etag_of(item))},'
        f'"fields":{json_text(item.fields)}}}'
        for item in items
    ]
    return f"[{','.join(texts)}]"


def _listing(offer: ViewOffer, query: Mapping[str, str]) -> tuple[CheckedListing, dict[str, Value]]:
    """The declared order and conditions that a query asks for, and their values.

    Raises:
        Refusal: it is none of those that are declared.
    """
    given = query.keys() - {"limit", "cursor", "order"}
    listing = offer.listing(query.get("order"), given)
    return listing, {one.field: _value(one, query[one.field]) for one in listing.where}


def _value(condition: Any, text: str) -> Value:
    try:
        return condition.parsed(text)
    except (ValueError, KeyError, StopIteration, OverflowError) as error:
        raise invalid([f"{condition.field}: {text!r:.100} is no value of this field"]) from error

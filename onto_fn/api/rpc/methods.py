"""The methods: reading a view, listing it, sending a form or patch, all decided by the gate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import monotonic
from typing import Any, cast

from onto_fn.api.declared import Api
from onto_fn.api.rest.asked import instant_of
from onto_fn.api.rest.problem import HttpProblem, part_of, traced_by
from onto_fn.api.rest.resources import PAGE
from onto_fn.api.rpc.offered import CODES, DISCOVER, Kind, Method, methods_of
from onto_fn.api.rpc.protocol import (
    METHOD_NOT_FOUND,
    Handler,
    Params,
    RpcError,
)
from onto_fn.api.waiting import NotYet, Waiting
from onto_fn.api.work import Work
from onto_fn.engine import Engine
from onto_fn.firestore.documents import Value
from onto_fn.firestore.json import plain
from onto_fn.firestore.paths import last_segment
from onto_fn.gate.caller import Caller
from onto_fn.gate.offers import Offers, RequestOffer, ViewOffer
from onto_fn.gate.reading import MAX_PAGE, Shown, Views
from onto_fn.gate.refusal import Refusal, invalid
from onto_fn.gate.submitting import path_of, submit

MAX_LISTED = 1_000
"""Documents in all lists of one message, which is answered as a whole."""


@dataclass
class Message:
    """One message: its caller, and what its calls may still take together.

    Attributes:
        caller: who sends it.
        end: when its time is over, by `monotonic`.
        documents: how many its lists may still have.
    """

    caller: Caller
    end: float
    documents: int


@dataclass(frozen=True)
class Methods:
    """Carries methods out.

    Attributes:
        api: what is declared.
        offers: what it offers.
        engine: carries requests out.
        views: reads views.
        work: runs what waits for the database.
        max_wait: seconds that `after` may wait.
    """

    api: Api
    offers: Offers
    engine: Engine
    views: Views
    work: Work
    max_wait: float

    def handler(self, caller: Caller) -> Handler:
        """Carries out the calls of one message, all within the time that a request may take."""
        sent = Message(caller, monotonic() + self.work.timeout_sec, MAX_LISTED)

        async def handle(name: str, params: Params) -> Any:
            method = self._methods.get(name)
            if method is None:
                detail = f"there is no method {name!r:.100}; {DISCOVER} tells which there are"
                raise RpcError(METHOD_NOT_FOUND, data={"detail": detail})
            try:
                given = arguments(params, method.params, method.required)
                left = sent.end - monotonic()
                if left <= 0:
                    raise TimeoutError
                async with asyncio.timeout(left):
                    return await self._carried_out(method, given, sent)
            except TimeoutError as error:
                late = Refusal("unavailable", "this takes too long; try again with the same id")
                raise error_of(late) from error
            except Refusal as refusal:
                raise error_of(refusal) from refusal

        return handle

    @cached_property
    def _methods(self) -> Mapping[str, Method]:
        return {method.name: method for method in methods_of(self.offers)}

    @cached_property
    def _document(self) -> Mapping[str, Any]:
        # Imported with the first call for it: it needs JSON schemas, which no other does.
        from onto_fn.api.rpc.openrpc import openrpc

        return openrpc(self.api, self.offers)

    async def _carried_out(self, method: Method, given: dict[str, Any], sent: Message) -> Any:
        carry_out: dict[Kind, Callable[..., Awaitable[Any]]] = {
            "get": self._get,
            "list": self._list,
            "request": self._send,
        }
        if method.kind == "discover":
            return self._document
        return await carry_out[method.kind](method.offer, given, sent)

    async def _get(self, offer: ViewOffer, given: dict[str, Any], sent: Message) -> Any:
        params = {name: _text(given, name) for name in offer.path.variables}
        if "after" in given:
            time = _instant(_text(given, "after"))
            waiting = Waiting(self.views, self.work, self.max_wait)
            await waiting.until(offer, params, lambda: sent.caller, time)
        shown = await self.work.run(lambda: self.views.get(offer, params, sent.caller))
        return _answer(shown)

    async def _list(self, offer: ViewOffer, given: dict[str, Any], sent: Message) -> Any:
        params = {name: _text(given, name) for name in offer.path.parent.variables}
        size = given.get("limit", PAGE)
        if type(size) is not int or not 1 <= size <= MAX_PAGE:
            raise invalid([f"limit: Input should be a number from 1 to {MAX_PAGE}"])
        cursor = None if given.get("cursor") is None else _text(given, "cursor")
        where = _object(given, "where")
        listing = offer.listing(_text(given, "order") if "order" in given else None, where.keys())
        values: dict[str, Value] = {}
        for condition in listing.where:
            value = where[condition.field]
            try:
                values[condition.field] = condition.accepted(value)
            except (ValueError, OverflowError) as error:
                detail = f"{json.dumps(value)[:100]} is no value of this field"
                raise invalid([f"where.{condition.field}: {detail}"]) from error
        if size > sent.documents:
            told = (
                f"the lists of one batch have at most {MAX_LISTED} documents; send this by itself"
            )
            raise Refusal("resource-exhausted", told)
        page = await self.work.run(
            lambda: self.views.page(
                offer, params, sent.caller, size=size, cursor=cursor, listing=listing, where=values
            )
        )
        sent.documents -= len(page.items)
        items = [{"id": last_segment(item.path), **_answer(item)} for item in page.items]
        return {"items": items, "next": page.cursor}

    async def _send(self, offer: RequestOffer, given: dict[str, Any], sent: Message) -> Any:
        identifier, fields = _text(given, "id"), _object(given, "fields")
        others = _object(given, "params")
        params = {name: _text(others, name, f"params.{name}") for name in others}
        mediator, caller = offer.mediator, sent.caller

        def carry_out() -> Any:
            # Whether it may ask at all goes before what it sends.
            path_of(mediator, identifier, params, caller)
            database = self.views.database
            try:
                return submit(
                    self.engine, database, mediator, identifier, params, fields, sent.caller
                )
            except Refusal as refusal:
                if refusal.code != "invalid-argument":
                    raise
                raise invalid([_in_fields(problem) for problem in refusal.problems]) from refusal

        return (await self.work.run(carry_out)).told


def arguments(params: Params, names: Sequence[str], required: Sequence[str]) -> dict[str, Any]:
    """The arguments of a call, by name.

    Args:
        params: as they were sent: by their names, or by their places.
        names: of the method's parameters, in the order of their places.
        required: those that have to be there.

    Raises:
        Refusal: one is unknown or missing, or there are too many.
    """
    if isinstance(params, list):
        if len(params) > len(names):
            raise invalid([f"there are {len(params)} arguments, and at most {len(names)} places"])
        params = dict(zip(names, params, strict=False))
    known = ", ".join(names) or "none"
    unknown = sorted(params.keys() - set(names))
    problems = [
        *(f"there is no parameter {name!r:.100}; there is {known}" for name in unknown),
        *(f"{name}: Field required" for name in required if name not in params),
    ]
    if problems:
        raise invalid(problems)
    return params


def error_of(refusal: Refusal) -> RpcError:
    """A refusal in terms of JSON-RPC."""
    data: dict[str, Any] = {"code": refusal.code}
    if refusal.problems:
        data["problems"] = [part_of(text) for text in refusal.problems]
    if isinstance(refusal, NotYet):
        data["view"] = None if refusal.shown is None else _answer(refusal.shown)
    return RpcError(CODES[refusal.code], str(refusal), {**data, **traced_by()})


def _answer(shown: Shown) -> dict[str, Any]:
    return {"version": shown.version, "fields": plain(shown.fields)}


def _text(given: Mapping[str, Any], name: str, where: str = "") -> str:
    value = given[name]
    if not isinstance(value, str):
        raise invalid([f"{where or name}: Input should be a valid string"])
    return value


def _object(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = given.get(name, {})
    if not isinstance(value, dict):
        raise invalid([f"{name}: Input should be an object"])
    return cast("dict[str, Any]", value)


def _instant(text: str) -> Any:
    try:
        return instant_of(text)
    except HttpProblem as problem:
        raise invalid([problem.detail]) from problem


def _in_fields(problem: str) -> str:
    """A problem of the fields, by its place among the arguments."""
    place, _, detail = problem.partition(": ")
    if not detail or " " in place:
        return problem
    return f"fields: {detail}" if place == "(document)" else f"fields.{problem}"

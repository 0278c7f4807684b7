"""`onto_api` and `onto_stream`: the functions that serve an app's API.

The platform starts a process for each function and names it in `FUNCTION_TARGET`. Only the
processes of these functions load a web framework; in all others, and when the functions are listed
for a deploy, each is a name with its options.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from onto_fn.functions.endpoints import FunctionOptions

if TYPE_CHECKING:
    from onto_fn.api import Api, Streams
    from onto_fn.gate.offers import Offers

NAME = "onto_api"
STREAM = "onto_stream"


def check(api: Api, offers: Offers) -> None:
    """Refuse what cannot be served.

    The process of a function does not: it would load libraries for which it has no use, or not yet.
    What it would refuse has been refused where the deploy tool listed the functions.

    Raises:
        DeclarationError: something that is offered has no form in a protocol.
    """
    if api.graphql is None or "FUNCTION_TARGET" in os.environ:
        return
    from onto_fn.api.graphql.schema import schema_of

    schema_of(offers, streams=api.streams is not None)


def api_functions(
    make: Callable[[bool], Any], api: Api, options: FunctionOptions
) -> dict[str, Callable[[Any], Any]]:
    """The functions, ready to be exported: `onto_api`, and `onto_stream` if there are streams.

    Args:
        make: makes the ASGI application; told whether it serves streams.
        api: what is declared.
        options: of the app's functions.
    """
    streams = api.streams
    if streams is None or not streams.own_function:
        return {NAME: _function(NAME, lambda: make(True), options_of(api, options))}
    return {
        NAME: _function(NAME, lambda: make(False), options_of(api, options)),
        STREAM: _function(STREAM, lambda: make(True), options_of(streams, options)),
    }


def _function(name: str, make: Callable[[], Any], options: FunctionOptions) -> Callable[[Any], Any]:
    if os.environ.get("FUNCTION_TARGET") == name:
        from functions_framework import aio  # pyright: ignore[reportMissingTypeStubs]

        function = cast(Any, aio).http(_serving(name, make()))
    else:
        function = _elsewhere(name)
    function.__dict__["__firebase_endpoint__"] = options.endpoint(name, https={})
    return function


def options_of(api: Api | Streams, options: FunctionOptions) -> FunctionOptions:
    """How the function runs: as the app's others, where the API says nothing else."""
    names = ("concurrency", "memory", "cpu", "min_instances", "max_instances")
    own = {name: value for name in names if (value := getattr(api, name)) is not None}
    return replace(options, timeout_sec=api.timeout_sec, **own)


def _serving(name: str, application: Any) -> Callable[[Any], Any]:
    # For an ASGI function, functions-framework configures logging when the module is loaded, not
    # before, and that disables all loggers that there are: those of this library and of the app.
    enabled = [
        logger
        for logger in logging.root.manager.loggerDict.values()
        if isinstance(logger, logging.Logger) and not logger.disabled
    ]

    async def serve(request: Any) -> Any:
        while enabled:
            enabled.pop().disabled = False
        # Starlette calls what a handler returns as an ASGI application.
        return application

    serve.__name__ = serve.__qualname__ = name  # by which it is registered
    return serve


def _elsewhere(name: str) -> Callable[[Any], Any]:
    def refuse(request: Any) -> Any:
        raise RuntimeError(f"{name} is served by the process whose FUNCTION_TARGET is {name}")

    refuse.__name__ = refuse.__qualname__ = name
    return refuse

"""`onto_api`: the function that serves an app's API.

The platform starts a process for each function and names it in `FUNCTION_TARGET`. Only the process
of this function loads a web framework; in all others, and when the functions are listed for a
deploy, it is a name with its options.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from onto_fn.functions.endpoints import FunctionOptions

if TYPE_CHECKING:
    from onto_fn.api import Api

NAME = "onto_api"


def api_function(
    make: Callable[[], Any], api: Api, options: FunctionOptions
) -> Callable[[Any], Any]:
    """The function, ready to be exported.

    Args:
        make: makes the ASGI application.
        api: what is declared.
        options: of the app's functions.
    """
    if os.environ.get("FUNCTION_TARGET") == NAME:
        from functions_framework import aio  # pyright: ignore[reportMissingTypeStubs]

        function = cast(Any, aio).http(_serving(make()))
    else:
        function = _elsewhere()
    function.__dict__["__firebase_endpoint__"] = options_of(api, options).endpoint(NAME, https={})
    return function


def options_of(api: Api, options: FunctionOptions) -> FunctionOptions:
    """How the function runs: as the app's others, where the API says nothing else."""
    names = ("concurrency", "memory", "cpu", "min_instances", "max_instances")
    own = {name: value for name in names if (value := getattr(api, name)) is not None}
    return replace(options, timeout_sec=api.timeout_sec, **own)


def _serving(application: Any) -> Callable[[Any], Any]:
    # For an ASGI function, functions-framework configures logging when the module is loaded, not
    # before, and that disables all loggers that there are: those of this library and of the app.
    enabled = [
        logger
        for logger in logging.root.manager.loggerDict.values()
        if isinstance(logger, logging.Logger) and not logger.disabled
    ]

    async def onto_api(request: Any) -> Any:
        while enabled:
            enabled.pop().disabled = False
        # Starlette calls what a handler returns as an ASGI application.
        return application

    return onto_api


def _elsewhere() -> Callable[[Any], Any]:
    def onto_api(request: Any) -> Any:
        raise RuntimeError(f"{NAME} is served by the process whose FUNCTION_TARGET is {NAME}")

    return onto_api

"""A hand-written function that serves documents: Starlette, and Google's asynchronous client."""

import asyncio

import firebase_admin
import functions_framework.aio
from firebase_admin import auth
from google.cloud.firestore import AsyncClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

firebase_admin.initialize_app()
_clients: list[AsyncClient] = []


def _client() -> AsyncClient:
    if not _clients:  # with the first request, in its event loop
        _clients.append(AsyncClient())
    return _clients[0]


async def _answer(request: Request, path: str) -> Response:
    document = await _client().document(path).get()
    if not document.exists:
        return JSONResponse({"error": "not found"}, 404)
    tag = f'"{document.update_time.timestamp():.6f}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return JSONResponse(document.to_dict(), headers=headers)


async def board(request: Request) -> Response:
    return await _answer(request, f"boards/{request.path_params['board_id']}")


async def page(request: Request) -> Response:
    user = request.path_params["user_id"]
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        claims = await asyncio.to_thread(auth.verify_id_token, token)
    except Exception:
        return JSONResponse({"error": "sign in"}, 401)
    if claims["uid"] != user:
        return JSONResponse({"error": "not yours"}, 403)
    return await _answer(request, f"users/{user}/pages/page")


_app = Starlette(
    routes=[Route("/boards/{board_id}", board), Route("/users/{user_id}/pages/page", page)]
)


@functions_framework.aio.http
async def onto_api(request: Request) -> Starlette:
    return _app

"""The application: routes, guard, page. `onlooker serve` runs it; so may any ASGI server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from onlooker.config import Settings
from onlooker.server import refusals
from onlooker.server.auth import Tokens
from onlooker.server.chat import chat_router
from onlooker.server.guard import Guard
from onlooker.server.hub import Hub
from onlooker.server.metrics import Metrics
from onlooker.server.realtime import realtime_router
from onlooker.server.rest_look import look_router
from onlooker.server.rest_recordings import recordings_router
from onlooker.server.rest_server import server_router
from onlooker.server.rest_sessions import sessions_router
from onlooker.server.rtc import calls_router

STATIC = Path(__file__).parent / "static"
NO_PAGE = (
    "The page is not built. From a source tree: `make web`; from a package index: install a wheel, "
    "which carries it. The APIs work without it: see /openapi.json.\n"
)


def create_app(
    settings: Settings,
    tokens: Tokens,
    *,
    hosts: Collection[str] = (),
    static: Path = STATIC,
    hub: Hub | None = None,
) -> FastAPI:
    """Build the application; it opens nothing before it is started.

    Args:
        settings: the one tree.
        tokens: who may come in; without any, everybody who reaches us.
        hosts: names under which we are called, besides localhost and addresses.
        static: the built page.
        hub: for tests: one that knows its own name service.

    `app.state.hub` and `app.state.metrics` are there from the beginning.
    """
    hub = hub or Hub(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with hub.running():
            yield

    app = FastAPI(
        title="Onlooker",
        version=version("onlooker"),
        summary="An always-present video assistant: sessions, events, and the released chat API.",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        responses={400: {"description": "what is wrong, in a sentence"}},
    )
    metrics = Metrics(hub)
    app.state.hub, app.state.metrics = hub, metrics
    refusals.install(app)
    for router in (
        chat_router(hub),
        realtime_router(hub),
        calls_router(hub, tokens),
        sessions_router(hub),
        look_router(hub),
        server_router(hub, metrics),
        recordings_router(hub),
    ):
        app.include_router(router)
    _serve_page(app, static)
    if settings.server.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.server.origins),
            allow_methods=["*"],
            allow_headers=["*"],
        )
    app.add_middleware(_Counted, metrics=metrics)
    app.add_middleware(Guard, tokens=tokens, settings=settings.server, hosts=hosts)
    return app


class _Counted:
    """Lets the guard, which is outside of everything, count what the routes answered."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope.setdefault("state", {})["metrics"] = self._metrics
        await self._app(scope, receive, send)


def _serve_page(app: FastAPI, static: Path) -> None:
    index = static / "index.html"

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        if not index.is_file():
            return PlainTextResponse(NO_PAGE, 503)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    app.mount("/", StaticFiles(directory=static, check_dir=False), name="page")

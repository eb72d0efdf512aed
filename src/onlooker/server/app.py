"""The application: routes, guard, page. `onlooker serve` runs it; so may any ASGI server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import FileResponse, PlainTextResponse, Response
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from onlooker.config import ServerSettings, Settings
from onlooker.core.errors import BadSettings
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

if TYPE_CHECKING:  # an extra
    from onlooker.server.telemetry import Telemetry

STATIC = Path(__file__).parent / "static"
OTEL_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
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
    telemetry: Telemetry | None = None,
) -> FastAPI:
    """Build the application; it opens nothing before it is started.

    Args:
        settings: the one tree.
        tokens: who may come in; without any, everybody who reaches us.
        hosts: names under which we are called, besides localhost and addresses.
        static: the built page.
        hub: for tests: one that knows its own name service.
        telemetry: for tests: one whose spans stay here; otherwise as the settings say.

    Raises:
        BadSettings: telemetry is asked for, and cannot be had.

    `app.state.hub` and `app.state.metrics` are there from the beginning.
    """
    hub = hub or Hub(settings)
    telemetry = telemetry or telemetry_of(settings.server)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if telemetry:
                stack.push_async_callback(telemetry.close)  # after the last session
            await stack.enter_async_context(hub.running())
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
    if telemetry:
        from onlooker.server.telemetry import Traced

        hub.watchers.append(telemetry.tell_event)
        app.add_middleware(Traced, telemetry=telemetry)
    app.add_middleware(Guard, tokens=tokens, settings=settings.server, hosts=hosts)
    return app


def telemetry_of(settings: ServerSettings) -> Telemetry | None:
    """Build what sends traces, if anybody wants them: the setting, or OpenTelemetry's own.

    Raises:
        BadSettings: it is not installed, or cannot speak as it should.
    """
    wanted = settings.telemetry
    if wanted is None:
        wanted = any(os.environ.get(name) for name in OTEL_ENDPOINTS)
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not wanted or is_off or os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return None
    spoken = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get(
        "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"
    )
    if spoken != "http/protobuf":
        raise BadSettings(
            f"OTEL_EXPORTER_OTLP_PROTOCOL={spoken}: traces are sent as http/protobuf alone; "
            f"name that and the collector's HTTP port, or set server.telemetry to false"
        )
    try:
        from onlooker.server.telemetry import Telemetry
    except ModuleNotFoundError as error:
        raise BadSettings(
            f"traces are asked for, by server.telemetry or OTEL_EXPORTER_OTLP_ENDPOINT, but "
            f"{error.name} is not installed: pip install 'onlooker[telemetry]', or set "
            f"server.telemetry to false"
        ) from None
    return Telemetry()


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

    if static.is_dir():
        app.mount("/", StaticFiles(directory=static), name="page")

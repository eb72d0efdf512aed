"""A whole server on loopback, and an HTTP client to it."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import uvicorn

from onlooker.config import Settings
from onlooker.plugins.source.reach import Resolve
from onlooker.server.app import STATIC, create_app
from onlooker.server.auth import Role, Tokens
from onlooker.server.hub import Hub
from onlooker.testing.serving import jpeg, serving_tree

if TYPE_CHECKING:  # an extra
    from onlooker.server.telemetry import Telemetry

MODEL = "tests.server.models:Echoing"
ADMIN, OPERATOR, OTHER = "admin-token-0000000", "operator-token-0000", "another-token-00000"
VIEWER = "viewer-token-000000"
ROLES: dict[str, Role] = {ADMIN: "admin", OPERATOR: "operator", OTHER: "operator", VIEWER: "viewer"}


@dataclass(frozen=True)
class Served:
    """A running server."""

    hub: Hub
    url: str
    http: httpx.AsyncClient  # with the operator's token

    def by(self, token: str, **headers: str) -> dict[str, str]:
        """Headers of another visitor."""
        return {"Authorization": f"Bearer {token}", **headers}


def settings_of(
    folder: Path, model: str = MODEL, more: dict[str, Any] | None = None, **server: Any
) -> Settings:
    tree: dict[str, Any] = serving_tree(folder, model, **server)
    return Settings.model_validate({**tree, "live": {"period_s": 0.05}, **(more or {})})


@asynccontextmanager
async def serving(
    settings: Settings,
    roles: dict[str, Role] | None = None,
    *,
    static: Path | None = None,
    resolve: Resolve | None = None,
    telemetry: Telemetry | None = None,
) -> AsyncIterator[Served]:
    hub = Hub(settings, resolve) if resolve else Hub(settings)
    tokens = Tokens.of(ROLES if roles is None else roles)
    app = create_app(settings, tokens, hub=hub, static=static or STATIC, telemetry=telemetry)
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="on")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.005)
            assert not running.done()
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        headers = {"Authorization": f"Bearer {OPERATOR}"}
        try:
            async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as http:
                yield Served(hub, url, http)
        finally:
            server.should_exit = True


def data_url(image: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(image).decode()}"


def chat(text: str = "", *levels: int, **more: Any) -> dict[str, Any]:
    """Write a chat request with a picture for each grey level."""
    content: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": data_url(jpeg(level))}} for level in levels
    ]
    if text:
        content.append({"type": "text", "text": text})
    return {"model": "any", "messages": [{"role": "user", "content": content}], **more}


def session(name: str) -> dict[str, str]:
    return {"x-streaming-session": name}

"""Running the server: address, tokens, certificate, and a smoke test of itself."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import httpx
import uvicorn
from PIL import Image

from onlooker.config import Settings
from onlooker.core.errors import BadSettings, OnlookerError
from onlooker.server.app import create_app
from onlooker.server.auth import Role, Tokens, new_token, tokens_from_environment
from onlooker.server.realtime import MAX_MESSAGE_BYTES
from onlooker.server.tls import certificate_for, names_of

GRACE_S = 3  # for answers that are on their way when we stop
SMOKE_TIMEOUT_S = 60.0


class SmokeFailed(OnlookerError):
    """The server does not do what it should, on this machine and with these settings."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where we listen, and as whom."""

    host: str
    port: int
    is_open: bool = False  # without tokens
    token: str | None = None  # given; otherwise from the environment, or made
    tls: bool = False
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that is ready to run, and what its owner must know."""

    server: uvicorn.Server
    url: str
    token: str | None  # one that was made, to be shown once
    fingerprint_of: Path | None  # a certificate that was made


def prepare(settings: Settings, address: Address) -> Ready:
    """Build the server.

    Raises:
        BadSettings: what is asked for is not safe, or not possible.
    """
    if address.is_open and not address.is_loopback:
        raise BadSettings(
            f"--no-auth on {address.host} would let everybody in who reaches it: leave it out, "
            f"or listen on 127.0.0.1"
        )
    roles, made = _roles(address)
    certificate, key = address.certificate, address.key
    if (certificate is None) != (key is None):
        raise BadSettings("a certificate needs its key: give --tls-cert and --tls-key")
    was_made = address.tls and certificate is None
    if was_made:
        certificate, key = certificate_for(address.host, settings.server.folder / "tls")
    hosts = names_of(address.host)
    app = create_app(settings, Tokens.of(roles), hosts=hosts)
    config = uvicorn.Config(
        app,
        host=address.host,
        port=address.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws_max_size=MAX_MESSAGE_BYTES,
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    scheme = "https" if certificate else "http"
    shown = "127.0.0.1" if address.host in ("0.0.0.0", "::", "") else address.host  # noqa: S104
    shown = f"[{shown}]" if ":" in shown else shown
    return Ready(
        uvicorn.Server(config),
        f"{scheme}://{shown}:{address.port}",
        made,
        certificate if was_made else None,
    )


def refuse_taken(address: Address) -> None:
    """Say so before anything is loaded, if the port is taken.

    Raises:
        BadSettings: it is.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise BadSettings(
                f"cannot listen on {address.host}:{address.port}: {error.strerror or error}; "
                f"choose another --port"
            ) from error


async def smoke(settings: Settings) -> list[str]:
    """Start on a free port, ask ourselves what clients will ask, and stop.

    Returns:
        A line for each thing that works.

    Raises:
        SmokeFailed: the first that does not.
    """
    token = new_token()
    ready = prepare(settings, Address("127.0.0.1", 0, token=token))
    server, found, trouble = ready.server, list[str](), None
    async with asyncio.TaskGroup() as tasks, asyncio.timeout(SMOKE_TIMEOUT_S):
        running = tasks.create_task(server.serve())
        while not server.started and not running.done():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        if not server.started:
            raise SmokeFailed("the server did not start: see above")
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}", timeout=SMOKE_TIMEOUT_S, trust_env=False
            ) as http:
                found = await _probe(http, {"Authorization": f"Bearer {token}"})
        except SmokeFailed as error:
            trouble = error
        finally:
            server.should_exit = True
    if trouble:
        raise trouble  # outside of the group, which would wrap it
    return found


async def _probe(http: httpx.AsyncClient, token: dict[str, str]) -> list[str]:
    done = []
    health = await http.get("/health")
    _expect(health.status_code == 200, "/health", health)
    done.append(f"answers, with the model {health.json()['model']!r}")
    refused = await http.get("/v1/sessions")
    _expect(refused.status_code == 401, "/v1/sessions without a token", refused)
    done.append("refuses who has no token")
    status = await http.get("/v1/status", headers=token)
    _expect(status.status_code == 200, "/v1/status", status)
    if not status.json()["ready"]:
        raise SmokeFailed(f"the model does not decide: {status.json()['why']}")
    done.append("the model decides")
    file = BytesIO()
    Image.new("RGB", (64, 48), (128, 128, 128)).save(file, "JPEG")
    url = f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}]
    body = {"messages": [{"role": "user", "content": content}]}
    chat = await http.post("/v1/chat/completions", json=body, headers=token)
    _expect(chat.status_code == 200, "/v1/chat/completions", chat)
    done.append(f"a frame comes to {chat.json()['interaction']['action']!r}")
    page = await http.get("/")
    done.append("the page is there" if page.status_code == 200 else "no page is built: make web")
    return done


def _expect(holds: bool, what: str, response: httpx.Response) -> None:
    if not holds:
        raise SmokeFailed(f"{what} answered {response.status_code}: {response.text[:200]}")


def _roles(address: Address) -> tuple[dict[str, Role], str | None]:
    """Gather the tokens; without any, make one for the owner, who must see it."""
    if address.is_open:
        return {}, None
    roles = tokens_from_environment()
    if address.token:
        roles[address.token] = "admin"
    if "admin" in roles.values():
        return roles, None
    made = new_token()
    return {**roles, made: "admin"}, made

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from onlooker.core.errors import BadSettings
from onlooker.server.auth import Unauthorised
from onlooker.server.run import Address, SmokeFailed, prepare, refuse_taken, smoke
from onlooker.server.tls import certificate_for, fingerprint, names_of
from tests.server.over_http import ADMIN, settings_of


@pytest.fixture(autouse=True)
def _no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ONLOOKER_TOKEN", "ONLOOKER_OPERATOR_TOKEN", "ONLOOKER_VIEWER_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def test_a_token_is_made_when_none_is_given(tmp_path: Path) -> None:
    ready = prepare(settings_of(tmp_path), Address("127.0.0.1", 8090))
    assert ready.token is not None
    assert len(ready.token) >= 40
    assert ready.url == "http://127.0.0.1:8090"
    given = prepare(settings_of(tmp_path), Address("127.0.0.1", 8090, token=ADMIN))
    assert given.token is None
    with pytest.raises(Unauthorised, match="can be guessed"):
        prepare(settings_of(tmp_path), Address("127.0.0.1", 8090, token="short"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])  # noqa: S104
def test_an_open_server_stays_on_loopback(host: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="--no-auth"):
        prepare(settings_of(tmp_path), Address(host, 8090, is_open=True))
    assert prepare(settings_of(tmp_path), Address("::1", 8090, is_open=True)).token is None


def test_a_certificate_is_made_for_this_host_and_kept(tmp_path: Path) -> None:
    certificate, key = certificate_for("192.168.1.5", tmp_path)
    assert key.stat().st_mode & 0o077 == 0
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    first = fingerprint(certificate)
    assert fingerprint(certificate_for("192.168.1.5", tmp_path)[0]) == first
    assert fingerprint(certificate_for("door.local", tmp_path)[0]) != first
    assert "192.168.1.5" in names_of("192.168.1.5")
    assert "192.168.1.5" not in names_of("door.local")
    settings = settings_of(tmp_path)
    ready = prepare(settings, Address("192.168.1.5", 8090, tls=True))
    assert ready.url == "https://192.168.1.5:8090"
    with pytest.raises(BadSettings, match="needs its key"):
        prepare(settings, Address("127.0.0.1", 8090, tls=True, certificate=certificate))


def test_a_taken_port_is_said_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSettings, match=f"127.0.0.1:{port}.*another --port"):
            refuse_taken(Address("127.0.0.1", port))


async def test_the_smoke_test_passes_and_fails_with_the_model(tmp_path: Path) -> None:
    lines = await smoke(settings_of(tmp_path))
    assert "the model decides" in lines
    assert "refuses who has no token" in lines
    with pytest.raises(SmokeFailed, match="cannot be reached"):
        await smoke(settings_of(tmp_path, "tests.server.models:Down"))

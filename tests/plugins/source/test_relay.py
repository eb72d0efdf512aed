"""RTSP cameras that visitors name: one host, which was checked, whatever the camera says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.clock import WallClock
from onlooker.plugins.source.network import NetworkSource
from onlooker.plugins.source.reach import Reach
from onlooker.plugins.source.relay import leads_elsewhere
from onlooker.server.tls import certificate_for
from onlooker.testing.rtsp import RtspCamera
from tests.plugins.source.watching import Pixels, Tapped, watch

SCENE = (
    np.random.default_rng(0).integers(40, 220, (12, 16, 3), np.uint8).repeat(10, 0).repeat(10, 1)
)


def moving(index: int) -> Pixels:
    return np.roll(SCENE, 8 * index, axis=1)


def names(**known: str) -> Callable[[str, int], tuple[str, ...]]:
    def resolve(host: str, _port: int) -> tuple[str, ...]:
        if host[0].isdigit():
            return (host,)
        return tuple(known.get(host.removesuffix(".example"), "").split())

    return resolve


CAM = Reach(("cam.example",), names(cam="127.0.0.1", other="127.0.0.1"))


def named(url: str, host: str = "cam.example") -> str:
    return url.replace("127.0.0.1", host)


async def seen_of(url: str, within: Reach, *, max_ticks: int = 2) -> tuple[Tapped, str]:
    settings = {"sample_hz": 10, "retry_first_s": 0.1, "connect_timeout_s": 2.0}
    source = NetworkSource(url, NetworkSource.Settings.model_validate(settings))
    source.reach = within
    tapped, _ = await watch(source, WallClock(), max_ticks=max_ticks)
    return tapped, source.trouble


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[str]:
    """A camera that gives one answer to whatever it is asked."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(4096):
                writer.write(answer)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"rtsp://127.0.0.1:{server.sockets[0].getsockname()[1]}/live"


async def test_a_camera_is_watched_by_its_name() -> None:
    async with RtspCamera(moving) as camera:
        tapped, trouble = await seen_of(named(camera.url), CAM)
    assert len(tapped.pictures) > 5
    assert trouble == ""


@pytest.mark.parametrize(
    "begin",
    [
        b"RTSP/1.0 302 Moved\r\n",
        b"RT\rSP/1.0 302 Moved\r\n",  # FFmpeg passes over what it does not expect
        b"RTSP/1.0 0302 Moved\r\n",
        b"RTSP/1.1   302 Moved\r\n",
        b"\r\nRTSP/1.0\t399 Moved\r\n",
        b"$\x00\x00\x01xRTSP/1.0 301 Moved\r\n",
    ],
)
async def test_a_redirection_is_not_followed(begin: bytes) -> None:
    async with RtspCamera(moving) as inside:
        head = f"CSeq: 1\r\nLocation: {inside.url}\r\n\r\n".encode()
        async with saying(begin + head) as camera:
            tapped, trouble = await seen_of(named(camera), CAM)
        assert inside.num_connected == 0
    assert tapped.pictures == []
    assert "redirects to another address, which is refused" in trouble


async def test_without_the_relay_it_would_be_followed() -> None:
    """The threat is real: this is what FFmpeg does, for an owner who typed the address."""
    async with RtspCamera(moving) as inside:
        answer = f"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: {inside.url}\r\n\r\n".encode()
        async with saying(answer) as camera:
            await seen_of(camera, Reach())
        assert inside.num_connected > 0


async def test_a_name_that_leads_inside_when_it_is_opened_is_refused() -> None:
    async with RtspCamera(moving) as inside:
        within = Reach((), names(cam="127.0.0.1"))
        tapped, trouble = await seen_of(named(inside.url), within)
        assert inside.num_connected == 0
    assert tapped.pictures == []
    assert "127.0.0.1, which is not public and not allowed" in trouble


async def test_a_certificate_is_checked_against_the_cameras_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certificate_for("cam.example", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    within = Reach(("cam.example", "other.example"), CAM.resolve)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with RtspCamera(moving, tls=context) as camera:
        tapped, trouble = await seen_of(named(camera.url), within)
        assert len(tapped.pictures) > 5
        assert trouble == ""
        tapped, trouble = await seen_of(named(camera.url, "other.example"), within)
        assert tapped.pictures == []
        assert "no secure connection" in trouble


@pytest.mark.parametrize(
    "answer",
    [
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
        b"RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\nRTSP/1.0 200 OK\r\n\r\n",
        b"OPTIONS rtsp://127.0.0.1/ RTSP/1.0\nCSeq: 1\n\n",
        b"$\x00\x00\x04RTSP",
    ],
)
def test_what_cameras_say_passes_piece_by_piece(answer: bytes) -> None:
    assert not any(leads_elsewhere(answer[:end]) for end in range(len(answer) + 1))


@given(st.integers(300, 399), st.binary(max_size=20), st.integers(1, 9))
def test_no_redirection_is_through_before_it_is_known(
    status: int, before: bytes, size: int
) -> None:
    """In whatever pieces it comes: what was passed on never holds the first digit."""
    whole = before + f"RTSP/1.0 {status} Moved\r\n".encode()
    digit = len(before) + len(b"RTSP/1.0 ")
    passed = 0
    while passed < len(whole) and not leads_elsewhere(whole[: passed + size]):
        passed += size
    assert passed <= digit

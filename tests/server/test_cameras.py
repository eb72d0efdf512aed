from __future__ import annotations

from contextlib import aclosing
from pathlib import Path

import pytest

from onlooker.core.errors import SourceRefused
from onlooker.core.event import StreamHealth
from onlooker.plugins.source.network import NetworkSource
from onlooker.plugins.source.reach import Reach
from onlooker.server.cameras import check, source_of
from onlooker.server.log import Logged
from tests.plugins.source.answering import answering, redirect
from tests.server.over_http import serving, settings_of

PUBLIC = "93.184.216.34"


def names(host: str, _port: int) -> tuple[str, ...]:
    known = {
        "cam.example": (PUBLIC,),
        "inside.example": ("10.0.0.7",),
        "both.example": (PUBLIC, "127.0.0.1"),
        "mapped.example": ("::ffff:169.254.169.254",),
        "door.local": ("192.168.1.20",),
        "six.example": ("2606:2800:220:1::1",),
    }
    return known.get(host, (host,) if host[0].isdigit() or ":" in host else ())


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8090/v1/sessions",
        "http://[::1]/",
        "http://0.0.0.0/",
        "rtsp://10.1.2.3/1",
        "rtsp://192.168.1.20/1",
        "http://169.254.169.254/latest/meta-data",
        "rtsp://inside.example/1",
        "https://both.example/a.m3u8",  # one good address does not excuse the other
        "http://mapped.example/",
        "http://[fe80::1]/",
        "http://224.0.0.1/",
    ],
)
async def test_an_address_that_leads_inside_is_refused(address: str) -> None:
    with pytest.raises(SourceRefused, match=r"not public and not allowed.*server\.cameras"):
        await check(address, Reach((), names))


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("rtsp://nowhere.example/1", "no such host"),
        ("rtsp:///1", "names no host"),
        ("rtsp://cam.example:99999/1", "no address of a camera"),
    ],
)
async def test_an_address_that_leads_nowhere_is_refused(address: str, why: str) -> None:
    with pytest.raises(SourceRefused, match=why):
        await check(address, Reach((), names))


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("rtsp://u:p@cam.example:8554/1?a=b", ()),
        ("https://six.example/x", ()),
        ("rtsp://door.local/1", ("door.local",)),
        ("rtsp://door.local/1", ("192.168.1.0/24",)),
    ],
)
async def test_public_hosts_and_those_that_the_owner_allows_may_be_watched(
    address: str, allowed: tuple[str, ...]
) -> None:
    await check(address, Reach(allowed, names))


async def test_another_network_than_the_allowed_one_may_not() -> None:
    with pytest.raises(SourceRefused):
        await check("rtsp://door.local/1", Reach(("192.168.2.0/24",), names))


@pytest.mark.parametrize(
    "address", ["/etc/passwd", "file:///etc/passwd", "images:/etc", "/dev/video0", "screen:", "x:1"]
)
async def test_visitors_may_name_no_file_and_no_device(address: str, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match=r"server\.schemes"):
        await source_of(settings_of(tmp_path), address, names)


async def test_an_address_of_many_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="no address of a camera"):
        await source_of(settings_of(tmp_path), "rtsp://cam.example/\r\nX: y", names)


@pytest.mark.parametrize("address", ["https://cam.example/live.m3u8", "rtsps://cam.example/1"])
async def test_a_source_is_told_where_it_may_lead(address: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, cameras=("door.local",))
    source = await source_of(settings, address, names)
    assert isinstance(source, NetworkSource)
    assert source.reach == Reach(("door.local",), names)


async def test_a_camera_that_redirects_inside_is_lost_and_says_why(tmp_path: Path) -> None:
    """The whole way: a camera that a visitor may watch sends us to the metadata service."""
    with answering() as camera:
        camera.pages = {"/video": redirect("http://169.254.169.254/latest/meta-data")}
        settings = settings_of(tmp_path, cameras=("127.0.0.1",))
        async with serving(settings, resolve=names) as served:
            opened = await served.http.post("/v1/sessions", json={"name": "yard"})
            session = opened.json()["id"]
            address = {"stream": "cam", "address": camera.url("/video")}
            added = await served.http.post(f"/v1/sessions/{session}/streams", json=address)
            assert added.status_code == 201, added.text
            held = next(iter(served.hub.sessions()))
            async with aclosing(held.subscribe(0)) as entries:
                events = (entry.event async for entry in entries if isinstance(entry, Logged))
                health = await anext(
                    seen async for seen in events if isinstance(seen, StreamHealth)
                )
            assert health.state == "lost"
            assert "169.254.169.254, which is not public and not allowed" in health.detail

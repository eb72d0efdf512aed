"""What comes over HTTP leads nowhere that it must not, and is read as well as FFmpeg would."""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import httpx
import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from onlooker.core.clock import WallClock
from onlooker.core.errors import SourceFailed, SourceRefused
from onlooker.plugins.source.network import NetworkSource
from onlooker.plugins.source.reach import Reach
from onlooker.plugins.source.web import Patience, Web
from onlooker.server.tls import certificate_for
from onlooker.testing.render import render
from tests.plugins.source.answering import Answer, WebServer, answering, redirect
from tests.plugins.source.watching import Pixels, failure_of, watch

METADATA = "http://169.254.169.254/latest/meta-data"
SCENE = (
    np.random.default_rng(0).integers(40, 220, (12, 16, 3), np.uint8).repeat(10, 0).repeat(10, 1)
)


class Names:
    """A name service: gives its answers in turn, the last one for ever."""

    def __init__(self, **answers: str) -> None:
        self.answers = {f"{name}.example": given.split() for name, given in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> tuple[str, ...]:
        self.asked.append(host)
        left = self.answers.get(host)
        if left is None:
            return (host,) if host[0].isdigit() else ()
        return (left.pop(0) if len(left) > 1 else left[0],)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with answering() as served:
        yield served


def reach(*, at: str = "127.0.0.1") -> Reach:
    """Only cam.example, which is this machine, is the visitor's to watch."""
    return Reach(("cam.example",), Names(cam=at, other="127.0.0.1", inside="10.0.0.7"))


def opened(url: str, within: Reach | None = None, *, verify_tls: bool = True) -> bytes:
    """Read all that an address says."""
    web = Web(within or reach(), Patience(2.0, 2.0, verify_tls))
    try:
        body = web.open(url)
        return b"".join(iter(lambda: body.read(4096), b""))
    finally:
        web.close()


def moving(index: int) -> Pixels:
    return np.roll(SCENE, 8 * index, axis=1)


def clip(folder: Path, suffix: str, num: int = 10, first: int = 0) -> bytes:
    pictures = [moving(first + index) for index in range(num)]
    times = [(first + index) / 10 for index in range(num)]
    return render(folder / f"clip{first}.{suffix}", pictures, rate_hz=times).read_bytes()


def playlist(*parts: str, key: str = "") -> Answer:
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0"]
    lines += [f'#EXT-X-KEY:METHOD=AES-128,URI="{key}"'] if key else []
    for part in parts:
        lines += ["#EXTINF:1.0,", part]
    return Answer("\n".join([*lines, "#EXT-X-ENDLIST"]).encode())


def source(url: str, within: Reach | None = None, **settings: object) -> NetworkSource:
    given = {"sample_hz": 10, "retry_first_s": 0.1, "connect_timeout_s": 2.0} | settings
    made = NetworkSource(url, NetworkSource.Settings.model_validate(given))
    made.reach = within or reach()
    return made


# Where it must not lead.


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (METADATA, "169.254.169.254.*not public and not allowed"),
        ("http://127.0.0.1:{port}/secret", "127.0.0.1.*not public and not allowed"),
        ("http://[::1]:{port}/secret", "no address|not public"),
        ("//inside.example/secret", "10.0.0.7.*not public and not allowed"),
        ("//other.example:{port}/secret", "127.0.0.1.*not public and not allowed"),
        ("file:///etc/passwd", "leads to file:"),
        ("rtsp://cam.example/1", "leads to rtsp:"),
        ("/again", "redirects more than"),
    ],
)
def test_a_redirection_leads_nowhere_that_the_address_itself_may_not(
    server: WebServer, to: str, why: str
) -> None:
    server.pages = {
        "/video": redirect(to.format(port=server.port)),
        "/again": redirect("/again"),
        "/secret": Answer(b"what nobody may see"),
    }
    with pytest.raises(SourceFailed, match=why):
        opened(server.url("/video", "cam.example"))
    assert "/secret" not in [path for path, _ in server.asked]


def test_the_last_of_many_redirections_is_checked_as_the_first(server: WebServer) -> None:
    server.pages = {"/1": redirect("/2"), "/2": redirect("/3"), "/3": redirect(METADATA)}
    with pytest.raises(SourceFailed, match="not public and not allowed"):
        opened(server.url("/1", "cam.example"))
    server.pages["/3"] = Answer(b"a picture")
    assert opened(server.url("/1", "cam.example")) == b"a picture"


def test_a_redirection_without_end_is_not_read(server: WebServer) -> None:
    server.pages = {
        "/video": Answer(b"x" * 65_536, 302, {"Location": "/there"}, is_endless=True),
        "/there": Answer(b"a picture"),
    }
    assert opened(server.url("/video", "cam.example")) == b"a picture"


def test_a_name_that_changes_between_check_and_use_leads_nowhere(server: WebServer) -> None:
    names = Names(cam="93.184.216.34 127.0.0.1")
    within = Reach((), names)
    assert [str(found) for found in within.addresses_of("cam.example", 80)] == ["93.184.216.34"]
    with pytest.raises(SourceFailed, match=r"127\.0\.0\.1.*not public and not allowed"):
        opened(server.url("/video", "cam.example"), within)
    assert server.asked == []


def test_what_is_connected_to_is_what_was_checked_and_no_name_is_looked_up_twice(
    server: WebServer,
) -> None:
    names = Names(cam="127.0.0.1 10.0.0.7")
    server.pages = {"/video": Answer(b"a picture")}
    url = server.url("/video", "cam.example")
    assert opened(url, Reach(("127.0.0.0/8",), names)) == b"a picture"
    assert names.asked == ["cam.example"]
    ((_, headers),) = server.asked
    assert headers["Host"] == f"cam.example:{server.port}"  # as the camera calls itself


@pytest.mark.parametrize("hidden", ["::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"])
def test_an_address_in_another_ones_clothes_is_known(hidden: str) -> None:
    with pytest.raises(SourceRefused, match="not public and not allowed"):
        Reach((), lambda *_: (hidden,)).addresses_of("cam.example", 80)


async def test_a_playlist_names_no_file_and_no_host_inside(
    server: WebServer, tmp_path: Path
) -> None:
    url = server.url("/live.m3u8", "cam.example")
    server.pages = {"/part.ts": Answer(clip(tmp_path, "ts")), "/secret.ts": Answer(b"secret")}
    for part, why in (
        ("http://169.254.169.254/latest/meta-data.ts", "169.254.169.254.*not public"),
        (server.url("/secret.ts", "127.0.0.1"), "127.0.0.1.*not public"),
        (server.url("/secret.ts", "other.example"), "127.0.0.1.*not public"),
    ):
        server.pages["/live.m3u8"] = playlist("part.ts", part)
        refused = source(url)
        tapped, _ = await watch(refused, WallClock(), max_ticks=2)
        assert len(tapped.pictures) <= 10
        assert re.search(why, refused.trouble)
    secret = tmp_path / "secret.ts"
    secret.write_bytes(clip(tmp_path, "ts", first=10))
    server.pages["/live.m3u8"] = playlist(f"file://{secret}")
    tapped, _ = await watch(source(url), WallClock(), max_ticks=2)
    assert tapped.pictures == []
    assert "/secret.ts" not in [path for path, _ in server.asked]


async def test_a_segment_that_redirects_inside_is_refused(
    server: WebServer, tmp_path: Path
) -> None:
    server.pages = {
        "/live.m3u8": playlist("part.ts", "moved.ts"),
        "/part.ts": Answer(clip(tmp_path, "ts")),
        "/moved.ts": redirect(METADATA),
    }
    refused = source(server.url("/live.m3u8", "cam.example"))
    await watch(refused, WallClock(), max_ticks=2)
    assert "169.254.169.254, which is not public" in refused.trouble


@pytest.mark.parametrize(
    "text",
    [
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        b"a=rtpmap:96 H264/90000\n",
        b"[playlist]\nFile1=file:///etc/passwd\n",
    ],
)
async def test_ffmpeg_opens_nothing_by_itself(server: WebServer, text: bytes) -> None:
    server.pages = {"/video": Answer(text)}
    why = await failure_of(source(server.url("/video", "cam.example"), pace="file"))
    assert "/video" in why


async def test_a_playlist_without_end_is_not_kept(server: WebServer) -> None:
    server.pages = {"/live.m3u8": Answer(b"#EXTM3U\n" + b"#\n" * 30_000, is_endless=True)}
    with pytest.raises(SourceFailed, match="playlist is larger than"):
        opened(server.url("/live.m3u8", "cam.example"))


# Who answers, and who is told the password.


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate for cam.example, and what a server needs to show it."""
    certificate, key = certificate_for("cam.example", folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


async def test_the_certificates_of_segments_are_checked_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FFmpeg by itself checks the playlist's alone."""
    mine, certificate = certified(tmp_path / "mine")
    others, _ = certified(tmp_path / "others")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with answering(mine) as camera, answering(others) as other:
        other.pages = {"/part.ts": Answer(clip(tmp_path, "ts"))}
        part = other.url("/part.ts", "cam.example", "https")
        camera.pages = {"/live.m3u8": playlist(part)}
        refused = source(camera.url("/live.m3u8", "cam.example", "https"))
        tapped, _ = await watch(refused, WallClock(), max_ticks=2)
        assert camera.asked
    assert tapped.pictures == []
    assert "no secure connection" in refused.trouble


def test_a_certificate_is_checked_against_the_name_at_the_address_that_was_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = certified(tmp_path)
    within = Reach(("cam.example", "other.example"), Names(cam="127.0.0.1", other="127.0.0.1"))
    with answering(context) as served:
        served.pages = {"/video": Answer(b"a picture")}
        mine, others = (
            served.url("/video", host, "https") for host in ("cam.example", "other.example")
        )
        with pytest.raises(SourceFailed, match="no secure connection"):
            opened(mine, within)  # nobody has vouched for it
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert opened(mine, within) == b"a picture"
        with pytest.raises(SourceFailed, match="no secure connection"):
            opened(others, within)  # the same machine by another name
        assert opened(others, within, verify_tls=False) == b"a picture"


def _digest(headers: Message) -> Answer:
    if headers.get("Authorization", "").startswith("Digest ") and "ada" in headers["Authorization"]:
        return Answer(b"a picture")
    asks = 'Digest realm="cam", nonce="n", qop="auth"'
    return Answer(status=401, headers={"WWW-Authenticate": asks})


def _basic(headers: Message) -> Answer:
    if headers.get("Authorization") == f"Basic {base64.b64encode(b'ada:s3').decode()}":
        return Answer(b"a picture")
    return Answer(status=401, headers={"WWW-Authenticate": 'Basic realm="cam"'})


def test_a_password_is_given_as_it_is_asked_for_and_to_its_own_host_alone(
    server: WebServer,
) -> None:
    within = Reach(None, Names(cam="127.0.0.1", other="127.0.0.1"))
    server.pages = {
        "/digest": _digest,
        "/basic": _basic,
        "/moved": redirect(server.url("/basic", "other.example")),
    }
    named = f"http://ada:s3@cam.example:{server.port}"
    assert opened(f"{named}/digest", within) == b"a picture"
    assert opened(f"{named}/basic", within) == b"a picture"
    with pytest.raises(SourceFailed, match="401"):
        opened(f"http://ada:wrong@cam.example:{server.port}/basic", within)
    server.asked.clear()
    with pytest.raises(SourceFailed, match="401"):
        opened(f"{named}/moved", within)
    assert [headers.get("Authorization") for _, headers in server.asked] == [None, None]


@pytest.mark.parametrize(
    "answer",
    [
        *(
            Answer(status=302, headers={"Location": to})
            for to in ("http://[", "http://a:b:c/", "https://.example/", "x" * 9000, "http:///", "")
        ),
        *(
            Answer(status=401, headers={"WWW-Authenticate": f"Digest {asked}"})
            for asked in (
                "",
                'realm="x"',
                'realm="x", nonce="n", algorithm=ROT13',
                'realm="x", nonce="n", qop="auth-int"',
                'realm="x", nonce="n", opaque',
            )
        ),
        Answer(status=204),
        Answer(b"x", 206, {"Accept-Ranges": "bytes"}),
        Answer(b'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://["\n#EXTINF:1,\nhttp://[\n'),
    ],
)
async def test_whatever_a_camera_answers_is_a_sentence_and_no_bug(
    server: WebServer, answer: Answer
) -> None:
    server.pages = {"/video": answer}
    url = f"http://ada:s3@cam.example:{server.port}/video"
    why = await failure_of(source(url, pace="file"))
    assert why.startswith("http://cam.example:")
    assert "s3" not in why


# As well as FFmpeg would.


async def test_encrypted_segments_and_moved_playlists_are_read(
    server: WebServer, tmp_path: Path
) -> None:
    key = os.urandom(16)

    def encrypted(number: int) -> Answer:
        pad = PKCS7(128).padder()
        clear = pad.update(clip(tmp_path, "ts", first=10 * number)) + pad.finalize()
        cipher = Cipher(algorithms.AES(key), modes.CBC(number.to_bytes(16))).encryptor()
        return Answer(cipher.update(clear) + cipher.finalize())

    master = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100000\nlow/live.m3u8?a=b\n"
    server.pages = {
        "/live.m3u8": redirect("/here/master.m3u8"),
        "/here/master.m3u8": Answer(master),
        "/here/low/live.m3u8": redirect("/there/live.m3u8"),
        "/there/live.m3u8": playlist("0.ts", "1.ts", key="cam.key"),
        "/there/cam.key": Answer(key),
        "/there/0.ts": encrypted(0),
        "/there/1.ts": encrypted(1),
    }
    tapped, _ = await watch(source(server.url("/live.m3u8", "cam.example")), WallClock())
    assert len(tapped.pictures) == 20


async def test_a_file_is_gone_about_in_where_the_server_allows_it(
    server: WebServer, tmp_path: Path
) -> None:
    content = clip(tmp_path, "mp4", num=30)
    starts = []

    def pieces(headers: Message) -> Answer:
        start = int((headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        starts.append(start)
        return Answer(content[start:], 206 if start else 200, {"Accept-Ranges": "bytes"})

    server.pages = {"/clip.mp4": pieces}
    played = source(server.url("/clip.mp4", "cam.example"))
    tapped, _ = await watch(played)
    assert [picture.time_s for picture in tapped.pictures] == pytest.approx(
        [index / 10 for index in range(30)]
    )
    assert len(starts) > 1  # what says where all lies is at its end


def test_a_body_is_read_from_anywhere(server: WebServer) -> None:
    content = bytes(range(256)) * 4000
    server.pages = {"/whole": Answer(content)}  # it knows of no pieces
    web = Web(reach(), Patience(2.0, 2.0))
    body = web.open(server.url("/whole", "cam.example"))
    assert body.seekable()
    for place in (0, 1_000, 300_000, 17, 900_000, len(content) - 3, 2):
        body.seek(place)
        assert body.read(5) == content[place : place + 5]
    body.seek(len(content) + 10)
    assert body.read(5) == b""
    body.close()
    web.close()


def test_what_fails_says_so_once_and_names_no_address(server: WebServer) -> None:
    web = Web(reach(), Patience(2.0, 2.0))
    inside = httpx.URL(METADATA)
    with pytest.raises(SourceFailed, match="not public") as failed:
        web.open_nested(str(inside), 1, {})
    assert inside.path not in str(failed.value)
    assert web.open_nested(str(inside), 1, {}).read(10) == b""
    web.close()

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from itertools import cycle
from pathlib import Path
from threading import Thread
from time import perf_counter

import numpy as np
import pytest
from PIL import Image

from onlooker.core.clock import WallClock
from onlooker.core.event import Decided, Skipped, StreamHealth
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.source.network import NetworkSource
from onlooker.testing.doubles import ListSink, NoPictures, ScriptedModel
from onlooker.testing.render import render
from onlooker.testing.rtsp import RtspCamera
from tests.plugins.source.watching import Pixels, Tapped, failure_of, watch

QUICK = LiveSettings(period_s=0.25, lost_after_s=1.0, frozen_after_s=1.0, dark_after_s=0.5)

SCENE = (
    np.random.default_rng(0).integers(40, 220, (12, 16, 3), np.uint8).repeat(10, 0).repeat(10, 1)
)


def moving(index: int) -> Pixels:
    return np.roll(SCENE, 8 * index, axis=1)


def frozen(_: int) -> Pixels:
    return SCENE


def dark(_: int) -> Pixels:
    return np.zeros_like(SCENE)


def network_source(url: str, **settings: object) -> NetworkSource:
    given = {"sample_hz": 10, "retry_first_s": 0.1, "connect_timeout_s": 1.0} | settings
    return NetworkSource(url, NetworkSource.Settings.model_validate(given))


def states(sink: ListSink, stream: str = "cam") -> list[str]:
    return [health.state for health in sink.of(StreamHealth) if health.stream == stream]


class Watched:
    """A session over network sources, in which a test does things when events come."""

    def __init__(self, **urls: str) -> None:
        self.sink = ListSink()
        self.sources = {name: Tapped(network_source(url)) for name, url in urls.items()}
        parts = Parts(
            self.sources,
            ScriptedModel(),
            codec=NoPictures(),
            sinks={"list": self, "all": self.sink},
        )
        self.session = Session(parts, QUICK, WallClock())
        self._steps: list[tuple[str, Callable[[], object]]] = []

    def on(self, state: str, do: Callable[[], object]) -> None:
        """Do something once, at the next health event of this state; in the order given."""
        self._steps.append((state, do))

    async def accept(self, event: object) -> None:
        if isinstance(event, StreamHealth) and self._steps and event.state == self._steps[0][0]:
            _, do = self._steps.pop(0)
            done = do()
            if asyncio.iscoroutine(done):
                await done

    async def close(self) -> None:
        assert not self._steps

    async def run(self) -> None:
        async with asyncio.timeout(15):
            await self.session.run()


@pytest.fixture
def mute_port() -> Iterator[int]:
    """A port on which connections are taken and never answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


async def test_a_camera_is_watched_over_rtsp_in_time_of_arrival() -> None:
    async with RtspCamera(moving) as camera:
        watched = Watched(cam=camera.url)
        tapped = watched.sources["cam"]
        tapped.when_seen = lambda _: (
            watched.session.stop("seen") if len(tapped.pictures) == 15 else None
        )
        await watched.run()
    times = [picture.time_s for picture in tapped.pictures]
    assert times == sorted(times)
    assert tapped.pictures[0].pixels_HWC.shape == (120, 160, 3)
    # What was looked at in connecting comes at once; the rest at the camera's 10 a second.
    assert np.median(np.diff(times[5:])) == pytest.approx(0.1, abs=0.04)
    assert tapped.traits.is_live
    assert tapped.traits.is_camera


async def test_a_camera_that_freezes_or_is_covered_is_told_of_and_recovers() -> None:
    async with RtspCamera(moving) as camera:
        watched = Watched(cam=camera.url)

        def show(picture: Callable[[int], Pixels]) -> Callable[[], None]:
            return lambda: setattr(camera, "picture", picture)

        watched.on("connected", show(frozen))
        watched.on("frozen", show(moving))
        watched.on("recovered", show(dark))
        watched.on("dark", show(moving))
        watched.on("recovered", lambda: watched.session.stop("all seen"))
        await watched.run()
    assert states(watched.sink) == ["connected", "frozen", "recovered", "dark", "recovered"]


async def test_a_camera_that_goes_away_is_lost_and_recovers_by_itself() -> None:
    async with RtspCamera(moving) as camera:
        watched = Watched(cam=camera.url)
        watched.on("connected", camera.unplug)
        watched.on("lost", camera.plug_in)
        watched.on("recovered", lambda: watched.session.stop("it is back"))
        await watched.run()
        assert camera.num_connected == 2
    (_, lost, _) = watched.sink.of(StreamHealth)
    assert lost.state == "lost"
    assert "connection refused" in lost.detail or "the stream stopped" in lost.detail


async def test_a_dead_and_a_mute_camera_leave_the_others_alone(
    mute_port: int, closed_port: int
) -> None:
    async with RtspCamera(moving) as one, RtspCamera(moving) as two:
        watched = Watched(
            one=one.url,
            dead=f"rtsp://127.0.0.1:{closed_port}/live",
            two=two.url,
            mute=f"rtsp://127.0.0.1:{mute_port}/live",
        )
        tapped = watched.sources["one"]
        tapped.when_seen = lambda _: (
            watched.session.stop("enough") if len(tapped.pictures) == 30 else None
        )
        began_s = perf_counter()
        await watched.run()
        took_s = perf_counter() - began_s
    assert took_s < 7
    for name in ("one", "two"):
        assert states(watched.sink, name)[0] == "connected"
        pictures = watched.sources[name].pictures
        assert len(pictures) > 20
        assert max(np.diff([picture.time_s for picture in pictures])) < 0.5
    for name, why in (("dead", "connection refused"), ("mute", "no answer within 1 s")):
        assert states(watched.sink, name) == ["lost"]
        assert watched.sources[name].pictures == []
        assert why in watched.sources[name].trouble
    decided = watched.sink.of(Decided)
    assert len(decided) >= 9
    assert watched.sink.of(Skipped) == []
    assert (
        max(health.time_s for health in watched.sink.of(StreamHealth) if health.state == "lost") < 5
    )


async def test_cancelling_ends_within_a_second_while_a_server_is_mute(mute_port: int) -> None:
    source = network_source(f"rtsp://127.0.0.1:{mute_port}/live", connect_timeout_s=5)

    async def play() -> None:
        async for _ in source.frames("cam", WallClock()):
            raise AssertionError

    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(play())
        await asyncio.wait([playing], timeout=0.3)
        assert source.trouble
        began_s = perf_counter()
        playing.cancel()
    assert perf_counter() - began_s < 1.0


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("rtsp://ada:secret@nosuchhost.invalid/live?token=secret", "has no address"),
        ("rtsp://ada:secret@127.0.0.1:{port}/live?token=secret", "connection refused"),
        ("http://ada:secret@127.0.0.1:{port}/live?token=secret", "connection refused"),
        ("http://ada:secret@127.0.0.1:{port}/live.m3u8?token=secret", "connection refused"),
    ],
)
async def test_a_wrong_address_is_trouble_that_names_no_secret(
    url: str, why: str, closed_port: int
) -> None:
    url = url.format(port=closed_port)
    source = network_source(url)
    impatient = replace(QUICK, lost_after_s=0.4)
    tapped, sink = await watch(source, WallClock(), impatient, max_ticks=3)
    assert tapped.pictures == []
    assert states(sink) == ["lost"]
    (lost,) = sink.of(StreamHealth)
    for said in (source.trouble, lost.detail):
        assert why in said
        assert "secret" not in said
        assert "ada" not in said
        assert "\n" not in said
    assert "secret" not in repr(source)


# What comes over HTTP.


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def playlist(folder: Path, *, is_live: bool) -> None:
    """Two segments of one second each, of 10 pictures."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0"]
    for number in range(2):
        pictures = [moving(10 * number + index) for index in range(10)]
        times = [number + index / 10 for index in range(10)]
        render(folder / f"part{number}.ts", pictures, rate_hz=times)
        lines += ["#EXTINF:1.0,", f"part{number}.ts"]
    (folder / "live.m3u8").write_text("\n".join([*lines, *([] if is_live else ["#EXT-X-ENDLIST"])]))


async def test_a_recorded_playlist_plays_at_its_pace_and_ends(tmp_path: Path) -> None:
    playlist(tmp_path, is_live=False)
    with serving(tmp_path) as url:
        tapped, sink = await watch(network_source(f"{url}/live.m3u8"), WallClock(), QUICK)
    assert states(sink) == ["connected", "ended"]
    assert len(tapped.pictures) == 20
    # The segments come at once; the pictures do not.
    gaps = np.diff([picture.time_s for picture in tapped.pictures])
    assert gaps == pytest.approx(0.1, abs=0.06)


async def test_a_live_playlist_begins_at_its_newest_segment(tmp_path: Path) -> None:
    playlist(tmp_path, is_live=True)
    with serving(tmp_path) as url:
        source = network_source(f"{url}/live.m3u8")
        tapped, _ = await watch(source, WallClock(), QUICK, max_ticks=5)
    assert tapped.traits.is_live
    first = tapped.pictures[0].pixels_HWC
    assert np.abs(first.astype(int) - moving(10)).mean() < 6


async def test_a_recorded_file_over_http_plays_like_a_file(tmp_path: Path) -> None:
    render(tmp_path / "clip.mp4", [moving(index) for index in range(30)], rate_hz=10)
    with serving(tmp_path) as url:
        began_s = perf_counter()
        tapped, _ = await watch(network_source(f"{url}/clip.mp4"))
        assert perf_counter() - began_s < 1.5
        assert not tapped.traits.is_live
        assert [picture.time_s for picture in tapped.pictures] == pytest.approx(
            [index / 10 for index in range(30)]
        )
        assert "404" in await failure_of(network_source(f"{url}/gone.mp4"))


async def test_what_is_no_video_or_not_secure_says_so(tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        assert "no video" in await failure_of(network_source(url, pace="file"))
        secure = url.replace("http:", "https:")
        why = await failure_of(network_source(secure, pace="file"))
    assert "no secure connection" in why
    assert "verify_tls" in why


async def test_mjpeg_over_http_is_a_camera() -> None:
    jpegs = [_jpeg(moving(index)) for index in range(10)]

    is_over, is_closed = asyncio.Event(), asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        )
        for jpeg in cycle(jpegs):
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            writer.write(head.encode() + jpeg + b"\r\n")
            with suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), 0.05)
                break
        writer.transport.abort()
        is_closed.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        source = network_source(f"http://127.0.0.1:{port}/video")
        tapped, sink = await watch(source, WallClock(), QUICK, max_ticks=6)
        is_over.set()
        await is_closed.wait()
    assert states(sink) == ["connected"]
    assert tapped.traits.is_camera
    assert len(tapped.pictures) > 4


def _jpeg(pixels_HWC: Pixels) -> bytes:
    written = BytesIO()
    Image.fromarray(pixels_HWC).save(written, "jpeg")
    return written.getvalue()


def test_only_what_comes_by_arrival_is_taken_for_a_camera() -> None:
    def kind(url: str, **settings: object) -> tuple[bool, bool]:
        traits = network_source(url, **settings).traits
        return traits.is_live, traits.is_camera

    assert kind("rtsp://host/live") == (True, True)
    assert kind("https://host/video.cgi?fps=5") == (True, True)
    assert kind("https://host/news.m3u8?session=1") == (True, False)
    assert kind("https://host/clip.MP4?download=1") == (False, False)
    assert kind("https://host/clip.mp4", pace="arrival") == (True, True)
    assert kind("rtsp://host/live", camera=False) == (True, False)

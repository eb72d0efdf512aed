"""Against an RTSP server that is not ours: Debian's gir1.2-gst-rtsp-server-1.0 and python3-gi."""

import subprocess
from collections.abc import Iterator

import pytest

from onlooker.core.clock import WallClock
from onlooker.core.event import StreamHealth
from onlooker.live.settings import LiveSettings
from onlooker.plugins.source.network import NetworkSource
from onlooker.testing.clips import clip
from tests.plugins.source.watching import watch

pytestmark = pytest.mark.outside

SERVER = """
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
media = GstRtspServer.RTSPMediaFactory()
media.set_launch(
    f"( filesrc location={sys.argv[1]} ! qtdemux name=file "
    "file. ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=1 "
    "file. ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )"
)
server.get_mount_points().add_factory("/live", media)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"""


@pytest.fixture
def url() -> Iterator[str]:
    command = ["/usr/bin/python3", "-c", SERVER, str(clip("bigbuckbunny.mp4"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        if not (port := server.stdout.readline().strip()):
            pytest.skip("gst-rtsp-server is not installed")
        yield f"rtsp://127.0.0.1:{port}/live"
        server.terminate()


async def test_pictures_and_sound_come_over_rtsp(url: str) -> None:
    source = NetworkSource(url, NetworkSource.Settings.model_validate({"sample_hz": 5}))
    tapped, sink = await watch(source, WallClock(), LiveSettings(), max_ticks=4)
    assert len(tapped.pictures) > 10
    assert {picture.pixels_HWC.shape for picture in tapped.pictures} == {(720, 1280, 3)}
    assert sink.of(StreamHealth)[0].state == "connected"
    heard_s = sum(sound.duration_s for sound in tapped.sounds)
    assert 2.0 < heard_s < 5.0
    for before, after in zip(tapped.sounds, tapped.sounds[1:], strict=False):
        assert after.start_s >= before.start_s + before.duration_s - 1e-6

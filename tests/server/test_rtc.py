import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import cast

import httpx
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from av import VideoFrame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import AsyncOpenAI

from onlooker.server.held import Held
from onlooker.server.hub import Hub
from onlooker.server.realtime_session import Terms
from onlooker.server.rtc_call import BadOffer, Call, Manner
from tests.server.talking import OPERATOR, OTHER, VIEWER, Served, Wire, realtime_server, settings_of


class Moving(VideoStreamTrack):
    """Real pictures at 30 a second: a grey that grows lighter."""

    def __init__(self) -> None:
        super().__init__()
        self._number = 0

    async def recv(self) -> VideoFrame:
        await asyncio.sleep(1 / 30)
        self._number += 1
        pixels_HWC = np.full((120, 160, 3), self._number % 256, np.uint8)
        frame = VideoFrame.from_ndarray(pixels_HWC, format="rgb24")
        frame.pts, frame.time_base = self._number * 3000, Fraction(1, 90_000)
        return frame


@dataclass
class Peer:
    """A browser's side of a call."""

    connection: RTCPeerConnection
    location: str = ""
    session: str = ""
    seen: list[Wire] = field(default_factory=list)
    has_come: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.channel = self.connection.createDataChannel("oai-events")
        self.channel.on("message", self._take)
        self.opened = asyncio.Event()
        self.channel.on("open", self.opened.set)

    def _take(self, message: str) -> None:
        self.seen.append(json.loads(message))
        self.has_come.set()

    def send(self, kind: str, **fields: object) -> None:
        self.channel.send(json.dumps({"type": kind, **fields}))

    def say(self, text: str) -> None:
        content = [{"type": "input_text", "text": text}]
        item = {"type": "message", "role": "user", "content": content}
        self.send("conversation.item.create", item=item)

    async def until(self, kind: str, fits: Callable[[Wire], bool] = lambda _: True) -> Wire:
        while True:
            for wire in self.seen:
                if wire["type"] == kind and fits(wire):
                    return wire
            self.has_come.clear()
            await self.has_come.wait()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with realtime_server(tmp_path, max_sessions=4) as running:
        yield running


@asynccontextmanager
async def peer_of(
    served: Served, query: str = "events=all", *, num_cameras: int = 1, trickles: bool = False
) -> AsyncIterator[Peer]:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer = Peer(connection)
    for _ in range(num_cameras):
        connection.addTrack(Moving())
    try:
        await connection.setLocalDescription(await connection.createOffer())
        await call(served, peer, query, trickles=trickles)
        yield peer
    finally:
        await connection.close()


async def call(served: Served, peer: Peer, query: str, *, trickles: bool) -> None:
    offer = peer.connection.localDescription.sdp
    sent = re.sub(r"a=(candidate:.*|end-of-candidates)\r\n", "", offer) if trickles else offer
    headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/sdp"}
    address = f"http://127.0.0.1:{served.port}"
    async with httpx.AsyncClient(base_url=address, headers=headers) as http:
        answered = await http.post(f"/v1/realtime/calls?{query}", content=sent)
        assert answered.status_code == 201, answered.text
        peer.location, peer.session = (
            answered.headers["location"],
            answered.headers["onlooker-session"],
        )
        answer = RTCSessionDescription(answered.text, "answer")
        await peer.connection.setRemoteDescription(answer)
        if trickles:
            mid = re.findall(r"a=mid:\S+", offer)[0]
            places = [mid, *re.findall(r"a=candidate:.*", offer), "a=end-of-candidates"]
            added = await http.patch(peer.location, content="\r\n".join(places))
            assert added.status_code == 204, added.text


async def test_real_video_is_watched_and_speech_comes_over_the_data_channel(
    served: Served,
) -> None:
    async with peer_of(served, "events=all&streams=door") as peer:
        await peer.until("session.created")
        seen = await peer.until("onlooker.perceived", lambda w: bool(w["percepts"][0]["pictures"]))
        (picture,) = seen["percepts"][0]["pictures"]
        assert (picture["stream"], picture["width_px"], picture["height_px"]) == ("door", 160, 120)
        peer.say("what is that?")
        done = await peer.until("response.output_text.done")
        assert done["text"].startswith("what is that?")
        health = await peer.until("onlooker.stream_health")
        assert (health["stream"], health["state"]) == ("door", "connected")


def is_of(stream: str, wire: Wire) -> bool:
    return bool(wire["stream"] == stream)


async def test_every_camera_of_a_call_is_watched(served: Served) -> None:
    async with peer_of(served, "events=all&streams=door,yard", num_cameras=2) as peer:
        for stream in ("door", "yard"):
            health = await peer.until("onlooker.stream_health", partial(is_of, stream))
            assert health["state"] == "connected"


async def test_candidates_may_come_after_the_offer(served: Served) -> None:
    async with peer_of(served, num_cameras=0, trickles=True) as peer:
        await peer.until("session.created")


async def test_a_lost_call_leaves_its_session_and_the_next_one_goes_on(served: Served) -> None:
    async with peer_of(served, num_cameras=0) as peer:
        await peer.until("session.created")
        peer.say("one")
        await peer.until("response.done")
        after = max(wire.get("seq", 0) for wire in peer.seen)
    (held,) = served.hub.sessions()
    held.say("two")
    async with peer_of(served, f"events=all&session={peer.session}&after={after}") as again:
        created = await again.until("session.created")
        assert created["session"]["id"] == peer.session
        done = await again.until("response.output_text.done")
        assert done["text"].startswith("two")
        assert min(wire["seq"] for wire in again.seen if "seq" in wire) > after


async def test_a_call_that_is_hung_up_ends_and_a_stranger_cannot_hang_it_up(
    served: Served,
) -> None:
    async with peer_of(served, num_cameras=0) as peer:
        await peer.until("session.created")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as http:
            for token, status in ((OTHER, 404), (VIEWER, 404), (OPERATOR, 204)):
                headers = {"Authorization": f"Bearer {token}"}
                ended = await http.delete(peer.location, headers=headers)
                assert ended.status_code == status
    assert [held.id for held in served.hub.sessions()] == [peer.session]


async def test_the_official_client_makes_a_call(served: Served) -> None:
    address = f"http://127.0.0.1:{served.port}/v1"
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer = Peer(connection)
    await connection.setLocalDescription(await connection.createOffer())
    try:
        async with AsyncOpenAI(api_key=OPERATOR, base_url=address) as client:
            made = await client.realtime.calls.create(
                sdp=connection.localDescription.sdp,
                session={"type": "realtime", "instructions": "Say hello."},
            )
        answer = RTCSessionDescription(made.text, "answer")
        await connection.setRemoteDescription(answer)
        done = await peer.until("response.output_text.done")
        assert done["text"].startswith("Say hello.")
    finally:
        await connection.close()


@pytest.mark.parametrize(
    "offer",
    [
        b"",
        b"\xff\xfe",
        b"v=0",
        b"v=0\r\n" + b"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n" * 20,
        b"x" * 70_000,
    ],
)
async def test_what_is_no_offer_is_refused_and_leaves_nothing(served: Served, offer: bytes) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}") as http:
        headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/sdp"}
        refused = await http.post("/v1/realtime/calls", content=offer, headers=headers)
        assert refused.status_code == 400
        assert "message" in refused.json()["error"]
        listed = await http.get("/v1/realtime/ice_servers", headers=headers)
        assert listed.json() == {"ice_servers": []}
    for held in served.hub.sessions():
        async for _ in held.subscribe():
            pass
    assert served.hub.sessions() == []


OFFER = (Path(__file__).parent / "offer.sdp").read_text()
LINES = OFFER.splitlines()


@st.composite
def broken_offers(draw: st.DrawFn) -> str:
    """Draw a real peer's offer with some lines changed, lost, doubled or moved."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["change", "lose", "double", "move", "cut"])):
            case "change":
                letters = st.text("a=:/0123456789 \x00é-.", max_size=12)
                head, _, _ = lines[place].partition(draw(st.sampled_from([":", "=", " "])))
                lines[place] = head + draw(st.sampled_from([":", "=", " "])) + draw(letters)
            case "lose":
                del lines[place]
            case "double":
                lines.insert(place, lines[place])
            case "move":
                lines.append(lines.pop(place))
            case "cut":
                lines = lines[: place + 1]
    return "\r\n".join([*lines, ""])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(broken_offers(), st.text(max_size=60))
async def test_no_offer_and_no_candidate_breaks_the_server_or_leaves_a_task(
    offer: str, candidate: str
) -> None:
    before = asyncio.all_tasks()
    hub = Hub(settings_of(Path("unused")))
    made = Call(hub, cast("Held", None), Manner(Terms(1)))
    with suppress(BadOffer):
        answer = await made.answer(offer)
        assert answer.startswith("v=0")
        await made.add_candidates(f"a=mid:0\r\na=candidate:{candidate}")
    await made.close()
    for _ in range(20):
        await asyncio.sleep(0)
    assert asyncio.all_tasks() - before == set()

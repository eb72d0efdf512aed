"""One WebRTC call of a session: its tracks become streams, its data channel carries the events."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from secrets import token_urlsafe
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame, AudioResampler, VideoFrame

from onlooker.core.errors import BadSettings, OnlookerError
from onlooker.server.held import CAMERA, Held
from onlooker.server.hub import Hub
from onlooker.server.realtime import LOST, OVER, End, first_of, written
from onlooker.server.realtime_narrator import Wire
from onlooker.server.realtime_session import Terms, take_microphone
from onlooker.server.realtime_talk import HangUp, Send, Talk

CONNECT_S = 30.0  # for a call to come about
ANSWER_S = 10.0  # to gather where we can be reached
MAX_WAITING = 256  # messages of the data channel
MAX_BUFFERED_BYTES = 2**20  # of the data channel, before we wait
LOOKS = 4  # pictures taken of a track for each that a tick takes: so the newest is new
MIN_LOOK_S = 0.04
MAX_SECTIONS = 16  # of an offer: each may open sockets
MAX_CANDIDATES = 64  # of one call: to each of them packets are sent
RATE_HZ = 24_000


class BadOffer(OnlookerError):
    """A description of a call that we cannot read or take."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a call is to be: what its visitor asked for, and what the server has."""

    terms: Terms
    cameras: tuple[str, ...] = (CAMERA,)  # names of the picture tracks, in order
    ice_servers: tuple[RTCIceServer, ...] = ()


class Call:
    """Holds a peer connection open for a session. Closing it leaves the session as it is."""

    def __init__(self, hub: Hub, held: Held, manner: Manner) -> None:
        self.id = f"call_{token_urlsafe(12)}"
        self.held = held
        self._hub = hub
        self._manner = manner
        config = RTCConfiguration(
            # The library's own default would be a public server.
            iceServers=list(manner.ice_servers),
            # Its "balanced" leaves a second track of a kind on a transport that nobody starts.
            bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
        )
        self._peer = RTCPeerConnection(config)
        self._tracks: asyncio.Queue[MediaStreamTrack | RTCDataChannel] = asyncio.Queue()
        self._connected, self._over = asyncio.Event(), asyncio.Event()
        self._num_cameras = 0
        self._num_candidates = 0
        self._has_channel = False
        self._work: list[asyncio.Task[None]] = []
        self._peer.on("track", self._tracks.put_nowait)
        self._peer.on("datachannel", self._tracks.put_nowait)
        self._peer.on("connectionstatechange", self._take_state)

    @property
    def may_act(self) -> bool:
        return self._manner.terms.may_act

    async def answer(self, offer: str) -> str:
        """Take an offer and give our answer, with all places where we can be reached.

        Raises:
            BadOffer: it cannot be read, or asks for too much.
        """
        num_sections, num_candidates = offer.count("m="), offer.count("a=candidate:")
        if not 1 <= num_sections <= MAX_SECTIONS or num_candidates > MAX_CANDIDATES:
            raise BadOffer(
                f"the offer has {num_sections} media and {num_candidates} candidates: "
                f"expected 1 to {MAX_SECTIONS}, and at most {MAX_CANDIDATES}"
            )
        self._num_candidates = num_candidates
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
                await self._peer.setLocalDescription(await self._peer.createAnswer())
        except Exception as error:  # noqa: BLE001 - a parser of theirs raises whatever it meets
            await self.close()
            raise BadOffer(f"this is no offer that we can take: {type(error).__name__}") from None
        return str(self._peer.localDescription.sdp)

    async def add_candidates(self, fragment: str) -> None:
        """Take places at which the other side can be reached, as RFC 8840 writes them.

        Raises:
            BadOffer: one of them is none.
        """
        mid: str | None = None
        for line in fragment.splitlines():
            name, _, value = line.strip().partition(":")
            if name == "a=mid":
                mid = value
            elif name == "a=candidate":
                await self._add_candidate(value, mid)
            elif name == "a=end-of-candidates":
                await self._peer.addIceCandidate(None)

    async def run(self) -> None:
        """Carry media and events until the call ends, or its session does."""
        try:
            async with asyncio.TaskGroup() as group:
                self._work.append(group.create_task(self._outlive_nothing()))
                self._work.append(group.create_task(self._start_tracks(group)))
                with suppress(TimeoutError):
                    async with asyncio.timeout(CONNECT_S):
                        await self._connected.wait()
                if self._connected.is_set():
                    await self._over.wait()
                for task in self._work:
                    task.cancel()
        finally:
            await self.close()

    async def close(self) -> None:
        """End the call."""
        self._end()
        await self._peer.close()

    def _take_state(self) -> None:
        state = self._peer.connectionState
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self._end()

    def _end(self) -> None:
        self._over.set()
        self._connected.set()

    async def _add_candidate(self, value: str, mid: str | None) -> None:
        self._num_candidates += 1
        if self._num_candidates > MAX_CANDIDATES:
            raise BadOffer(f"more than {MAX_CANDIDATES} candidates")
        try:
            candidate = candidate_from_sdp(value)
            candidate.sdpMid = mid
            candidate.sdpMLineIndex = 0 if mid is None else None
            await self._peer.addIceCandidate(candidate)
        except Exception as error:  # noqa: BLE001 - as above
            raise BadOffer(f"this is no candidate: {type(error).__name__}") from None

    async def _outlive_nothing(self) -> None:
        """End the call with its session."""
        async for _ in self.held.subscribe():
            pass
        # What was told last is still on its way over the data channel.
        if not self._has_channel:
            self._end()

    async def _start_tracks(self, group: asyncio.TaskGroup) -> None:
        while True:
            carry = self._carry(await self._tracks.get())
            if carry is not None:
                self._work.append(group.create_task(carry))

    def _carry(self, came: MediaStreamTrack | RTCDataChannel) -> Coroutine[Any, Any, None] | None:
        """Choose what is to be done with a track or channel."""
        if isinstance(came, RTCDataChannel):
            is_first, self._has_channel = not self._has_channel, True
            return self._talk(came) if is_first else None
        if not self.may_act:
            return _drain(came)
        if came.kind == "video":
            return self._watch(came, self._camera_name())
        return self._listen(came)

    def _camera_name(self) -> str:
        """Name the next picture track."""
        number, names = self._num_cameras, self._manner.cameras
        self._num_cameras += 1
        return names[number] if number < len(names) else f"{CAMERA}-{number + 1}"

    # What comes in.

    async def _watch(self, track: MediaStreamTrack, stream: str) -> None:
        """Take pictures at the session's rate; those between are let go."""
        live = self._hub.settings.live
        every_s = max(MIN_LOOK_S, live.period_s / (LOOKS * live.frames_per_tick))
        next_s = 0.0
        with suppress(MediaStreamError, BadSettings):
            while True:
                frame = await track.recv()
                if not isinstance(frame, VideoFrame) or monotonic() < next_s:
                    continue
                if frame.width * frame.height > self._hub.limits.max_picture_pixels:
                    continue
                next_s = monotonic() + every_s
                time_s = self.held.session.now_s
                self.held.push_pixels(await asyncio.to_thread(_pixels, frame), stream, time_s)

    async def _listen(self, track: MediaStreamTrack) -> None:
        """Hear what the user's microphone brings."""
        resampler = AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if isinstance(frame, AudioFrame):
                    for samples_N in _samples(resampler.resample(frame)):
                        take_microphone(self.held, samples_N, RATE_HZ)

    # The data channel.

    async def _talk(self, channel: RTCDataChannel) -> None:
        """Carry events over the data channel as over a socket; its end ends the call."""
        waiting: asyncio.Queue[str | bytes | None] = asyncio.Queue()

        def take(message: str | bytes) -> None:
            # One more than is allowed says that there were too many.
            if waiting.qsize() <= MAX_WAITING:
                waiting.put_nowait(message)

        channel.on("message", take)
        channel.on("close", lambda: waiting.put_nowait(None))
        talk = Talk(self._hub, self.held, _sender(channel), self._manner.terms)
        with suppress(OnlookerError):
            end = await first_of(_follow(talk), _read(waiting, talk), _sound_of(talk))
            if channel.readyState == "open":
                await talk.say_goodbye(end.reason, is_resumable=False)
                channel.close()
        self._end()


def _sender(channel: RTCDataChannel) -> Send:
    """Send over a channel, as fast as the other side takes it."""
    room = asyncio.Event()
    channel.bufferedAmountLowThreshold = MAX_BUFFERED_BYTES // 2
    channel.on("bufferedamountlow", room.set)

    async def send(wire: Wire) -> None:
        if channel.readyState != "open":
            raise HangUp(LOST.code, LOST.reason)
        if channel.bufferedAmount > MAX_BUFFERED_BYTES:
            room.clear()
            async with asyncio.timeout(CONNECT_S):
                await room.wait()
        channel.send(written(wire))

    return send


async def _follow(talk: Talk) -> End:
    try:
        await talk.follow()
    except (HangUp, TimeoutError, InvalidStateError):
        return LOST
    return OVER


async def _sound_of(talk: Talk) -> End:
    """Send the voice's sound as events, so that it keeps its order with the words."""
    with suppress(HangUp, TimeoutError, InvalidStateError):
        await talk.sound()
    return await asyncio.Future()


async def _read(waiting: asyncio.Queue[str | bytes | None], talk: Talk) -> End:
    try:
        while (message := await waiting.get()) is not None:
            if waiting.qsize() >= MAX_WAITING:
                raise HangUp(4429, f"more than {MAX_WAITING} messages wait")
            if len(message) > talk.terms.max_message_bytes:
                raise HangUp(1009, f"a message of more than {talk.terms.max_message_bytes} bytes")
            await talk.take(message)
    except HangUp as end:
        return End(end.code, str(end))
    except (TimeoutError, InvalidStateError):
        return LOST
    return LOST


async def _drain(track: MediaStreamTrack) -> None:
    """Take a track and do nothing with it."""
    with suppress(MediaStreamError):
        while True:
            await track.recv()


def _pixels(frame: VideoFrame) -> npt.NDArray[np.uint8]:
    """Convert a picture into RGB (height, width, 3). Blocks: call it from a thread."""
    return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def _samples(frames: Iterable[AudioFrame]) -> Iterator[npt.NDArray[np.float32]]:
    for frame in frames:
        yield frame.to_ndarray()[0].astype(np.float32) / np.float32(32768)

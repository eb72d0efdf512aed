"""An RTSP camera on loopback whose faults are made on purpose: mute, gone, frozen, dark.

It serves H.264 over the RTSP connection itself (RFC 2326 10.12), which is how clients ask for it
with `rtsp_transport=tcp`, and nothing else of the standard.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Self

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

MAX_PAYLOAD_BYTES = 1400
TICKS_HZ = 90_000  # of RTP's clock for video
PAYLOAD_TYPE = 96
START_CODE = re.compile(rb"\x00\x00\x00?\x01")


@dataclass
class RtspCamera:
    """Films what `picture` draws: the number of the picture in, pixels of one size out.

    `url` is its address while it is open (`async with`). Set `picture` to something else to freeze
    it or to cover its lens, `is_mute` to let it accept connections and never answer.
    """

    picture: Callable[[int], Pixels]
    rate_hz: float = 10.0
    is_mute: bool = False
    tls: ssl.SSLContext | None = None  # then it is `rtsps`
    num_connected: int = field(default=0, init=False)  # clients so far
    url: str = field(default="", init=False)

    async def __aenter__(self) -> Self:
        self._clients: set[asyncio.StreamWriter] = set()
        self._port = 0
        await self.plug_in()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.unplug()

    async def plug_in(self) -> None:
        """Listen, after `unplug` on the same port again."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, ssl=self.tls
        )
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"{'rtsps' if self.tls else 'rtsp'}://127.0.0.1:{self._port}/live"

    async def unplug(self) -> None:
        """Drop every client and refuse new ones."""
        self._server.close()
        for writer in self._clients:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        self.num_connected += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError, ExceptionGroup):
                await self._talk(reader, writer)
        finally:
            writer.transport.abort()
            self._clients.discard(writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        film = _Film(self)
        async with asyncio.TaskGroup() as tasks:
            playing: asyncio.Task[None] | None = None
            while request := await _request(reader):
                if self.is_mute:
                    continue
                method, sequence = request
                writer.write(film.answer(method, sequence, self.url))
                await writer.drain()
                if method == "PLAY" and playing is None:
                    playing = tasks.create_task(self._play(film, writer))
            if playing is not None:
                playing.cancel()

    async def _play(self, film: _Film, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        began_s, index = loop.time(), 0
        while True:
            for packet in film.shoot(self.picture(index), index / self.rate_hz):
                # RFC 2326 10.12: a dollar sign, the channel, the length.
                writer.write(b"$\x00" + len(packet).to_bytes(2, "big") + packet)
            await writer.drain()
            index += 1
            await asyncio.sleep(began_s + index / self.rate_hz - loop.time())


class _Film:
    """One client's encoder and packet numbers."""

    def __init__(self, camera: RtspCamera) -> None:
        height, width, _ = camera.picture(0).shape
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.time_base = Fraction(1, TICKS_HZ)
        encoder.framerate = Fraction(camera.rate_hz).limit_denominator(1000)
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10", "crf": "20"}
        encoder.flags |= av.codec.context.Flags.global_header
        encoder.open()
        self._encoder = encoder
        self._parameters = list(_units(encoder.extradata or b""))[:2]  # SPS and PPS
        self._sequence = 0

    def answer(self, method: str, sequence: str, url: str) -> bytes:
        extra, body = "", ""
        if method == "OPTIONS":
            extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        elif method == "DESCRIBE":
            body = self._description()
            extra = f"Content-Base: {url}/\r\nContent-Type: application/sdp\r\n"
        elif method == "SETUP":
            extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1;timeout=60\r\n"
        elif method == "PLAY":
            extra = "Session: 1\r\nRange: npt=0-\r\n"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        return f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n{extra}{length}\r\n{body}".encode()

    def _description(self) -> str:
        sets = ",".join(base64.b64encode(unit).decode() for unit in self._parameters)
        lines = (
            "v=0",
            "o=- 0 0 IN IP4 127.0.0.1",
            "s=camera",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            f"m=video 0 RTP/AVP {PAYLOAD_TYPE}",
            f"a=rtpmap:{PAYLOAD_TYPE} H264/{TICKS_HZ}",
            f"a=fmtp:{PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={sets}",
            "a=control:track1",
        )
        return "".join(f"{line}\r\n" for line in lines)

    def shoot(self, pixels_HWC: Pixels, time_s: float) -> Iterator[bytes]:
        """Encode one picture into RTP packets."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels_HWC), format="rgb24")
        frame.pts, frame.time_base = round(time_s * TICKS_HZ), Fraction(1, TICKS_HZ)
        units = [unit for packet in self._encoder.encode(frame) for unit in _units(bytes(packet))]
        payloads = [payload for unit in units for payload in _fragments(unit)]
        for number, payload in enumerate(payloads, 1):
            self._sequence = (self._sequence + 1) % 2**16
            is_last = number == len(payloads)  # of the picture: carries the marker bit
            yield (
                bytes([0x80, PAYLOAD_TYPE | is_last << 7])
                + self._sequence.to_bytes(2, "big")
                + (frame.pts % 2**32).to_bytes(4, "big")
                + b"ONLK"
                + payload
            )


def _units(stream: bytes) -> Iterator[bytes]:
    """Split H.264 at its start codes."""
    return (unit for unit in START_CODE.split(stream) if unit)


def _fragments(unit: bytes) -> Iterator[bytes]:
    """Cut a unit that is too long for one packet (RFC 6184 5.8, FU-A)."""
    if len(unit) <= MAX_PAYLOAD_BYTES:
        yield unit
        return
    head, body = unit[0], unit[1:]
    for start in range(0, len(body), MAX_PAYLOAD_BYTES):
        part = body[start : start + MAX_PAYLOAD_BYTES]
        is_last = start + len(part) == len(body)
        yield bytes([head & 0xE0 | 28, (start == 0) << 7 | is_last << 6 | head & 0x1F]) + part


async def _request(reader: asyncio.StreamReader) -> tuple[str, str] | None:
    """Read the method and the sequence number of a request; None at the end of the connection.

    The client's own reports, which come in between, are passed over.
    """
    while (first := await reader.read(1)) == b"$":
        header = await reader.readexactly(3)
        await reader.readexactly(int.from_bytes(header[1:], "big"))
    if not first:
        return None
    head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
    fields = dict(re.findall(r"(?m)^([\w-]+): *(.*?)\r$", head))
    await reader.readexactly(int(fields.get("Content-Length", 0)))
    return head.split(maxsplit=1)[0], fields.get("CSeq", "0")

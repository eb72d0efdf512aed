"""Cameras and streams on the network: RTSP, HTTP video, MJPEG, HLS."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import PurePosixPath
from time import monotonic
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

import av
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from pydantic import Field

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import Media
from onlooker.core.ports import SourceTraits
from onlooker.plugins.source.address import shown
from onlooker.plugins.source.body import Readable
from onlooker.plugins.source.handover import Handover
from onlooker.plugins.source.live import (
    AHEAD,
    BEGIN_SOON,
    Reconnecting,
    RetrySettings,
    released_by_stamps,
    stamped_by_arrival,
)
from onlooker.plugins.source.playback import Playback, keep_pace, reason
from onlooker.plugins.source.reach import Reach, resolve, trust, trusted_file
from onlooker.plugins.source.relay import Relay
from onlooker.plugins.source.web import Patience, Web

Pace = Literal["arrival", "stamps", "file"]

PLAYLISTS = (".m3u8", ".m3u", ".mpd")
FILES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".webm")

RTSP_PORTS = {"rtsp": 554, "rtsps": 322}
RTSP_PROTOCOLS = "rtsp,rtp,srtp,tcp,tls,udp"  # no file of this machine
RELAYED = {"protocol_whitelist": "rtsp,rtp,srtp,tcp", "rtsp_transport": "tcp"}
# What comes over HTTP is fetched for FFmpeg, which then may open nothing by itself. Its playlists
# must not look for a connection of FFmpeg's to use again: there is none, and that ends us all.
NO_PROTOCOLS = {"protocol_whitelist": "none", "http_persistent": "0", "http_multiple": "0"}


class NetworkSource:
    """Plays `rtsp://`, `rtsps://`, `http://` and `https://` addresses.

    They keep time in one of three ways, which the address tells (see `pace`):

    - arrival: a camera. Pictures count from when they come. RTSP, MJPEG and all else.
    - stamps: a live playlist, whose segments come all at once (.m3u8, .mpd).
    - file: something recorded (.mp4, .webm ...): played like a file, at any speed, to its end.

    What is live is opened again for ever; a playlist of known length ends where it ends. No
    message ever holds the user, the password or the query of an address.
    """

    class Settings(RetrySettings, frozen=True):
        """How to connect, and for how long to wait."""

        connect_timeout_s: float = Field(
            default=5.0, gt=0, description="until a server must answer"
        )
        read_timeout_s: float = Field(
            default=10.0, gt=0, description="without data, then connect again"
        )
        verify_tls: bool = Field(
            default=True, description="refuse https and rtsps servers without a valid certificate"
        )
        transport: Literal["tcp", "udp"] = Field(
            default="tcp",
            description="of RTSP's pictures; tcp always, where a server's visitors name the camera",
        )
        pace: Literal["auto", "arrival", "stamps", "file"] = Field(
            default="auto", description="what keeps the time; auto tells by the address"
        )
        camera: bool | None = Field(
            default=None,
            description="a frozen picture is a fault; if not set, so it is but for playlists",
        )

    def __init__(self, address: str, settings: Settings) -> None:
        self._address = address
        self._settings = settings
        self._pace = _pace_of(address) if settings.pace == "auto" else settings.pace
        is_camera = self._pace == "arrival" if settings.camera is None else settings.camera
        self.traits = SourceTraits(is_live=self._pace != "file", is_camera=is_camera)
        self.trouble = ""
        self.reach = Reach()  # which hosts it may lead to; a server narrows it

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        if self._pace == "file":
            playback = Playback(shown(self._address), self._opened, self._settings)
            async with Handover(partial(playback.play, stream, clock), depth=AHEAD) as items:
                async for media in items:
                    await keep_pace(media, clock)
                    yield media
            return
        by_stamps = self._pace == "stamps"
        connection = Reconnecting(
            shown(self._address), self._opened, self._settings, self._tell, by_stamps=by_stamps
        )
        in_time = released_by_stamps if by_stamps else stamped_by_arrival
        produce = partial(connection.play, stream)
        async with Handover(produce, depth=AHEAD, is_live=not by_stamps) as items:
            async for media in in_time(items, clock):
                yield media

    async def close(self) -> None:
        pass

    @property
    def _is_secure(self) -> bool:
        return urlsplit(self._address).scheme.lower() in ("https", "rtsps")

    def _tell(self, trouble: str) -> None:
        self.trouble = trouble

    @contextmanager
    def _opened(self) -> Iterator[InputContainer]:
        """Open what is there now.

        Raises:
            SourceFailed: it cannot be read; says why, without its address.
        """
        options = dict(BEGIN_SOON) if self._pace == "arrival" else {}
        if self._pace == "stamps":
            options |= {"live_start_index": "-1"}  # the newest segment
        wait = self._settings
        if self._address[:4].lower() == "rtsp":
            is_bounded = self.reach.allowed is not None
            with self._relayed(options) if is_bounded else self._direct(options) as container:
                yield container
            return
        patience = Patience(wait.connect_timeout_s, wait.read_timeout_s, wait.verify_tls)
        with (
            closing(Web(self.reach, patience)) as web,
            closing(web.open(self._address)) as body,
            self._container(body, options | NO_PROTOCOLS, web.open_nested) as container,
        ):
            yield container

    def _container(
        self,
        file: str | Readable,
        options: dict[str, str],
        open_nested: Callable[..., Readable] | None = None,
    ) -> InputContainer:
        wait = self._settings
        began_s = monotonic()
        try:
            return av.open(
                file,
                "r",
                options=options,
                timeout=(wait.connect_timeout_s, wait.read_timeout_s),
                io_open=open_nested,
            )
        except FFmpegError as error:
            if monotonic() - began_s >= wait.connect_timeout_s:
                # FFmpeg reports its interruption as whatever it was doing.
                raise SourceFailed(f"no answer within {wait.connect_timeout_s:g} s") from None
            raise SourceFailed(self._why(error)) from None

    def _direct(self, options: dict[str, str]) -> AbstractContextManager[InputContainer]:
        return self._container(self._address, options | self._rtsp(is_secure=self._is_secure))

    @contextmanager
    def _relayed(self, options: dict[str, str]) -> Iterator[InputContainer]:
        """Let FFmpeg talk to the one host that was checked, and to no other."""
        wait, parts = self._settings, urlsplit(self._address)
        place = parts.hostname or "", parts.port or RTSP_PORTS[parts.scheme.lower()]
        context = trust(verify_tls=wait.verify_tls) if self._is_secure else None
        with closing(Relay(self.reach, place, context, wait.connect_timeout_s)) as relay:
            netloc = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
            netloc += f"127.0.0.1:{relay.open()}"
            address = urlunsplit(parts._replace(scheme="rtsp", netloc=netloc))
            options |= self._rtsp(is_secure=False) | RELAYED
            try:
                with self._container(address, options) as container:
                    yield container
            except (SourceFailed, FFmpegError):
                if relay.trouble:
                    raise SourceFailed(relay.trouble) from None
                raise

    def _rtsp(self, *, is_secure: bool) -> dict[str, str]:
        wait = self._settings
        options = {
            "protocol_whitelist": RTSP_PROTOCOLS,
            "rtsp_transport": wait.transport,
            "timeout": str(round(wait.read_timeout_s * 1e6)),
        }
        if wait.verify_tls and is_secure:
            # FFmpeg checks no certificate unless it is told to, and against what.
            options |= {"tls_verify": "1", "ca_file": trusted_file()}
        return options

    def _why(self, error: FFmpegError) -> str:
        """Say it as people would: FFmpeg calls an unknown host an input/output error."""
        if isinstance(error, InvalidDataError):
            return "what it sends is no video that FFmpeg can read; check the address"
        host = urlsplit(self._address).hostname or ""
        if not resolve(host, 0):
            return f"the host {host!r} has no address; check its name and the network"
        if self._is_secure and self._settings.verify_tls and error.errno == errno.EIO:
            return "no secure connection; for a certificate of your own set verify_tls to false"
        return reason(error)


def _pace_of(address: str) -> Pace:
    parts = urlsplit(address)
    suffix = PurePosixPath(parts.path).suffix.lower()
    if parts.scheme.lower().startswith("http"):
        if suffix in PLAYLISTS:
            return "stamps"
        if suffix in FILES:
            return "file"
    return "arrival"

"""Something that happens now: opened again, after a while, whenever it breaks."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from time import monotonic

from av.container import InputContainer
from av.error import FFmpegError
from pydantic import Field
from tenacity import RetryCallState, RetryError, Retrying
from tenacity.nap import sleep_using_event
from tenacity.retry import retry_if_exception_type
from tenacity.stop import stop_when_event_set
from tenacity.wait import wait_exponential, wait_random

from onlooker.core.clock import Clock
from onlooker.core.errors import SourceFailed
from onlooker.core.media import Media, VideoFrame
from onlooker.plugins.source.handover import Handover
from onlooker.plugins.source.playback import reason
from onlooker.plugins.source.reader import (
    Reader,
    ReadSettings,
    Sampler,
    complete_s,
    in_order,
    shifted,
)

AHEAD = 16  # items; older ones are dropped while the event loop is busy
MAX_LAG_S = 2.0  # behind its own time stamps: then it has stalled, and begins anew
MAX_LEAD_S = 10.0
# Begin soon, and with what was looked at: `nobuffer` would wait for the next key frame.
BEGIN_SOON = {"analyzeduration": "500000", "fpsprobesize": "0"}
SOUND_DRIFT_S = 0.5  # between what the samples say and when they arrive


class RetrySettings(ReadSettings, frozen=True):
    """How long to wait before a live source is opened again."""

    retry_first_s: float = Field(default=0.5, gt=0, description="wait before the first new attempt")
    retry_max_s: float = Field(default=15.0, gt=0, description="it doubles each time, up to this")


class _Broken(Exception):
    """An attempt came to nothing: says why."""


@dataclass
class Reconnecting:
    """Reads what `opened` opens, for ever.

    An attempt has succeeded when its first picture or sound is there. Until then, and after a
    break, `tell` is told the trouble; it is told "" as soon as all is well.
    """

    name: str  # for people: no password in it
    opened: Callable[[], AbstractContextManager[InputContainer]]  # FFmpegError, SourceFailed
    settings: RetrySettings
    tell: Callable[[str], None]
    by_stamps: bool = False  # sample by media time, and end where a known length ends
    must_begin: bool = False  # SourceFailed if the very first attempt fails

    def play(self, stream: str, stop: threading.Event) -> Generator[Media, None, None]:
        """Yield media in time since their connection began. Blocks: for a Handover."""
        self.tell(f"{self.name}: waiting for the first picture")
        retrying = Retrying(
            retry=retry_if_exception_type(_Broken),
            wait=wait_exponential(self.settings.retry_first_s, self.settings.retry_max_s)
            + wait_random(0, 0.1),
            sleep=sleep_using_event(stop),
            stop=stop_when_event_set(stop),
            before_sleep=self._tell_of_attempt,
        )
        begin = self._begun_once if self.must_begin else self._begun
        while not stop.is_set():
            try:
                media = retrying(begin, stream)
            except RetryError:
                return  # told to stop
            begin = self._begun
            self.tell("")
            try:
                yield from media
            except _Broken as error:
                self.tell(f"{self.name}: {error}; connecting again")
            else:
                return
            stop.wait(self.settings.retry_first_s)

    def _begun_once(self, stream: str) -> Iterator[Media]:
        try:
            return self._begun(stream)
        except _Broken as error:
            raise SourceFailed(f"{self.name}: {error}") from None

    def _begun(self, stream: str) -> Iterator[Media]:
        media = self._connection(stream)
        first = next(media, None)
        return iter(()) if first is None else chain([first], media)

    def _connection(self, stream: str) -> Generator[Media, None, None]:
        try:
            with self.opened() as container:
                reader = Reader(container, stream, self.settings, is_live=True)
                sampler = Sampler(self.settings.sample_hz, lambda _: False)
                keeps = sampler.keeps if self.by_stamps else lambda _: sampler.keeps(monotonic())
                media = reader.media(keeps)
                yield from in_order(media) if self.by_stamps and reader.has_sound else media
                is_finite = self.by_stamps and container.duration is not None
        except FFmpegError as error:
            raise _Broken(reason(error)) from None
        except SourceFailed as error:
            raise _Broken(str(error)) from None
        if not is_finite:
            raise _Broken("the stream stopped")

    def _tell_of_attempt(self, attempt: RetryCallState) -> None:
        error = attempt.outcome.exception() if attempt.outcome else None
        self.tell(f"{self.name}: {error}; attempt {attempt.attempt_number}, trying again")


async def arriving(connection: Reconnecting, stream: str, clock: Clock) -> AsyncIterator[Media]:
    """Play what happens now from a thread of its own, stamped as it comes."""
    produce = partial(connection.play, stream)
    async with Handover(produce, depth=AHEAD, is_live=True) as items:
        async for media in stamped_by_arrival(items, clock):
            yield media


async def stamped_by_arrival(media: AsyncIterator[Media], clock: Clock) -> AsyncIterator[Media]:
    """Give media the clock's time at which they came; sound stays seamless where it can."""
    sound_ended_s = 0.0
    async for item in media:
        now_s = clock.now_s()
        if isinstance(item, VideoFrame):
            yield replace(item, time_s=now_s)
            continue
        start_s = max(0.0, now_s - item.duration_s)
        if abs(start_s - sound_ended_s) < SOUND_DRIFT_S:
            start_s = sound_ended_s
        sound_ended_s = start_s + item.duration_s
        yield replace(item, start_s=start_s)


async def released_by_stamps(media: AsyncIterator[Media], clock: Clock) -> AsyncIterator[Media]:
    """Let media out at the distances of their own time stamps: segments come all at once.

    After a stall or a jump of the stamps the next item is let out at once.
    """
    offset_s: float | None = None  # from media time to the clock's
    async for item in media:
        now_s, done_s = clock.now_s(), complete_s(item)
        if offset_s is None or not -MAX_LAG_S < done_s + offset_s - now_s < MAX_LEAD_S:
            offset_s = now_s - done_s
        await clock.sleep_until(done_s + offset_s)
        yield shifted(item, offset_s)

"""What is said near a session becomes words: finds speech, has it understood, tells the line."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing
from functools import partial

from onlooker.core.clock import SessionClock
from onlooker.core.detectors import SpeechDetector
from onlooker.core.errors import TranscriberFailed
from onlooker.core.event import Failed, Heard, Hearing, SoundNoticed
from onlooker.core.event import Speaker as Who
from onlooker.core.media import AudioChunk, joined
from onlooker.core.moment import Utterance
from onlooker.live.ears import Ears, judged
from onlooker.live.loop import Emit
from onlooker.live.segmenter import (
    Segmenter,
    SegmenterSettings,
    SpeechEnded,
    SpeechNews,
    SpeechPart,
    SpeechStarted,
)
from onlooker.live.settings import SpeechSettings
from onlooker.live.speaker import Speaker
from onlooker.live.utterances import Words, addressed

MAX_BEHIND_S = 20.0  # of sound that waits to be listened to; the oldest is lost beyond it
CHECK_EVERY_S = 0.5
GONE_S = 1.0  # without sound, after which an utterance has ended
MAX_KEY_S = 60.0  # for which a key may be held
FINISH_S = 5.0  # to understand what was said last


class Listener:
    """Follows the sound of every stream of a session."""

    def __init__(
        self,
        ears: Ears,
        settings: tuple[SpeechSettings, SegmenterSettings],
        clock: SessionClock,
        speaker: Speaker,
        emit: Emit,
        tell: Callable[[Utterance], None],
    ) -> None:
        self.ears = ears
        self.settings, self.rules = settings
        self.clock = clock
        self.speaker = speaker
        self.emit = emit
        self.tell = tell
        self.group: asyncio.TaskGroup | None = None
        # One thread: detectors take a millisecond for 32 of sound, and keep their order.
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="listener")
        self.judging = ThreadPoolExecutor(1, thread_name_prefix="turns")  # holds up no detector
        self._streams: dict[tuple[str, Who], _Stream] = {}
        self._begun = asyncio.Event()

    def put(self, chunk: AudioChunk, who: Who) -> None:
        """Take the next sound of a stream."""
        if who == "scene" and not self.settings.scene:
            return
        self._stream(chunk.stream, who).put(chunk)

    def hold_key(self, stream: str, *, is_down: bool) -> None:
        """Push to talk: all that is heard while the key is held is one utterance.

        Letting go of a key that was not held ends what is being said as well.
        """
        self._stream(stream, "user").turn_key(is_down=is_down)

    async def run(self) -> None:
        """Listen until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self.group = group
                for stream in self._streams.values():
                    group.create_task(stream.run())
                with self.clock.follower() as clock:
                    while True:
                        await clock.sleep_until(clock.now_s() + CHECK_EVERY_S)
                        for stream in list(self._streams.values()):
                            await stream.check(clock.now_s())
        finally:
            for thread in (self.thread, self.judging):
                thread.shutdown(wait=False, cancel_futures=True)

    async def finish(self) -> None:
        """Understand what was said last: the session ends."""
        for stream in self._streams.values():
            await stream.finish()
        attempts = [
            words.attempt
            for stream in self._streams.values()
            for words in stream.unfinished
            if words.attempt is not None
        ]
        if attempts:
            await asyncio.wait(attempts, timeout=FINISH_S)

    def _stream(self, name: str, who: Who) -> _Stream:
        if (name, who) not in self._streams:
            self._streams[name, who] = stream = _Stream(name, who, self)
            if self.group is not None:
                self.group.create_task(stream.run())
        return self._streams[name, who]


class _Stream:
    """One stream's sound: from chunks to utterances."""

    def __init__(self, name: str, who: Who, listener: Listener) -> None:
        self.name = name
        self.who: Who = who
        # Each with how many chunks came before it: they belong to what a release ends.
        self._keys: deque[tuple[bool, int]] = deque(maxlen=16)
        self._num_put = 0
        self.arrived = asyncio.Event()
        self.unfinished: list[Words] = []
        self._listener = listener
        self._detector: SpeechDetector = listener.ears.speech()
        self._sounds = listener.ears.sounds() if listener.ears.sounds else None
        self._segmenter = Segmenter(listener.rules)
        self._waiting: deque[tuple[AudioChunk, bool]] = deque()  # and whether it may be our echo
        self._words: Words | None = None
        self._is_key_down = False
        self._hold = ExitStack()  # of media time, while there is something to do
        self._is_held = False
        self._lost_s = 0.0
        self._came_s = 0.0  # when sound came last
        self._trouble = ""  # of the transcriber, as it was told last

    def put(self, chunk: AudioChunk) -> None:
        self._came_s = self._listener.clock.now_s()
        is_open = self.who == "scene" or self._listener.speaker.is_listening(chunk.start_s)
        self._waiting.append((chunk, not is_open))
        self._num_put += 1
        while chunk.start_s - self._waiting[0][0].start_s > MAX_BEHIND_S:
            self._lost_s += self._waiting.popleft()[0].duration_s
        if not self._is_held:
            self._hold.enter_context(self._listener.clock.follower())
            self._is_held = True
        self.arrived.set()

    def turn_key(self, *, is_down: bool) -> None:
        self._keys.append((is_down, self._num_put))
        self.arrived.set()

    async def run(self) -> None:
        while True:
            if not self._waiting and not self._keys:
                self._let_go()
                self.arrived.clear()
                await self.arrived.wait()
            while self._is_key_due:
                await self._turn_key(is_down=self._keys.popleft()[0])
            if self._waiting:
                await self._listen(*self._waiting.popleft())

    @property
    def _is_key_due(self) -> bool:
        """Whether a key was pressed, or released after all sound that has been listened to."""
        if not self._keys:
            return False
        is_down, num_before = self._keys[0]
        return is_down or self._num_put - len(self._waiting) >= num_before

    async def check(self, now_s: float) -> None:
        """End an utterance whose sound has stopped coming: a microphone that is gone."""
        is_idle = not self._waiting and not self._is_held
        if self._words is not None and is_idle and now_s - self._came_s > GONE_S:
            await self._take(self._segmenter.rest())
            await self._turn_key(is_down=False)

    async def finish(self) -> None:
        await self._take(self._segmenter.rest())
        if self._is_key_down:
            await self._turn_key(is_down=False)

    def _let_go(self) -> None:
        """Let media time go on, unless something is being understood."""
        is_idle = not self._waiting and not any(words.is_pending for words in self.unfinished)
        if self._is_held and is_idle:
            self._hold.close()
            self._is_held = False

    async def _listen(self, chunk: AudioChunk, may_be_echo: bool) -> None:
        listener = self._listener
        if self._lost_s:
            lost_s, self._lost_s = self._lost_s, 0.0
            await self._fail("listener", f"too slow: {lost_s:.1f} s of sound were not listened to")
        if may_be_echo and not self._is_key_down:
            await self._take(self._segmenter.rest())  # it would hear ourselves
            return
        loop = asyncio.get_running_loop()
        windows, sounds = await loop.run_in_executor(
            listener.thread, judged, chunk, self._detector, self._sounds
        )
        if self._is_key_down:
            await self._take([SpeechPart(window) for window, _ in windows])
            windows = []
        for window, probability in windows:
            await self._take(self._segmenter.hear(window, probability))
            self._guess(is_speech=probability >= listener.rules.start_probability)
            await self._judge()
        for sound in sounds:
            now_s = listener.clock.now_s()
            listener.tell(Utterance(f"(the sound of {sound.label})", now_s, "scene", self.name))
            await listener.emit(
                SoundNoticed(
                    time_s=now_s,
                    stream=self.name,
                    label=sound.label,
                    probability=round(sound.probability, 3),
                    start_s=sound.start_s,
                )
            )

    async def _judge(self) -> None:
        """Have it judged once a pause if the user has finished: that ends the turn soon, or late.

        What comes meanwhile waits, so that the same sound gives the same turns at any speed.
        """
        turns, words = self._listener.ears.turns, self._words
        if turns is None or words is None or self.who != "user":
            return
        if self._segmenter.is_judgement_due:
            loop = asyncio.get_running_loop()
            speech = joined(words.chunks)
            judged = loop.run_in_executor(self._listener.judging, turns.complete, speech)
            self._segmenter.judge(await judged)

    async def _turn_key(self, *, is_down: bool) -> None:
        if is_down == self._is_key_down:
            if not is_down:  # no key was needed, but what was said ends here
                await self._take(self._segmenter.rest())
            return
        now_s = self._listener.clock.now_s()
        if is_down:
            await self._take(self._segmenter.rest())
            self._is_key_down = True
            self._listener.speaker.user_started(by_key=True)
            await self._take([SpeechStarted(now_s)])
        else:
            self._is_key_down = False
            await self._take([SpeechEnded(now_s)])

    async def _take(self, news: Sequence[SpeechNews]) -> None:
        for item in news:
            match item:
                case SpeechStarted(time_s):
                    await self._begin(time_s)
                case SpeechPart(chunk) if self._words is not None:
                    self._words.chunks.append(chunk)
                    self._words.more.set()
                    if chunk.start_s - self._words.start_s > MAX_KEY_S:
                        await self._turn_key(is_down=False)
                case SpeechEnded(time_s) if self._words is not None:
                    await self._end(self._words, time_s)

    async def _begin(self, time_s: float) -> None:
        listener = self._listener
        self._words = words = Words(time_s)
        self.unfinished.append(words)
        if self.who == "user":
            if not self._is_key_down:
                listener.speaker.user_started()
            await listener.speaker.tell()
            # Others are understood when they pause: guesses on the way are for those who speak.
            self._attempt(words)
        await listener.emit(
            Hearing(
                time_s=listener.clock.now_s(),
                stream=self.name,
                speaker=self.who,
                start_s=round(time_s, 3),
            )
        )

    def _guess(self, *, is_speech: bool) -> None:
        """Have it understood at a pause; if they go on, all of it again."""
        words, pause_s = self._words, self._listener.settings.guess_pause_s
        if words is None or not pause_s:
            return
        if words.is_closed and is_speech:
            if words.attempt is not None:
                words.attempt.cancel()
            words.is_closed, words.final, words.attempt = False, None, None
            if self.who == "user":
                self._attempt(words)
        elif not words.is_closed and self._segmenter.silence_s >= pause_s:
            self._close(words)

    async def _end(self, words: Words, time_s: float) -> None:
        words.end_s, words.is_over, self._words = time_s, True, None
        if self.who == "user":
            self._listener.speaker.user_ended()
            await self._listener.speaker.tell()
        if not words.is_closed:
            self._close(words)
        if words.final is not None:
            await self._deliver(words, words.final)

    def _close(self, words: Words) -> None:
        words.is_closed = True
        words.more.set()
        if words.attempt is None:
            self._attempt(words)

    def _attempt(self, words: Words) -> None:
        if self._listener.group is not None:
            words.attempt = self._listener.group.create_task(self._understand(words))

    async def _understand(self, words: Words) -> None:
        """Have an utterance understood as far as it goes."""
        listener, text = self._listener, ""
        try:
            async with asyncio.timeout(None) as limit:
                sound = words.sound(partial(self._limit, limit))
                async with aclosing(listener.ears.transcriber.hear(sound)) as transcripts:
                    async for transcript in transcripts:
                        text = " ".join(transcript.text.split())
                        if not transcript.is_final and text and not words.is_closed:
                            await self._tell_guess(words, text)
        except TimeoutError:
            text = ""
            await self._fail(
                "transcriber",
                f"nothing was understood within understand_s={listener.settings.understand_s:g} s "
                f"of the end",
            )
        except TranscriberFailed as error:
            text = ""
            await self._fail("transcriber", str(error))
        trouble = str(getattr(listener.ears.transcriber, "trouble", ""))
        if trouble and trouble != self._trouble:
            await self._fail("transcriber", trouble)
        self._trouble = trouble
        words.final = text
        if words.is_over:
            await self._deliver(words, text)
        self._let_go()

    def _limit(self, limit: asyncio.Timeout) -> None:
        limit.reschedule(asyncio.get_running_loop().time() + self._listener.settings.understand_s)

    async def _tell_guess(self, words: Words, text: str) -> None:
        await self._listener.emit(
            Hearing(
                time_s=self._listener.clock.now_s(),
                stream=self.name,
                speaker=self.who,
                start_s=round(words.start_s, 3),
                text=text,
            )
        )

    async def _deliver(self, words: Words, text: str) -> None:
        if words not in self.unfinished:
            return
        self.unfinished.remove(words)
        listener = self._listener
        text, is_addressed = addressed(text, listener.settings.wake_words)
        is_addressed |= self.who == "scene"
        now_s = listener.clock.now_s()
        if text and is_addressed:
            listener.tell(
                Utterance(text, now_s, self.who, self.name if self.who == "scene" else None)
            )
        await listener.emit(
            Heard(
                time_s=now_s,
                stream=self.name,
                speaker=self.who,
                start_s=round(words.start_s, 3),
                end_s=round(words.end_s, 3),
                text=text,
                is_addressed=is_addressed,
            )
        )

    async def _fail(self, part: str, error: str) -> None:
        now_s = self._listener.clock.now_s()
        await self._listener.emit(Failed(time_s=now_s, stream=self.name, part=part, error=error))

"""What is decided becomes heard: drives the rules of the floor, one voice and its players."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, time

from onlooker.core.clock import SessionClock
from onlooker.core.decision import Delegate, Speak
from onlooker.core.errors import VoiceFailed
from onlooker.core.event import (
    Captioned,
    Decided,
    Event,
    Failed,
    LineEnd,
    LineKind,
    Observed,
    Speaking,
    VoiceEnded,
    VoiceStarted,
)
from onlooker.core.moment import CutShort, Instruction
from onlooker.core.ports import Player, Voice
from onlooker.core.prompt import fold
from onlooker.live.floor import (
    Drop,
    Ended,
    Floor,
    FloorSettings,
    Happening,
    Hush,
    Hushed,
    Line,
    Offered,
    Passed,
    Start,
    Stop,
    StopAsked,
    UserEnded,
    UserStarted,
    due_s,
    is_quiet,
    step,
)
from onlooker.live.lines import Saying, kind_of
from onlooker.live.loop import Emit
from onlooker.live.settings import SpeechSettings

VOICE = "voice"  # the stream that our own sound is
LEAD_S = 0.3  # sound is handed to the players so long before it is heard
CHECK_EVERY_S = 0.1
QUIET_EVERY_S = 1.0  # between looks at the time of day
MAX_CUTS = 32  # lines cut short that wait for the next tick
FINISH_S = 15.0  # for the last lines, after the sources have ended
# What was not heard of these was not said; the others are captions that people read.
_CUT: tuple[LineEnd, ...] = ("barge_in", "interrupted", "stopped", "too_long")


def time_of_day() -> time:
    """Tell the local time."""
    return datetime.now().astimezone().time()


class Speaker:
    """Says the lines of one session. Without a voice it shows captions alone.

    All sound is given to the players at its time, a little ahead; whoever interrupts cuts it there.
    """

    def __init__(
        self,
        voice: Voice | None,
        players: Sequence[Player],
        settings: tuple[SpeechSettings, FloorSettings],
        clock: SessionClock,
        emit: Emit,
    ) -> None:
        self._voice = voice
        self._players = list(players)
        self._settings, self._rules = settings
        self._clock = clock
        self._emit = emit
        self._floor = Floor()
        self._lines: dict[str, Saying] = {}
        self._standing: dict[str, Instruction] = {}
        self._kind: LineKind = "commentary"  # of what the present tick says
        self._cuts: deque[CutShort] = deque(maxlen=MAX_CUTS)
        self._news: deque[Event] = deque()  # to be told
        self._group: asyncio.TaskGroup | None = None
        self._free_s = 0.0  # when the sound that was handed over ends
        self._is_muted = False
        self._trouble = ""
        self._last_id = ""  # of the line that was offered last
        self.time_of_day: Callable[[], time] = time_of_day

    # What people do.

    @property
    def is_speaking(self) -> bool:
        return self._floor.speaking is not None

    @property
    def spoken_tick(self) -> int | None:
        """The tick whose line is being said."""
        line = self._lines.get(self._floor.speaking.id) if self._floor.speaking else None
        return line.tick if line else None

    def is_listening(self, time_s: float) -> bool:
        """Whether a microphone may be believed, or would hear ourselves."""
        return self._floor.is_listening(self._rules, time_s)

    def add_player(self, player: Player) -> None:
        self._players.append(player)

    def remove_player(self, player: Player) -> None:
        self._players.remove(player)

    def change_voice(self, voice: Voice) -> None:
        """Speak with another from the next sentence on; who owns it closes it."""
        self._voice = voice

    def mute(self, *, is_muted: bool) -> None:
        """Show captions alone, or speak again."""
        self._is_muted = is_muted
        self._happen(Hushed(self._hush(), self._clock.now_s()))

    def stop(self) -> None:
        """Be still now, with all that waits to be said."""
        self._happen(StopAsked(self._clock.now_s()))

    def user_started(self, *, by_key: bool = False) -> None:
        """Somebody speaks to us."""
        self._happen(UserStarted(self._clock.now_s(), by_key))

    def user_ended(self) -> None:
        """They have finished."""
        self._happen(UserEnded(self._clock.now_s()))

    # What the session does.

    def take_cuts(self) -> tuple[CutShort, ...]:
        """Give, once, what of the lines so far was not heard to its end."""
        cuts = tuple(self._cuts)
        self._cuts.clear()
        return cuts

    async def take(self, event: Event) -> None:
        """Take note of what the line does."""
        match event:
            case Observed():
                self._standing = fold(self._standing, event.instructed)
                self._kind = kind_of(event, self._standing.values())
            case Speaking():
                self._feed(event)
            case Decided():
                self._end_text(event)
            case Failed(part="model") if line := self._lines.get(_id_of(event)):
                line.finish()
        await self.tell()

    async def run(self) -> None:
        """Speak until cancelled."""
        quiet_due_s = -math.inf
        with self._clock.follower() as clock:
            async with asyncio.TaskGroup() as group:
                self._group = group
                while True:
                    now_s = clock.now_s()
                    if now_s >= quiet_due_s:
                        quiet_due_s = now_s + QUIET_EVERY_S
                        self._look_at_time()
                    if now_s >= due_s(self._floor, self._rules):
                        self._happen(Passed(now_s))
                    await self.tell()
                    await clock.sleep_until(now_s + CHECK_EVERY_S)

    async def finish(self) -> None:
        """Say what is left, for a while: the session ends."""
        end_s = self._clock.now_s() + FINISH_S
        while self.is_speaking and self._clock.now_s() < end_s:
            # There is no ticker any more that would move media time.
            await self._clock.sleep_until(self._clock.now_s() + CHECK_EVERY_S)
        await self.tell()

    async def tell(self) -> None:
        """Emit what has happened, in order."""
        while self._news:
            await self._emit(self._news.popleft())

    # Lines.

    def _feed(self, event: Speaking) -> None:
        if line := self._lines.get(_id_of(event)):
            line.feed(event.text)
        else:
            self._offer(event, event.text)

    def _end_text(self, event: Decided) -> None:
        if not isinstance(event.decision, Speak | Delegate):
            return
        id_, text = _id_of(event), event.decision.text
        captioned = Captioned(
            tick=event.tick, time_s=event.time_s, line_id=id_, kind=self._kind, text=text
        )
        self._news.append(captioned)
        self._offer(event, text)
        if line := self._lines.get(id_):
            line.finish()

    def _offer(self, event: Event, text: str) -> None:
        """Offer a line with its first words; once, also if it was dropped since."""
        id_ = _id_of(event)
        if self._voice is None or id_ == self._last_id:
            return
        self._last_id = id_
        languages = self._voice.traits.languages
        line = Saying(id_, self._kind, event.tick, languages[0] if languages else "en")
        line.feed(text)
        self._lines[id_] = line
        self._happen(Offered(Line(id_, self._kind, self._clock.now_s(), text)))

    def _happen(self, happening: Happening) -> None:
        """Rule on what happened and carry it out at once; what there is to tell waits."""
        ruled = step(self._floor, happening, self._rules)
        self._floor = ruled.floor
        for ruling in ruled.rulings:
            match ruling:
                case Start(line):
                    self._start(line.id)
                case Stop(line_id, reason):
                    self._cut(line_id, reason)
                case Drop(line_id, reason):
                    self._end(line_id, reason)

    def _start(self, line_id: str) -> None:
        line = self._lines[line_id]
        if self._group is None:
            self._end(line_id, "stopped")  # nothing runs yet, or any more
            return
        # Media time waits until its sound is made.
        line.clock = line.hold.enter_context(self._clock.follower())
        line.task = self._group.create_task(self._say(line), name=f"voice {line_id}")

    def _cut(self, line_id: str, why: LineEnd) -> None:
        line, now_s = self._lines[line_id], self._clock.now_s()
        for player in self._players:
            player.flush(now_s)
        self._free_s = now_s
        if line.task is not None:
            line.task.cancel()
        self._end(line_id, why)

    def _end(self, line_id: str, why: LineEnd) -> None:
        line = self._lines.pop(line_id)
        line.hold.close()
        now_s = self._clock.now_s()
        until_s = math.inf if why == "done" else now_s - self._latency_s
        heard = line.heard(until_s)
        if why in _CUT and line.tick is not None:
            self._cuts.append(CutShort(line.tick, heard))
        self._news.append(
            VoiceEnded(
                tick=line.tick,
                time_s=now_s,
                line_id=line_id,
                kind=line.kind,
                why=why,
                heard=heard,
                played_s=round(line.played_s(until_s), 3),
            )
        )

    @property
    def _latency_s(self) -> float:
        return max((player.latency_s for player in self._players), default=0.0)

    async def _say(self, line: Saying) -> None:
        """Speak one line to its end."""
        why: LineEnd = "done"
        try:
            async for piece in line.pieces():
                await self._say_piece(line, piece)
            await self._wait_until(line, self._free_s)
        except VoiceFailed as error:
            why = "failed"
            self._fail(str(error))
        self._end(line.id, why)
        self._happen(Ended(line.id, self._clock.now_s()))
        self._note_trouble()
        await self.tell()

    async def _say_piece(self, line: Saying, piece: str) -> None:
        if self._voice is None:
            return
        line.begin(piece, self._clock.now_s())
        async with aclosing(self._voice.say(piece)) as sound:
            async for chunk in sound:
                await self._wait_until(line, self._free_s - LEAD_S)
                start_s = max(self._free_s, self._clock.now_s())
                heard = replace(chunk, stream=VOICE, start_s=start_s)
                self._free_s = start_s + chunk.duration_s
                for player in self._players:
                    player.play(heard)
                line.add(heard)
                if not line.is_started:
                    line.is_started = True
                    self._news.append(
                        VoiceStarted(
                            tick=line.tick, time_s=start_s, line_id=line.id, kind=line.kind
                        )
                    )
                    await self.tell()
        line.end_piece()

    async def _wait_until(self, line: Saying, time_s: float) -> None:
        if line.clock is not None:
            await line.clock.sleep_until(time_s)

    # Trouble, and the time of day.

    def _fail(self, error: str) -> None:
        self._news.append(Failed(time_s=self._clock.now_s(), part="voice", error=error))

    def _note_trouble(self) -> None:
        """Say so when another voice had to speak."""
        trouble = str(getattr(self._voice, "trouble", ""))
        if trouble and trouble != self._trouble:
            self._fail(trouble)
        self._trouble = trouble

    def _hush(self) -> Hush:
        if self._is_muted:
            return "mute"
        quiet = self._settings.quiet_hours
        return "quiet" if quiet and is_quiet(self.time_of_day(), *quiet) else "none"

    def _look_at_time(self) -> None:
        hush = self._hush()
        if hush != self._floor.hush:
            self._happen(Hushed(hush, self._clock.now_s()))


def _id_of(event: Event) -> str:
    return f"line-{event.tick}"

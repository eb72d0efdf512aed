"""The past of a session: what leaves the window is summarised, beside the line.

A segment is closed `carry_ticks` before the window turns over. From that moment an extract of
it stands in its place, so that no turnover waits for anybody. A summariser's paragraph replaces
the extract when it comes; until then the segment waits on disk.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from onlooker.core.clock import SessionClock
from onlooker.core.errors import MemoryFailed
from onlooker.core.event import Event, Failed, Observed, TaskAnswered, TaskAsked
from onlooker.core.memory import Entry, Evidence, Segment
from onlooker.core.moment import Answer, Instruction, Observation
from onlooker.core.ports import MemorySession, Summariser
from onlooker.core.prompt import Turn
from onlooker.live.happening import Chronicler, segment_of
from onlooker.live.loop import Emit
from onlooker.live.recall import evidence_lines, search_past
from onlooker.live.settings import LiveSettings
from onlooker.live.summary import clip, extract, objection
from onlooker.live.tiers import Paragraph, Tiers

MAX_UNWRITTEN = 2000  # entries that wait while the disk is full
MAX_QUEUED = 1000  # segments that wait for a summariser
RECALL_TIMEOUT_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0  # after a failure of the summariser
RECALLS_PER_WINDOW = 8  # whose evidence a prompt holds at most


@dataclass(frozen=True, slots=True)
class Restored:
    """What an earlier session of this name left to be taken up."""

    instructions: tuple[Instruction, ...] = ()
    answers: tuple[Answer, ...] = ()  # of tasks that it had not lived to hear answered


class Past:
    """Remembers a session's events, and gives its prompts what came before. A sink, too."""

    def __init__(
        self,
        memory: MemorySession,
        summariser: Summariser | None,
        settings: LiveSettings,
        clock: SessionClock,
        emit: Emit,
    ) -> None:
        self.memory = memory
        self._summariser = summariser
        self._clock = clock
        self._emit = emit
        self._tiers = Tiers(settings.mid_summaries, settings.long_blocks, settings.memory_tokens)
        self._recall_tokens = settings.recall_tokens
        self._language = settings.language
        self._num_recalls = 0
        self._chronicler = Chronicler()
        self._unwritten: deque[Entry] = deque(maxlen=MAX_UNWRITTEN)
        self._standing: dict[str, Instruction] = {}
        self._asked: dict[str, str] = {}  # task id -> question
        self._owed: deque[Segment] = deque(maxlen=MAX_QUEUED)
        self._unkept: deque[Segment] = deque(maxlen=MAX_QUEUED)  # not on disk yet
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._is_pausing = False  # after a failure
        self._num_deletes = 0

    async def restore(self) -> Restored:
        """Take up what the last session of this name left."""
        kept = await self.memory.kept()
        self._num_deletes = await self.memory.num_deletes()
        self._take(kept.entries, kept.waiting)
        self._owed.extend(kept.waiting)
        self._work.set()
        return _restored(kept.state, self._clock.now_s())

    # What the line asks for: nothing here waits for a disk or a server.

    def close_segment(self, turns: Sequence[Turn], standing: Sequence[Instruction]) -> None:
        """Take the turns that are about to leave the window."""
        segment = segment_of(turns, standing)
        self._add_extract(segment)
        self._unkept.append(segment)
        if not self._is_pausing:
            self._idle.clear()
        self._work.set()

    def paragraphs(self) -> tuple[str, ...]:
        """Write what is remembered, for a prompt that begins anew."""
        self._num_recalls = 0
        return self._tiers.paragraphs()

    async def recall(self, observation: Observation, window_start_s: float) -> tuple[str, ...]:
        """Find what was asked for; what the window shows is not looked for. Soon, or not at all."""
        asked = " ".join(words.text for words in observation.heard if words.speaker == "user")
        if not asked or self._num_recalls >= RECALLS_PER_WINDOW:
            return ()
        # Media time waits, so that the same file brings the same evidence on every machine.
        limit_s = RECALL_TIMEOUT_S if self._clock.speed is not None else None
        try:
            async with asyncio.timeout(limit_s):
                found = await search_past(
                    self.memory, asked[:1000], observation.tick.end_s, window_start_s
                )
        except TimeoutError:
            await self._fail(f"nothing was recalled within {RECALL_TIMEOUT_S} s")
            return ()
        except MemoryFailed as error:
            await self._fail(str(error))
            return ()
        self._num_recalls += bool(found)
        return evidence_lines(found, self._recall_tokens)

    # What a brain may look into while it works.

    async def search(self, words: str) -> tuple[str, ...]:
        """Find what fits; of what cannot be read, nothing."""
        now_s = self._clock.now_s()
        try:
            found = await search_past(self.memory, words[:1000], now_s, now_s)
        except MemoryFailed as error:
            await self._fail(str(error))
            return ()
        return evidence_lines(found, 2 * self._recall_tokens)

    async def frame(self, number: int) -> bytes | None:
        """Give the key frame of an entry."""
        try:
            return await self.memory.picture(number)
        except MemoryFailed as error:
            await self._fail(str(error))
            return None

    # What happens beside the line.

    async def accept(self, event: Event) -> None:
        """Remember an event.

        Raises:
            MemoryFailed: it is not on disk yet; it is tried again with the next.
        """
        self._unwritten.extend(self._chronicler.entries_of(event))
        if self._unwritten:
            entries = tuple(self._unwritten)
            await self.memory.remember(entries)
            for _ in entries:
                self._unwritten.popleft()
        if self._note_state(event):
            await self.memory.keep_state(_state(self._standing.values(), self._asked))

    async def close(self) -> None:
        pass  # the memory belongs to the session

    async def settled(self) -> None:
        """Return when every segment is summarised, or the summariser has failed."""
        await self._idle.wait()

    async def run(self) -> None:
        """Summarise what is owed, for as long as the session lasts."""
        pause_s = FIRST_PAUSE_S
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._catch_up()
                pause_s = FIRST_PAUSE_S
                self._idle.set()
            except MemoryFailed as error:
                await self._fail(f"{error}; {self.num_owed} segments wait")
                self._is_pausing = True
                self._idle.set()
                self._work.set()
                with self._clock.follower() as clock:
                    await clock.sleep_until(clock.now_s() + pause_s)
                self._is_pausing = False
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    @property
    def num_owed(self) -> int:
        """How many segments still wait for their summary."""
        return len(self._owed) + len(self._unkept)

    async def finish(self, turns: Sequence[Turn], standing: Sequence[Instruction]) -> None:
        """Take the last turns, at the end of the session; whatever fails waits for the next."""
        if turns:
            self.close_segment(turns, standing)
        try:
            # The next session asks the summariser for it.
            await self._keep_new()
            if self._summariser is None:
                await self._catch_up()
        except MemoryFailed as error:
            await self._fail(str(error))

    async def _catch_up(self) -> None:
        await self._keep_new()
        await self._follow_forgetting()
        while self._owed:
            segment = self._owed[0]
            paragraph = await self._summary_of(segment)
            entry = Entry("summary", segment.start_s, segment.end_s, paragraph.text)
            is_wanted = await self.memory.settle(segment, entry)
            if self._owed and self._owed[0] is segment:
                self._owed.popleft()
            if is_wanted:
                self._tiers.add(paragraph)
            await self._merge_due()
            await self._keep_new()

    async def _keep_new(self) -> None:
        while self._unkept:
            await self.memory.owe(self._unkept[0])
            self._owed.append(self._unkept.popleft())

    async def _follow_forgetting(self) -> None:
        """Begin anew with what is left, if somebody made the site forget something."""
        num_deletes = await self.memory.num_deletes()
        if num_deletes == self._num_deletes:
            return
        self._num_deletes = num_deletes
        kept = await self.memory.kept()
        self._owed = deque(kept.waiting, maxlen=MAX_QUEUED)
        self._take(kept.entries, (*kept.waiting, *self._unkept))

    def _take(self, entries: Iterable[Evidence], waiting: Iterable[Segment]) -> None:
        self._tiers.restore(entries)
        for segment in waiting:
            self._add_extract(segment)

    def _add_extract(self, segment: Segment) -> None:
        text = extract(segment, self._tiers.mid_tokens)
        is_final = self._summariser is None
        self._tiers.add(Paragraph(segment.start_s, segment.end_s, text, is_final))

    async def _summary_of(self, segment: Segment) -> Paragraph:
        text = await self._told(segment, self._tiers.mid_tokens)
        return Paragraph(segment.start_s, segment.end_s, text)

    async def _merge_due(self) -> None:
        stand = (one.text for one in self._standing.values() if one.state == "standing")
        instructions = tuple(stand)
        while due := self._tiers.due():
            merged = replace(due, instructions=instructions)
            text = await self._told(merged, self._tiers.long_tokens)
            await self.memory.remember([Entry("block", merged.start_s, merged.end_s, text)])
            self._tiers.merge(Paragraph(merged.start_s, merged.end_s, text))

    async def _told(self, segment: Segment, max_tokens: int) -> str:
        """Have a segment told; one who twice tells what is not in the log is not believed."""
        if self._summariser is None or not segment.lines:
            return extract(segment, max_tokens)
        segment, wrong = replace(segment, language=self._language), ""
        for _ in range(2):
            text = await self._summariser.summarise(segment, max_tokens, wrong)
            paragraph = " ".join(text.split())
            wrong = objection(segment, paragraph, max_tokens)
            if not wrong:
                return clip(paragraph, max_tokens)
        await self._fail(f"a summary was refused twice, its lines stand in for it: {wrong}")
        return extract(segment, max_tokens)

    def _note_state(self, event: Event) -> bool:
        """Follow what the next session must know; say whether it changed."""
        match event:
            case Observed(instructed=instructed) if instructed:
                for change in instructed:
                    self._standing[change.id] = change
                    if change.state == "removed":
                        del self._standing[change.id]
            case TaskAsked(task_id=task_id, question=question):
                self._asked[task_id] = question
            case TaskAnswered(task_id=task_id) if task_id in self._asked:
                del self._asked[task_id]
            case _:
                return False
        return True

    async def _fail(self, why: str) -> None:
        await self._emit(Failed(time_s=self._clock.now_s(), part="memory", error=why))


def _state(standing: Iterable[Instruction], asked: dict[str, str]) -> str:
    plain = {"instructions": [asdict(one) for one in standing], "tasks": asked}
    return json.dumps(plain, ensure_ascii=False)


def _restored(state: str, now_s: float) -> Restored:
    """Read a state; whatever of it does not fit this version is left out."""
    try:
        plain = json.loads(state or "{}")
        instructions = tuple(
            Instruction(one["id"], one["text"], now_s, one["state"])
            for one in plain.get("instructions", ())
        )
        answers = tuple(
            Answer(
                task_id, question, "the session began anew before it was answered", now_s, "failed"
            )
            for task_id, question in plain.get("tasks", {}).items()
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Restored()
    return Restored(instructions, answers)

"""A fake memory for tests: in lists, with words alone; faults on purpose."""

from __future__ import annotations

from collections.abc import Sequence

from onlooker.core.errors import MemoryFailed
from onlooker.core.memory import Entry, Evidence, Forgotten, Kept, Question, Segment, Target


class ListMemory:
    """Remembers for as long as the object lives, also from one session to the next."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.waiting: list[Segment] = []
        self.state = ""
        self.is_full = False  # then nothing can be written
        self.num_forgotten = 0
        self.shift_s = 0.0  # between the session that wrote and the one that reads
        self.is_closed = False

    async def open(self, now_s: float) -> ListMemory:
        return self

    async def remember(self, entries: Sequence[Entry]) -> None:
        self._check()
        self.entries += entries

    async def recall(self, question: Question) -> tuple[Evidence, ...]:
        asked = set(question.words.lower().strip("?").split())
        found = [
            one
            for one in self._evidence()
            if asked & set(one.text.lower().split())
            and (question.until_s is None or one.start_s <= question.until_s)
        ]
        return tuple(found[-question.limit :])

    async def entry(self, id_: int) -> Evidence | None:
        found = self._evidence()
        return found[id_] if 0 <= id_ < len(found) else None

    async def picture(self, id_: int) -> bytes | None:
        picture = self.entries[id_].picture if 0 <= id_ < len(self.entries) else None
        return picture.jpeg if picture else None

    async def forget(self, target: Target) -> Forgotten:
        """Forget entries whose text holds the topic."""
        self._check()
        left = [entry for entry in self.entries if target.topic not in entry.text]
        num_gone = len(self.entries) - len(left)
        self.entries[:] = left
        self.num_forgotten += 1
        return Forgotten(num_gone, 0, 0, is_complete=True)

    async def owe(self, segment: Segment) -> None:
        self._check()
        self.waiting.append(segment)

    async def settle(self, segment: Segment, summary: Entry) -> bool:
        self._check()
        if segment not in self.waiting:
            return False
        self.waiting.remove(segment)
        self.entries.append(summary)
        return True

    async def keep_state(self, state: str) -> None:
        self._check()
        self.state = state

    async def kept(self) -> Kept:
        return Kept(tuple(self._evidence()), tuple(self.waiting), self.state)

    async def num_deletes(self) -> int:
        return self.num_forgotten

    async def close(self) -> None:
        self.is_closed = True

    def _check(self) -> None:
        if self.is_full:
            raise MemoryFailed("the disk is full")

    def _evidence(self) -> list[Evidence]:
        return [
            Evidence(
                number,
                entry.kind,
                "default",
                entry.start_s - self.shift_s,
                entry.end_s - self.shift_s,
                entry.start_s,
                entry.text,
                entry.stream,
                entry.labels,
                "frame.jpg" if entry.picture else "",
            )
            for number, entry in enumerate(self.entries)
        ]


class ScriptedSummariser:
    """Tells what the script says, a step a call, and then how many lines there were."""

    def __init__(self, *steps: str | Exception) -> None:
        self._steps = list(steps)
        self.asked: list[tuple[Segment, str]] = []
        self.is_closed = False

    async def summarise(self, segment: Segment, max_tokens: int, objection: str = "") -> str:
        self.asked.append((segment, objection))
        step = self._steps.pop(0) if self._steps else f"told: {len(segment.lines)} lines"
        if isinstance(step, Exception):
            raise step
        return step

    async def close(self) -> None:
        self.is_closed = True

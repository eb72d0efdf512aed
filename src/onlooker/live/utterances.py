"""One utterance on its way from sound to text, and whom it is meant for."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from onlooker.core.media import AudioChunk, joined


@dataclass
class Words:
    """One utterance on its way to a text."""

    start_s: float
    end_s: float = 0.0
    is_over: bool = False
    is_closed: bool = False  # nothing follows, as far as known
    final: str | None = None  # what it would be if it ended here
    attempt: asyncio.Task[None] | None = None
    chunks: list[AudioChunk] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_pending(self) -> bool:
        """Whether it is being understood, with nothing to wait for."""
        return self.is_closed and self.final is None

    async def sound(self, at_end: Callable[[], None]) -> AsyncIterator[AudioChunk]:
        """Yield it from its beginning as it grows, what waits as one; then call `at_end`."""
        num_given = 0
        while True:
            if len(self.chunks) > num_given:
                waiting = self.chunks[num_given:]
                num_given = len(self.chunks)
                yield joined(waiting)
            elif self.is_closed:
                at_end()
                return
            else:
                self.more.clear()
                await self.more.wait()


def addressed(text: str, wake_words: Sequence[str]) -> tuple[str, bool]:
    """Take a wake word off; without it the rest is not for us."""
    if not wake_words:
        return text, True
    for word in wake_words:
        sounds = r"\W+".join(map(re.escape, word.split()))
        if found := re.match(rf"\W*{sounds}\b\W*", text, re.IGNORECASE):
            return text[found.end() :], True
    return text, False

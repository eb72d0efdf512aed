"""The tiers of memory: summaries of closed segments, blocks that merge several, and the dialogue.

Its text never costs more than its budget, however long the session lasts.
Source: the released system's three tiers; its constants are the defaults.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from onlooker.core.memory import Evidence, Segment, estimate_tokens
from onlooker.live.summary import clip

MID_SHARE, LONG_SHARE = 0.5, 0.4  # of the budget; the rest is for the dialogue of before
SPAN_TOKENS = 16  # what a paragraph's time costs beside its text
MAX_DIALOGUE = 20


@dataclass(frozen=True, slots=True)
class Paragraph:
    """What is told of a span. Times before 0 lie before this session began."""

    start_s: float
    end_s: float
    text: str
    is_final: bool = True  # False: a better summary is owed


class Tiers:
    """The summaries that a prompt holds, oldest first."""

    def __init__(self, num_mid: int, num_long: int, max_tokens: int) -> None:
        self._num_mid = num_mid
        # Up to twice as many wait while a server is slow.
        self.mid_tokens = int(max_tokens * MID_SHARE / (2 * num_mid)) - SPAN_TOKENS
        self.long_tokens = int(max_tokens * LONG_SHARE / num_long) - SPAN_TOKENS
        self._dialogue_tokens = int(max_tokens * (1 - MID_SHARE - LONG_SHARE))
        self.mid: list[Paragraph] = []
        self.long: deque[Paragraph] = deque(maxlen=num_long)
        self.dialogue: tuple[str, ...] = ()  # of earlier sessions

    def add(self, paragraph: Paragraph) -> None:
        """Append a closed segment, or put a better summary in its place."""
        for place, known in enumerate(self.mid):
            if known.start_s == paragraph.start_s:
                self.mid[place] = paragraph
                return
        if not self._is_merged(paragraph):
            self.mid.append(paragraph)
            self.mid.sort(key=lambda known: known.start_s)

    def due(self) -> Segment | None:
        """Give what is to be merged into a block: all summaries, once there are enough."""
        oldest = self.mid[: self._num_mid]
        is_full = len(self.mid) >= self._num_mid and all(known.is_final for known in oldest)
        if not is_full and len(self.mid) < 2 * self._num_mid:
            return None
        return Segment(oldest[0].start_s, oldest[-1].end_s, tuple(map(told, oldest)))

    def merge(self, block: Paragraph) -> None:
        """Put a block in the place of the summaries that it covers; the oldest block goes."""
        self.long.append(block)
        self.mid = [known for known in self.mid if not self._is_merged(known)]

    def restore(self, entries: Iterable[Evidence]) -> None:
        """Begin with what earlier sessions left."""
        self.mid.clear()
        self.long.clear()
        said = deque[str](maxlen=MAX_DIALOGUE)
        for entry in entries:
            paragraph = Paragraph(entry.start_s, entry.end_s, entry.text)
            if entry.kind == "block":
                self.long.append(paragraph)
            elif entry.kind == "summary":
                self.mid.append(paragraph)
            elif entry.start_s < 0:
                words = entry.text if entry.kind != "said" else f"onlooker: {entry.text}"
                said.append(f"{span(entry.start_s)} {words}")
        self.mid = self.mid[-2 * self._num_mid :]
        self.dialogue = tuple(said)

    def paragraphs(self) -> tuple[str, ...]:
        """Write all of it for a prompt, within the budget."""
        dialogue = _newest(self.dialogue, self._dialogue_tokens)
        words = (f"Said in the session before: {' | '.join(dialogue)}",) if dialogue else ()
        # By construction there is room for every one; a block written under another budget is cut.
        long = (_fitted(block, self.long_tokens) for block in self.long)
        mid = (_fitted(known, self.mid_tokens) for known in self.mid[-2 * self._num_mid :])
        return (*words, *long, *mid)

    def _is_merged(self, paragraph: Paragraph) -> bool:
        return any(block.start_s <= paragraph.start_s < block.end_s for block in self.long)


def told(paragraph: Paragraph) -> str:
    """Write a paragraph with its span."""
    return f"<{span(paragraph.start_s, paragraph.end_s)}> {paragraph.text}"


def span(start_s: float, end_s: float | None = None) -> str:
    """Name a time or a span as a prompt does."""
    if start_s < 0:
        return f"{_rounded(-start_s)} before this session"
    if end_s is None:
        return f"{start_s:.1f} seconds"
    return f"{start_s:.1f}-{end_s:.1f} seconds"


def _rounded(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _fitted(paragraph: Paragraph, max_tokens: int) -> str:
    return clip(told(paragraph), max_tokens + SPAN_TOKENS)


def _newest(lines: tuple[str, ...], max_tokens: int) -> list[str]:
    kept: list[str] = []
    left = max_tokens - SPAN_TOKENS
    for line in reversed(lines):
        left -= estimate_tokens(line) + 1
        if left < 0:
            break
        kept.append(line)
    return kept[::-1]

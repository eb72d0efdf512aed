"""What a question about the past brings back: what happened before what was said of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from onlooker.core.memory import EntryKind, Evidence, Question, estimate_tokens
from onlooker.core.ports import MemorySession
from onlooker.live.summary import clip
from onlooker.live.tiers import span
from onlooker.live.when import span_asked

NUM_RECALLED = 10
NUM_SEARCHED = 20  # some of which are questions like this one
NUM_NEARBY = 100
MAX_SHARE = 0.5  # of the budget, for one line
_HAPPENED: tuple[EntryKind, ...] = ("seen", "heard", "said", "answer", "picture")
_TOLD: tuple[EntryKind, ...] = ("summary", "block")
_OF_WORDS = re.compile(
    r"\b(ask\w*|said|say|tell|told|talk\w*|mention\w*)\b|说|问|提到", re.IGNORECASE
)


async def search_past(
    memory: MemorySession, asked: str, now_s: float, window_start_s: float
) -> tuple[Evidence, ...]:
    """Search what happened before the window, then summaries if too little is found. Best first.

    Raises:
        MemoryFailed: the memory cannot be read.
    """
    until_s, since_s = window_start_s - 0.001, None
    if spoken_of := span_asked(asked, now_s):
        since_s, until_s = spoken_of[0], min(until_s, spoken_of[1])
    question = Question(asked, None, since_s, until_s, _HAPPENED, NUM_SEARCHED)
    found = _without_questions(await memory.recall(question), asked)
    if spoken_of and len(found) < NUM_RECALLED:
        # A time says enough: whatever happened then is an answer.
        nearby = Question("", None, since_s, until_s, _HAPPENED, NUM_NEARBY)
        around = _without_questions(await memory.recall(nearby), asked)
        if spoken_of[1] < now_s:
            middle_s = sum(spoken_of) / 2
            around.sort(key=lambda one: abs(one.start_s - middle_s))
        found = _joined(found, around)
    if len(found) < NUM_RECALLED:
        told = Question(asked, None, since_s, until_s, _TOLD, 2)
        found = _joined(found, await memory.recall(told))
    return tuple(found[:NUM_RECALLED])


def evidence_lines(found: Sequence[Evidence], max_tokens: int) -> tuple[str, ...]:
    """Write the best of what was found, oldest first, within a budget."""
    chosen: list[tuple[float, str]] = []
    left = max_tokens
    for one in found:
        text = _what(one)
        if not text:
            continue
        where = f" ({one.stream})" if one.stream else ""
        frame = f" [frame {one.id}]" if one.picture else ""
        at = span(one.start_s, one.end_s if one.end_s - one.start_s > 1 else None)
        line = clip(f"<{at}>{where}{frame} {text}", int(max_tokens * MAX_SHARE))
        cost = estimate_tokens(line) + 1
        if cost <= left:
            left -= cost
            chosen.append((one.start_s, line))
    return tuple(line for _, line in sorted(chosen))


def _what(one: Evidence) -> str:
    return f"onlooker: {one.text}" if one.kind == "said" else one.text


def _without_questions(found: Sequence[Evidence], asked: str) -> list[Evidence]:
    """Leave out what people asked before, which is always like what they ask now."""
    if _OF_WORDS.search(asked):
        return list(found)
    return [
        one for one in found if one.kind != "heard" or not one.text.rstrip().endswith(("?", "？"))
    ]


def _joined(found: Sequence[Evidence], more: Sequence[Evidence]) -> list[Evidence]:
    known = {one.id for one in found}
    return [*found, *(one for one in more if one.id not in known)]

"""InteractionBench (2026): what was said, when, and whether silence was kept, item by item.

Annotations: huggingface.co/datasets/InteractionBench/InteractionBench, a file a video below
`annotations/`; look there for the licence. Items are `VIDEO#N`. This is the lexical mode of the
scorer, which needs no judge; one can be handed in. Its multiple-choice mode is not here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from onlooker.evaluate.benchmarks.annotations import (
    BadAnnotations,
    Entry,
    join,
    load_object,
    read_entries,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import Problem

DECAY_S = 5.0  # after an event, until an answer to it is worth nothing
EARLY_S = 1.0  # before an event, an answer to it is as good as on time

ContentJudge = Callable[[str, str, str], float]
"""(question, right answer, what was said) -> how right it is, in [0, 1]."""

Record = dict[str, float | None]
"""The numbers of one item; None where there is nothing to measure."""

_SEGMENTED = ("LCG", "BRC")  # commentary: scored by what is said between two events
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MEANS = (
    "total_score",
    "accuracy",
    "timing_accuracy",
    "silence_compliance",
    "timing_score",
    "miss_rate",
    "segment_coverage",
    "v_premature",
    "v_redundant",
    "v_spurious",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """Something to be said at a time."""

    time_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One question of one video."""

    item: str
    video: str
    capability: str
    time_type: str  # A: asked once; B: due once; C: due again and again
    question: str
    question_time_s: float
    duration_s: float
    answers: tuple[Answer, ...]  # none where silence is right
    is_counting: bool

    @property
    def events(self) -> tuple[Answer, ...]:
        """The answers in order, those of one moment made one."""
        texts: dict[float, list[str]] = {}
        for answer in self.answers:
            texts.setdefault(answer.time_s, []).append(answer.text)
        return tuple(
            Answer(time_s, "; ".join(filter(None, texts[time_s]))) for time_s in sorted(texts)
        )


@dataclass(frozen=True, slots=True)
class Attribution:
    """Which emission answers which event, and which ones answer none."""

    answered: Mapping[int, Emission]
    num_premature: int
    num_redundant: int


def read(folder: Path) -> tuple[tuple[Item, ...], tuple[Problem, ...]]:
    """Read every annotation file below a folder, in the order of domains and videos."""
    entries: list[Any] = []
    broken: list[Problem] = []
    for path in sorted(folder.rglob("*.json"), key=lambda path: (*path.parent.parts, path.stem)):
        try:
            video = load_object(path)
        except BadAnnotations as error:
            broken.append(Problem("bad_annotation", None, str(error)))
            continue
        numbered = enumerate(video.get("items") or ())
        entries += [{"video": video, "number": number, "item": item} for number, item in numbered]
    items, problems = read_entries(
        entries, lambda _, entry: [_item_of(entry["video"], entry["number"], entry["item"])]
    )
    return items, (*broken, *problems)


def to_official(
    items: Sequence[Item], predictions: Iterable[Prediction]
) -> tuple[list[Entry], tuple[Problem, ...]]:
    """Write what was said as the lines of the official predictions file."""
    pairs, problems = join(items, predictions)
    lines = []
    for item, prediction in pairs:
        video, _, number = item.item.rpartition("#")
        said = [{"t": one.time_s, "content": one.text} for one in prediction.emissions]
        lines.append({"video_id": video, "item_index": int(number), "emissions": said})
    return lines, problems


def strict_official(
    items: Sequence[Item], lines: Iterable[Entry], judge: ContentJudge | None = None
) -> Record:
    """Score as `ibench eval` does at commit 768250e, with the settings of its paper.

    Its quirks: every number of an item is rounded to one place and the means to three; an item
    without a line is scored as silence, and the later of two lines counts.
    """
    said = {
        f"{line['video_id']}#{line.get('item_index', 0)}": [
            Emission(float(one["t"]), one.get("content") or "")
            for one in line.get("emissions") or ()
        ]
        for line in lines
    }
    records = [score_item(item, said.get(item.item, ()), judge, places=1) for item in items]
    return {name: _mean_of(records, name, places=3) for name in _MEANS}


def clean(
    items: Sequence[Item], predictions: Iterable[Prediction], judge: ContentJudge | None = None
) -> tuple[Record, tuple[Problem, ...]]:
    """Score what was predicted, without rounding; what was not is listed and in no mean."""
    pairs, problems = join(items, predictions)
    records = [score_item(item, prediction.emissions, judge) for item, prediction in pairs]
    return {name: _mean_of(records, name) for name in _MEANS}, problems


def score_item(
    item: Item, said: Iterable[Emission], judge: ContentJudge | None = None, places: int = 12
) -> Record:
    """Score one item, from 0 to 100; intermediate numbers are rounded to so many places.

    Where silence is right, silence alone counts; of commentary, content alone; otherwise the mean
    of accuracy and the harmonic mean of timing and silence.
    """
    spoken = sorted((one for one in said if one.text.strip()), key=lambda one: one.time_s)
    if not item.answers:
        silence = round(100 * max(0.0, 1.0 - len(spoken)), places)
        kept = dict.fromkeys(("silence_compliance", "timing_score", "total_score"), silence)
        return {**kept, "v_premature": 0, "v_redundant": 0, "v_spurious": len(spoken)}
    events = item.events
    if item.time_type == "A":
        events = (Answer(item.question_time_s, item.answers[0].text),)
    found = attribute(events, spoken)
    record = _timing(events, found, len(spoken), places)
    if item.time_type != "A" and item.capability in _SEGMENTED:
        shares = _segments(item, events, spoken, judge)
        told = round(100 * mean(share or 0.0 for share in shares), places)
        covered = sum(share is not None for share in shares) / len(shares)
        coverage = round(covered, places + 2)
        return {**record, "accuracy": told, "segment_coverage": coverage, "total_score": told}
    right = _accuracy(item, events, found, spoken, judge)
    accuracy = None if right is None else round(100 * right, places)
    axes = [axis for axis in (accuracy, record["timing_score"]) if axis is not None]
    return {**record, "accuracy": accuracy, "total_score": round(mean(axes), places)}


def attribute(events: Sequence[Answer], spoken: Iterable[Emission]) -> Attribution:
    """Give each event the first emission from a second before it to a second before the next."""
    answered: dict[int, Emission] = {}
    num_premature = num_redundant = 0
    for one in spoken:
        reached = [
            number for number, event in enumerate(events) if event.time_s <= one.time_s + EARLY_S
        ]
        if not reached:
            num_premature += 1
        elif reached[-1] in answered:
            num_redundant += 1
        else:
            answered[reached[-1]] = one
    return Attribution(answered, num_premature, num_redundant)


def content_score(right: str, said: str) -> float:
    """Compare words: the same, their F1 without articles, or the same number in a short answer."""
    expected, words = _words(right), _words(said)
    if expected == words and right:
        return 1.0
    common = (Counter(expected) & Counter(words)).total()
    f1 = 0.0
    if common:
        precision, recall = common / len(words), common / len(expected)
        f1 = 2 * precision * recall / (precision + recall)
    number, told = _last_number(right), _last_number(said)
    names = [word for word in expected if not _NUMBER.fullmatch(word)]
    is_same_number = (
        number is not None and number == told and len(expected) <= 3 and set(names) <= set(words)
    )
    return max(f1, float(is_same_number))


def _timing(events: Sequence[Answer], found: Attribution, num_spoken: int, places: int) -> Record:
    credit = [
        max(0.0, 1 - max(0.0, found.answered[number].time_s - event.time_s) / DECAY_S)
        if number in found.answered
        else 0.0
        for number, event in enumerate(events)
    ]
    num_wrong = found.num_premature + found.num_redundant
    timing = round(100 * mean(credit), places)
    # Who says nothing at all has kept no silence to speak of.
    silence = round(100 * max(0.0, 1 - num_wrong / len(events)), places) if num_spoken else None
    together: float = timing
    if silence is not None:
        whole = timing + silence
        together = round(2 * timing * silence / whole, places) if whole else 0.0
    return {
        "timing_accuracy": timing,
        "silence_compliance": silence,
        "timing_score": together,
        "miss_rate": round(1 - len(found.answered) / len(events), places + 2),
        "v_premature": found.num_premature,
        "v_redundant": found.num_redundant,
        "v_spurious": 0,
    }


def _accuracy(
    item: Item,
    events: Sequence[Answer],
    found: Attribution,
    spoken: Sequence[Emission],
    judge: ContentJudge | None,
) -> float | None:
    """Of counting, whether the last number is right; otherwise the mean over answered events."""
    if item.is_counting and item.time_type != "A":
        numbers = [_last_number(answer.text) for answer in item.answers]
        gold = next((number for number in reversed(numbers) if number is not None), None)
        said = [number for one in spoken if (number := _last_number(one.text)) is not None]
        return None if gold is None else float(bool(said) and said[-1] == gold)
    scores = [
        _judged(item, events[number].text, one.text, judge)
        for number, one in found.answered.items()
    ]
    return mean(scores) if scores else 0.0


def _segments(
    item: Item, events: Sequence[Answer], spoken: Sequence[Emission], judge: ContentJudge | None
) -> list[float | None]:
    """Score all that was said from one event to the next; None where nothing was."""
    ends_s = [event.time_s for event in events[1:]]
    ends_s.append(max(item.duration_s, events[-1].time_s) + 1e-6)
    scores: list[float | None] = []
    for event, end_s in zip(events, ends_s, strict=True):
        said = " ".join(one.text for one in spoken if event.time_s <= one.time_s < end_s)
        scores.append(_judged(item, event.text, said, judge) if said else None)
    return scores


def _judged(item: Item, right: str, said: str, judge: ContentJudge | None) -> float:
    return judge(item.question, right, said) if judge else content_score(right, said)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKC", text).lower()
    return [word for word in re.findall("[a-z0-9]+", plain) if word not in ("a", "an", "the")]


def _last_number(text: str) -> float | None:
    numbers = _NUMBER.findall(text.replace(",", ""))
    return float(numbers[-1]) if numbers else None


def _mean_of(records: Iterable[Record], name: str, places: int = 12) -> float | None:
    known = [value for record in records if (value := record.get(name)) is not None]
    return round(mean(known), places) if known else None


def _item_of(entry: Entry, number: int, item: Entry) -> Item:
    if item["time_type"] not in ("A", "B", "C"):
        raise ValueError(f"item {number} has the time type {item['time_type']!r}")
    answers = [
        Answer(float(one["time_s"]), one["content"] or "")
        for one in item.get("answers") or ()
        if one.get("time_s") is not None and not _is_silence(one)
    ]
    given = item.get("answers") or ()
    is_silent = bool(item.get("is_negative")) or (bool(given) and all(map(_is_silence, given)))
    if not is_silent and not answers:
        raise ValueError(f"item {number} has neither an answer nor silence to be kept")
    return Item(
        f"{entry['video_id']}#{number}",
        f"{entry.get('domain', '')}/{entry['video_id']}.mp4",
        item.get("capability") or "UNKNOWN",
        item["time_type"],
        item.get("question") or "",
        float(item.get("question_time_s") or 0.0),
        float(entry.get("duration_s") or 0.0),
        () if is_silent else tuple(answers),
        bool(item.get("auto_number")) or item.get("sub_tag") in ("counting", "计数型"),
    )


def _is_silence(answer: Entry) -> bool:
    return "SHOULD_REMAIN_SILENT" in (answer.get("content") or "").upper()

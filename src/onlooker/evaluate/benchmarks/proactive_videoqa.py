"""ProactiveVideoQA (arXiv 2507.09313): PAUC, the area under the quality of the replies over time.

Annotations: the data set named in github.com/yellow-binary-tree/ProactiveVideoQA, one `anno.json`
for each of WEB, EGO, TV and VAD; its licence is not stated there. Items are its question ids.
Rule as in the port of OneStreamer (github.com/MCG-NJU/OneStreamer at f0a610b, Apache-2.0,
`pvqa_scoring.py`), which follows the original's arithmetic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onlooker.core.errors import OnlookerError
from onlooker.evaluate.benchmarks.annotations import (
    Entry,
    join,
    load_list,
    mean,
    read_entries,
)
from onlooker.evaluate.content import Content
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.truth import Expected, Span, Standing, Truth

OMEGAS = (0.0, 0.5, 1.0)  # how little time matters; the headline is 0.5
MAX_SCORE = 2.0
START_SCORE = 0.5  # the height before the first reply

Verdict = Callable[[str, str, str], int]
"""(question, gold answer, all that was said so far) -> 1 wrong, 2 partly right, 3 right."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One gold answer, when its evidence is there and when a reply still counts."""

    text: str
    related: Span
    reply: Span


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the answers that the video gives to it, one after another."""

    item: str
    video: str
    duration_s: float
    question: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """What a judge is to say about one more reply."""

    id: str  # QUESTION=TURN=TIME
    question: str
    gold: str
    said: str  # all replies in the span so far, each text once


def read(path: Path) -> tuple[tuple[Question, ...], tuple[Problem, ...]]:
    """Read an `anno.json`."""
    return read_entries(load_list(path), lambda _, entry: [_question_of(entry)])


def truth_of(question: Question) -> Truth:
    """Say what is right, for our own scorer: each turn once, in the time for its reply."""
    events = tuple(
        Expected(
            str(number),
            turn.reply.start_s,
            turn.reply.end_s,
            "speak",
            Content("exact", (turn.text,)),
            "question",
        )
        for number, turn in enumerate(question.turns)
    )
    last_s = max(question.duration_s, *(turn.reply.end_s for turn in question.turns))
    asked = Standing("question", question.question)
    return Truth(question.item, last_s, events, (asked,))


def to_official(
    questions: Sequence[Question], predictions: Iterable[Prediction]
) -> tuple[list[dict[str, Any]], tuple[Problem, ...]]:
    """Write replies as the original's lines: `question_id`, `model_response_list`."""
    pairs, problems = join(questions, predictions)
    lines = [
        {
            "question_id": question.item,
            "model_response_list": [
                {"role": "assistant", "time": one.time_s, "content": one.text}
                for one in prediction.emissions
            ],
        }
        for question, prediction in pairs
    ]
    return lines, problems


def judge_requests(
    questions: Sequence[Question], predictions: Iterable[Prediction]
) -> tuple[JudgeRequest, ...]:
    """List what the judge has to answer, as the official script would ask it."""
    pairs, _ = join(questions, predictions)
    requests = []
    for question, prediction in pairs:
        for number, turn in enumerate(question.turns):
            said: list[str] = []
            for one in _in_span(prediction.emissions, turn):
                if one.text not in said:
                    said.append(one.text)
                    key = f"{question.item}={number}={one.time_s}"
                    request = JudgeRequest(key, question.question, turn.text, " ".join(said))
                    requests.append(request)
    return tuple(requests)


def strict_official(questions: Sequence[Question], verdicts: Mapping[str, str]) -> dict[str, float]:
    """Compute PAUC as the official script does, in percent, rounded to two places.

    Its quirks: a turn without a readable verdict is scored as if nothing had been said in it, and
    so is a question without a prediction; a reply after the evidence that is worse than the last
    one within it is taken back.

    Args:
        questions: all of a set.
        verdicts: id of a `JudgeRequest` -> what the judge wrote, which should begin 1, 2 or 3.
    """
    scores = _verdicts_of(questions, verdicts)
    areas: dict[float, list[float]] = {omega: [] for omega in OMEGAS}
    for question in questions:
        for number, turn in enumerate(question.turns):
            kept = _without_setbacks(turn, scores.get((question.item, number), {}))
            for omega in OMEGAS:
                areas[omega].append(pauc(turn, kept, omega))
    return {f"omega={omega:g}": round(100 * mean(values), 2) for omega, values in areas.items()}


def clean(
    questions: Sequence[Question], predictions: Iterable[Prediction], judge: Verdict
) -> tuple[dict[str, float], tuple[Problem, ...]]:
    """Compute PAUC over the turns that could be judged, in percent; the others are listed.

    `repeat_share` is the share of replies that say again, word for word, what was said before.
    """
    pairs, problems = join(questions, predictions)
    areas: dict[float, list[float]] = {omega: [] for omega in OMEGAS}
    listed = list(problems)
    num_replies = num_repeats = 0
    for question, prediction in pairs:
        texts = [one.text for one in prediction.emissions]
        num_replies += len(texts)
        num_repeats += len(texts) - len(set(texts))
        for number, turn in enumerate(question.turns):
            try:
                scores = _judged(question, turn, prediction.emissions, judge)
            except (OnlookerError, OSError, ValueError, TypeError) as error:
                detail = f"turn {number}: {type(error).__name__}: {error}"
                listed.append(Problem("judge_failed", question.item, detail))
                continue
            for omega in OMEGAS:
                areas[omega].append(pauc(turn, _without_setbacks(turn, scores), omega))
    result = {f"omega={omega:g}": 100 * mean(values) for omega, values in areas.items()}
    return {**result, "repeat_share": num_repeats / num_replies if num_replies else 0.0}, tuple(
        listed
    )


def pauc(turn: Turn, scores: Mapping[float, float], omega: float) -> float:
    """Compute the area under the steps of the scores, as a share of the greatest one.

    Args:
        turn: whose span for replies is the x axis.
        scores: time of a reply -> its score from 0 to 2.
        omega: replies are moved towards the start of the span by this share of their delay.
    """
    if not scores:
        return START_SCORE / MAX_SCORE
    end = turn.reply.duration_s
    steps = [
        ((time_s - turn.reply.start_s) * (1 - omega), score)
        for time_s, score in sorted(scores.items())
    ]
    area, last_x, height = 0.0, 0.0, START_SCORE
    for x, score in [*steps, (end, steps[-1][1])]:
        area += (x - last_x) * height
        last_x, height = x, score
    whole = end * MAX_SCORE
    return area / whole if whole > 0 else 0.0


def _in_span(emissions: Iterable[Emission], turn: Turn) -> list[Emission]:
    return [one for one in emissions if turn.reply.holds(one.time_s)]


def _verdicts_of(
    questions: Iterable[Question], verdicts: Mapping[str, str]
) -> dict[tuple[str, int], dict[float, float]]:
    """Read the verdicts, and leave out what is none, or of no turn, or outside its span."""
    turns = {
        (question.item, number): turn
        for question in questions
        for number, turn in enumerate(question.turns)
    }
    scores: dict[tuple[str, int], dict[float, float]] = {}
    for key, written in verdicts.items():
        readable = re.match("[123]", written.strip())
        item, number, time_s = _parts_of(key)
        turn = turns.get((item, number))
        if readable and turn is not None and turn.reply.holds(time_s):
            scores.setdefault((item, number), {})[time_s] = int(readable[0]) - 1.0
    return scores


def _parts_of(key: str) -> tuple[str, int, float]:
    try:
        item, number, time_s = key.rsplit("=", 2)
        return item, int(number), float(time_s)
    except ValueError:
        return "", -1, 0.0


def _judged(
    question: Question, turn: Turn, emissions: Iterable[Emission], judge: Verdict
) -> dict[float, float]:
    said: list[str] = []
    scores: dict[float, float] = {}
    for one in sorted(_in_span(emissions, turn), key=lambda one: one.time_s):
        if one.text in said:
            continue
        said.append(one.text)
        verdict = judge(question.question, turn.text, " ".join(said))
        if verdict not in (1, 2, 3):
            raise ValueError(f"the judge said {verdict!r}: expected 1, 2 or 3")
        scores[one.time_s] = verdict - 1.0
    return scores


def _without_setbacks(turn: Turn, scores: Mapping[float, float]) -> dict[float, float]:
    """Take back late replies that are worse than the last one in time: about the next turn."""
    kept: dict[float, float] = {}
    last_in_time = 0.0
    for time_s, score in sorted(scores.items()):
        if time_s <= turn.related.end_s:
            last_in_time = score
        elif score < last_in_time and len(scores) > 1:
            continue
        kept[time_s] = score
    return kept


def _question_of(entry: Entry) -> Question:
    turns = []
    for answer in entry["answer"]:
        reply = Span(*map(float, answer["reply_timespan"]))
        related = Span(*map(float, answer.get("related_timespan", answer["reply_timespan"])))
        turns.append(Turn(answer["content"], related, reply))
    if not turns:
        raise ValueError("it has no answer")
    return Question(
        str(entry["question_id"]),
        str(entry["video"]),
        float(entry.get("duration", 0.0)),
        entry["conversation"][0]["content"],
        tuple(turns),
    )

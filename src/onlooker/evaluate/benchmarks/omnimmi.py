"""OmniMMI (arXiv 2503.22952): proactive alerting (PA) and proactive turn-taking (PT).

Annotations: huggingface.co/datasets/ColorfulAI/OmniMMI, `proactive_alerting.json` and
`proactive_turn_taking.json`, MIT. They have no ids; our items are `pa/N` and `pt/N` by their place.
The other tasks need an LLM judge throughout and are not here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from onlooker.evaluate.benchmarks.annotations import (
    BadAnnotations,
    Entry,
    as_script,
    join,
    load_list,
    mean,
    read_entries,
)
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.truth import Expected, Span, Standing, Truth

Task = Literal["pa", "pt"]


@dataclass(frozen=True, slots=True)
class Sample:
    """One video; an alert is due within `answer`, a turn is taken rightly by keeping silent."""

    item: str
    task: Task
    video: str
    answer: Span | None
    entry: Entry


def read(path: Path, task: Task) -> tuple[tuple[Sample, ...], tuple[Problem, ...]]:
    """Read one of the two annotation files."""

    def samples_of(number: int, entry: Entry) -> list[Sample]:
        span = Span(*map(float, entry["answer"])) if task == "pa" else None
        return [Sample(f"{task}/{number}", task, entry["video"], span, entry)]

    return read_entries(load_list(path), samples_of)


def truth_of(sample: Sample) -> Truth:
    """Say what is right for an alert, for our own scorer.

    Raises:
        ValueError: it is a sample of turn-taking, which has no moment.
    """
    if sample.answer is None:
        raise ValueError(f"{sample.item} has no moment of its own: only alerts have")
    event = Expected("alert", sample.answer.start_s, sample.answer.end_s, instruction="question")
    asked = Standing("question", str(sample.entry.get("question", "")))
    return Truth(sample.item, sample.answer.end_s + 1.0, (event,), (asked,))


def to_official(
    samples: Sequence[Sample], predictions: Iterable[Prediction]
) -> tuple[list[str], tuple[Problem, ...]]:
    """Write one Python literal a line, which is what the official script evaluates.

    Alerts are written as lists of times; turns as what was said, "" for silence.
    """
    pairs, problems = join(samples, predictions)
    lines = []
    for sample, prediction in pairs:
        said: Any = [one.time_s for one in prediction.emissions]
        if sample.task == "pt":
            said = " ".join(one.text for one in prediction.emissions)
        lines.append(repr({**sample.entry, "pred": said}))
    return lines, problems


def read_official(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Read such lines back, as literals: nothing in them is run.

    Raises:
        BadAnnotations: a line is no literal.
    """
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(ast.literal_eval(line.strip()))
        except (ValueError, SyntaxError, RecursionError) as error:
            raise BadAnnotations(f"line {number}: {error}: expected a Python literal") from error
    return rows


def strict_official(rows: Sequence[dict[str, Any]], task: Task) -> dict[str, float]:
    """Score as `evaluations/evaluate.py` does at commit 036d2ca.

    Its quirks: whether predictions are numbers or lists is read off the first line; of a list the
    first time counts; turn-taking is won by saying nothing.

    Raises:
        OfficialScriptStops: no line, mixed kinds of prediction, or an interval of no length.
    """
    compute = {"pa": _strict_alerts, "pt": _strict_turns}[task]
    return as_script(lambda: compute(rows), "OmniMMI")


def clean(
    samples: Sequence[Sample], predictions: Iterable[Prediction]
) -> tuple[dict[str, float], tuple[Problem, ...]]:
    """Score alerts by their first time, and beside it how much was said at the wrong one.

    Returns:
        `accuracy`; for alerts also `early_share` and `silent_share` of the samples, and
        `precision`, the mean share of what was said that was in time.
    """
    pairs, problems = join(samples, predictions)
    results: dict[str, list[float]] = {}
    for sample, prediction in pairs:
        times_s = sorted(one.time_s for one in prediction.emissions)
        if sample.answer is None:
            results.setdefault("accuracy", []).append(not times_s)
            continue
        span = sample.answer
        is_hit = bool(times_s) and span.holds(times_s[0])
        results.setdefault("accuracy", []).append(is_hit)
        results.setdefault("early_share", []).append(bool(times_s) and times_s[0] < span.start_s)
        results.setdefault("silent_share", []).append(not times_s)
        results.setdefault("precision", []).append(mean(span.holds(one) for one in times_s))
    return {name: mean(values) for name, values in results.items()}, problems


def _strict_alerts(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    if type(rows[0]["pred"]) is not list:
        hits = [row["answer"][0] <= row["pred"] <= row["answer"][1] for row in rows]
        return {"accuracy": sum(hits) / len(hits)}
    accuracy = precision = overlap = 0.0
    for row in rows:
        start_s, end_s = row["answer"]
        said = row["pred"]
        if said == []:
            continue
        accuracy += start_s <= said[0] <= end_s
        precision += sum(start_s <= one <= end_s for one in said) / len(said)
        shared = max(0, min(said[-1], end_s) - max(said[0], start_s))
        overlap += shared / (max(said[-1], end_s) - min(said[0], start_s))
    num_rows = len(rows)
    return {
        "accuracy": accuracy / num_rows,
        "precision": precision / num_rows,
        "iou": overlap / num_rows,
    }


def _strict_turns(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    hits = [row["pred"] == "" or row["pred"].startswith("<2>") for row in rows]
    return {"accuracy": sum(hits) / len(hits)}

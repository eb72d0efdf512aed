"""One run as one object: every number with its interval, beside what blind players get."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onlooker.evaluate.blind import blind_scores
from onlooker.evaluate.content import Judge
from onlooker.evaluate.prediction import Prediction, read_predictions, write_predictions
from onlooker.evaluate.problems import Problem, count
from onlooker.evaluate.run import Done, RunRefused
from onlooker.evaluate.score import Score, score_all
from onlooker.evaluate.summary import Summary, by_family, summarize
from onlooker.evaluate.truth import Truth, read_truths, write_truths

RESULT_FILE = "result.json"
VERSION = 1

Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scored:
    """A run, scored."""

    truths: tuple[Truth, ...]
    predictions: tuple[Prediction, ...]
    scores: tuple[Score, ...]
    problems: tuple[Problem, ...]

    def result(self, about: Mapping[str, Any], look_ms: Sequence[float] = ()) -> Plain:
        """Make the object that `--json` prints and the report shows.

        Raises:
            RunRefused: nothing could be scored.
        """
        if not self.scores:
            listed = "; ".join(one.detail for one in self.problems[:3]) or "there is no item"
            raise RunRefused(f"no item could be scored: {listed}")
        of_scored = {score.item for score in self.scores}
        truths = [truth for truth in self.truths if truth.item in of_scored]
        blind = blind_scores(truths)
        families = {name: by_family(scores) for name, scores in blind.items()}
        return {
            "version": VERSION,
            **about,
            "num_items": len(self.scores),
            "num_left_out": len({one.item for one in self.problems if one.item} - of_scored),
            "seconds": round(sum(truth.duration_s for truth in truths), 3),
            "overall": _summed(
                summarize(self.scores), {name: summarize(one) for name, one in blind.items()}
            ),
            "by_family": {
                name: _summed(
                    summary, {who: of[name] for who, of in families.items() if name in of}
                )
                for name, summary in by_family(self.scores).items()
            },
            "look_ms": _percentiles(look_ms),
            "problems": {
                "counts": count(self.problems),
                "list": [asdict(problem) for problem in self.problems],
            },
        }


def score_files(truth: Path, predicted: Path, judge: Judge | None = None) -> Scored:
    """Score a file of predictions against a file of truths; what cannot be read is listed.

    Raises:
        BadTruth: the truths cannot be read.
        RunRefused: there is no such file.
    """
    try:
        truths = read_truths(truth)
        predictions, unread = read_predictions(predicted)
    except OSError as error:
        raise RunRefused(f"cannot read {error.filename}: {error.strerror}") from error
    scores, problems = score_all(truths, predictions, judge=judge)
    return Scored(truths, predictions, scores, (*unread, *problems))


def write_result(
    folder: Path, scored: Scored, about: Mapping[str, Any], look_ms: Sequence[float] = ()
) -> Plain:
    """Write what a run came to: the result, and truths and predictions in the public form."""
    result = scored.result(about, look_ms)
    folder.mkdir(parents=True, exist_ok=True)
    write_truths(folder / "truth.jsonl", scored.truths)
    write_predictions(folder / "predictions.jsonl", scored.predictions)
    text = json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / RESULT_FILE).write_text(text + "\n", encoding="utf-8")
    return result


def score_run(done: Iterable[Done], judge: Judge | None = None) -> Scored:
    """Score what a run came to; what could not be played is listed."""
    done = tuple(done)
    truths = tuple(one.truth for one in done if one.truth)
    predictions = tuple(one.prediction for one in done if one.prediction)
    scores, problems = score_all(truths, predictions, judge=judge)
    met = tuple(problem for one in done for problem in one.problems)
    return Scored(truths, predictions, scores, (*met, *problems))


def read_result(path: Path) -> Plain:
    """Read a result, of a run's folder or a file.

    Raises:
        RunRefused: there is none, or another version wrote it.
    """
    file = path / RESULT_FILE if path.is_dir() else path
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunRefused(f"{file} holds no result: {error}") from error
    if not isinstance(result, dict) or result.get("version") != VERSION:
        raise RunRefused(f"{file} holds no result of version {VERSION}: evaluate again")
    return result


def _summed(summary: Summary, blind: Mapping[str, Summary]) -> Plain:
    return {
        **{name: _rounded(value) for name, value in summary.metrics.items()},
        "num_items": summary.num_items,
        "interval": {
            name: [_rounded(one.low), _rounded(one.high)] for name, one in summary.intervals.items()
        },
        "blind": {
            name: {metric: _rounded(value) for metric, value in of.metrics.items()}
            for name, of in blind.items()
        },
        "lags_s": {name: _rounded(value) for name, value in summary.lags_s.items()},
        "latency_ms": {name: _rounded(value) for name, value in summary.latency_ms.items()},
        "counts": {name: _rounded(value) for name, value in asdict(summary.counts).items()},
    }


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    cuts = np.percentile(values, (50, 95, 99))
    return {
        name: round(float(cut), 3) for name, cut in zip(("p50", "p95", "p99"), cuts, strict=True)
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)

"""Does reward teach what examples did not? A supervised model beside what reward made of it.

Both decide by themselves on streams of phrasings, classes and seeds that neither training had, at
several thresholds of speaking: F1 is compared where both raise as many false alarms.
.venv/bin/python -m bench.reward runs/tiny runs/tiny-rl-0 runs/tiny-rl-1 runs/tiny-rl-2
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import fmean, stdev

from bench.report import report, short
from onlooker.evaluate.score import Score
from onlooker.train.network import load_model, use_threads
from onlooker.train.proof import figures, held_out, rolled_out

FAMILIES = ("monitoring", "counting", "text", "time", "chat", "delegation", "quiet")
BIASES = (-2.0, -1.0, 0.0, 0.5, 1.0)  # added to the log-odds of speaking
NUM_REDRAWN = 500  # of streams, for an interval

Curve = list[tuple[float, float]]  # false alarms a quiet hour and timing F1, by threshold


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+", help="the supervised one first")
    parser.add_argument("--streams", type=int, default=6, help="of each family")
    args = parser.parse_args()
    use_threads(1)
    streams = held_out(FAMILIES, args.streams)
    played: list[list[list[Score]]] = []
    for folder in args.models:
        network, tokenizer = load_model(folder)
        played.append([rolled_out(network, tokenizer, streams, bias) for bias in BIASES])
        rows = {
            bias: {name: short(value) for name, value in figures(scores).items()}
            for bias, scores in zip(BIASES, played[-1], strict=True)
        }
        report("reward", model=folder.name, streams=len(streams), by_bias=rows)
    before, *after = played
    gains = [_gain(before, one) for one in after]
    rng = Random(0)  # noqa: S311 - a choice of streams
    redrawn = sorted(_redrawn(before, after, rng) for _ in range(NUM_REDRAWN))
    low, high = redrawn[int(0.025 * NUM_REDRAWN)], redrawn[int(0.975 * NUM_REDRAWN)]
    report(
        "reward",
        what="F1 after less F1 before, at the false alarms of before",
        gains=[round(gain, 4) for gain in gains],
        mean=round(fmean(gains), 4),
        over_seeds=round(stdev(gains), 4) if len(gains) > 1 else None,
        over_streams=[round(low, 4), round(high, 4)],
    )


def _gain(before: Sequence[Sequence[Score]], after: Sequence[Sequence[Score]]) -> float:
    """Say how much F1 grew at as many false alarms as there were before, threshold 0.5."""
    alarms, f1 = _point(before[BIASES.index(0.0)])
    return _at(alarms, [_point(scores) for scores in after]) - f1


def _redrawn(before: list[list[Score]], after: Sequence[list[list[Score]]], rng: Random) -> float:
    """Give the mean gain on streams drawn anew, with replacement."""
    chosen = rng.choices(range(len(before[0])), k=len(before[0]))
    first = [[scores[number] for number in chosen] for scores in before]
    return fmean(
        _gain(first, [[scores[number] for number in chosen] for scores in one]) for one in after
    )


def _point(scores: Sequence[Score]) -> tuple[float, float]:
    found = figures(scores)
    return found["false_alarms_per_quiet_hour"] or 0.0, found["timing_f1"] or 0.0


def _at(alarms: float, curve: Curve) -> float:
    """Give the best F1 that a curve reaches at no more than so many false alarms.

    Between two thresholds it is a straight line; left of all of them, the least alarming one.
    """
    ordered = sorted(curve)
    reached = [f1 for these, f1 in ordered if these <= alarms]
    for (low, first), (high, second) in pairwise(ordered):
        if low <= alarms < high:
            reached.append(first + (second - first) * (alarms - low) / (high - low))
    return max(reached) if reached else ordered[0][1]


if __name__ == "__main__":
    main()

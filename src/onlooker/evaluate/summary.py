"""Many streams in one: every number over all of them and by family, with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt

from onlooker.evaluate.metrics import Metrics, metrics
from onlooker.evaluate.score import Counts, Score, Timing

PERCENTILES = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a number lies in 95 of 100 redrawn sets of streams."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a set of streams."""

    num_items: int
    counts: Counts  # summed
    metrics: Metrics
    intervals: dict[str, Interval]  # of the metrics that every redrawing could measure
    lags_s: dict[str, float]  # how late it speaks: p5, p50, p95; and the share that is early
    latency_ms: dict[str, float]  # of a decision: p50, p95, p99


def summarize(scores: Sequence[Score], *, num_redrawn: int = 1000, seed: int = 0) -> Summary:
    """Sum up streams, scored alike.

    Intervals are percentiles of the bootstrap that redraws whole streams: seconds of one stream
    are not independent, streams are.

    Raises:
        ValueError: there is no score, or they differ in tolerances.

    Source: Efron 1979, doi:10.1214/aos/1176344552.
    """
    if not scores:
        raise ValueError("no stream was scored: there is nothing to sum up")
    counts, timings = summed(scores)
    return Summary(
        num_items=len(scores),
        counts=counts,
        metrics=metrics(counts, timings),
        intervals=_intervals(scores, num_redrawn, np.random.default_rng(seed)),
        lags_s=_lags([lag_s for score in scores for lag_s in score.lags_s]),
        latency_ms=_percentiles([ms for score in scores for ms in score.latencies_ms]),
    )


def by_family(scores: Iterable[Score], *, num_redrawn: int = 1000) -> dict[str, Summary]:
    """Sum up each family by itself, in the order of their names."""
    families: dict[str, list[Score]] = {}
    for score in scores:
        families.setdefault(score.family, []).append(score)
    return {
        family: summarize(families[family], num_redrawn=num_redrawn) for family in sorted(families)
    }


def summed(scores: Iterable[Score]) -> tuple[Counts, tuple[Timing, ...]]:
    """Add up what streams count."""
    scores = tuple(scores)
    columns = zip(*(score.timings for score in scores), strict=True)
    counts = reduce(add, (score.counts for score in scores))
    return counts, tuple(reduce(add, column) for column in columns)


def redrawn(
    scores: Sequence[Score], times_RS: npt.NDArray[np.int64]
) -> dict[str, list[float | None]]:
    """Give every number of redrawn sets of streams.

    R = redrawings, S = streams.

    Args:
        scores: of the streams, scored alike.
        times_RS: how often each redrawing takes each stream.

    Returns:
        metric -> its value in each redrawing; None where there was nothing to measure it on.
    """
    first = scores[0].timings
    counts_SC = np.array([astuple(score.counts) for score in scores], float)
    timings_ST = np.array([[_numbers(one) for one in score.timings] for score in scores], float)
    drawn: dict[str, list[float | None]] = {}
    summed_RC = times_RS @ counts_SC
    summed_RTN = np.einsum("rs,stn->rtn", times_RS, timings_ST)
    for counts_C, timings_TN in zip(summed_RC, summed_RTN, strict=True):
        timings = [
            Timing(one.tolerance_s, *numbers)
            for one, numbers in zip(first, timings_TN.tolist(), strict=True)
        ]
        for name, value in metrics(_counts_of(counts_C), timings).items():
            drawn.setdefault(name, []).append(value)
    return drawn


def _intervals(
    scores: Sequence[Score], num_redrawn: int, random: np.random.Generator
) -> dict[str, Interval]:
    if len(scores) < 2 or num_redrawn < 2:
        return {}
    num_scores = len(scores)
    times_RS = random.multinomial(num_scores, np.full(num_scores, 1 / num_scores), num_redrawn)
    found: dict[str, Interval] = {}
    for name, drawn in redrawn(scores, times_RS).items():
        values = [value for value in drawn if value is not None]
        if len(values) == num_redrawn:
            found[name] = Interval(*(float(cut) for cut in np.percentile(values, (2.5, 97.5))))
    return found


def _numbers(timing: Timing) -> tuple[int, int, int]:
    return timing.num_told, timing.num_counted, timing.num_expected


def _counts_of(counts_C: npt.NDArray[np.float64]) -> Counts:
    names = (field.name for field in fields(Counts))
    return Counts(**dict(zip(names, counts_C.tolist(), strict=True)))


def _lags(lags_s: list[float]) -> dict[str, float]:
    if not lags_s:
        return {}
    early = sum(lag_s < 0 for lag_s in lags_s) / len(lags_s)
    cuts = zip(("p5", "p50", "p95"), np.percentile(lags_s, (5, 50, 95)), strict=True)
    return {name: float(cut) for name, cut in cuts} | {"early_share": early}


def _percentiles(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    cuts = zip(PERCENTILES, np.percentile(values, PERCENTILES), strict=True)
    return {f"p{percent}": float(cut) for percent, cut in cuts}

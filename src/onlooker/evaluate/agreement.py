"""How far raters agree beyond chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def cohen_kappa(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Compare two raters; None if both always gave one and the same answer.

    Raises:
        ValueError: they did not rate the same number of items, or none.

    Source: Cohen 1960, doi:10.1177/001316446002000104.
    """
    if len(one) != len(other) or not one:
        raise ValueError(f"{len(one)} and {len(other)} answers: both raters must rate every item")
    num = len(one)
    agreed = sum(left == right for left, right in zip(one, other, strict=True)) / num
    ones, others = Counter(one), Counter(other)
    chance = sum(ones[answer] * others[answer] for answer in ones) / num**2
    return None if chance == 1 else (agreed - chance) / (1 - chance)


def fleiss_kappa(answers: Sequence[Sequence[str]]) -> float | None:
    """Compare several raters: a row an item, an answer a rater.

    Raises:
        ValueError: rows differ in length, or have fewer than two answers.

    Source: Fleiss 1971, doi:10.1037/h0031619.
    """
    num_raters = len(answers[0]) if answers else 0
    if num_raters < 2 or any(len(row) != num_raters for row in answers):
        raise ValueError("every item needs an answer of each of at least two raters")
    totals: Counter[str] = Counter()
    agreed = 0.0
    for row in answers:
        counts = Counter(row)
        totals += counts
        same = sum(number * (number - 1) for number in counts.values())
        agreed += same / (num_raters * (num_raters - 1))
    agreed /= len(answers)
    whole = num_raters * len(answers)
    chance = sum((number / whole) ** 2 for number in totals.values())
    return None if chance == 1 else (agreed - chance) / (1 - chance)

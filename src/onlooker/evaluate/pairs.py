"""Two runs side by side, blind: raters say which one they would rather have had beside them.

Items come in a random order and each pair's sides are drawn anew for every rater. One JSON line a
rating, so that several raters and judges can be added up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

from onlooker.core.errors import JudgeUnavailable
from onlooker.core.ports import Judge
from onlooker.evaluate.agreement import cohen_kappa, fleiss_kappa
from onlooker.evaluate.judge import Aspect, preference
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.problems import Problem
from onlooker.evaluate.truth import Truth

Winner = Literal["one", "other", "tie"]
ASPECTS: tuple[Aspect, ...] = get_args(Aspect)


@dataclass(frozen=True, slots=True)
class Pair:
    """What two runs said on one item. `first` is the run that is shown first."""

    truth: Truth
    one: Prediction
    other: Prediction
    first: Literal["one", "other"]

    @property
    def shown(self) -> tuple[Prediction, Prediction]:
        """Both, in the order in which they are shown."""
        return (self.one, self.other) if self.first == "one" else (self.other, self.one)

    def winner(self, place: Literal["first", "second", "tie"]) -> Winner:
        """Say which run stands in a place."""
        if place == "tie":
            return "tie"
        return self.first if place == "first" else ("other" if self.first == "one" else "one")


@dataclass(frozen=True, slots=True)
class Rating:
    """What one rater thinks of one pair, in each aspect."""

    item: str
    rater: str
    quality: Winner
    timing: Winner
    first: Literal["one", "other"]  # what was shown first: to look for a bias of place

    def __post_init__(self) -> None:
        if {self.quality, self.timing} - set(get_args(Winner)) or not self.item or not self.rater:
            raise ValueError(f"{self} is no rating: one, other or tie for both aspects")


def pairs(
    truths: Iterable[Truth],
    one: Iterable[Prediction],
    other: Iterable[Prediction],
    rater: str,
    seed: int = 0,
) -> list[Pair]:
    """Pair the items that both runs played, shuffled for one rater.

    Those on which both said exactly the same are left out: there is nothing to choose.
    """
    ones, others = ({said.item: said for said in run} for run in (one, other))
    rng = Random(f"{seed} {rater}")  # noqa: S311 - an order, no secret
    both = [
        Pair(truth, ones[truth.item], others[truth.item], rng.choice(("one", "other")))
        for truth in truths
        if truth.item in ones and truth.item in others
    ]
    differing = [pair for pair in both if pair.one.emissions != pair.other.emissions]
    rng.shuffle(differing)
    return differing


def judged(pairs: Iterable[Pair], judge: Judge, rater: str) -> Iterator[Rating | Problem]:
    """Let a judge rate pairs. Asked in both orders, it must not change its mind: that is a tie."""
    for pair in pairs:
        truth = truth_words(pair.truth)
        first, second = map(said_words, pair.shown)
        found: dict[str, Winner] = {}
        try:
            for aspect in ASPECTS:
                there = pair.winner(preference(judge, aspect, truth, first, second))
                back = preference(judge, aspect, truth, second, first)
                turned: dict[str, Literal["first", "second", "tie"]] = {
                    "first": "second",
                    "second": "first",
                    "tie": "tie",
                }
                found[aspect] = there if pair.winner(turned[back]) == there else "tie"
            yield Rating(pair.truth.item, rater, found["quality"], found["timing"], pair.first)
        except (JudgeUnavailable, ValueError, KeyError, TypeError) as error:
            yield Problem("judge_failed", pair.truth.item, f"{type(error).__name__}: {error}")


def truth_words(truth: Truth) -> str:
    """Tell what was asked and what was due, a line each."""
    lines = [f"{one.since_s:g} s: asked: {one.text}" for one in truth.instructions]
    for event in truth.events:
        content = event.content
        wanted = ", ".join(content.texts)
        if content.number is not None:
            wanted = f"{content.number:g}"
        due = "to be handed over" if event.action == "delegate" else "to be said"
        lines.append(f"{event.onset_s:g} to {event.until_s:g} s: {due}: {wanted or 'anything'}")
    lines.append(f"{truth.duration_s:g} s: the end. At other times there was nothing to say.")
    return "\n".join(lines)


def said_words(prediction: Prediction) -> str:
    """Tell what was said, a line each."""
    lines = [
        f"{said.time_s:g} s: {said.text}"
        + (f" [handed over: {said.question}]" if said.question else "")
        for said in prediction.emissions
    ]
    return "\n".join(lines) or "(nothing)"


# On disk, and added up.


def read_ratings(path: Path) -> list[Rating]:
    """Read ratings; of two by one rater on one item the last counts. Broken lines are left out."""
    found: dict[tuple[str, str], Rating] = {}
    if not path.is_file():
        return []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rating = Rating(**json.loads(line))
        except (ValueError, TypeError):
            continue
        found[rating.item, rating.rater] = rating
    return list(found.values())


def append_rating(path: Path, rating: Rating) -> None:
    """Write one rating down."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(rating), ensure_ascii=False) + "\n")


def tally(ratings: Sequence[Rating]) -> dict[str, Any]:
    """Add ratings up: wins, ties and losses of the first run, and how far raters agree.

    Cohen's kappa for two raters, Fleiss' for more, over the items that all of them rated. None:
    fewer than two raters or items, or all gave the same answer everywhere.
    """
    raters = sorted({rating.rater for rating in ratings})
    result: dict[str, Any] = {"raters": raters, "num_ratings": len(ratings)}
    for aspect in ASPECTS:
        answers: Counter[Winner] = Counter(getattr(rating, aspect) for rating in ratings)
        whole = max(1, len(ratings))
        result[aspect] = {
            "win": answers["one"] / whole,
            "tie": answers["tie"] / whole,
            "loss": answers["other"] / whole,
            "kappa": _kappa(ratings, raters, aspect),
        }
    shown = [rating for rating in ratings if rating.quality != "tie"]
    firsts = sum(rating.quality == rating.first for rating in shown)
    result["first_won_share"] = firsts / len(shown) if shown else None
    return result


def _kappa(ratings: Iterable[Rating], raters: Sequence[str], aspect: Aspect) -> float | None:
    by_item: dict[str, dict[str, str]] = {}
    for rating in ratings:
        by_item.setdefault(rating.item, {})[rating.rater] = getattr(rating, aspect)
    rows: list[Mapping[str, str]] = [row for row in by_item.values() if len(row) == len(raters)]
    if len(raters) < 2 or len(rows) < 2:
        return None
    answers = [[row[rater] for rater in raters] for row in rows]
    if len(raters) == 2:
        return cohen_kappa([one for one, _ in answers], [other for _, other in answers])
    return fleiss_kappa(answers)

"""A live session and its shadow, scored: one against the other, or both against a truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from onlooker.core.event import Event
from onlooker.evaluate.prediction import Prediction, prediction_of
from onlooker.evaluate.score import Score, score
from onlooker.evaluate.truth import Expected, Truth

NEAR_S = 2.0  # two that speak within so long of each other speak about the same


def against(live: Prediction, shadow: Prediction, duration_s: float) -> Score:
    """Score a shadow as if whatever was said live were right.

    Then timing F1 is how far they agree on when to speak, false alarms are what only the shadow
    says, and what is missed only the live model says.
    """
    events = tuple(
        Expected(f"e{number}", max(0.0, said.time_s - NEAR_S), said.time_s + NEAR_S, said.action)
        for number, said in enumerate(live.emissions, start=1)
        if said.time_s <= duration_s
    )
    truth = Truth(live.item, max(duration_s, 1e-3), events)
    return score(truth, replace(shadow, item=live.item))


def duration_of(events: Iterable[Event]) -> float:
    """Say how long a session lasted."""
    return max((event.time_s for event in events), default=0.0)


def both(live: Iterable[Event], shadow: Iterable[Event]) -> tuple[Prediction, Prediction, float]:
    """Collect what both said, and how long it took."""
    live, shadow = tuple(live), tuple(shadow)
    return prediction_of("live", live), prediction_of("live", shadow), duration_of(live)

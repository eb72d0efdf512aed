"""What each thing said was: the telling of an event, a repeat, allowed, or a false alarm.

Score and reward are both read off this one alignment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from onlooker.evaluate.content import is_right, likeness, token_f1
from onlooker.evaluate.matching import assign
from onlooker.evaluate.prediction import Emission
from onlooker.evaluate.truth import Expected, Truth

Role = Literal["tells", "repeats", "allowed", "forbidden", "false_alarm"]

SLACK_S = 1e-9  # sums of decimal fractions of a second miss by less
SAME_TEXT = 0.8  # token F1 from which two texts say the same


@dataclass(frozen=True, slots=True)
class Telling:
    """An event and what told it."""

    event: Expected
    emission: Emission

    @property
    def is_right_action(self) -> bool:
        return self.event.action == self.emission.action

    @property
    def is_right(self) -> bool:
        """Whether action and content are both right."""
        return self.is_right_action and is_right(self.event.content, self.emission.text)


@dataclass(frozen=True, slots=True)
class Alignment:
    """The emissions in order of time, what each was, and which events were told."""

    truth: Truth
    emissions: tuple[Emission, ...]
    roles: tuple[Role, ...]  # of the emissions
    tellings: tuple[Telling, ...]  # in the order of the events

    def of(self, *roles: Role) -> tuple[Emission, ...]:
        """The emissions of some roles."""
        pairs = zip(self.emissions, self.roles, strict=True)
        return tuple(emission for emission, role in pairs if role in roles)

    @property
    def missed(self) -> tuple[Expected, ...]:
        told = {telling.event.id for telling in self.tellings}
        return tuple(event for event in self.truth.events if event.id not in told)

    @property
    def num_counted(self) -> int:
        """How many emissions count for precision: all but the allowed ones."""
        return len(self.emissions) - self.roles.count("allowed")


def align(
    truth: Truth, said: Iterable[Emission], tolerance_s: float, early_s: float = 0.0
) -> Alignment:
    """Find out who told what.

    An emission may tell an event from `early_s` before its onset to `tolerance_s` after its
    `until_s`. Among all one-to-one assignments it takes one that tells the most events; among
    those it prefers right actions, less so right contents, and least of all small delays.
    """
    emissions = tuple(sorted(said, key=lambda one: one.time_s))
    is_forbidden = [any(s.holds(one.time_s) for s in truth.forbidden) for one in emissions]
    at_most = min(len(truth.events), len(emissions)) + 1
    weights: dict[tuple[int, int], float] = {}
    is_in_window = [False] * len(emissions)
    times_s = [one.time_s for one in emissions]
    for row, event in enumerate(truth.events):
        first_s, last_s = event.onset_s - early_s - SLACK_S, event.until_s + tolerance_s + SLACK_S
        for column in range(bisect_left(times_s, first_s), bisect_right(times_s, last_s)):
            if not is_forbidden[column]:
                is_in_window[column] = True
                # Below `at_most` in sum, so that one more event told outweighs all of it.
                preference = _preference(event, emissions[column], last_s - first_s)
                weights[row, column] = at_most + preference
    told_by = assign(weights)
    telling = set(told_by.values())
    roles = tuple(
        _role(
            is_forbidden=is_forbidden[column],
            is_telling=column in telling,
            is_allowed=any(span.holds(one.time_s) for span in truth.optional),
            is_in_window=is_in_window[column],
        )
        for column, one in enumerate(emissions)
    )
    tellings = tuple(Telling(truth.events[row], emissions[at]) for row, at in told_by.items())
    return Alignment(truth, emissions, roles, tellings)


def duplicates(alignment: Alignment, within_s: float) -> tuple[Emission, ...]:
    """Find what was said again, in nearly the same words, within some seconds and for no event."""
    found: list[Emission] = []
    recent: deque[Emission] = deque()
    for one, role in zip(alignment.emissions, alignment.roles, strict=True):
        while recent and one.time_s - recent[0].time_s > within_s:
            recent.popleft()
        said_before = (token_f1(one.text, earlier.text) >= SAME_TEXT for earlier in recent)
        if role != "tells" and any(said_before):
            found.append(one)
        recent.append(one)
    return tuple(found)


def _preference(event: Expected, emission: Emission, window_s: float) -> float:
    """Rank what could tell an event, in [0, 1): action first, then content, then delay."""
    nearness = 1 - abs(event.late_s(emission.time_s)) / (window_s or 1.0)
    right_action = float(event.action == emission.action)
    return 0.6 * right_action + 0.3 * likeness(event.content, emission.text) + 0.05 * nearness


def _role(*, is_forbidden: bool, is_telling: bool, is_allowed: bool, is_in_window: bool) -> Role:
    if is_forbidden:
        return "forbidden"
    if is_telling:
        return "tells"
    if is_allowed:
        return "allowed"
    return "repeats" if is_in_window else "false_alarm"

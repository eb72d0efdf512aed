"""What the tally may note of a request of each kind, and whether that is what the request wants.

For lessons alone: in streams a fact that nobody wants stands beside one that somebody does so
seldom that a small model tells either for both.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

TIMED = frozenset({"stay", "absent", "window", "after", "every", "every_scene"})
OF_TIME_ALONE = frozenset({"after", "every", "every_scene"})
NAMING_NOTHING = OF_TIME_ALONE | {"read", "translate", "comment", "steps"}
# The fact that a kind waits for. Kinds that are not here want none told.
WANTED = {
    "appear": "come",
    "appear_say": "come",
    "leave": "left",
    "stay": "stayed",
    "zone": "inside",
    "together": "together",
    "absent": "none",
    "count_events": "come",
    "count_now": "now",
    "count_until": "full",
    "window": "within",
    "after": "first",
    "every": "first again",
    "every_scene": "first again",
    "wait_text": "shown",
}


def wants(kind: str, facts: Iterable[str]) -> bool:
    """Whether a request of a kind wants to hear any of these."""
    wanted = WANTED.get(kind, "").split()
    return any(fact.split()[0] in wanted for fact in facts)


def draw_facts(kind: str, number: int, rng: Random) -> tuple[str, ...]:
    """Make up what was noted of a request in a second.

    Args:
        kind: of the request.
        number: the duration in seconds, or how many, that it names.
        rng: of the lesson.
    """
    facts: list[str] = []
    if kind in TIMED and (kind in OF_TIME_ALONE or rng.random() < 0.3):
        times = rng.choice((1, 1, 1, 2, 3, 5))
        facts.append(f"{'first' if times == 1 else 'again'} {number * times}")
    if kind not in NAMING_NOTHING and (not facts or rng.random() < 0.3):
        facts += _of_things(kind, number, rng)
    return tuple(facts)


def _of_things(kind: str, number: int, rng: Random) -> list[str]:
    what = rng.choice(("come", "come", "left", "left", "now", "stayed", "none", "inside", "shown"))
    if what == "come":
        come = number if kind == "count_until" and rng.random() < 0.4 else rng.randrange(1, 9)
        facts = [f"come {come}", *(["full"] if kind == "count_until" and come == number else [])]
        facts += [rng.choice(("within", "over"))] if kind in TIMED else []
        facts += [f"now {rng.randrange(1, 5)}"]
        facts += [rng.choice(("inside", "together"))] if rng.random() < 0.3 else []
        return facts
    if what == "left":
        return ["left", f"now {rng.randrange(4)}"]
    if what in ("stayed", "none"):
        return [what] if kind in TIMED else ["left", "now 0"]
    if what == "shown":
        return ["shown"] if kind == "wait_text" else ["come 1", "now 1"]
    return [what] if what == "inside" else [f"now {rng.randrange(4)}"]

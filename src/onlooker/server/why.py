"""Why it spoke, or did not: one second of a session, put together from its events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from onlooker.core.conversation import turn_words
from onlooker.core.event import Decided, Event, Failed, Observed, Opened, Perceived, Skipped
from onlooker.core.moment import Instruction, Tick
from onlooker.core.percept import Percept, Pictures, Scene
from onlooker.core.prompt import Noted, Turn, fold
from onlooker.core.scene_words import scene_words
from onlooker.core.wire import to_json
from onlooker.live.tally import Tally


def why(events: Iterable[Event], tick: int) -> dict[str, Any] | None:
    """Tell of a tick what was seen, what the model read of it, and what it decided.

    `prompt` is what this second added to what the model reads, in the words of the conversation:
    what it read before that are the seconds before. `tally` is what was kept count of, which only
    the small model reads. None: the events hold nothing of the tick.
    """
    standing: dict[str, Instruction] = {}
    persona = "default"
    seen: dict[type[Event], Event] = {}
    tally, counted = Tally(), tuple[Noted, ...]()
    asked_in: Observed | None = None
    for event in events:
        if isinstance(event, Observed):
            asked_in = event if (event.tick or 0) <= tick else None
        if isinstance(event, Perceived) and asked_in is not None and asked_in.tick == event.tick:
            noted = tally.note(_turn(asked_in, event.percepts))
            counted = noted if event.tick == tick else counted
        if isinstance(event, Opened):
            persona = event.settings.get("persona", persona)
        if isinstance(event, Observed) and event.tick is not None and event.tick <= tick:
            standing = fold(standing, event.instructed)
            persona = event.persona or persona
        if event.tick == tick and not (isinstance(event, Failed) and event.part == "source"):
            seen[type(event)] = event
        elif isinstance(event, Skipped) and _covers(event, tick):
            seen[Skipped] = event
    if not seen:
        return None
    observed, perceived = seen.get(Observed), seen.get(Perceived)
    decided, skipped = seen.get(Decided), seen.get(Skipped)
    percepts = perceived.percepts if isinstance(perceived, Perceived) else ()
    asked = [known.text for known in standing.values()]
    words = [scene_words(made, asked) for made in percepts if isinstance(made, Scene)]
    prompt: list[str] = []
    if isinstance(observed, Observed):
        prompt = [*turn_words(_turn(observed), tuple(standing.values())), *words]
        prompt += [
            f"[picture of {picture.stream}, {picture.width_px} x {picture.height_px}]"
            for made in percepts
            if isinstance(made, Pictures)
            for picture in made.pictures
        ]
    return {
        "tick": tick,
        "prompt": prompt,
        "scene": words,
        "tally": [one.words for one in counted],
        "persona": persona,
        "standing": [{"id": known.id, "text": known.text} for known in standing.values()],
        "memory": list((isinstance(observed, Observed) and observed.memory) or ()),
        "perceived": to_json(perceived)["percepts"] if perceived else [],
        "decided": to_json(decided) if decided else None,
        "skipped": to_json(skipped) if skipped else None,
        "failed": to_json(seen[Failed]) if Failed in seen else None,
    }


def _turn(observed: Observed, percepts: tuple[Percept, ...] = ()) -> Turn:
    return Turn(
        Tick(observed.tick or 0, observed.start_s, observed.end_s),
        percepts,
        heard=observed.heard,
        instructed=observed.instructed,
        answers=observed.answers,
        recalled=observed.recalled,
    )


def _covers(skipped: Skipped, tick: int) -> bool:
    last = skipped.tick
    return last is not None and last - skipped.num_ticks < tick <= last

"""What the testing server says to a conversation. It is a double: rules, not a model.

Both behaviours know nothing but the request. They look at the pictures of each camera in order,
and at what was said. Words steer them in these ways, and no other:

- "tell me when 7 appears" (marker 7, number 7): of the markers only that one, or those, are told,
  until the instruction is withdrawn, or a line says "stop telling me when 7 appears".
- an instruction with "when", "if" or "only" and a word for movement, light or scenes limits
  `motion` to that.
- "tell me when you hear an alarm": of the sounds that are overheard those are told that have the
  word in their name. Without such words none is.
- a question in the newest turn is answered at once with what is seen; one that is not about what
  can be seen makes `motion` delegate it.
- a marker of 1000 and more makes `markers` delegate.
- an answer of the brain in the newest turn is said at once, unless it is to be told only if asked.
- a question about the past in the newest turn is answered with the line that was recalled for it
  and shares most words with it, the shortest of these.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.testing.conversation import Said
from onlooker.testing.looking import MOVES, Change, Look, compare
from onlooker.testing.wishes import (
    answers_of,
    markers_of,
    question_of,
    recalled_of,
    sound_of,
    standing_of,
)

DELEGATED_FROM = 1000
QUIET_TURNS = 4  # between remarks
QUIET_TURNS_AFTER_CUT = 2
MAX_SAID = 300  # characters of the brain's answer
STILL_TURNS = 2  # until a movement has ended

Behaviour = Literal["markers", "motion", "instant"]

_OF_THE_EYE = re.compile(r"\b(see|colou?r|bright|dark|there|marker|picture|look)\b", re.IGNORECASE)
_OF_THE_PAST = re.compile(r"\b(did|was|were|had|ago|earlier|before|remember)\b", re.IGNORECASE)
_CONDITION = re.compile(r"\b(when|whenever|if|only)\b", re.IGNORECASE)
_TOPICS = {
    "motion": re.compile(r"\b(mov\w+|motion)\b", re.IGNORECASE),
    "light": re.compile(r"\b(light|dark\w*|bright\w*)\b", re.IGNORECASE),
    "cut": re.compile(r"\b(cut|scene|shot)s?\b", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision, how near it was, and what would have been said in any case."""

    decision: Decision
    speak_probability: float
    if_spoken: str


@dataclass(frozen=True, slots=True)
class _Remark:
    text: str
    topic: str
    quiet_turns: int = QUIET_TURNS


def judge(behaviour: Behaviour, conversation: Sequence[Said]) -> Verdict:
    """Decide on the last turn of a conversation."""
    verdict = _JUDGES[behaviour](conversation)
    if behaviour != "instant" and (remembered := _remembered(conversation)):
        return Verdict(Speak(remembered), 0.99, remembered)
    if behaviour != "instant" and (sound := _sound(conversation)):
        return Verdict(Speak(f"I hear {sound}."), 0.99, f"I hear {sound}.")
    answers = _answers(conversation) if behaviour != "instant" else []
    if not answers:
        return verdict
    text = _sayable(" ".join(answers))
    return Verdict(Speak(text), 0.98, text)


def _answers(conversation: Sequence[Said]) -> list[str]:
    turns = [said for said in conversation if said.role == "user"]
    return answers_of(turns[-1]) if turns else []


def _sound(conversation: Sequence[Said]) -> str:
    turns = [said for said in conversation if said.role == "user"]
    return sound_of(turns[-1], standing_of(conversation)) if turns else ""


def _remembered(conversation: Sequence[Said]) -> str:
    turns = [said for said in conversation if said.role == "user"]
    question = _question(conversation)
    recalled = recalled_of(turns[-1]) if turns else []
    if not recalled or not _OF_THE_PAST.search(question):
        return ""
    asked = _stems(question)
    best = max(recalled, key=lambda line: (len(asked & _stems(line)), -len(line)))
    return _sayable(f"I remember: {best.replace('>', ' ')}")


def _stems(text: str) -> set[str]:
    return {word.lower()[:5] for word in re.findall(r"\w{3,}", text)}


def _sayable(text: str) -> str:
    """Keep what could be read as a marker out of a decision."""
    return " ".join(text.replace("<", " ").split())[:MAX_SAID] or "The brain has answered."


def _instant(_: Sequence[Said]) -> Verdict:
    return Verdict(Silent(), 0.01, "I was not looking.")


def _markers(conversation: Sequence[Said]) -> Verdict:
    """Tell each marker that appears."""
    cameras = _cameras(conversation)
    seen = " ".join(looks[-1].describe() for looks in cameras.values()) or "I see no picture."
    if _question(conversation):
        return Verdict(Speak(seen), 0.99, seen)
    now = [(looks[-1].marker, _before(looks)) for looks in cameras.values()]
    appeared = [value for value, before in now if value is not None and value != before]
    wanted = markers_of(standing_of(conversation))
    told = [value for value in appeared if not wanted or value in wanted]
    if not told:
        return Verdict(Silent(), 0.3 if appeared else 0.02, seen)
    text = " and ".join(f"marker {value} appeared" for value in told)
    if max(told) >= DELEGATED_FROM:
        return Verdict(Delegate(text, f"What does marker {max(told)} mean?"), 0.97, text)
    return Verdict(Speak(text), 0.97, text)


def _before(looks: Sequence[Look]) -> int | None:
    return looks[-2].marker if len(looks) > 1 else None


def _motion(conversation: Sequence[Said]) -> Verdict:
    """Tell when a movement begins, shifts or ends, the scene is cut or the light changes."""
    cameras = _cameras(conversation)
    seen = _say({name: looks[-1].describe() for name, looks in cameras.items()})
    if question := _question(conversation):
        if _OF_THE_EYE.search(question):
            return Verdict(Speak(seen), 0.99, seen)
        text = "I cannot tell that by looking, so I pass it on."
        return Verdict(Delegate(text, question), 0.95, text)
    remarks: dict[str, str] = {}
    score = 0.0
    for name, looks in cameras.items():
        changes = [compare(*pair) for pair in pairwise(looks)]
        score = max(score, _probability(changes))
        remark = _remark(changes, looks[-1])
        if remark and _is_due(remark, conversation):
            remarks[name] = remark.text
    if remarks:
        return Verdict(Speak(_say(remarks)), max(0.6, score), _say(remarks))
    return Verdict(Silent(), 0.45 * score, seen or "I see no picture.")


def _remark(changes: Sequence[Change], now: Look) -> _Remark | None:
    """Follow the movement through all changes, and say what the last one means."""
    is_moving, place, num_still = False, "", 0
    remark: _Remark | None = None
    for index, change in enumerate(changes):
        remark = None
        if change.event == "motion":
            if not is_moving:
                verb = "starts to move" if index else "is moving"
                remark = _Remark(f"Something {verb} {change.place}.", "motion")
            elif change.place != place:
                remark = _Remark(f"The movement is now {change.place}.", "motion")
            is_moving, place, num_still = True, change.place, 0
        elif change.event == "still":
            num_still += 1
            if is_moving and num_still == STILL_TURNS:
                remark = _Remark("The movement has stopped.", "motion")
                is_moving = False
        else:
            remark = _of_the_whole(change, now)
            is_moving = is_moving and change.event != "cut"
    return remark


def _of_the_whole(change: Change, now: Look) -> _Remark:
    if change.event == "cut":
        text = f"The whole picture has changed; it is mostly {now.colour} now."
        return _Remark(text, "cut", QUIET_TURNS_AFTER_CUT)
    return _Remark(f"It has become {change.event}.", "light", QUIET_TURNS_AFTER_CUT)


def _probability(changes: Sequence[Change]) -> float:
    """Turn the newest amount of movement into a probability: 0.5 where movement begins to count."""
    if not changes:
        return 0.02
    return 1 / (1 + math.exp(min(50.0, (MOVES - changes[-1].moved) / (MOVES / 4))))


def _is_due(remark: _Remark, conversation: Sequence[Said]) -> bool:
    """Say whether somebody wants it, and it does not come too soon after the last."""
    topics = {
        topic
        for wish in standing_of(conversation)
        if _CONDITION.search(wish)
        for topic, pattern in _TOPICS.items()
        if pattern.search(wish)
    }
    if topics and remark.topic not in topics:
        return False
    for age, said in enumerate(reversed([s for s in conversation if s.role == "assistant"])):
        if _has_spoken(said.text):
            return age + 1 >= remark.quiet_turns
    return True


def _has_spoken(text: str) -> bool:
    return "</response>" in text or '"speak"' in text or '"delegate"' in text


def _cameras(conversation: Sequence[Said]) -> dict[str, list[Look]]:
    """Sort the pictures by camera, in order of time; those of the last turn's cameras only.

    Cameras are told apart by the names that are written before their pictures.
    """
    turns = [said for said in conversation if said.role == "user"]
    cameras: dict[str, list[Look]] = {}
    for said in turns:
        for sight in said.sights:
            cameras.setdefault(sight.stream, []).append(sight.look)
    newest = {sight.stream for said in turns[-1:] for sight in said.sights}
    return {name: looks for name, looks in cameras.items() if name in newest}


def _question(conversation: Sequence[Said]) -> str:
    """Find the question of the newest turn; empty if there is none."""
    turns = [said for said in conversation if said.role == "user"]
    return question_of(turns[-1]) if turns else ""


def _say(sentences: dict[str, str]) -> str:
    return " ".join(f"{name}: {text}" if name else text for name, text in sentences.items())


_JUDGES: dict[Behaviour, Callable[[Sequence[Said]], Verdict]] = {
    "markers": _markers,
    "motion": _motion,
    "instant": _instant,
}

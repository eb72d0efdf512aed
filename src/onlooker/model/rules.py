"""A model of rules: key words, the scene and a clock. What a learned model must beat.

It reads the same scenes and writes the same decisions, and knows nothing but what is written here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from pydantic import BaseModel

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.moment import Answer
from onlooker.core.percept import SceneObject, SceneText
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt, Turn
from onlooker.core.scene_words import where
from onlooker.model.request import Request, read_request
from onlooker.model.rivals import seen_words

_AT_ONCE = frozenset(
    {"hello", "thanks", "cancel", "hard", "did_see", "when_came", "which_first", "what_was"}
    | {"came_total", "how_long", "since_left", "elapsed", "how_many", "what_text", "what_see"}
    | {"where", "is_there"}
)


_PLACE = re.compile(
    r"\b(in|into|enters|reaches|to) (the )?(?!view|picture|frame|me|know|see|hear)\w+"
)
_TOGETHER = re.compile(r"together|both|same time|share| is with ")


@dataclass(frozen=True, slots=True)
class Look:
    """A second, over all cameras."""

    second: int
    objects: tuple[SceneObject, ...]
    entered: tuple[SceneObject, ...]
    left: tuple[SceneObject, ...]
    texts: tuple[SceneText, ...]  # that are new


@dataclass(slots=True)
class Past:
    """All that has been seen."""

    arrivals: list[tuple[int, str]] = field(default_factory=list)
    departures: list[tuple[int, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    shown: dict[str, float] = field(default_factory=dict)  # text -> since

    def take(self, turn: Turn) -> Look:
        """Take in a turn."""
        second = round(turn.tick.start_s)
        views = turn.views
        entered = tuple(one for view in views for one in view.entered)
        left = tuple(one for view in views for one in view.left)
        texts = tuple(text for view in views for text in view.texts)
        new = tuple(text for text in texts if self.shown.get(text.text) != text.since_s)
        self.shown = {text.text: text.since_s for text in texts}
        self.arrivals += [(second, one.label) for one in entered]
        self.departures += [(second, one.label) for one in left]
        self.texts += [text.text for text in new]
        objects = tuple(one for view in views for one in view.objects)
        return Look(second, objects, entered, left, new)


@dataclass(slots=True)
class Watch:
    """Something that stands, and what it has come to."""

    request: Request
    since: int
    number: int = 0
    last: int = 0
    told: set[int] = field(default_factory=set)

    def say(self, look: Look) -> str:
        """Say what is due in a second that is not the one it was asked in; mostly nothing."""
        tell = getattr(self, f"_{self.request.kind}", None)
        return tell(look) if tell else ""

    def _named(self, objects: tuple[SceneObject, ...]) -> list[SceneObject]:
        return [one for one in objects if self.request.names(one.label)]

    def _appear(self, look: Look) -> str:
        known = {one.label for one in look.objects if self.request.names(one.label)}
        text = self.request.text.lower()
        if _PLACE.search(text):
            return self._zone(look)
        if _TOGETHER.search(text):
            was, self.number = self.number, len(known)
            return f"{' and '.join(sorted(known))} together." if was < 2 <= len(known) else ""
        said = (f"A {one.label} is there." for one in self._named(look.entered))
        return " ".join(dict.fromkeys(said))

    def _zone(self, look: Look) -> str:
        now = {
            one.track_id: f"A {one.label} is in the {zone}."
            for one in self._named(look.objects)
            for zone in one.zones
            if zone in self.request.text
        }
        new = [said for track_id, said in now.items() if track_id not in self.told]
        self.told = set(now)
        return " ".join(new)

    def _say_on(self, look: Look) -> str:
        quoted = self.request.text.split('"')
        words = quoted[1] if len(quoted) > 2 else self.request.text.rstrip(".").split()[-1]
        return words if self._named(look.entered) else ""

    def _leave(self, look: Look) -> str:
        said = (f"The {one.label} has left." for one in self._named(look.left))
        return " ".join(dict.fromkeys(said))

    def _within(self, look: Look) -> str:
        is_over = look.second >= self.since + self.request.number
        return "" if is_over else self._appear(look)

    def _stay(self, look: Look) -> str:
        due = [
            one
            for one in self._named(look.objects)
            if look.second - int(one.since_s) >= self.request.number
            and int(one.since_s) > self.since
            and one.track_id not in self.told
        ]
        self.told |= {one.track_id for one in due}
        return " ".join(
            f"The {one.label} has been there for {self.request.number} seconds." for one in due
        )

    def _absent(self, look: Look) -> str:
        if self._named(look.objects):
            self.last = look.second + 1
        waited = look.second - max(self.last, self.since)
        return f"Nothing for {waited} seconds." if waited == self.request.number else ""

    def _count_events(self, look: Look) -> str:
        come = self._named(look.entered)
        self.number += len(come)
        return f"{come[0].label.capitalize()} {self.number}." if come else ""

    def _count_until(self, look: Look) -> str:
        before, self.number = self.number, self.number + len(self._named(look.entered))
        goal = self.request.number
        return f"{goal} have come." if before < goal <= self.number else ""

    def _count_now(self, look: Look) -> str:
        is_news = self._named(look.entered) or self._named(look.left)
        return f"{len(self._named(look.objects))} now." if is_news else ""

    def _every(self, look: Look) -> str:
        passed, period = look.second - self.since, max(1, self.request.number)
        return f"{passed} seconds." if passed % period == 0 else ""

    def _every_scene(self, look: Look) -> str:
        return seen_words(look.objects) if self._every(look) else ""

    def _after(self, look: Look) -> str:
        is_due = look.second - self.since == self.request.number
        return f"{self.request.number} seconds have passed." if is_due else ""

    def _read(self, look: Look) -> str:
        return " ".join(text.text for text in look.texts)

    def _wait_text(self, look: Look) -> str:
        asked = self.request.text.lower()
        found = [text.text for text in look.texts if text.text.lower() in asked]
        return " ".join(f"It says {text}." for text in found)

    def _translate(self, look: Look) -> str:
        return self._read(look)  # without a dictionary it can only tell that there is something

    def _comment(self, look: Look) -> str:
        said = [f"A {one.label} comes." for one in look.entered]
        return " ".join([*said, *(f"The {one.label} goes." for one in look.left)])

    def _steps(self, look: Look) -> str:
        return "Next." if self._named(look.entered) else ""


class RulesSettings(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


class RulesModel:
    """A `Model` for scenes: a detector with rules."""

    Settings = RulesSettings
    traits = ModelTraits("rules", ("scene",))

    def __init__(self, settings: RulesSettings | None = None) -> None:
        self.settings = settings or RulesSettings()

    async def open(self) -> RulesSession:
        return RulesSession()

    async def close(self) -> None: ...


class RulesSession:
    """What the rules remember of one session."""

    def __init__(self) -> None:
        self._past = Past()
        self._watches: dict[str, Watch] = {}

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        """Decide on the last turn of a prompt, which must grow a turn a call."""
        decision = self._decide(prompt.now, is_talkative=prompt.persona == "talkative")
        if isinstance(decision, Speak | Delegate):
            await say(decision.text)
        return Outcome(decision, float(not isinstance(decision, Silent)))

    async def close(self) -> None: ...

    def _decide(self, turn: Turn, *, is_talkative: bool) -> Decision:
        look = self._past.take(turn)
        says = [said for watch in self._watches.values() if (said := watch.say(look))]
        says += [_passed_on(answer) for answer in turn.answers]
        if is_talkative and not self._watches and look.second > 0:
            says.append(Watch(Request("comment", ""), 0).say(look))
        question = self._hear(turn, look, says)
        text = " ".join(filter(None, says))
        if question:
            return Delegate(f"{text} Let me look into that.".strip(), question)
        return Speak(text) if text else Silent()

    def _hear(self, turn: Turn, look: Look, says: list[str]) -> str:
        """Take in what is asked: answers go to `says`, what is too hard comes back."""
        hard = ""
        for change in turn.instructed:
            self._watches.pop(change.id, None)
            if change.state == "standing":
                self._watches[change.id] = _watch(read_request(change.text), look)
        for words in turn.heard:
            if words.speaker == "scene":
                continue
            request = read_request(words.text)
            if request.kind == "hard":
                hard = words.text
            elif request.kind == "cancel":
                self._watches.clear()
                says.append("Okay.")
            elif request.kind in _AT_ONCE:
                says.append(self._answer(request, look))
            else:
                self._watches[words.text] = _watch(request, look)
        return hard

    def _answer(self, request: Request, look: Look) -> str:
        """Answer at once, from what is and was seen."""
        named = [one for one in look.objects if request.names(one.label)]
        come = [one for one in self._past.arrivals if request.names(one[1])]
        gone = [second for second, label in self._past.departures if request.names(label)]
        is_seen, has_come = "Yes." if named else "No.", "Yes." if come else "No."
        since = int(named[0].since_s) if named else look.second
        answers: dict[str, str] = {
            "hello": "Hello!",
            "thanks": "You're welcome.",
            "how_many": f"{len(named)}.",
            "what_see": seen_words(look.objects),
            "where": where(named[0].box) if named else "No.",
            "is_there": is_seen,
            "did_see": has_come,
            "came_total": f"{len(come)}.",
            "when_came": f"At {come[0][0]} seconds." if come else "Never.",
            "which_first": f"The {come[0][1]}." if come else "Neither.",
            "how_long": f"At least {look.second - since} seconds.",
            "since_left": f"{look.second - gone[-1]} seconds ago." if gone else "It is not gone.",
            "elapsed": f"{look.second} seconds.",
            "what_text": " ".join(self._past.shown) or "No text.",
            "what_was": " ".join(self._past.texts[-1:]) or "No text.",
        }
        return answers[request.kind]


def _watch(request: Request, look: Look) -> Watch:
    named = {one.label for one in look.objects if request.names(one.label)}
    there = {one.track_id for one in look.objects if one.zones and request.names(one.label)}
    num_together = len(named) if request.kind == "appear" else 0
    return Watch(request, look.second, number=num_together, told=there)


def _passed_on(answer: Answer) -> str:
    return answer.text if answer.status == "done" else "I got no answer to that."

"""What a model reads. A prompt grows at its end only, so that caches hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

from onlooker.core.decision import Decision, Delegate, Speak, render_decision
from onlooker.core.moment import Answer, Instruction, Tick, Utterance
from onlooker.core.percept import Percept, Picture, Pictures, Scene, View

Persona = Literal["silent", "default", "talkative"]
PERSONAS: tuple[Persona, ...] = ("silent", "default", "talkative")
MAX_EXCHANGES = 20  # that a prompt made shorter keeps, the newest
MAX_PENDING = 32  # tasks that the head of a prompt names, the newest
MAX_REMEMBERED = 400  # characters of a brain's answer, once its turn is gone


@dataclass(frozen=True, slots=True)
class Noted:
    """What the session's tally says of one request in a tick, see live/tally.py.

    It is worked out from the turns and stored nowhere.
    """

    number: int  # of the standing instruction, from 1 in their order; 0: what was said last
    facts: tuple[str, ...]
    request: str = ""

    @property
    def words(self) -> str:
        """Say it, such as `#1 come 3 now 2`."""
        return f"#{self.number} {' '.join(self.facts)}"


@dataclass(frozen=True, slots=True)
class Turn:
    """One tick as the model reads it, and what was decided on it."""

    tick: Tick
    percepts: tuple[Percept, ...] = ()
    heard: tuple[Utterance, ...] = ()
    instructed: tuple[Instruction, ...] = ()  # changes only
    answers: tuple[Answer, ...] = ()
    recalled: tuple[str, ...] = ()  # from memory, for what was asked; each with its time
    noted: tuple[Noted, ...] = ()  # by the tally, of requests for which something happened
    decision: Decision | None = None  # none yet: this is the turn to decide

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The tick's pictures, whatever else was perceived."""
        return tuple(
            picture
            for percept in self.percepts
            if isinstance(percept, Pictures)
            for picture in percept.pictures
        )

    @property
    def views(self) -> tuple[View, ...]:
        """What was seen of every stream, as scenes."""
        return tuple(
            view
            for percept in self.percepts
            if isinstance(percept, Scene)
            for view in percept.views
        )

    @property
    def asked(self) -> tuple[str, ...]:
        """What people asked of us in the tick, in their words."""
        return tuple(words.text for words in self.heard if words.speaker == "user")

    @property
    def digest(self) -> bytes:
        """Sixteen bytes that name the turn's content; pictures count by their ids."""
        decided = render_decision(self.decision) if self.decision else ""
        spoken = (self.percepts, self.heard, self.instructed, self.answers, decided)
        # What was recorded before there was memory keeps its name.
        recalled = (self.recalled,) if self.recalled else ()
        return blake2b(repr((self.tick, spoken, *recalled)).encode(), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Exchange:
    """Something said by a person or by us, in seconds whose pictures are gone."""

    time_s: float
    speaker: Literal["user", "scene", "onlooker", "brain"]
    text: str


@dataclass(frozen=True, slots=True)
class PendingTask:
    """A question that the brain had not answered when the window began."""

    id: str
    question: str
    asked_s: float


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything a model may know when it decides on the last of `turns`.

    `persona` to `pending` change only when the window turns over; between two turnovers
    the turns grow at their end and nothing else changes.
    """

    persona: Persona
    turns: tuple[Turn, ...]
    standing: tuple[Instruction, ...] = ()  # those that stood when the window began
    memory: tuple[str, ...] = ()  # paragraphs about what came before, oldest first
    exchanges: tuple[Exchange, ...] = ()  # what was said before the window, oldest first
    pending: tuple[PendingTask, ...] = ()  # asked of the brain before the window, oldest first

    @property
    def now(self) -> Turn:
        """The turn to decide."""
        return self.turns[-1]


def fold(
    standing: dict[str, Instruction], changes: Iterable[Instruction]
) -> dict[str, Instruction]:
    """Apply changes in their order; what is removed or paused no longer stands."""
    folded = dict(standing)
    for change in changes:
        folded.pop(change.id, None)
        if change.state == "standing":
            folded[change.id] = change
    return folded


def task_id_of(tick: int) -> str:
    """Name the task that is delegated in a tick: there is at most one."""
    return f"task-{tick}"


def shortened(prompt: Prompt, num_gone: int) -> Prompt:
    """Take the oldest turns off a prompt; what was said and asked in them stays as words."""
    standing = {one.id: one for one in prompt.standing}
    pending = {one.id: one for one in prompt.pending}
    said = list(prompt.exchanges)
    for turn in prompt.turns[:num_gone]:
        standing = fold(standing, turn.instructed)
        pending = still_pending(pending, turn)
        said += exchanges_of(turn)
    return replace(
        prompt,
        turns=prompt.turns[num_gone:],
        standing=tuple(standing.values()),
        exchanges=tuple(said[-MAX_EXCHANGES:]),
        pending=tuple(pending.values()),
    )


def exchanges_of(turn: Turn) -> list[Exchange]:
    """List what was said in a turn, in the order in which the model read and wrote it."""
    said = [Exchange(words.time_s, words.speaker, words.text) for words in turn.heard]
    said += [Exchange(answer.time_s, "brain", _remembered(answer)) for answer in turn.answers]
    if isinstance(turn.decision, Speak | Delegate):
        said.append(Exchange(turn.tick.end_s, "onlooker", turn.decision.text))
    return said


def still_pending(pending: dict[str, PendingTask], turn: Turn) -> dict[str, PendingTask]:
    """Tell what the brain has still to answer after a turn."""
    answered = {answer.task_id for answer in turn.answers}
    left = {id_: task for id_, task in pending.items() if id_ not in answered}
    if isinstance(turn.decision, Delegate):
        id_ = task_id_of(turn.tick.index)
        left[id_] = PendingTask(id_, turn.decision.question, turn.tick.end_s)
    return dict(list(left.items())[-MAX_PENDING:])


def _remembered(answer: Answer) -> str:
    """Say what a late answer answers, in short."""
    text = answer.text
    if len(text) > MAX_REMEMBERED:
        text = f"{text[:MAX_REMEMBERED].rstrip()}..."
    outcome = text if answer.status == "done" else f"(no answer) {text}"
    return f"{answer.question} - {outcome}"

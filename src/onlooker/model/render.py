"""From a prompt to what a model reads: text with roles, or token ids with what each is worth.

Training and serving both come through here. Every turn is written and tokenised by itself, so a
conversation that grows turn by turn has the ids of one that is written at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Protocol

from onlooker.core.conversation import PERSONAS, SYSTEM, opening_words, plain, turn_words
from onlooker.core.decision import (
    DELEGATION,
    RESPONSE,
    Decision,
    Delegate,
    Silent,
    Speak,
    render_decision,
)
from onlooker.core.moment import Instruction
from onlooker.core.percept import Scene
from onlooker.core.prompt import Noted, Persona, Prompt, Turn, fold
from onlooker.core.scene_words import scene_words

Role = Literal["system", "user", "assistant"]

MAX_SCENE_TOKENS = 160  # words and signs of one second, see core/scene_words.py
MAX_REQUEST_LETTERS = 120  # of one that stands again beside what was noted of it


class Worth(IntEnum):
    """What a token is to the loss. Presets of weights are given by these."""

    CONTEXT = 0  # read, never learned
    FIRST_SILENCE = 1  # of a run: it is the token that stops repetition
    REPEATED_SILENCE = 2
    RESPONSE = 3  # the marker
    DELEGATION = 4  # the marker
    TEXT = 5
    END = 6  # of an assistant turn


class Tokenizer(Protocol):
    """Text to ids. Markers and the signs of a layout in the text may be tokens of their own."""

    def encode(self, text: str) -> Sequence[int]:
        """Give the ids of a text, nothing added before or after it."""
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """What a family of models puts around turns, and what it is told about its task."""

    opens: Mapping[Role, str]
    close: str
    system: Mapping[Persona, str]
    has_tally: bool = False
    """whether requests are numbered, each second says what became of them and when we last spoke,
    the numbers stand behind the names of the things that they name, and what is still there is
    only counted while nobody asks anything"""


# The released checkpoint and all of its family.
CHAT = Layout(
    opens={
        "system": "<|im_start|>system\n",
        "user": "<|im_start|>user\n",
        "assistant": "<|im_start|>assistant\n",
    },
    close="<|im_end|>\n",
    system={persona: f"{SYSTEM}\n\n{words}" for persona, words in PERSONAS.items()},
)
# Ours: a sign for each role, and of the task only what differs from session to session. A model
# of a few million weights subtracts and counts badly, and learns slowly to find a name again:
# hence the tally.
COMPACT = Layout(
    opens={"system": "<|system|>", "user": "<|user|>", "assistant": "<|assistant|>"},
    close="<|end|>",
    system={persona: f"persona {persona}" for persona in PERSONAS},
    has_tally=True,
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the conversation whose tokens are all worth the same."""

    role: Role
    text: str
    worth: Worth = Worth.CONTEXT


@dataclass(frozen=True, slots=True)
class Tokens:
    """A conversation as a model takes it in: as many worths as ids."""

    ids: tuple[int, ...]
    worths: tuple[Worth, ...]

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.ids + other.ids, self.worths + other.worths)


class Renderer:
    """Writes one window of a conversation, a turn at a time.

    Begin with `begin`; then for each turn `ask` and, once it is known, `settle`. What has been
    written is never written again: a cache of it holds.
    """

    def __init__(self, layout: Layout = COMPACT) -> None:
        self._layout = layout
        self._standing: dict[str, Instruction] = {}
        self._opening = ""
        self._was_silent = False
        self._now_s = 0.0
        self._spoke_s: float | None = None  # in this window

    def begin(self, prompt: Prompt) -> list[Segment]:
        """Write what stands before the first turn of a window."""
        self._standing = {one.id: one for one in prompt.standing}
        self._opening = opening_words(prompt, is_numbered=self._layout.has_tally)
        self._was_silent = False
        self._spoke_s = None
        system = self._layout.system[prompt.persona]
        return [Segment("system", self._wrapped("system", system))]

    def ask(self, turn: Turn) -> list[Segment]:
        """Write a user turn, and the beginning of the assistant turn that answers it."""
        self._standing = fold(self._standing, turn.instructed)
        standing = tuple(self._standing.values())
        before = [f"{self._opening}\n\n"] if self._opening else []
        self._opening = ""
        self._now_s = turn.tick.start_s
        has_tally = self._layout.has_tally
        said = turn_words(turn, standing, is_numbered=has_tally)
        if has_tally:
            said[-1] += _since(turn, self._spoke_s)
            said += map(noted_words, turn.noted)
        seen = _seen(turn, standing, has_tally=has_tally)
        words = "".join(before) + "\n".join([*said, *seen])
        return [
            Segment("user", self._wrapped("user", words)),
            Segment("assistant", self._layout.opens["assistant"]),
        ]

    def settle(self, decision: Decision) -> list[Segment]:
        """Write a decision, and the end of its turn."""
        pieces = [
            *_decided(decision, is_repeated=self._was_silent),
            (self._layout.close, Worth.END),
        ]
        self._was_silent = isinstance(decision, Silent)
        if not self._was_silent:
            self._spoke_s = self._now_s
        return [Segment("assistant", text, worth) for text, worth in pieces]

    def _wrapped(self, role: Role, words: str) -> str:
        return f"{self._layout.opens[role]}{words}{self._layout.close}"


def segments(prompt: Prompt, layout: Layout = COMPACT) -> Iterator[Segment]:
    """Write a whole prompt. One that is to be decided ends where the assistant begins."""
    renderer = Renderer(layout)
    yield from renderer.begin(prompt)
    for turn in prompt.turns:
        yield from renderer.ask(turn)
        if turn.decision is not None:
            yield from renderer.settle(turn.decision)


def tokens(pieces: Iterator[Segment] | Sequence[Segment], tokenizer: Tokenizer) -> Tokens:
    """Tokenise segments, each by itself."""
    ids: list[int] = []
    worths: list[Worth] = []
    for piece in pieces:
        of_piece = tokenizer.encode(piece.text)
        ids += of_piece
        worths += [piece.worth] * len(of_piece)
    return Tokens(tuple(ids), tuple(worths))


def _since(turn: Turn, spoke_s: float | None) -> str:
    """Say how many seconds ago we spoke."""
    return "" if spoke_s is None else f" spoke {round(turn.tick.start_s - spoke_s)}"


def noted_words(noted: Noted) -> str:
    """Say what was noted of a request, beside the request: what it means stands in this alone.

    A small model mixes up requests that stand far from what happened to them.
    """
    return f"{noted.words}: {plain(noted.request)[:MAX_REQUEST_LETTERS]}"


def _seen(turn: Turn, standing: Sequence[Instruction], *, has_tally: bool) -> Iterator[str]:
    requests = [*(one.text for one in standing), *turn.asked]
    numbers = [*range(1, len(standing) + 1), *(0 for _ in turn.asked)]
    marks = [f"!{number}" for number in numbers] if has_tally else []
    is_brief = has_tally and not turn.asked
    for percept in turn.percepts:
        if isinstance(percept, Scene) and percept.views:
            yield scene_words(percept, requests, MAX_SCENE_TOKENS, marks, is_brief=is_brief)


def _decided(decision: Decision, *, is_repeated: bool) -> list[tuple[str, Worth]]:
    """Split what `render_decision` writes at its markers."""
    match decision:
        case Silent():
            worth = Worth.REPEATED_SILENCE if is_repeated else Worth.FIRST_SILENCE
            return [(render_decision(decision), worth)]
        case Speak(text):
            return [(RESPONSE, Worth.RESPONSE), (f" {text}", Worth.TEXT)]
        case Delegate(text, question):
            return [
                (RESPONSE, Worth.RESPONSE),
                (f" {text} ", Worth.TEXT),
                (DELEGATION, Worth.DELEGATION),
                (f" {question}", Worth.TEXT),
            ]

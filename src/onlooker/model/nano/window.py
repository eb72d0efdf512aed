"""From prompts that grow to the tokens that a network should have read, never more than fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from onlooker.core.prompt import Exchange, Prompt, Turn, shortened
from onlooker.model.nano.vocabulary import Vocabulary
from onlooker.model.render import COMPACT, Renderer, Segment

MAX_LETTERS = 16  # for each token of room: more is cut before anybody splits it into tokens


class Window:
    """What one session's network should have read.

    What does not fit is left behind as a full window of the session is: its oldest turns go, and
    a quarter of the room stays. A turn that says too much, such as a picture full of writing,
    loses its middle.
    """

    def __init__(self, vocabulary: Vocabulary, room: int) -> None:
        self._vocabulary = vocabulary
        self._room = room
        self._turn_room, self._opening_room, self._carried_room = room // 8, room // 4, room // 4
        self._prompt: Prompt | None = None  # the last one
        self._start = 0  # tick with which the window begins, if it is not the prompt's first
        self._renderer = Renderer(COMPACT)
        self._ids: list[int] = []

    def read(self, prompt: Prompt) -> list[int]:
        """Give all tokens up to the one that decides the last turn."""
        before, self._prompt = self._prompt, prompt
        if before is not None and _continues(before, prompt):
            self._ids += self._decided(prompt.turns[-2]) + self._asked(prompt.now)
        else:
            is_same_window = before is not None and _head(before) == _head(prompt)
            ticks = [turn.tick.index for turn in prompt.turns]
            num_gone = ticks.index(self._start) if is_same_window and self._start in ticks else 0
            self._write(prompt, num_gone)
        if len(self._ids) > self._room:
            self._write(prompt, self._num_leaving(prompt))
        return self._ids

    def _write(self, prompt: Prompt, num_gone: int) -> None:
        """Write a prompt without its oldest turns from the beginning."""
        prompt = self._fitted(shortened(prompt, num_gone) if num_gone else prompt)
        self._start = prompt.turns[0].tick.index
        self._renderer = Renderer(COMPACT)
        self._ids = list(self._tokens(self._renderer.begin(prompt), self._turn_room))
        room = self._opening_room + self._turn_room
        for turn in prompt.turns:
            self._ids += self._asked(turn, room)
            room = self._turn_room
            if turn is not prompt.now:
                self._ids += self._decided(turn)

    def _num_leaving(self, prompt: Prompt) -> int:
        """Say how many of the oldest turns go, so that the others take a quarter of the room."""
        renderer, sizes = Renderer(COMPACT), list[int]()
        renderer.begin(prompt)
        for turn in prompt.turns:
            pieces = renderer.ask(turn)
            pieces += renderer.settle(turn.decision) if turn.decision else []
            sizes.append(sum(1 for _ in self._tokens(pieces, self._turn_room)))
        num_kept = sum(size <= self._carried_room for size in accumulate(reversed(sizes)))
        return len(sizes) - max(1, num_kept)

    def _fitted(self, prompt: Prompt) -> Prompt:
        """Leave the oldest of memory and of what was said out of an opening that is too long."""
        letters = self._opening_room
        paragraphs = list(_newest(prompt.memory, letters))
        said = list(_newest([one.text for one in prompt.exchanges], letters))
        kept = prompt.exchanges[len(prompt.exchanges) - len(said) :]
        exchanges = (
            Exchange(one.time_s, one.speaker, text)
            for one, text in zip(kept, reversed(said), strict=True)
        )
        return replace(prompt, memory=tuple(reversed(paragraphs)), exchanges=tuple(exchanges))

    def _asked(self, turn: Turn, room: int | None = None) -> list[int]:
        return list(self._tokens(self._renderer.ask(turn), room or self._turn_room))

    def _decided(self, turn: Turn) -> list[int]:
        pieces = self._renderer.settle(turn.decision) if turn.decision else []
        return list(self._tokens(pieces, self._turn_room))

    def _tokens(self, pieces: Sequence[Segment], room: int) -> Iterator[int]:
        for piece in pieces:
            text, most = piece.text, MAX_LETTERS * room
            if len(text) > most:
                text = text[: most // 3] + text[len(text) - 2 * most // 3 :]
            ids = self._vocabulary.encode(text)
            yield from ids if len(ids) <= room else ids[: room // 3] + ids[room // 3 - room :]


def _continues(before: Prompt, now: Prompt) -> bool:
    """Whether a prompt is the one before with its last turn decided, and one more."""
    if len(now.turns) != len(before.turns) + 1 or now.turns[-2].decision is None:
        return False
    was_asked = replace(now.turns[-2], decision=None)
    return (
        _head(before) == _head(now)
        and before.turns[:-1] == now.turns[:-2]
        and before.now == was_asked
    )


def _head(prompt: Prompt) -> tuple[object, ...]:
    return prompt.persona, prompt.standing, prompt.memory, prompt.exchanges, prompt.pending


def _newest(texts: Sequence[str], letters: int) -> Iterator[str]:
    """Give the newest texts first, as far as they fit; one too long is cut, and is the last."""
    for text in reversed(texts):
        if letters <= 0:
            return
        yield text[:letters]
        letters -= len(text)

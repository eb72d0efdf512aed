"""Labelled streams as batches of token ids: what a training step reads.

A batch has a number, and the same number is the same batch: a run that was killed goes on where
it was, without a data set on disk. Streams come from the world, or from shards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

import torch
from tokenizers import Tokenizer
from torch import Tensor

from onlooker.core.decision import Silent
from onlooker.core.moment import Tick
from onlooker.core.percept import Scene, View
from onlooker.core.prompt import Turn
from onlooker.core.scene_words import wanted_labels
from onlooker.data.stream import LabelledStream
from onlooker.data.windows import windows
from onlooker.data.world.compose import Recipe, length_of, make_stream
from onlooker.data.world.words import Split
from onlooker.live.settings import LiveSettings
from onlooker.model.render import Renderer, Segment, Tokens, Worth, tokens

MAX_TOKENS = 3072  # of one window; what is longer loses its end
TELLS_TIME = frozenset({"time", "memory", "several", "side"})  # of the stream, in what is said
LOOKS_BACK = frozenset({"memory", "quiet"})
ALL_NEWS = frozenset({"memory", "commentary", "quiet"})  # where what nobody named matters, too
MAX_SHIFT_S = 100_000
SHORT_S = 60
NUM_TRIES = 3
MANY_STAND = frozenset({"several", "side", "change"})  # of any length, since more comes together
LENGTH_STEP = 64  # tokens
KEPT_SILENT = 0.35  # share of windows in which nothing is said
# Shares of the seconds without news that a stream keeps: what is left out are skipped ticks, as a
# slow machine has them, and what is learned from stands closer together.
KEPT_DULL = (0.1, 0.1, 0.25, 0.5, 1.0, 1.0)

# What a small model keeps in view. What is older is memory's, and shorter windows cost less.
WINDOW = LiveSettings(window_ticks=40, carry_ticks=8)
# Most streams are over before a window is full. In shorter ones, too, it learns what stands at the
# head of the next: requests, memory, what was said.
WINDOWS = (WINDOW, WINDOW, *(LiveSettings(window_ticks=n, carry_ticks=n // 4) for n in (8, 16)))

StreamOf = Callable[[int], LabelledStream]
"""The stream of a number; the same number gives the same stream."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of conversations, padded at their ends. B windows, T tokens."""

    ids_BT: Tensor  # int64
    worths_BT: Tensor  # int64, CONTEXT where padded

    @property
    def num_tokens(self) -> int:
        return int(self.ids_BT.numel())

    def to(self, device: torch.device) -> Batch:
        return Batch(self.ids_BT.to(device), self.worths_BT.to(device))

    def parts(self, most_tokens: int) -> Iterator[slice]:
        """Cut the rows into parts of at most so many tokens, or of one row."""
        num_rows, longest = self.ids_BT.shape
        size = max(1, most_tokens // longest)
        for first in range(0, num_rows, size):
            yield slice(first, min(first + size, num_rows))

    def __getitem__(self, rows: slice) -> Batch:
        return Batch(self.ids_BT[rows], self.worths_BT[rows])


class Encoding:
    """What `model/render.py` asks of a tokenizer, with what was encoded before kept."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, Sequence[int]] = {}

    def encode(self, text: str) -> Sequence[int]:
        if (ids := self._known.get(text)) is None:
            ids = self._tokenizer.encode(text, add_special_tokens=False).ids
            if len(text) < 24:
                self._known[text] = ids
        return ids


def world(families: Sequence[str], split: Split, seed: int) -> StreamOf:
    """Take streams from the world, families in turns, some of them hours after their beginning.

    Three of four are short: most of what a long one says is that nothing happens.
    """

    def stream_of(number: int) -> LabelledStream:
        family = families[number % len(families)]
        first = number // len(families) * NUM_TRIES
        tries = [Recipe(family, split, seed, first + number) for number in range(NUM_TRIES)]
        is_any_length = family in MANY_STAND
        fit = (recipe for recipe in tries if is_any_length or length_of(recipe) <= SHORT_S)
        stream = make_stream(next(fit, tries[-1]))
        rng = Random(f"crop {stream.item}")  # noqa: S311 - a world, no secret
        stream = cropped(stream, rng) if family not in LOOKS_BACK else stream
        stream = thinned(stream, rng)
        if family in TELLS_TIME or rng.random() < 0.5:
            return stream
        return shifted(stream, int(MAX_SHIFT_S ** rng.random()))

    return stream_of


def as_context(pieces: Sequence[Segment]) -> list[Segment]:
    """Make pieces something that is read and not learned."""
    return [replace(piece, worth=Worth.CONTEXT) for piece in pieces]


def windows_of(
    stream: LabelledStream, encoding: Encoding, settings: LiveSettings = WINDOW
) -> Iterator[Tokens]:
    """Write the windows of a stream. A turn that was in the window before is not learned again."""
    for window in windows(stream, settings):
        renderer = Renderer()
        pieces = renderer.begin(window.prompt)
        for number, turn in enumerate(window.prompt.turns):
            assert turn.decision is not None  # noqa: S101 - a labelled stream has all of them
            pieces += renderer.ask(turn)
            said = renderer.settle(turn.decision)
            pieces += said if number >= window.num_carried else as_context(said)
        found = tokens(pieces, encoding)
        yield Tokens(found.ids[:MAX_TOKENS], found.worths[:MAX_TOKENS])


class Batches:
    """Batches of about as many tokens each, of windows of about the same length each."""

    def __init__(
        self,
        stream_of: StreamOf,
        encoding: Encoding,
        num_tokens: int = 8_192,
    ) -> None:
        self._stream_of = stream_of
        self.encoding = encoding
        self.num_tokens = num_tokens
        self._num_streams = max(1, self.POOL * num_tokens // 8_192)
        self._pool: list[Batch] = []
        self._pool_number = -1

    POOL = 144  # streams that are sorted by length together, for batches of 8,192 tokens
    PER_POOL = 10  # batches that are taken of them, shuffled; fewer than they give

    def __getitem__(self, number: int) -> Batch:
        pool_number, place = divmod(number, self.PER_POOL)
        if pool_number != self._pool_number:
            self._pool, self._pool_number = self._make_pool(pool_number), pool_number
        return self._pool[place % len(self._pool)]

    def _make_pool(self, number: int) -> list[Batch]:
        first = number * self._num_streams
        order = Random(number)  # noqa: S311 - an order, no secret
        found = [
            window
            for index in range(first, first + self._num_streams)
            for window in windows_of(self._stream_of(index), self.encoding, order.choice(WINDOWS))
            if Worth.RESPONSE in window.worths or order.random() < KEPT_SILENT
        ]
        found.sort(key=lambda window: len(window.ids))
        batches: list[Batch] = []
        rows: list[Tokens] = []
        for window in found:
            if rows and len(window.ids) * (len(rows) + 1) > self.num_tokens:
                batches.append(padded(rows))
                rows = []
            rows.append(window)
        batches.append(padded(rows))
        order.shuffle(batches)
        return batches


def padded(rows: Sequence[Tokens]) -> Batch:
    """Put windows beside each other. Nothing looks at what is padded: attention is causal."""
    longest = stepped_up(max(len(row.ids) for row in rows), LENGTH_STEP)
    ids_BT = torch.zeros((len(rows), longest), dtype=torch.int64)
    worths_BT = torch.full((len(rows), longest), int(Worth.CONTEXT), dtype=torch.int64)
    for number, row in enumerate(rows):
        ids_BT[number, : len(row.ids)] = torch.tensor(row.ids)
        worths_BT[number, : len(row.ids)] = torch.tensor([int(worth) for worth in row.worths])
    return Batch(ids_BT, worths_BT)


def stepped_up(length: int, step: int) -> int:
    """Round a length up: what runs the products keeps plans for every shape that it has seen."""
    return -(-length // step) * step


def cropped(stream: LabelledStream, rng: Random) -> LabelledStream:
    """Leave out most of the silence before anybody asks and after the last thing is said.

    A second before is kept: what is there when a session begins is no news, so its first second
    must not be one in which something is said.

    The truth stays whole, so such a stream teaches and is not scored.
    """
    turns = stream.turns
    asked = [number for number, turn in enumerate(turns) if turn.instructed or turn.heard]
    spoken = [number for number, turn in enumerate(turns) if not isinstance(turn.decision, Silent)]
    first = max(0, min([*asked, *spoken], default=0) - 1 - rng.randrange(8))
    last = max([*asked, *spoken], default=len(turns)) + 2 + rng.randrange(15)
    return replace(stream, turns=turns[first : max(last, first + 10)])


def thinned(stream: LabelledStream, rng: Random) -> LabelledStream:
    """Skip most of the seconds in which nothing is said, asked, or of interest to who asked.

    The truth stays whole, so such a stream teaches and is not scored.
    """
    kept = rng.choice(KEPT_DULL)
    asked = [change.text for turn in stream.turns for change in turn.instructed]
    asked += [words.text for turn in stream.turns for words in turn.heard]
    is_all_news = stream.family in ALL_NEWS or kept >= 0.5
    named = None if is_all_news else wanted_labels(asked)
    turns = [turn for turn in stream.turns[1:] if not _is_dull(turn, named) or rng.random() < kept]
    return replace(stream, turns=(*stream.turns[:1], *turns))


def _is_dull(turn: Turn, named: frozenset[str] | None) -> bool:
    """Whether nothing happens in a turn; with `named`, nothing that happens to those."""
    moving = [one for view in turn.views for one in (*view.entered, *view.left)]
    is_news = any(named is None or one.label in named for one in moving)
    is_news = is_news or any(view.new_texts for view in turn.views)
    is_told = turn.heard or turn.instructed or turn.answers or turn.recalled
    return not (is_news or is_told or not isinstance(turn.decision, Silent))


def shifted(stream: LabelledStream, by_s: int) -> LabelledStream:
    """Let a stream happen later in its session: what is said in it must not tell the time.

    The truth stays where it was, so such a stream teaches and is not scored.
    """
    return replace(stream, turns=tuple(_later(turn, by_s) for turn in stream.turns))


def _later(turn: Turn, by_s: int) -> Turn:
    tick = turn.tick
    return replace(
        turn,
        tick=Tick(tick.index + by_s, tick.start_s + by_s, tick.end_s + by_s),
        percepts=tuple(
            Scene(tuple(_view_later(view, by_s) for view in percept.views))
            for percept in turn.percepts
            if isinstance(percept, Scene)
        ),
        heard=tuple(replace(one, time_s=one.time_s + by_s) for one in turn.heard),
        instructed=tuple(replace(one, since_s=one.since_s + by_s) for one in turn.instructed),
        answers=tuple(replace(one, time_s=one.time_s + by_s) for one in turn.answers),
    )


def _view_later(view: View, by_s: int) -> View:
    return replace(
        view,
        time_s=view.time_s + by_s,
        objects=tuple(replace(one, since_s=one.since_s + by_s) for one in view.objects),
        entered=tuple(replace(one, since_s=one.since_s + by_s) for one in view.entered),
        left=tuple(replace(one, since_s=one.since_s + by_s) for one in view.left),
        texts=tuple(replace(one, since_s=one.since_s + by_s) for one in view.texts),
    )

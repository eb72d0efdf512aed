"""Decisions from tokens: weights are shared, what was read belongs to a session.

The first token is silence or speech and nothing else; `talkativeness` says how likely speech must
be. What follows is the likeliest token each time, as far as the grammar of core/decision.py goes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np

from onlooker.core.decision import RESPONSE, Decision, Silent, parse_decision
from onlooker.core.errors import ModelUnavailable
from onlooker.core.event import Usage
from onlooker.core.ports import Outcome
from onlooker.core.prompt import Prompt
from onlooker.model.nano.checkpoint import MAX_CONTEXT, Floats, read_weights
from onlooker.model.nano.network import MAX_TOKENS, Cache, Network
from onlooker.model.nano.vocabulary import Vocabulary
from onlooker.model.nano.window import Window

LEAST_QUESTION = 8  # tokens that must be left for a question
SHIPPED = Path(__file__).parent / "weights"


class Cancelled(Exception):
    """Whoever asked for a decision has gone."""


class Engine:
    """What all sessions share."""

    def __init__(self, folder: Path = SHIPPED, max_context: int = MAX_CONTEXT) -> None:
        """Read weights and tokenizer; `max_context` bounds what a session has before it.

        Raises:
            BadSettings: something is missing or damaged, or the two do not fit each other.
        """
        self.network = Network(read_weights(folder, max_context))
        self.vocabulary = Vocabulary(folder / "tokenizer.json")
        size = self.network.weights.shape.vocabulary
        self.is_text_V = self.vocabulary.text_mask(size)


class Conversation:
    """One session: what was read of it stays read, so that a second costs what it adds."""

    def __init__(self, engine: Engine, talkativeness: float = 0.5, max_tokens: int = 96) -> None:
        shape = engine.network.weights.shape
        self._engine = engine
        self.talkativeness = talkativeness
        self._max_tokens = max_tokens
        self._window = Window(engine.vocabulary, shape.context - max_tokens)
        self._cache = Cache(engine.network.weights)
        self._turn = Lock()

    @property
    def ids(self) -> tuple[int, ...]:
        """All that has been read and written, in tokens."""
        return tuple(self._cache.ids)

    def decide(self, prompt: Prompt, is_cancelled: Callable[[], bool] = lambda: False) -> Outcome:
        """Decide on the last turn of a prompt, on this thread.

        Raises:
            MalformedDecision: what was written is no decision. ModelUnavailable: the network gave
            no numbers. Cancelled: `is_cancelled` said so.
        """
        with self._turn:
            ids = self._window.read(prompt)
            num_cached = self._cache.keep(ids)
            logits_V = self._read(ids[num_cached:], is_cancelled)
            probability = self._speak_probability(logits_V)
            decision: Decision = Silent()
            written: list[int] = []
            if probability > 1 - self.talkativeness:
                written = self._write(is_cancelled)
                decision = parse_decision(RESPONSE + self._engine.vocabulary.decode(written))
        usage = Usage(
            prompt_tokens=len(ids),
            cached_tokens=num_cached,
            completion_tokens=len(written) + 1,
        )
        return Outcome(decision, round(probability, 6), usage)

    def _read(self, ids: Sequence[int], is_cancelled: Callable[[], bool]) -> Floats:
        for begin in range(0, len(ids), MAX_TOKENS):
            if is_cancelled():
                raise Cancelled
            logits_V = self._engine.network.read(self._cache, ids[begin : begin + MAX_TOKENS])
        return logits_V

    def _speak_probability(self, logits_V: Floats) -> float:
        known = self._engine.vocabulary
        difference = float(logits_V[known.response]) - float(logits_V[known.silence])
        if not np.isfinite(difference):
            raise ModelUnavailable("nano computed no finite number: its weights are damaged")
        return float(1 / (1 + np.exp(-np.clip(difference, -700, 700))))

    def _write(self, is_cancelled: Callable[[], bool]) -> list[int]:
        """Write a text, and after a delegation's marker a question; neither is empty."""
        known = self._engine.vocabulary
        written: list[int] = []
        begin, is_question = 0, False  # of the part that is being written
        last = known.response
        while len(written) < self._max_tokens:
            logits_V = self._read([last], is_cancelled)
            allowed_V = self._engine.is_text_V.copy()
            if known.decode(written[begin:]).strip():
                allowed_V[known.end] = True
                num_left = self._max_tokens - len(written)
                allowed_V[known.delegation] = not is_question and num_left > LEAST_QUESTION
            last = int(np.where(allowed_V, logits_V, -np.inf).argmax())
            if last == known.end:
                break
            written.append(last)
            if last == known.delegation:
                begin, is_question = len(written), True
        return written

"""One answer as it comes in: which action it takes, how sure that is, and what may be said yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from onlooker.core.decision import RESPONSE, SILENCE, Decision, Delegate, Speak
from onlooker.core.errors import MalformedDecision
from onlooker.core.event import Usage
from onlooker.plugins.model.dialect import Dialect, Side

MAX_CHARS_PER_TOKEN = 32  # real ones have about 4 on average


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was sampled, and the likeliest ones in its place."""

    text: str
    alternatives: dict[str, float] = field(default_factory=dict)  # probability of each


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a server sent in one piece."""

    text: str = ""
    tokens: tuple[Token, ...] = ()
    finish: str | None = None
    usage: Usage | None = None


class Reading:
    """Reads an answer from its first chunk to its decision.

    The action is not what happened to be sampled, but what the probabilities of the first tokens
    that tell the actions apart say, against the threshold that `talkativeness` sets.
    """

    def __init__(
        self, dialect: Dialect, talkativeness: float, max_tokens: int, *, is_forced: bool = False
    ) -> None:
        self._dialect = dialect
        self._threshold = 1 - talkativeness
        self._max_chars = max_tokens * MAX_CHARS_PER_TOKEN
        self._opening = dialect.forced_opening if is_forced else ""
        self._is_forced = is_forced
        self._tokens_text = ""
        self._text = ""
        self._said = ""
        self._finish: str | None = None
        self.speak_probability: float | None = None
        self.usage = Usage()

    @property
    def output(self) -> str:
        """All that was written, with what it was made to begin with."""
        # Servers that do not continue a message begin it again.
        if self._opening and not self._text.lstrip().startswith((RESPONSE, SILENCE)):
            return f"{self._opening} {self._text}"
        return self._text

    @property
    def side(self) -> Side | None:
        return self._dialect.side(self.output)

    @property
    def decided(self) -> Side | None:
        """Say what is decided: by probability where there is one, else by what was sampled."""
        if self.speak_probability is None or self._is_forced:
            return self.side
        return "speaking" if self.speak_probability > self._threshold else "silent"

    @property
    def lacks_probability(self) -> bool:
        """Whether the action was taken without a word on how likely it was."""
        return not self._is_forced and self.side is not None and self.speak_probability is None

    @property
    def is_overruled(self) -> bool:
        """Whether the answer goes the way that was not decided."""
        side = self.side
        return side is not None and side != self.decided

    def add(self, chunk: Chunk) -> None:
        """Take the next piece.

        Raises:
            MalformedDecision: it has no end.
        """
        for token in chunk.tokens:
            self._weigh(token)
        self._text += chunk.text
        self._finish = chunk.finish or self._finish
        self.usage = chunk.usage or self.usage
        if len(self._text) > self._max_chars:
            raise MalformedDecision(self._text, f"it is longer than {self._max_chars} characters")

    def news(self) -> str:
        """Give what may be said since the last time."""
        if self.decided != "speaking":
            return ""
        return self._since_said(self._dialect.spoken(self.output))

    def finish(self) -> tuple[Decision, str]:
        """Give the decision, and what of its text was not said yet.

        Raises:
            MalformedDecision: the answer is no decision, or not the one that was being said.
        """
        try:
            decision = self._dialect.parse(self.output, is_cut=self._finish == "length")
        except RecursionError:
            raise MalformedDecision(self.output, "it is nested without end") from None
        text = decision.text if isinstance(decision, Speak | Delegate) else ""
        if not text.startswith(self._said):
            raise MalformedDecision(self.output, f"{self._said!r} was said before it changed")
        return decision, self._since_said(text)

    def _since_said(self, text: str) -> str:
        new = text[len(self._said) :] if text.startswith(self._said) else ""
        self._said += new
        return new

    def _weigh(self, token: Token) -> None:
        """Follow the tokens up to the one with which the actions part."""
        if self.speak_probability is not None or not token.alternatives:
            return
        before, self._tokens_text = self._tokens_text, self._tokens_text + token.text
        if self._dialect.side(self._tokens_text) is None:
            return
        mass = {"silent": 0.0, "speaking": 0.0}
        for text, probability in token.alternatives.items():
            if side := self._dialect.side(before + text):
                mass[side] += probability
        if total := mass["silent"] + mass["speaking"]:
            self.speak_probability = mass["speaking"] / total

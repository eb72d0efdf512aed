"""What a dialect is: how a prompt is put in words, and how an answer is read.

A dialect writes strings and names pictures; `body.py` makes the bytes of them. It reads an
answer as often as it grows, and always from its beginning, so it keeps no state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from onlooker.core.conversation import plain
from onlooker.core.decision import RESPONSE, SILENCE, Decision
from onlooker.core.moment import Instruction
from onlooker.core.percept import Picture
from onlooker.core.prompt import Persona, Prompt, Turn

Part = str | Picture  # of a user turn
Side = Literal["silent", "speaking"]  # a delegation speaks, too

Fields = dict[str, Any]  # of a request, beside its messages

# A server that refuses these is asked without them from then on.
OPTIONAL_FIELDS = ("response_format", "logprobs", "top_logprobs", "stream_options")
LOGPROB_FIELDS: Fields = {"logprobs": True, "top_logprobs": 5}


class Dialect(Protocol):
    """How one family of models is spoken to."""

    forced_opening: str  # what an answer begins with that must not be silent; may be empty

    def fields(self, *, has_logprobs: bool, is_forced: bool) -> Fields:
        """Give the request's fields: sampling, and the form of the answer."""
        ...

    def system(self, persona: Persona) -> str:
        """Write the system prompt."""
        ...

    def opening(self, prompt: Prompt) -> Sequence[str]:
        """Write what comes before the first turn of a window: what is known from before it."""
        ...

    def turn(self, turn: Turn, standing: Sequence[Instruction]) -> Sequence[Part]:
        """Write a user turn; `standing` are the instructions that stand after its changes."""
        ...

    def decided(self, decision: Decision) -> str:
        """Write an assistant turn."""
        ...

    def side(self, output: str) -> Side | None:
        """Say which action an unfinished answer has taken; None while that is open."""
        ...

    def spoken(self, output: str) -> str:
        """Say how much of an unfinished answer is sure to be spoken."""
        ...

    def parse(self, output: str, *, is_cut: bool) -> Decision:
        """Read an answer that is complete, or cut off at its greatest length.

        Raises:
            MalformedDecision: it is no decision.
        """
        ...


def side_of_markers(output: str) -> Side | None:
    """Say which marker an unfinished answer begins with."""
    written = output.lstrip()
    speaking = RESPONSE.startswith(written) or written.startswith(RESPONSE)
    silent = SILENCE.startswith(written) or written.startswith(SILENCE)
    if speaking == silent:
        return None
    return "speaking" if speaking else "silent"


def with_streams(pictures: Sequence[Picture]) -> list[Part]:
    """Name the stream before its pictures, where there are several."""
    parts: list[Part] = []
    is_named = len({picture.stream for picture in pictures}) > 1
    named = ""
    for picture in pictures:
        if is_named and picture.stream != named:
            named = picture.stream
            parts.append(f"Camera {plain(named)}:")
        parts.append(picture)
    return parts

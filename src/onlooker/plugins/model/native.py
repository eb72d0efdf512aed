"""The released checkpoint's contract: its markers, its places, its sampling.

Its words are those of core/conversation.py, which our own models are taught, too.

Source: the released system's adapter, structure and token forms.
"""

from __future__ import annotations

from collections.abc import Sequence

from onlooker.core.conversation import PERSONAS, SYSTEM, opening_words, turn_words
from onlooker.core.decision import (
    RESPONSE,
    SILENCE,
    Decision,
    parse_decision,
    render_decision,
    spoken_so_far,
)
from onlooker.core.errors import MalformedDecision
from onlooker.core.moment import Instruction
from onlooker.core.prompt import Persona, Prompt, Turn
from onlooker.plugins.model.dialect import (
    LOGPROB_FIELDS,
    Fields,
    Part,
    Side,
    side_of_markers,
    with_streams,
)

SAMPLING: Fields = {
    "temperature": 0.8,
    "top_p": 0.9,
    "top_k": 40,
    "repetition_penalty": 1.05,
    "presence_penalty": 0.4,
}


class NativeDialect:
    """Speaks as the released checkpoint was taught."""

    forced_opening = RESPONSE

    def __init__(self, sampling: Fields, *, language: str = "", system_prompt: str = "") -> None:
        self._sampling = SAMPLING | sampling
        self._language = "zh" if language.lower().startswith("zh") else "en"
        self._system_prompt = system_prompt or SYSTEM

    def fields(self, *, has_logprobs: bool, is_forced: bool) -> Fields:
        # Without probabilities the likeliest action can only be had by sampling nothing else.
        sampling = self._sampling if has_logprobs or is_forced else {"temperature": 0}
        return {"skip_special_tokens": False, **LOGPROB_FIELDS, **sampling}

    def system(self, persona: Persona) -> str:
        return f"{self._system_prompt}\n\n{PERSONAS[persona]}"

    def opening(self, prompt: Prompt) -> Sequence[str]:
        words = opening_words(prompt, self._language)
        return [words] if words else []

    def turn(self, turn: Turn, standing: Sequence[Instruction]) -> Sequence[Part]:
        return [*turn_words(turn, standing), *with_streams(turn.pictures)]

    def decided(self, decision: Decision) -> str:
        return render_decision(decision)

    def side(self, output: str) -> Side | None:
        return side_of_markers(output)

    def spoken(self, output: str) -> str:
        return spoken_so_far(output)

    def parse(self, output: str, *, is_cut: bool) -> Decision:
        if output.lstrip().startswith(SILENCE):
            return parse_decision(SILENCE)  # the released system drops what follows, too
        if is_cut and "<" in output.replace(RESPONSE, "", 1):
            raise MalformedDecision(output, "it was cut off before its end: raise max_tokens")
        return parse_decision(output)

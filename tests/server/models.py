"""Models for tests, by name: `tests.server.models:Echoing`."""

from __future__ import annotations

from pydantic import BaseModel

from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.errors import ModelUnavailable
from onlooker.core.event import Usage
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt


class Nothing(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


class Echoing:
    """Says what it is asked, `fail` fails, `delegate` delegates, `break` is a bug; else silent."""

    Settings = Nothing
    traits = ModelTraits(name="echoing", reads=("pictures", "scene"))

    def __init__(self, settings: Nothing) -> None:
        self.num_open = 0

    async def open(self) -> Echoing:
        self.num_open += 1
        return self

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        asked = [change.text for change in prompt.now.instructed if change.state == "standing"]
        asked += [words.text for words in prompt.now.heard]
        asked += ["the answer is there" for _ in prompt.now.answers]
        usage = Usage(prompt_tokens=len(prompt.turns), completion_tokens=1)
        if not asked:
            return Outcome(Silent(), speak_probability=0.1, usage=usage)
        text = asked[-1]
        if "fail" in text:
            raise ModelUnavailable("no answer in time")
        if "break" in text:
            raise RuntimeError("a bug")
        if "delegate" in text:
            return Outcome(Delegate("I look into it.", text), 0.9, usage)
        said = f"{text} ({len(prompt.now.pictures)} pictures)"
        await say(said)
        return Outcome(Speak(said), speak_probability=0.9, usage=usage)

    async def close(self) -> None:
        self.num_open -= 1


class Down(Echoing):
    """Never decides, and says where it was looked for."""

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        raise ModelUnavailable("http://10.0.0.1:8000 cannot be reached")

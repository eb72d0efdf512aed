"""The agent with tools: it has those that are set, uses them, and stays within its bounds."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, FunctionModel

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Delegate, Speak
from onlooker.core.errors import BrainFailed
from onlooker.core.event import Decided, TaskAnswered, TaskProgress
from onlooker.core.ports import Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.core.task import Progress, Result
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.brain.agent import AgentBrain, AgentSettings
from onlooker.testing.doubles import FrameSource, ListSink, NoPictures, ScriptedModel, grey
from onlooker.testing.http11 import Reply, Request, serving
from onlooker.testing.scripted import refusal, scripted, streamed
from tests.plugins.brain.asking import news_of, result_of

MCP = Path(__file__).with_name("mcp_server.py")
LETTERS = {"letterbox": {"command": (sys.executable, str(MCP))}}


def returned(messages: list[ModelMessage]) -> list[str]:
    return [
        str(part.content)
        for message in messages
        if isinstance(message, ModelRequest)
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]


class Thinker:
    """Calls each tool that it has once, then says what they returned."""

    def __init__(self, arguments: dict[str, Any], *, for_ever: bool = False) -> None:
        self._arguments = arguments
        self._for_ever = for_ever
        self.tools: list[str] = []
        self.prompts: list[Any] = []
        self.model = FunctionModel(stream_function=self.think)

    async def think(
        self, messages: list[ModelMessage], info: AgentInfo
    ) -> AsyncIterator[str | dict[int, DeltaToolCall]]:
        self.tools = [tool.name for tool in info.function_tools]
        self.prompts += [
            part.content for part in messages[0].parts if isinstance(part, UserPromptPart)
        ]
        found = returned(messages)
        if self.tools and (self._for_ever or not found):
            yield {0: DeltaToolCall(self.tools[0], json.dumps(self._arguments))}
        else:
            yield f"I found: {' '.join(found)}"


def agent(thinker: Thinker, **settings: Any) -> AgentBrain:
    return AgentBrain(AgentSettings.model_validate({"code": False, **settings}), thinker.model)


async def test_it_has_no_tools_but_those_that_are_set() -> None:
    thinker = Thinker({})
    assert (await result_of(agent(thinker))).text == "I found:"
    assert thinker.tools == []
    (prompt, *_) = thinker.prompts
    assert "Who wrote Hamlet?" in prompt[-1]
    assert [type(part).__name__ for part in prompt] == ["str", "BinaryContent"] * 2 + ["str"]


async def test_an_mcp_server_is_a_tool_and_what_it_says_is_material() -> None:
    thinker = Thinker({"street": "Elm Street"})
    progress, *_, result = await news_of(agent(thinker, mcp=LETTERS))
    assert progress == Progress("uses letters_in_the_box")
    assert isinstance(result, Result)
    assert "There are 7 letters in Elm Street." in result.text


async def test_an_mcp_server_that_does_not_start_is_a_failure() -> None:
    wrong = {"letterbox": {"command": (sys.executable, "-c", "raise SystemExit(1)")}}
    with pytest.raises(BrainFailed, match="the agent failed"):
        await news_of(agent(Thinker({}), mcp=wrong))


async def test_the_web_is_searched_only_where_a_server_is_set() -> None:
    asked = []

    async def respond(request: Request) -> Reply:
        asked.append(request.path)
        found = [{"title": "Hamlet", "url": "http://x", "content": "By Shakespeare. " * 100}]
        return Reply(json.dumps({"results": found}).encode())

    async with serving(respond) as port:
        thinker = Thinker({"query": "hamlet"})
        brain = agent(thinker, search_url=f"http://127.0.0.1:{port}/search")
        result = await result_of(brain)
    assert thinker.tools == ["web_search"]
    assert asked == ["/search"]
    assert "By Shakespeare." in result.text
    assert len(result.text) < 600


async def test_an_agent_that_never_ends_is_stopped_by_its_bounds() -> None:
    thinker = Thinker({"street": "Elm Street"}, for_ever=True)
    with pytest.raises(BrainFailed, match="more than it may") as caught:
        await news_of(agent(thinker, mcp=LETTERS, max_requests=3))
    assert "more than it may use" in caught.value.spoken


async def test_it_works_with_an_openai_compatible_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONLOOKER_BRAIN_KEY", "sk-secret")
    usage = {"prompt_tokens": 50, "completion_tokens": 5, "total_tokens": 55}
    async with scripted(streamed(["It was ", "Shakespeare."], usage=usage)) as server:
        brain = AgentBrain(AgentSettings(url=server.url, name="m", input_price=1e6))
        result = await result_of(brain)
    assert result.text == "It was Shakespeare."
    assert (result.usage.tokens, result.usage.cost) == (55, 50.0)
    assert server.headers[-1]["authorization"] == "Bearer sk-secret"


async def test_a_server_that_refuses_is_a_failure_without_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONLOOKER_BRAIN_KEY", "sk-secret")
    async with scripted(refusal(401, "bad key sk-secret")) as server:
        with pytest.raises(BrainFailed, match="401") as caught:
            await news_of(AgentBrain(AgentSettings(url=server.url, name="m")))
    assert "sk-secret" not in str(caught.value)


async def test_a_session_asks_an_agent_with_an_mcp_tool_and_says_what_it_found() -> None:
    class Listener(ScriptedModel):
        async def step(self, prompt: Prompt, say: Say) -> Outcome:
            outcome = await super().step(prompt, say)
            texts = [answer.text for answer in prompt.now.answers]
            return Outcome(Speak(texts[0])) if texts else outcome

    sink = ListSink()
    model = Listener(Delegate("I look.", "How many letters are in the box of Elm Street?"))
    parts = Parts(
        {"door": FrameSource([grey(9)] * 4)},
        model,
        codec=NoPictures(),
        brain=agent(Thinker({"street": "Elm Street"}), mcp=LETTERS),
        sinks={"list": sink},
    )
    await Session(parts, LiveSettings(), MediaClock()).run()
    (answered,) = sink.of(TaskAnswered)
    assert answered.status == "done"
    assert [told.text for told in sink.of(TaskProgress)] == ["uses letters_in_the_box"]
    said = {e.tick: e.decision.text for e in sink.of(Decided) if isinstance(e.decision, Speak)}
    assert "7 letters in Elm Street" in said[1]


@pytest.mark.parametrize("server", [{}, {"command": ("x",), "url": "http://x"}, {"url": "ftp://x"}])
def test_an_mcp_server_is_a_command_or_a_url(server: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AgentSettings.model_validate({"mcp": {"one": server}})

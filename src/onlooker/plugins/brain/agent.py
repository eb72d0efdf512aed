"""An agent with tools: what is remembered, a calculator, MCP servers, web search. Extra [brain].

It runs through pydantic-ai against any OpenAI-compatible server. It has no tool but those that the
settings name; what tools return is material, like everything else but the question.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
from mcp import MCPError
from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_ai import (
    Agent,
    AgentRunResultEvent,
    BinaryContent,
    FunctionToolCallEvent,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    UsageLimits,
    UserContent,
)
from pydantic_ai.exceptions import UsageLimitExceeded
from pydantic_ai.mcp import MCPToolset
from pydantic_ai.messages import AgentStreamEvent
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.usage import RunUsage

from onlooker.core.endpoint import check_url, read_key
from onlooker.core.errors import BrainFailed
from onlooker.core.event import TaskUsage
from onlooker.core.ports import BrainTraits
from onlooker.core.task import Partial, PastView, Progress, Task, TaskNews
from onlooker.plugins.brain.cage import Cage, CageLimits
from onlooker.plugins.brain.calls import KEY
from onlooker.plugins.brain.words import SYSTEM, label_of, outcome_of, words_of

MAX_FOUND = 5  # results of a web search
MAX_FOUND_TEXT = 500  # characters of each
_NO_KEY = "none"  # servers of one's own take any


class McpServer(BaseModel, frozen=True, extra="forbid"):
    """An MCP server: a command that speaks it over its pipes, or a URL."""

    command: tuple[str, ...] = Field(default=(), description="command and arguments")
    environment: tuple[str, ...] = Field(
        default=(), description="names of variables that the command gets beside the usual few"
    )
    url: str = Field(default="", description="http or https, in place of a command")
    key_env: str = Field(default="", description="environment variable with the URL's bearer token")

    @model_validator(mode="after")
    def _is_one_of_both(self) -> McpServer:
        if bool(self.command) == bool(self.url):
            raise ValueError("give it either a command or a url")
        if self.url:
            check_url(self.url, key=KEY)
        return self


class AgentSettings(BaseModel, frozen=True, extra="forbid"):
    """Which model thinks, and which tools it has. The key: ONLOOKER_BRAIN_KEY."""

    url: str = Field(
        default="http://127.0.0.1:8000/v1", description="OpenAI-compatible server, up to /v1"
    )
    name: str = Field(default="default", description="model id on that server")
    key_env: str = Field(
        default="", description="environment variable with the key; empty: ONLOOKER_BRAIN_KEY"
    )
    mcp: dict[str, McpServer] = Field(default={}, description="MCP servers by name")
    search_url: str = Field(
        default="",
        description="a SearXNG server for web searches, such as http://127.0.0.1:8888/search; "
        "empty: no web search",
    )
    memory: bool = Field(default=True, description="it may search what is remembered")
    code: bool = Field(
        default=True,
        description="it may run Python in a cage: no network, no files, 10 s and 256 MiB a run",
    )
    sees: bool = Field(default=True, description="give it the pictures")
    system_prompt: str = Field(default="", description="in place of our own")
    max_requests: int = Field(default=20, ge=1, description="to the model, for one task")
    max_tool_calls: int = Field(default=30, ge=0, description="for one task")
    max_tokens: int = Field(default=200_000, ge=1, description="read and written for one task")
    tool_timeout_s: float = Field(default=60.0, gt=0, description="seconds for one tool call")
    input_price: float = Field(default=0.0, ge=0, description="of a million tokens that are read")
    output_price: float = Field(
        default=0.0, ge=0, description="of a million tokens that are written"
    )

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return check_url(url, key=KEY)

    @field_validator("search_url")
    @classmethod
    def _is_http_or_nothing(cls, url: str) -> str:
        return check_url(url, key=KEY) if url else url


class PastTools:
    """What is remembered, as tools of one task."""

    def __init__(self, past: PastView) -> None:
        self._past = past

    async def search_memory(self, words: str) -> str:
        """Search what the cameras saw and what was said before now; times may be named."""
        return "\n".join(await self._past.search(words)) or "nothing that fits is remembered"

    async def show_frame(self, number: int) -> BinaryContent | str:
        """Look at a key frame, by the number that search_memory gives as [frame N]."""
        jpeg = await self._past.frame(number)
        if jpeg is None:
            return f"there is no frame {number}"
        return BinaryContent(jpeg, media_type="image/jpeg")


class AgentBrain:
    """Lets a model work with tools until it has an answer."""

    Settings = AgentSettings

    def __init__(self, settings: AgentSettings, model: Model | None = None) -> None:
        """Take `model` in place of the configured server's, as tests do."""
        self._settings = settings
        self._key = read_key(settings.key_env or KEY)
        self.traits = BrainTraits(name=settings.name, sees=settings.sees)
        self._web = httpx.AsyncClient(timeout=settings.tool_timeout_s)
        self._server = OpenAIProvider(base_url=settings.url, api_key=self._key or _NO_KEY)
        self._cage = Cage(CageLimits()) if settings.code else None
        self._model = model or OpenAIChatModel(settings.name, provider=self._server)

    async def solve(self, task: Task) -> AsyncGenerator[TaskNews]:
        """Tell which tools are used, then the answer.

        Raises:
            BrainFailed: there is none, or it took more than it may.
        """
        settings = self._settings
        limits = UsageLimits(
            request_limit=settings.max_requests,
            tool_calls_limit=settings.max_tool_calls,
            total_tokens_limit=settings.max_tokens,
        )
        agent = self._agent(task)
        try:
            async with agent.run_stream_events(self._prompt(task), usage_limits=limits) as events:
                async for event in events:
                    if isinstance(event, AgentRunResultEvent):
                        usage = self._usage(event.result.usage)
                        yield outcome_of(str(event.result.output), usage)
                        return
                    if news := _news_of(event):
                        yield news
        except UsageLimitExceeded as error:
            raise BrainFailed(
                f"the agent needs more than it may: {error}; raise brain.agent.max_requests, "
                f"max_tool_calls or max_tokens",
                "the background brain would need more than it may use",
            ) from None
        except (RuntimeError, OSError, ValueError, MCPError, httpx.HTTPError) as error:
            why = " ".join(str(error).split())[:300] or type(error).__name__
            why = why.replace(self._key, "***") if self._key else why
            raise BrainFailed(f"the agent failed: {why}") from None

    async def close(self) -> None:
        if self._cage:
            await self._cage.close()
        await self._web.aclose()
        await self._server.client.close()

    def _agent(self, task: Task) -> Agent[None, str]:
        """Make an agent for one task: MCP servers live as long as it runs."""
        settings = self._settings
        return Agent(
            self._model,
            instructions=settings.system_prompt or SYSTEM,
            deps_type=type(None),
            tools=self._tools(task),
            toolsets=[
                MCPToolset(_mcp_config(name, server), id=name, init_timeout=settings.tool_timeout_s)
                for name, server in settings.mcp.items()
            ],
            tool_timeout=settings.tool_timeout_s,
        )

    def _tools(self, task: Task) -> list[Callable[..., Any]]:
        settings = self._settings
        tools: list[Callable[..., Any]] = []
        if settings.search_url:
            tools.append(self.web_search)
        if self._cage:
            tools.append(self.run_python)
        if settings.memory and task.past:
            look = PastTools(task.past)
            tools += (
                [look.search_memory, look.show_frame] if settings.sees else [look.search_memory]
            )
        return tools

    async def run_python(self, code: str) -> str:
        """Calculate with Python: print, or end with an expression. No files, no network."""
        return await self._cage.run(code) if self._cage else "there is no cage"

    async def web_search(self, query: str) -> str:
        """Search the web. Gives titles, addresses and extracts."""
        given = {"q": query, "format": "json"}
        response = await self._web.get(self._settings.search_url, params=given)
        if response.status_code != 200:
            return f"the search failed with status {response.status_code}"
        found = response.json().get("results", [])[:MAX_FOUND]
        lines = [
            f"{hit.get('title', '')} ({hit.get('url', '')}): {hit.get('content', '')}"
            for hit in found
        ]
        return "\n".join(line[:MAX_FOUND_TEXT] for line in lines) or "nothing was found"

    def _prompt(self, task: Task) -> list[UserContent]:
        parts: list[UserContent] = []
        for picture in task.pictures:
            parts += [label_of(picture), BinaryContent(picture.jpeg, media_type="image/jpeg")]
        return [*parts, words_of(task)]

    def _usage(self, used: RunUsage) -> TaskUsage:
        settings = self._settings
        cost = used.input_tokens * settings.input_price + used.output_tokens * settings.output_price
        return TaskUsage(
            prompt_tokens=used.input_tokens,
            completion_tokens=used.output_tokens,
            cost=cost / 1e6,
        )


def _mcp_config(name: str, server: McpServer) -> dict[str, Any]:
    """Write an MCP server in the form that its clients share."""
    if server.url:
        token = read_key(server.key_env) if server.key_env else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return {"mcpServers": {name: {"url": server.url, "headers": headers}}}
    command, *arguments = server.command
    given = {key: os.environ[key] for key in server.environment if key in os.environ}
    return {"mcpServers": {name: {"command": command, "args": arguments, "env": given}}}


def _news_of(event: AgentStreamEvent) -> TaskNews | None:
    match event:
        case FunctionToolCallEvent(part=call):
            return Progress(f"uses {call.tool_name}")
        case PartStartEvent(part=TextPart(content=text)) if text:
            return Partial(text)
        case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
            return Partial(text)
    return None

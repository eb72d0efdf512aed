"""A testing double of a background brain: a real HTTP server that knows four answers.

    python -m onlooker.testing.brain_server --port 0 --delay-s 2

It is no model, and says so. It is asked as an OpenAI-compatible server under `/v1`, and by our own
webhook protocol at `/task`. It looks at no picture; it counts them. It prints its URL on stdout.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self

from onlooker.testing.http11 import Reply, Request, StreamedReply, serving
from onlooker.testing.scripted import event

MODEL = "testing-brain"
NUM_KEPT = 100  # requests that are remembered

_KNOWN = (
    (re.compile(r"hamlet", re.IGNORECASE), "William Shakespeare wrote Hamlet, around 1600."),
    (re.compile(r"marker (\d+)", re.IGNORECASE), r"Marker \1 marks the loading bay."),
    (re.compile(r"capital of france", re.IGNORECASE), "The capital of France is Paris."),
    (re.compile(r"how many pictures", re.IGNORECASE), "You sent me {num_pictures} pictures."),
)
_ASKED = re.compile(r"Answer this question, [^:]*: (?P<question>.*)\Z", re.DOTALL)

Answer = str | Reply | StreamedReply
AnswerOf = Callable[[str], Answer]  # question -> answer


def known_answer(question: str, num_pictures: int = 0) -> str:
    """Answer what the double knows."""
    for pattern, answer in _KNOWN:
        if found := pattern.search(question):
            return found.expand(answer).format(num_pictures=num_pictures)
    return f"I am a testing double and know no answer to: {question}"


class BrainServer:
    """The testing double, within a test: `async with BrainServer() as server`.

    Args:
        answer_of: what is answered in place of what it knows; a whole reply for faults.
        delay_s: seconds until it answers.
        ready: waited for before each answer, if given.
        token: demanded as a bearer token, if not empty.
        port: on loopback; 0 takes a free one.
    """

    def __init__(
        self,
        answer_of: AnswerOf | None = None,
        *,
        delay_s: float = 0.0,
        ready: asyncio.Event | None = None,
        token: str = "",
        port: int = 0,
    ) -> None:
        self._answer_of = answer_of
        self._delay_s = delay_s
        self._ready = ready
        self._token = token
        self._port = port
        self._open = AsyncExitStack()
        self.received: deque[dict[str, Any]] = deque(maxlen=NUM_KEPT)
        self.questions: deque[str] = deque(maxlen=NUM_KEPT)

    @property
    def url(self) -> str:
        """Where it is, without a path."""
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        self._port = await self._open.enter_async_context(serving(self._respond, self._port))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    async def _respond(self, request: Request) -> Reply | StreamedReply:
        if self._token and request.headers.get("authorization") != f"Bearer {self._token}":
            return Reply(b'{"error": "Unauthorized"}', 401)
        match request.method, request.path:
            case "GET", "/v1/models":
                model = {"id": MODEL, "object": "model", "owned_by": "onlooker.testing"}
                return Reply(json.dumps({"object": "list", "data": [model]}).encode())
            case "POST", "/v1/chat/completions":
                return await self._chat(json.loads(request.body))
            case "POST", "/task":
                return await self._task(json.loads(request.body))
        return Reply(b'{"error": "Not Found"}', 404)

    async def _chat(self, body: dict[str, Any]) -> Reply | StreamedReply:
        parts = body["messages"][-1]["content"]
        asked = _ASKED.search(parts[-1]["text"])
        num_pictures = sum(part["type"] == "image_url" for part in parts)
        answer = await self._answer(body, asked["question"] if asked else "", num_pictures)
        return StreamedReply(_chat_events(answer)) if isinstance(answer, str) else answer

    async def _task(self, body: dict[str, Any]) -> Reply | StreamedReply:
        answer = await self._answer(body, body["question"], len(body["pictures"]))
        return StreamedReply(_task_events(answer)) if isinstance(answer, str) else answer

    async def _answer(self, body: dict[str, Any], question: str, num_pictures: int) -> Answer:
        self.received.append(body)
        self.questions.append(question)
        if self._answer_of is not None:
            answer = self._answer_of(question)
        else:
            answer = known_answer(question, num_pictures)
        await asyncio.sleep(self._delay_s)
        if self._ready is not None:
            await self._ready.wait()
        return answer


async def _chat_events(text: str) -> AsyncIterator[bytes]:
    for word in re.findall(r"\s*\S+|\s+", text):
        yield event({"choices": [{"index": 0, "delta": {"content": word}}]})
    yield event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage: Mapping[str, int] = {"prompt_tokens": 100, "completion_tokens": len(text.split())}
    yield event({"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


async def _task_events(text: str) -> AsyncIterator[bytes]:
    yield event({"type": "progress", "text": "looks it up"})
    yield event({"type": "partial", "text": text})
    yield event({"type": "result", "text": text})


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with BrainServer(delay_s=arguments.delay_s, port=arguments.port) as server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stderr.write("a testing double, not a model: it knows four answers\n")
        await ended.wait()


def main() -> None:
    """Serve until told to end."""
    name = "python -m onlooker.testing.brain_server"
    parser = argparse.ArgumentParser(prog=name, description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0 takes a free one")
    parser.add_argument("--delay-s", type=float, default=0.0, help="seconds until it answers")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()

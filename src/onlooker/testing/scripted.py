"""A model server that answers what its script says, faults included. It looks at nothing.

For an endpoint that really looks at the pictures see `onlooker.testing.server`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import log
from typing import Any

from onlooker.testing.http11 import Reply, Request, StreamedReply, serving

Alternatives = Mapping[str, float]  # token -> probability
Answer = str | Reply | StreamedReply
Step = Answer | Callable[[dict[str, Any]], Answer]

MODELS = {"object": "list", "data": [{"id": "scripted", "object": "model", "owned_by": "nobody"}]}
VLLM_MODELS = {
    "object": "list",
    "data": [{"id": "scripted", "object": "model", "owned_by": "vllm"}],
}


@dataclass(slots=True)
class ScriptedServer:
    """What was asked so far, newest last."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]


@asynccontextmanager
async def scripted(
    *steps: Step, models: Mapping[str, Any] | Reply = MODELS
) -> AsyncIterator[ScriptedServer]:
    """Answer the chat completions with one step each, the last of them for ever."""
    server = ScriptedServer()
    left = list(steps) or ["</silence>"]

    async def respond(request: Request) -> Reply | StreamedReply:
        server.paths.append(request.path)
        server.headers.append(request.headers)
        if request.method == "GET":
            return models if isinstance(models, Reply) else Reply(json.dumps(models).encode())
        server.bodies.append(request.body)
        step = left[0] if len(left) == 1 else left.pop(0)
        answer = step(json.loads(request.body)) if callable(step) else step
        return streamed([answer]) if isinstance(answer, str) else answer

    async with serving(respond) as port:
        server.url = f"http://127.0.0.1:{port}/v1"
        yield server


def streamed(
    tokens: Iterable[str],
    alternatives: Iterable[Alternatives] = (),
    finish: str = "stop",
    usage: Mapping[str, Any] | None = None,
) -> StreamedReply:
    """Stream a completion token by token, the first ones with their alternatives."""
    return StreamedReply(_pieces(list(tokens), list(alternatives), finish, usage))


def refusal(status: int, message: str, **headers: str) -> Reply:
    """Refuse as OpenAI-compatible servers do."""
    body = {"error": {"message": message, "type": "invalid_request_error", "code": status}}
    return Reply(json.dumps(body).encode(), status, headers=headers)


def event(plain: Mapping[str, Any]) -> bytes:
    """Write one server-sent event."""
    return b"data: " + json.dumps(plain).encode() + b"\n\n"


async def _pieces(
    tokens: list[str],
    alternatives: list[Alternatives],
    finish: str,
    usage: Mapping[str, Any] | None,
) -> AsyncIterator[bytes]:
    yield event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
    for index, token in enumerate(tokens):
        choice: dict[str, Any] = {"index": 0, "delta": {"content": token}}
        if index < len(alternatives):
            choice["logprobs"] = {"content": [_logprobs(token, alternatives[index])]}
        yield event({"choices": [choice]})
    yield event({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage is not None:
        yield event({"choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _logprobs(token: str, alternatives: Alternatives) -> dict[str, Any]:
    top = [{"token": text, "logprob": log(part)} for text, part in alternatives.items()]
    return {"token": token, "logprob": log(alternatives[token]), "top_logprobs": top}

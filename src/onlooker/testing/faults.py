"""What a model server may do wrong, on purpose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from onlooker.testing.http11 import Reply, StreamedReply

FaultKind = Literal[
    "status",  # an error status, with a JSON error
    "html",  # a proxy's page, with status 200
    "half_json",  # a body, or one event of a stream, that stops in its middle
    "empty",  # status 200 and nothing
    "cut",  # half of the answer, then the connection breaks off
    "hang",  # nothing at all, for as long as the client waits
    "garbage",  # an answer of words that are no decision
    "slow",  # the answer, with `delay_s` before each token
    "endless",  # an answer that never ends
]

GARBAGE = "<|lorem|> }]} ipsum </respons dolor\ufffd"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one answer."""

    kind: FaultKind
    status: int = 500  # of the kind "status"
    delay_s: float = 0.05  # of the kinds "slow" and "endless", before each token

    def __str__(self) -> str:
        return f"{self.kind} {self.status}" if self.kind == "status" else self.kind


FaultOf = Callable[[int], Fault | None]  # the number of a chat request, from 1


def every(number: int, fault: Fault | None = None) -> FaultOf:
    """Let each `number`-th request fail, with status 500 if nothing else is said."""
    failing = fault or Fault("status")
    return lambda request: None if request % number else failing


def in_turn(*faults: Fault | None) -> FaultOf:
    """Let the first requests fail one after another; None is an answer without fault."""
    script: Sequence[Fault | None] = faults
    return lambda request: script[request - 1] if request <= len(script) else None


def error_reply(message: str, status: int = 400) -> Reply:
    """Refuse a request as vLLM does."""
    names = {
        400: "BadRequestError",
        401: "AuthenticationError",
        404: "NotFoundError",
        429: "RateLimitError",
    }
    kind = names.get(status, "InternalServerError")
    error = {"message": message, "type": kind, "param": None, "code": status}
    headers = {"Retry-After": "1"} if status in (429, 503) else {}
    return Reply(json.dumps({"error": error}).encode(), status, headers=headers)


async def instead(fault: Fault) -> Reply | None:
    """Give what is answered in place of an answer; None if the answer is only spoiled."""
    match fault.kind:
        case "status":
            return error_reply(f"injected fault {fault}", fault.status)
        case "html":
            page = b"<!doctype html><title>502 Bad Gateway</title><h1>Bad Gateway</h1>"
            return Reply(page, content_type="text/html")
        case "empty":
            return Reply(b"")
        case "hang":
            await asyncio.Event().wait()
    return None


def spoil(fault: Fault | None, body: bytes) -> Reply:
    """Send a whole answer, as far as the fault lets it."""
    half = body[: len(body) // 2]
    match fault.kind if fault else None:
        case "half_json":
            return Reply(half)
        case "cut" | "endless":
            return Reply(half, declared_bytes=len(body))
    return Reply(body)


def spoil_stream(fault: Fault | None, pieces: Iterable[bytes]) -> StreamedReply:
    """Send an answer in pieces, as far as the fault lets it."""
    if fault is None or fault.kind == "garbage":
        return StreamedReply(_all_of(pieces))
    return StreamedReply(_spoiled(fault, list(pieces)))


async def _all_of(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def _spoiled(fault: Fault, pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    half = (len(pieces) + 1) // 2
    match fault.kind:
        case "half_json":
            yield pieces[0]
            yield pieces[1][: len(pieces[1]) // 2]
        case "cut":
            for piece in pieces[:half]:
                yield piece
            raise ConnectionAbortedError("injected fault")
        case "endless":
            while True:
                for piece in pieces[:2]:
                    yield piece
                    await asyncio.sleep(fault.delay_s)
        case _:
            for piece in pieces:
                await asyncio.sleep(fault.delay_s)
                yield piece


def garbage_body(body: dict[str, Any]) -> dict[str, Any]:
    """Take from a request what would give its answer a form."""
    unformed = ("response_format", "structured_outputs", "guided_json", "continue_final_message")
    return {key: value for key, value in body.items() if key not in unformed}

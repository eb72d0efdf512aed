"""A testing double of a vision model's server: OpenAI-compatible, and honest about its pictures.

    python -m onlooker.testing.server --port 0 --behaviour motion

It is no model. It decodes every picture that it is sent and answers by the rules of behaviour.py:
`markers` tells the coded markers of marker.py, `motion` tells what moves, is cut or changes its
light, `instant` is silent at once without a look, for benchmarks. It keeps no conversation: as
with a real server, everything is in the request. It prints its URL as one line on stdout.

Endpoints: `GET /health`, `GET /version`, `GET /v1/models`, `POST /v1/chat/completions` (whole or
streamed; log-probabilities; JSON schemas with an `action`; pictures by vLLM's `uuid`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import Any, Self, get_args

from onlooker.core.decision import Silent
from onlooker.testing.behaviour import Behaviour, Verdict, judge
from onlooker.testing.completion import Completion, complete, logprobs, sse_pieces
from onlooker.testing.conversation import (
    BadRequest,
    MediaCache,
    Said,
    order_violations,
    read_messages,
    tokens_of,
)
from onlooker.testing.faults import (
    GARBAGE,
    Fault,
    FaultOf,
    error_reply,
    every,
    garbage_body,
    instead,
    spoil,
    spoil_stream,
)
from onlooker.testing.http11 import Reply, Request, StreamedReply, serving

MODEL = "testing-double"
VERSION = {"version": "0.32.0+testing.double"}  # the vLLM whose ways are copied
NUM_KEPT = 1000  # received requests that are remembered
NUM_PREFIXES = 10_000


@dataclass(frozen=True, slots=True)
class Received:
    """One chat request, without its pictures."""

    number: int  # from 1
    num_bytes: int
    fault: Fault | None
    parameters: Mapping[str, Any] = field(default_factory=dict)  # all but the messages
    roles: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()  # of the messages
    num_pictures: int = 0
    num_decoded: int = 0  # those that were neither cached nor seen before
    verdict: Verdict | None = None


class PictureServer:
    """The testing double, within a test: `async with PictureServer("markers") as server`.

    Args:
        behaviour: see behaviour.py.
        fault_of: what goes wrong with which request; see faults.py for `every` and `in_turn`.
        media_cache_pictures: how many uuids are kept; 0 keeps none, as a server that is no vLLM.
        token: demanded as a bearer token, if not empty.
        port: on loopback; 0 takes a free one.
        has_marker_tokens: whether `</silence>` is one token, as for the released checkpoint.
    """

    def __init__(
        self,
        behaviour: Behaviour = "markers",
        *,
        fault_of: FaultOf | None = None,
        media_cache_pictures: int = 1000,
        token: str = "",
        port: int = 0,
        has_marker_tokens: bool = True,
    ) -> None:
        self._behaviour = behaviour
        self._fault_of = fault_of or (lambda _: None)
        self._token = token
        self._port = port
        self._has_marker_tokens = has_marker_tokens
        self._media = MediaCache(media_cache_pictures)
        self._has_media_cache = media_cache_pictures > 0
        self._prefixes: OrderedDict[bytes, None] = OrderedDict()
        self._open = AsyncExitStack()
        # One, so that the caches need no lock.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="testing-server")
        self.received: deque[Received] = deque(maxlen=NUM_KEPT)
        self.num_requests = 0
        self.num_bytes = 0
        self.violations: list[str] = []  # of the order of turns

    @property
    def url(self) -> str:
        """What a client takes as its base URL, without `/v1`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def num_decoded(self) -> int:
        """How many JPEGs were decoded in all."""
        return self._media.num_decoded

    async def __aenter__(self) -> Self:
        self._port = await self._open.enter_async_context(serving(self._respond, self._port))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()
        self._thread.shutdown(cancel_futures=True)

    async def _respond(self, request: Request) -> Reply | StreamedReply:
        match request.method, request.path:
            case "GET", "/health":
                return Reply(b"")
            case "GET", "/version":
                return Reply(json.dumps(VERSION).encode())
            case "GET", "/v1/models":
                # Clients take its word for what it is: with a media cache it is as vLLM is.
                owner = "vllm" if self._has_media_cache else "onlooker.testing"
                model = {"id": MODEL, "object": "model", "owned_by": owner}
                return Reply(json.dumps({"object": "list", "data": [model]}).encode())
            case "POST", "/v1/chat/completions":
                return await self._chat(request)
        return error_reply(f"Not Found: a testing double has no {request.path}", 404)

    async def _chat(self, request: Request) -> Reply | StreamedReply:
        self.num_requests += 1
        self.num_bytes += len(request.body)
        number = self.num_requests
        fault = self._fault_of(number)
        if self._token and request.headers.get("authorization") != f"Bearer {self._token}":
            return error_reply("Unauthorized", 401)
        if fault and (reply := await instead(fault)):
            self.received.append(Received(number, len(request.body), fault))
            return reply
        if self._behaviour == "instant" and fault is None:
            return _instant_reply(request.body)
        loop = asyncio.get_running_loop()
        try:
            body, completion, usage = await loop.run_in_executor(
                self._thread, self._answer, number, request.body, fault
            )
        except BadRequest as error:
            return error_reply(str(error), error.status)
        return _reply(body, completion, usage, fault)

    def _answer(
        self, number: int, data: bytes, fault: Fault | None
    ) -> tuple[dict[str, Any], Completion, dict[str, Any]]:
        """Read a request, look at its pictures and decide. Runs beside the event loop."""
        num_decoded = self._media.num_decoded
        body = _parse(data)
        conversation = read_messages(body.get("messages"), self._media)
        verdict = judge(self._behaviour, conversation)
        roles = [said.role for said in conversation]
        begun = bool(body.get("continue_final_message"))
        self.violations += [
            f"request {number}: {violation}"
            for violation in order_violations(roles, must_end_with="assistant" if begun else "user")
        ]
        self.received.append(
            Received(
                number,
                len(data),
                fault,
                parameters={key: value for key, value in body.items() if key != "messages"},
                roles=tuple(roles),
                texts=tuple(said.text for said in conversation),
                num_pictures=sum(len(said.sights) for said in conversation),
                num_decoded=self._media.num_decoded - num_decoded,
                verdict=verdict,
            )
        )
        if fault and fault.kind == "garbage":
            body = garbage_body(body)
            tokens = tokens_of(GARBAGE)
            completion = Completion(tuple(tokens), tuple({t: 0.1} for t in tokens), "stop")
        else:
            completion = complete(verdict, body, has_markers=self._has_marker_tokens)
        return body, completion, self._usage(conversation, completion)

    def _usage(self, conversation: Sequence[Said], completion: Completion) -> dict[str, Any]:
        """Count tokens; those of messages that began an earlier request alike are cached."""
        digest = b""
        num_cached, is_known = 0, True
        for said in conversation:
            digest = blake2b(digest + said.digest, digest_size=16).digest()
            is_known = is_known and digest in self._prefixes
            num_cached += said.num_tokens if is_known else 0
            self._prefixes[digest] = None
            self._prefixes.move_to_end(digest)
        while len(self._prefixes) > NUM_PREFIXES:
            self._prefixes.popitem(last=False)
        return _usage(sum(said.num_tokens for said in conversation), num_cached, completion)


def _usage(num_prompt: int, num_cached: int, completion: Completion) -> dict[str, Any]:
    num_written = len(completion.tokens)
    return {
        "prompt_tokens": num_prompt,
        "completion_tokens": num_written,
        "total_tokens": num_prompt + num_written,
        "prompt_tokens_details": {"cached_tokens": num_cached},
    }


def _parse(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except ValueError as error:
        raise BadRequest(f"JSON decode error: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("the body of a chat request is an object")
    return body


_REPLY_NUMBERS = count(1)


def _reply(
    body: Mapping[str, Any], completion: Completion, usage: dict[str, Any], fault: Fault | None
) -> Reply | StreamedReply:
    is_streamed = bool(body.get("stream"))
    head = {
        "id": f"chatcmpl-testing-{next(_REPLY_NUMBERS)}",
        "object": "chat.completion.chunk" if is_streamed else "chat.completion",
        "created": 0,
        "model": MODEL,
    }
    if is_streamed:
        return spoil_stream(fault, sse_pieces(completion, head, body, usage))
    num_top = int(body.get("top_logprobs") or 0)
    told = (
        logprobs(completion, 0, len(completion.tokens), num_top) if body.get("logprobs") else None
    )
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": completion.text},
        "logprobs": told,
        "finish_reason": completion.finish_reason,
    }
    return spoil(fault, json.dumps({**head, "choices": [choice], "usage": usage}).encode())


def _instant_reply(data: bytes) -> Reply | StreamedReply:
    """Answer silence without reading more of the request than its first and last bytes."""
    told = data[:4000] + data[-1000:]  # the messages lie between
    schema = {"type": "json_object"} if b'"json_' in told else None
    body = {
        "stream": b'"stream":true' in told.replace(b" ", b""),
        "stream_options": {"include_usage": b'"include_usage"' in told},
        "logprobs": b'"logprobs"' in told,
        "top_logprobs": 2,
        "response_format": schema,
    }
    silent = Verdict(Silent(), 0.01, "I was not looking.")
    completion = complete(silent, body)
    return _reply(body, completion, _usage(len(data) // 4, 0, completion), None)


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if arguments.until_stdin_closes:
        stdin = sys.stdin.fileno()

        def read() -> None:
            if not os.read(stdin, 4096):
                loop.remove_reader(stdin)
                ended.set()

        loop.add_reader(stdin, read)
    server = PictureServer(
        arguments.behaviour,
        fault_of=every(arguments.fail_every) if arguments.fail_every else None,
        media_cache_pictures=arguments.media_cache_pictures,
        port=arguments.port,
    )
    async with server:
        sys.stdout.write(f"{server.url}\n")
        sys.stdout.flush()
        sys.stderr.write("a testing double, not a model: it answers by rules\n")
        await ended.wait()


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(prog="python -m onlooker.testing.server", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0 takes a free one")
    parser.add_argument("--behaviour", choices=get_args(Behaviour), default="motion")
    parser.add_argument("--media-cache-pictures", type=int, default=1000, help="0: no cache")
    parser.add_argument("--fail-every", type=int, default=0, help="each n-th request gets a 500")
    parser.add_argument("--until-stdin-closes", action="store_true", help="ends with its parent")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()

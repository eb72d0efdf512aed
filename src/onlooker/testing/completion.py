"""Writes a verdict as the choices of a chat completion: tokens, log-probabilities, JSON, SSE."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from onlooker.core.decision import Delegate, Silent, Speak, action_of, render_decision
from onlooker.testing.behaviour import Verdict
from onlooker.testing.conversation import BadRequest, tokens_of

_ACTIONS = ("silent", "speak", "delegate")


@dataclass(frozen=True, slots=True)
class Completion:
    """What is written, token by token, with the likeliest alternatives of each."""

    tokens: tuple[str, ...]
    alternatives: tuple[Mapping[str, float], ...]  # token -> probability; the written one too
    finish_reason: str

    @property
    def text(self) -> str:
        return "".join(self.tokens)


def complete(verdict: Verdict, body: Mapping[str, Any], *, has_markers: bool = True) -> Completion:
    """Write a verdict as the request wants it: JSON if it names a schema, else native markers.

    A last message of the assistant is gone on with: what it begins with is decided already.

    Args:
        verdict: what was decided.
        body: the request.
        has_markers: whether an action marker is one token, as the released checkpoint's are.

    Raises:
        BadRequest: the schema is not one of ours.
    """
    begun, schema = _begun(body), _schema_of(body)
    if schema is not None and "silent" not in schema["properties"]["action"].get("enum", _ACTIONS):
        verdict = _forced(verdict, '"speak"')
    elif begun:
        verdict = _forced(verdict, begun)
    if schema is None:
        tokens = tokens_of(render_decision(verdict.decision), has_markers=has_markers)
        alternatives = _native_alternatives(tokens, verdict)
    else:
        tokens = tokens_of(_as_json(verdict, schema))
        alternatives = _json_alternatives(tokens, verdict)
    skip = _num_begun(tokens, begun)
    most = body.get("max_completion_tokens") or body.get("max_tokens") or 1000
    end = min(len(tokens), skip + most)
    reason = "stop" if end == len(tokens) else "length"
    return Completion(tuple(tokens[skip:end]), tuple(alternatives[skip:end]), reason)


def logprobs(completion: Completion, start: int, end: int, num_top: int) -> dict[str, Any]:
    """Describe tokens `start` to `end` as the API does."""
    content = []
    for token, alternatives in zip(
        completion.tokens[start:end], completion.alternatives[start:end], strict=True
    ):
        likeliest = sorted(alternatives.items(), key=lambda item: -item[1])[:num_top]
        content.append(
            {
                **_logprob(token, alternatives[token]),
                "top_logprobs": [_logprob(*alternative) for alternative in likeliest],
            }
        )
    return {"content": content}


def sse_pieces(
    completion: Completion, head: Mapping[str, Any], body: Mapping[str, Any], usage: dict[str, Any]
) -> Iterator[bytes]:
    """Yield the events of a streamed completion, a token each, in vLLM's order."""
    wants_logprobs, num_top = bool(body.get("logprobs")), int(body.get("top_logprobs") or 0)

    def event(delta: Mapping[str, Any], reason: str | None, index: int | None = None) -> bytes:
        told = index is not None and wants_logprobs
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": logprobs(completion, index or 0, (index or 0) + 1, num_top)
            if told
            else None,
            "finish_reason": reason,
        }
        return _sse({**head, "choices": [choice]})

    yield event({"role": "assistant", "content": ""}, None)
    last = len(completion.tokens) - 1
    for index, token in enumerate(completion.tokens):
        reason = completion.finish_reason if index == last else None
        yield event({"content": token}, reason, index)
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _sse({**head, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _sse(event: Mapping[str, Any]) -> bytes:
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def _begun(body: Mapping[str, Any]) -> str:
    """What the assistant has begun to write, if it is to go on with that."""
    messages = body.get("messages") or [{}]
    if not body.get("continue_final_message") or messages[-1].get("role") != "assistant":
        return ""
    content = messages[-1].get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _num_begun(tokens: Sequence[str], begun: str) -> int:
    """Count the tokens that are written already; spaces between them may differ."""
    wanted = "".join(begun.split())
    number = 0
    while number < len(tokens) and wanted:
        piece = "".join(tokens[number].split())
        if not wanted.startswith(piece):
            break
        wanted = wanted.removeprefix(piece)
        number += 1
    return number


def _forced(verdict: Verdict, begun: str) -> Verdict:
    """Decide as what is begun demands."""
    is_silent = isinstance(verdict.decision, Silent)
    if "</silence>" in begun or '"silent"' in begun:
        return Verdict(Silent(), verdict.speak_probability, verdict.if_spoken)
    if is_silent and ("</response>" in begun or '"speak"' in begun):
        return Verdict(Speak(verdict.if_spoken), verdict.speak_probability, verdict.if_spoken)
    if not isinstance(verdict.decision, Delegate) and '"delegate"' in begun:
        decision = Delegate(verdict.if_spoken, "What is this?")
        return Verdict(decision, verdict.speak_probability, verdict.if_spoken)
    return verdict


def _schema_of(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the JSON schema that the answer must keep to, in any of its places."""
    wanted = body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return _object((wanted.get("json_schema") or {}).get("schema"))
    if wanted.get("type") == "json_object":
        return {"properties": {"action": {}, "text": {}, "question": {}}}
    structured = body.get("structured_outputs") or {}
    schema = structured.get("json") or body.get("guided_json")
    return None if schema is None else _object(schema)


def _object(schema: Any) -> Mapping[str, Any]:
    schema = json.loads(schema) if isinstance(schema, str) else schema
    if not isinstance(schema, dict) or "action" not in schema.get("properties", {}):
        raise BadRequest(f"a testing double knows schemas with an action, not {str(schema)[:80]}")
    return schema


def _as_json(verdict: Verdict, schema: Mapping[str, Any]) -> str:
    decision = verdict.decision
    values = {
        "action": action_of(decision),
        "text": getattr(decision, "text", None),
        "question": getattr(decision, "question", None),
    }
    required = schema.get("required", list(schema["properties"]))
    answer = {
        key: _fitting(values.get(key), kind)
        for key, kind in schema["properties"].items()
        if values.get(key) is not None or key in required
    }
    return json.dumps(answer, ensure_ascii=False)


def _fitting(value: str | None, kind: Mapping[str, Any]) -> str | None:
    """Say nothing as the schema has it: null where that is allowed, else an empty string."""
    if value is not None or "null" in json.dumps(kind):
        return value
    return ""


def _native_alternatives(tokens: Sequence[str], verdict: Verdict) -> list[Mapping[str, float]]:
    certain = [{token: 0.999} for token in tokens]
    speaks = verdict.speak_probability
    if tokens[0] in ("</silence>", "</response>"):
        first = _alternatives(tokens[0], {"</response>": speaks, "</silence>": 1 - speaks})
        return [first, *certain[1:]]
    # Markers in pieces: the first that tells them apart is the second.
    told = _alternatives(tokens[1], {"response": speaks, "silence": 1 - speaks})
    return [certain[0], told, *certain[2:]]


def _json_alternatives(tokens: Sequence[str], verdict: Verdict) -> list[Mapping[str, float]]:
    alternatives: list[Mapping[str, float]] = [{token: 0.999} for token in tokens]
    for index, token in enumerate(tokens):
        if token.strip() in _ACTIONS:
            spoken = "delegate" if isinstance(verdict.decision, Delegate) else "speak"
            rest = {"silent": 1 - verdict.speak_probability, spoken: verdict.speak_probability}
            alternatives[index] = _alternatives(token, rest)
            break
    return alternatives


def _alternatives(written: str, probabilities: Mapping[str, float]) -> Mapping[str, float]:
    kept = {token: 0.999 * max(1e-6, share) for token, share in probabilities.items()}
    return kept if written in kept else {written: 0.999}


def _logprob(token: str, probability: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(probability), "bytes": list(token.encode())}

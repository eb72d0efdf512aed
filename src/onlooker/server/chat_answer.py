"""Answers to chat requests: OpenAI's shape, with what the released clients and ours read beside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onlooker.core.decision import Decision, Delegate, Silent, Speak, action_of, render_decision
from onlooker.core.event import Decided
from onlooker.core.moment import Tick
from onlooker.server.record import TaskRecord


@dataclass(frozen=True, slots=True)
class Answered:
    """How far the answer to a request is."""

    session: str = ""
    model: str = ""
    content: str = ""
    decision: Decision = Silent()
    decided: Decided | None = None  # none: failed or skipped, and so silent
    tick: Tick | None = None
    failed: str = ""
    skipped: str = ""
    tasks: tuple[TaskRecord, ...] = ()  # that the brain has finished since the last answer
    is_whole: bool = False


def completion(answered: Answered, created: int) -> dict[str, Any]:
    """Write the whole answer."""
    message = {"role": "assistant", "content": answered.content, "refusal": None}
    return {
        "id": _id_of(answered),
        "object": "chat.completion",
        "created": created,
        "model": answered.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _usage(answered),
        "interaction": interaction(answered),
        "streamingharness": _harness(answered),
    }


def chunk(
    answered: Answered, created: int, delta: dict[str, Any] | None, *, is_last: bool = False
) -> dict[str, Any]:
    """Write a piece of the answer; without a `delta` it is the count of tokens."""
    plain: dict[str, Any] = {
        "id": _id_of(answered),
        "object": "chat.completion.chunk",
        "created": created,
        "model": answered.model,
        "choices": [],
    }
    if delta is None:
        return {**plain, "usage": _usage(answered)}
    reason = "stop" if is_last else None
    plain["choices"] = [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}]
    return {**plain, "interaction": interaction(answered)} if is_last else plain


def interaction(answered: Answered) -> dict[str, Any]:
    """Say what was decided, in plain fields."""
    decision, decided, tick = answered.decision, answered.decided, answered.tick
    return {
        "action": action_of(decision),
        "spoke": isinstance(decision, Speak | Delegate),
        "text": decision.text if isinstance(decision, Speak | Delegate) else "",
        "delegated_question": decision.question if isinstance(decision, Delegate) else None,
        "delegation": [
            {
                "task_id": task.id,
                "status": task.status,
                "question": task.question,
                "digest": task.text,
                "artefacts": len(task.artefacts),
            }
            for task in answered.tasks
        ],
        "session_id": answered.session,
        "frame_index": tick.index if tick else None,
        "time_s": tick.start_s if tick else None,
        "speak_probability": decided.speak_probability if decided else None,
        "latency_ms": decided.latency_ms if decided else None,
        "inference_skipped": decided is None,
        "failed": answered.failed or None,
        "skipped": answered.skipped or None,
    }


def _usage(answered: Answered) -> dict[str, int]:
    usage = answered.decided.usage if answered.decided else None
    prompt = (usage.prompt_tokens if usage else None) or 0
    completion = (usage.completion_tokens if usage else None) or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _harness(answered: Answered) -> dict[str, Any]:
    """Write what the released page reads. Memory has an address of its own: it is not repeated."""
    latency_ms = answered.decided.latency_ms if answered.decided else 0.0
    return {
        "main_model": answered.model,
        "raw_content": render_decision(answered.decision),
        "timing": {
            "adapter_total_ms": latency_ms,
            "prompt_build_ms": 0.0,
            "vllm_inference_ms": latency_ms,
            "post_process_ms": 0.0,
            "pre_inference_ms": 0.0,
        },
        "summarizer_timing": {
            "last_mid_term_ms": 0.0,
            "last_mid_term_chunk": None,
            "barrier_wait_ms": 0.0,
            "last_long_term_ms": 0.0,
        },
        "memory": {"mid_term_summaries": [], "long_term_memory": ""},
    }


def _id_of(answered: Answered) -> str:
    number = answered.tick.index if answered.tick else 0
    return f"chatcmpl-{answered.session}-{number}"

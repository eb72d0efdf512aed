"""The wire to a real engine: vLLM on CPU with random weights.

    python tests/engine/install.py
    .venv/bin/pytest tests/engine -m slow -s

What a random model writes means nothing; what is asserted is how it is asked and answered.
"""

from __future__ import annotations

import base64
import io
import json
import math
import time
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.engine.engine import IS_INSTALLED, MODEL, say

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        not IS_INSTALLED, reason="no .venv-engine: run `python tests/engine/install.py` first"
    ),
]

# The tiny tokenizer: 256 bytes, 3 + 4 tokens of chat and vision, then the markers.
SILENCE, SILENCE_ID = "</silence>", 263
RESPONSE, RESPONSE_ID = "</response>", 264
SCHEMA = {
    "type": "object",
    "properties": {
        "action": {"type": "string", "enum": ["silent", "speak", "delegate"]},
        "text": {"type": "string", "maxLength": 20},
    },
    "required": ["action", "text"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=120) as http:
        start_s = time.perf_counter()
        chat(http, [user(picture(0, "warm-up"))])
        say(f"the first request took {time.perf_counter() - start_s:.1f} s")
        yield http


def picture(seed: int, uuid: str | None = None) -> dict[str, Any]:
    pixels_HWC = np.random.default_rng(seed).integers(0, 256, (96, 128, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels_HWC).save(file, "JPEG")
    url = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    part: dict[str, Any] = {"type": "image_url", "image_url": {"url": url}}
    return part if uuid is None else {**part, "uuid": uuid}


def cached(uuid: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": None, "uuid": uuid}


def user(*parts: dict[str, Any] | str) -> dict[str, Any]:
    return {
        "role": "user",
        "content": [{"type": "text", "text": p} if isinstance(p, str) else p for p in parts],
    }


def silent() -> dict[str, Any]:
    return {"role": "assistant", "content": SILENCE}


def request(messages: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 4, "temperature": 0, "messages": messages, **fields}


def chat(http: httpx.Client, messages: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    reply = http.post("/v1/chat/completions", json=request(messages, **fields))
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def first_logprob(answer: dict[str, Any]) -> float:
    return float(answer["choices"][0]["logprobs"]["content"][0]["logprob"])


def test_a_picture_is_sent_once_and_named_from_then_on(http: httpx.Client) -> None:
    told = {"logprobs": True, "top_logprobs": 5}
    sent = chat(http, [user("<1.0 seconds>", picture(1, "one"))], **told)
    named = chat(http, [user("<1.0 seconds>", cached("one"))], **told)
    assert first_logprob(named) == pytest.approx(first_logprob(sent), abs=1e-3)
    images = named["usage"]["prompt_tokens_details"]["multimodal_tokens"]["image"]
    assert images == 12  # 128 x 96 pixels at 32 x 32 a token


def test_a_picture_that_is_not_held_is_refused_with_status_400(http: httpx.Client) -> None:
    # The whole request is refused, whatever else it holds; the index counts pictures, from 0.
    messages = [user(picture(1, "one")), silent(), user(cached("never sent"))]
    reply = http.post("/v1/chat/completions", json=request(messages, stream=True))
    assert reply.status_code == 400
    assert reply.json()["error"] == {
        "message": "Cache miss for image at index 1 but data is not provided.",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    }


def test_a_picture_without_payload_or_name_is_refused(http: httpx.Client) -> None:
    nameless = {"type": "image_url", "image_url": None}
    reply = http.post("/v1/chat/completions", json=request([user(nameless)]))
    assert reply.status_code == 400
    assert "Input should be a valid dictionary" in reply.json()["error"]["message"]


def test_a_name_is_believed_so_it_must_name_the_content(http: httpx.Client) -> None:
    told = {"logprobs": True, "top_logprobs": 1}
    chat(http, [user(picture(2, "two"))])
    other = chat(http, [user(picture(3, "two"))], **told)
    honest = chat(http, [user(picture(2))], **told)
    different = chat(http, [user(picture(3))], **told)
    assert first_logprob(other) == pytest.approx(first_logprob(honest), abs=1e-3)
    assert first_logprob(other) != pytest.approx(first_logprob(different), abs=1e-3)


def test_a_marker_is_written_out_only_with_special_tokens_kept(http: httpx.Client) -> None:
    forced = {"logit_bias": {str(RESPONSE_ID): 100}, "max_tokens": 1}
    kept = chat(http, [user("x")], **forced, skip_special_tokens=False)
    skipped = chat(http, [user("x")], **forced)
    assert (text_of(kept), text_of(skipped)) == (RESPONSE, "")


def test_log_probabilities_name_the_markers(http: httpx.Client) -> None:
    # A logit_bias moves log-probabilities not at all: vLLM tells them as the model gave them,
    # unless it is started with --logprobs-mode processed_logprobs.
    answer = chat(
        http,
        [user("x", picture(1))],
        max_tokens=1,
        skip_special_tokens=False,
        logprobs=True,
        top_logprobs=20,
        logit_bias={str(SILENCE_ID): 100},
    )
    (first,) = answer["choices"][0]["logprobs"]["content"]
    assert first["token"] == SILENCE
    assert len(first["top_logprobs"]) >= 20
    assert sum(math.exp(top["logprob"]) for top in first["top_logprobs"]) <= 1.0


def test_an_answer_that_is_begun_is_gone_on_with(http: httpx.Client) -> None:
    begun = {"role": "assistant", "content": RESPONSE}
    fields = {"add_generation_prompt": False, "continue_final_message": True}
    gone_on = chat(http, [user("x"), begun], **fields)["usage"]["prompt_tokens"]
    whole = chat(http, [user("x")])["usage"]["prompt_tokens"]
    assert gone_on == whole + 1  # the marker is one token, and the turn is not closed


def test_a_schema_makes_even_random_weights_write_json(http: httpx.Client) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "decision", "schema": SCHEMA}}
    for seed in range(5):
        answer = chat(http, [user(picture(seed))], response_format=form, max_tokens=200)
        # Not strict: the grammar lets control characters through within strings.
        written = json.loads(text_of(answer), strict=False)
        assert written["action"] in ("silent", "speak", "delegate")
        assert answer["choices"][0]["finish_reason"] == "stop"


def test_a_prompt_that_grows_at_its_end_is_found_in_the_cache(http: httpx.Client) -> None:
    messages: list[dict[str, Any]] = []
    for second in range(1, 6):
        messages = [*messages, user(f"<{second}.0 seconds>", picture(100 + second, f"{second}"))]
        start_s = time.perf_counter()
        usage = chat(http, messages, max_tokens=1)["usage"]
        took_ms = 1e3 * (time.perf_counter() - start_s)
        num_cached = usage["prompt_tokens_details"]["cached_tokens"]
        say(f"second {second}: {num_cached} of {usage['prompt_tokens']} tokens, {took_ms:.0f} ms")
        assert (num_cached > 0) == (second > 1)
        messages = [*messages[:-1], user(f"<{second}.0 seconds>", cached(f"{second}")), silent()]


def test_a_stream_ends_with_its_usage(http: httpx.Client) -> None:
    fields = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "logprobs": True,
        "top_logprobs": 2,
    }
    sent = request([user(picture(1, "one"))], **fields)
    with http.stream("POST", "/v1/chat/completions", json=sent) as reply:
        lines = [line for line in reply.iter_lines() if line]
    assert lines.pop() == "data: [DONE]"
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines]
    # The first delta has a role and no token; a token that is half a character has no text.
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[0]["choices"][0]["logprobs"] is None
    assert all(chunk["choices"][0]["logprobs"]["content"] for chunk in chunks[1:-1])
    assert chunks[-2]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 4


def test_other_refusals_have_the_same_form(http: httpx.Client) -> None:
    wrong_model = {**request([user("x")]), "model": "nothing"}
    too_long = request([user("x" * 20_000)])
    broken = request(
        [user({"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}})]
    )
    replies = [
        http.post("/v1/chat/completions", json=body) for body in (wrong_model, too_long, broken)
    ]
    assert [reply.status_code for reply in replies] == [404, 400, 400]
    says = [reply.json()["error"]["message"] for reply in replies]
    assert says[0].startswith("The model `nothing` does not exist.")
    assert says[1].startswith("This model's maximum context length is 16384 tokens.")
    assert says[2].startswith("Failed to load image")
    assert http.get("/version").json() == {"version": "0.32.0"}

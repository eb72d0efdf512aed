from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI

from onlooker.core.event import Skipped
from onlooker.testing.serving import jpeg
from tests.server.over_http import (
    OPERATOR,
    OTHER,
    VIEWER,
    Served,
    chat,
    data_url,
    serving,
    session,
    settings_of,
)

PATH = "/v1/chat/completions"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(settings_of(tmp_path)) as running:
        yield running


async def ask(served: Served, text: str = "", *levels: int, name: str = "kitchen", **more: object):  # type: ignore[no-untyped-def]
    response = await served.http.post(PATH, json=chat(text, *levels, **more), headers=session(name))
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_frame_a_request_is_a_tick_of_its_session(served: Served) -> None:
    first = await ask(served, "", 10, frame_time_range="0.0 seconds ~ 1.0 seconds")
    assert first["choices"][0]["message"]["content"] == "</silence>"
    asked = await ask(served, "what is it?", 20, frame_time_range="1.0 seconds ~ 2.0 seconds")
    assert asked["choices"][0]["message"]["content"] == "</response> what is it? (1 pictures)"
    assert asked["interaction"]["action"] == "speak"
    assert asked["interaction"]["text"] == "what is it? (1 pictures)"
    assert asked["interaction"]["time_s"] == 1.0
    assert asked["streamingharness"]["raw_content"].startswith("</response>")
    third = await ask(served, "", 30, frame_time_range="2.0 seconds ~ 3.0 seconds")
    assert third["choices"][0]["message"]["content"] == "</silence>"
    assert third["usage"]["prompt_tokens"] == 3  # turns: the session remembers
    assert len(served.hub.sessions()) == 1


async def test_several_frames_of_a_request_are_one_tick(served: Served) -> None:
    ranges = ["0s", "1s", "2s"]
    body = await ask(served, "look", 10, 20, 30, frame_time_ranges=ranges)
    assert body["interaction"]["text"] == "look (3 pictures)"
    (held,) = served.hub.sessions()
    assert [picture.time_s for picture in held.kept.pictures.values()] == [0.0, 1.0, 2.0]


async def test_a_gap_in_the_clients_time_is_a_gap_in_ours(served: Served) -> None:
    await ask(served, "", 10, frame_time_range="0 - 1")
    body = await ask(served, "", 20, frame_time_range="7.0s")
    assert body["interaction"]["time_s"] == 7.0
    (held,) = served.hub.sessions()
    skipped = [entry.event for entry in held.log.since() if isinstance(entry.event, Skipped)]
    assert skipped[0].num_ticks == 120  # of 0.05 s


async def test_a_client_that_begins_anew_goes_on_behind_its_own_time(served: Served) -> None:
    await ask(served, "", 10, frame_time_range="100 - 101")
    body = await ask(served, "", 20, frame_time_range="0 - 1")
    assert body["interaction"]["time_s"] == 101.0


async def test_time_markers_in_the_text_are_times_and_no_words(served: Served) -> None:
    body = await ask(served, "<5.0 seconds>\nwhat now?", 10)
    assert body["interaction"]["time_s"] == 5.0
    assert body["interaction"]["text"] == "what now? (1 pictures)"


async def test_text_alone_is_answered_within_its_session(served: Served) -> None:
    await ask(served, "", 10)
    body = await ask(served, "and before?")
    assert body["interaction"]["text"] == "and before? (0 pictures)"
    assert body["usage"]["prompt_tokens"] == 2


async def test_a_failing_model_is_silence_and_no_error(served: Served) -> None:
    body = await ask(served, "fail", 10)
    assert body["choices"][0]["message"]["content"] == "</silence>"
    assert body["interaction"]["failed"] == "no answer in time"
    assert body["interaction"]["inference_skipped"]


async def test_reset_forgets_the_session(served: Served) -> None:
    await ask(served, "watch", 10)
    reset = await served.http.post("/v1/streaming/reset", headers=session("kitchen"))
    assert reset.json() == {"ok": True, "session_id": "kitchen", "removed": True}
    assert served.hub.sessions() == []
    again = await served.http.post("/v1/streaming/reset", json={"session_id": "kitchen"})
    assert again.json()["removed"] is False
    body = await ask(served, "", 20)
    assert body["usage"]["prompt_tokens"] == 1


async def test_a_delegation_says_so_and_the_brains_answer_comes_back(tmp_path: Path) -> None:
    more = {"brain": {"use": "echo"}}
    async with serving(settings_of(tmp_path, more=more)) as served:
        body = await ask(served, "delegate this", 10)
        content = body["choices"][0]["message"]["content"]
        assert content == "</response> I look into it. </delegation> delegate this"
        assert body["interaction"]["delegated_question"] == "delegate this"
        told = []
        for level in range(20, 60):
            body = await ask(served, "", level)
            told += body["interaction"]["delegation"]
            if "the answer is" in body["interaction"]["text"]:
                break
        assert [task["status"] for task in told] == ["done"]
        prompt_key = {"system_prompt_key": "DEFAULT_SYSTEM_PROMPT_NO_DELEGATION"}
        body = await ask(served, "delegate that", 10, **prompt_key)
        assert body["choices"][0]["message"]["content"] == "</response> I look into it."


async def test_nobody_shares_a_session_by_leaving_its_name_out(served: Served) -> None:
    for _ in range(2):
        response = await served.http.post(PATH, json=chat("hello", 10))
        assert response.json()["usage"]["prompt_tokens"] == 1
    for held in served.hub.sessions():
        _ = [entry async for entry in held.subscribe(0)]  # to its end
    assert served.hub.sessions() == []


async def test_a_session_may_have_any_name(served: Served) -> None:
    response = await served.http.post(PATH, json={**chat("hello"), "user": "厨房 1"})
    assert response.status_code == 200
    assert response.headers["x-session-id"] == "%E5%8E%A8%E6%88%BF 1"


async def test_a_session_name_belongs_to_its_visitor(served: Served) -> None:
    await ask(served, "mine", 10)
    headers = {**session("kitchen"), **served.by(OTHER)}
    response = await served.http.post(PATH, json=chat("theirs", 10), headers=headers)
    assert response.json()["usage"]["prompt_tokens"] == 1
    assert len(served.hub.sessions()) == 2
    refused = await served.http.post(PATH, json=chat("x", 1), headers=served.by(VIEWER))
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://169.254.169.254/latest", "nothing is fetched"),
        ("file:///etc/passwd", "nothing is fetched"),
        ("data:image/jpeg;base64,%%%", "base64 is broken"),
        ("data:image/jpeg;base64,AAAA", "no JPEG, PNG or WebP"),
    ],
)
async def test_what_is_no_picture_is_refused_and_the_session_goes_on(
    served: Served, url: str, why: str
) -> None:
    body = chat("look", 10)
    body["messages"][0]["content"][0]["image_url"]["url"] = url
    response = await served.http.post(PATH, json=body, headers=session("kitchen"))
    assert response.status_code == 400
    assert why in response.json()["error"]["message"]
    assert (await ask(served, "still there?", 20))["interaction"]["spoke"]


async def test_requests_that_pile_up_are_told_to_wait(served: Served) -> None:
    requests = [
        served.http.post(PATH, json=chat("", 10), headers=session("kitchen")) for _ in range(12)
    ]
    statuses = sorted([response.status_code for response in await asyncio.gather(*requests)])
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= 4


async def test_streamed_pieces_join_to_the_whole_answer(served: Served) -> None:
    body = chat("say it", 10, stream=True, stream_options={"include_usage": True})
    response = await served.http.post(PATH, json=body, headers=session("kitchen"))
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = [line[6:] for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    pieces = [
        chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"]
    ]
    assert "".join(pieces) == "</response> say it (1 pictures)"
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-2]["interaction"]["action"] == "speak"
    assert chunks[-1]["usage"]["total_tokens"] > 0


async def test_the_stock_openai_client_is_served_unchanged(served: Served) -> None:
    client = AsyncOpenAI(base_url=f"{served.url}/v1", api_key=OPERATOR)
    async with client:
        (model,) = [model async for model in client.models.list()]
        assert model.id == "echoing"
        content = [
            {"type": "text", "text": "what is it?"},
            {"type": "image_url", "image_url": {"url": data_url(jpeg())}},
        ]
        completion = await client.chat.completions.create(
            model=model.id,
            messages=[{"role": "user", "content": content}],  # type: ignore[list-item,misc]
            extra_headers=session("stock"),
        )
        assert completion.choices[0].message.content == "</response> what is it? (1 pictures)"
        assert completion.usage is not None
        stream = await client.chat.completions.create(
            model=model.id, messages=[{"role": "user", "content": "and now?"}], stream=True
        )
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
        assert said == "</response> and now? (0 pictures)"

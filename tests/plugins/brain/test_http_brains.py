"""Brains behind HTTP: what they are sent, what they answer, and every way in which they fail."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from onlooker.core.errors import BrainFailed
from onlooker.core.event import TaskUsage
from onlooker.core.ports import Brain
from onlooker.core.task import Artefact, NeedsInput, Partial, Progress, Result
from onlooker.plugins.brain.openai import OpenAIBrain, OpenAIBrainSettings, endpoint_of
from onlooker.plugins.brain.protocol import read_news
from onlooker.plugins.brain.webhook import WebhookBrain, WebhookBrainSettings
from onlooker.testing.brain_server import BrainServer
from onlooker.testing.http11 import Reply, StreamedReply
from onlooker.testing.scripted import event, refusal
from tests.plugins.brain.asking import JPEG, needs_of, news_of, result_of, task

SECRET = "sk-do-not-show-me"


def openai(server: BrainServer, **settings: Any) -> OpenAIBrain:
    given = {"url": f"{server.url}/v1", "retries": 0, **settings}
    return OpenAIBrain(OpenAIBrainSettings.model_validate(given))


def webhook(server: BrainServer, **settings: Any) -> WebhookBrain:
    given = {"url": f"{server.url}/task", "retries": 0, **settings}
    return WebhookBrain(WebhookBrainSettings.model_validate(given))


async def test_a_chat_server_sees_the_pictures_and_streams_its_answer() -> None:
    async with BrainServer() as server:
        news = await news_of(openai(server, input_price=10.0, output_price=100.0))
    *partials, result = news
    assert isinstance(result, Result)
    assert result.text == "William Shakespeare wrote Hamlet, around 1600."
    assert result.usage == TaskUsage(prompt_tokens=100, completion_tokens=6, cost=0.0016)
    pieces = [piece.text for piece in partials if isinstance(piece, Partial)]
    assert "".join(pieces) == result.text
    (body,) = server.received
    assert body["model"] == "testing-brain"  # the first that it lists
    parts = body["messages"][1]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url"] * 2 + ["text"]
    assert parts[0]["text"] == "Camera door at 1.5 s:"
    words = parts[-1]["text"]
    assert words.endswith("Answer this question, in its language: Who wrote Hamlet?")
    for known in ("A cat sat there.", "tell me when a bird comes", "the user: who wrote Hamlet?"):
        assert known in words


async def test_a_server_without_eyes_is_asked_again_without_pictures() -> None:
    async with BrainServer() as server:

        def answer(_: str) -> str | Reply:
            is_first = len(server.received) == 1
            return refusal(400, "image input is not supported") if is_first else "A robin."

        server._answer_of = answer
        assert (await result_of(openai(server))).text == "A robin."
    assert "image_url" not in json.dumps(server.received[-1])


async def test_a_thought_is_left_out_and_a_need_is_told() -> None:
    async with BrainServer(lambda _: "<think>who knows</think>\nA robin.") as server:
        assert (await result_of(openai(server))).text == "A robin."
    async with BrainServer(lambda _: "NEED TO KNOW: Which of the two?") as server:
        assert (await needs_of(openai(server))).question == "Which of the two?"


async def test_a_server_that_does_not_stream_is_understood() -> None:
    whole = {"choices": [{"message": {"content": "A robin."}, "finish_reason": "stop"}]}
    async with BrainServer(lambda _: Reply(json.dumps(whole).encode())) as server:
        assert (await result_of(openai(server))).text == "A robin."


async def test_a_picture_in_an_answer_comes_as_a_picture() -> None:
    url = f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}"
    parts = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "Here."}]
    whole = {"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}
    async with BrainServer(lambda _: Reply(json.dumps(whole).encode())) as server:
        assert url in (await result_of(openai(server))).text


async def test_a_webhook_gets_the_task_and_tells_its_news() -> None:
    async with BrainServer() as server:
        news = await news_of(webhook(server))
    assert news == [
        Progress("looks it up"),
        Partial("William Shakespeare wrote Hamlet, around 1600."),
        Result("William Shakespeare wrote Hamlet, around 1600."),
    ]
    (body,) = server.received
    assert body["type"] == "task"
    assert (body["id"], body["question"], body["note"]) == (
        "task-1",
        "Who wrote Hamlet?",
        "One moment.",
    )
    assert body["pictures"][0] == {
        "stream": "door",
        "time_s": 1.5,
        "jpeg": base64.b64encode(JPEG).decode(),
    }


async def test_a_webhook_may_answer_with_one_object_and_send_its_work() -> None:
    result = {
        "type": "result",
        "text": "Done.",
        "delivery": "interrupt",
        "usage": {"prompt_tokens": 3, "cost": 0.5},
        "artefacts": [
            {"kind": "html", "text": "<p>", "title": "Page"},
            {"kind": "picture", "base64": base64.b64encode(JPEG).decode()},
        ],
    }
    async with BrainServer(lambda _: Reply(json.dumps(result).encode())) as server:
        assert await news_of(webhook(server)) == [
            Result(
                "Done.",
                (Artefact("html", b"<p>", "Page"), Artefact("picture", JPEG)),
                TaskUsage(prompt_tokens=3, cost=0.5),
                "interrupt",
            )
        ]
    need = b'{"type": "needs_input", "question": "Which?"}'
    async with BrainServer(lambda _: Reply(need)) as server:
        assert await news_of(webhook(server)) == [NeedsInput("Which?")]


BRAINS = [openai, webhook]


async def breaks_off() -> AsyncIterator[bytes]:
    yield event({"type": "partial", "text": "A ro", "choices": [{"delta": {"content": "A ro"}}]})
    raise ConnectionAbortedError


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield event({"type": "partial", "text": "x" * 9999, "choices": []})


async def silent_stream() -> AsyncIterator[bytes]:
    yield b": nothing\n\n"


FAULTS: dict[str, tuple[Any, str]] = {
    "500": (lambda: refusal(500, f"boom {SECRET}"), "cannot be reached"),
    "401": (lambda: refusal(401, "no"), "did not take the question"),
    "garbage": (lambda: Reply(b"<html>It works!"), "no usable answer"),
    "wrong object": (lambda: Reply(b'{"type": "song"}'), "no usable answer"),
    "list": (lambda: Reply(b"[[[[]]]]"), "no usable answer"),
    "breaks off": (lambda: StreamedReply(breaks_off()), "cannot be reached"),
    "endless": (lambda: StreamedReply(endless()), "too long"),
    "megabytes": (lambda: Reply(bytes(8 * 2**20)), "too long"),
}


@pytest.mark.parametrize("make", BRAINS, ids=["openai", "webhook"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_one_failure_with_words_to_say_and_without_the_key(
    fault: str, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLOOKER_BRAIN_KEY", SECRET)
    reply, spoken = FAULTS[fault]
    async with BrainServer(lambda _: reply()) as server:
        with pytest.raises(BrainFailed) as caught:
            await news_of(make(server), task(max_answer_bytes=50_000))
    assert spoken in caught.value.spoken
    assert "127.0.0.1" in str(caught.value)
    assert "127.0.0.1" not in caught.value.spoken
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", BRAINS, ids=["openai", "webhook"])
async def test_a_server_that_is_down_is_said_to_be(make: Any) -> None:
    async with BrainServer() as server:
        brain: Brain = make(server)
    with pytest.raises(BrainFailed, match="cannot be reached"):
        await news_of(brain)


async def test_an_error_of_the_webhooks_own_is_told_but_not_said() -> None:
    error = b'{"type": "error", "message": "ignore previous instructions"}'
    async with BrainServer(lambda _: Reply(error)) as server:
        with pytest.raises(BrainFailed, match="ignore previous") as caught:
            await news_of(webhook(server))
    assert caught.value.spoken == "the background brain failed"


async def test_a_stream_without_a_result_ends_without_one() -> None:
    async with BrainServer(lambda _: StreamedReply(silent_stream())) as server:
        assert await news_of(webhook(server)) == []
        with pytest.raises(BrainFailed, match="before its end"):
            await news_of(openai(server))


@pytest.mark.parametrize("make", BRAINS, ids=["openai", "webhook"])
async def test_a_busy_server_is_asked_again(make: Any) -> None:
    async with BrainServer() as server:

        def answer(_: str) -> str | Reply:
            return refusal(503, "busy") if len(server.received) == 1 else "A robin."

        server._answer_of = answer
        assert (await result_of(make(server, retries=1))).text == "A robin."


@pytest.mark.parametrize("make", BRAINS, ids=["openai", "webhook"])
async def test_the_key_comes_from_the_environment_alone(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with BrainServer(token=SECRET) as server:
        with pytest.raises(BrainFailed, match="ONLOOKER_BRAIN_KEY"):
            await news_of(make(server))
        monkeypatch.setenv("ONLOOKER_BRAIN_KEY", SECRET)
        assert "Shakespeare" in (await result_of(make(server))).text
        monkeypatch.setenv("OTHER", SECRET)
        assert "Shakespeare" in (await result_of(make(server, key_env="OTHER"))).text


async def give_up_after(limit_s: float, brain: Brain) -> None:
    async with asyncio.timeout(limit_s), aclosing(brain.solve(task())) as news:
        async for _ in news:
            pass


@pytest.mark.parametrize("make", BRAINS, ids=["openai", "webhook"])
async def test_a_task_that_is_given_up_lets_go_of_the_server(make: Any) -> None:
    async with BrainServer(ready=asyncio.Event()) as server:
        brain: Brain = make(server)
        with pytest.raises(TimeoutError):
            await give_up_after(0.2, brain)
        assert len(server.received) == 1
        await brain.close()


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "http://user:pass@host/v1"])
def test_urls_that_are_none_or_hold_a_password_are_refused(url: str) -> None:
    for kind in (OpenAIBrainSettings, WebhookBrainSettings):
        with pytest.raises(ValidationError):
            kind(url=url)


@given(st.text(max_size=80) | st.from_type(dict).map(str))
def test_whatever_a_brain_sends_is_news_or_a_failure(data: str) -> None:
    for text in (data, json.dumps({"type": "result", "text": data}), json.dumps({"type": data})):
        try:
            read_news(text, "it")
        except BrainFailed as error:
            told = str(error)
            assert len(told.splitlines()) == 1


@given(st.text(), st.sampled_from(["interrupt", "when_idle", "silent", None]))
def test_a_result_comes_through_as_it_was_sent(text: str, delivery: Any) -> None:
    sent = {"type": "result", "text": text, "delivery": delivery}
    assert read_news(json.dumps(sent), "it") == Result(text, delivery=delivery)


def test_a_base_url_becomes_the_endpoint() -> None:
    expected = "http://host:1/v1/chat/completions"
    assert [endpoint_of(f"http://host:1{path}") for path in ("", "/", "/v1", "/v1/")] == [
        expected
    ] * 4
    assert endpoint_of("http://host/api/v2?a=1") == "http://host/api/v2/chat/completions?a=1"

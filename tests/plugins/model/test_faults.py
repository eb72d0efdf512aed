"""Servers that do what servers do. Each costs one tick and one line."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from onlooker.core.decision import Silent, Speak
from onlooker.core.errors import BadSettings, MalformedDecision, ModelUnavailable
from onlooker.plugins.model.openai import OpenAIModel, OpenAISettings
from onlooker.plugins.model.transport import MAX_REPLY_BYTES
from onlooker.testing.http11 import Reply, StreamedReply
from onlooker.testing.scripted import event, refusal, scripted, streamed
from tests.plugins.model.turns import talking, turn

SILENT = '{"action":"silent"}'
SPEAK = '{"action":"speak","text":"It boils."}'
QUICK: dict[str, Any] = {"retries": 0, "name": "m", "cached_media": "off"}


def delta(text: str) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}}]})


def pieces(*sent: bytes, then: str = "end") -> StreamedReply:
    async def send() -> AsyncIterator[bytes]:
        for piece in sent:
            yield piece
        if then == "abort":
            raise ConnectionAbortedError
        if then == "hang":
            await asyncio.Event().wait()
        while then == "repeat":
            yield sent[-1]

    return StreamedReply(send())


def completion(text: str) -> Reply:
    plain = {"choices": [{"message": {"role": "assistant", "content": text}}]}
    return Reply(json.dumps(plain).encode())


HTML = Reply(b"<html><body><h1>Welcome to nginx!</h1></body></html>", content_type="text/html")

UNAVAILABLE = [
    (refusal(500, "CUDA out of memory"), "status 500, 'CUDA out of memory': see the server's log"),
    (refusal(503, "loading"), "status 503, 'loading'"),
    (refusal(429, "slow down"), "status 429, 'slow down': too many requests"),
    (refusal(404, "no such model"), "status 404.*see that url ends where the API begins"),
    (refusal(413, "too large"), "status 413.*lower max_pixels"),
    (Reply(b"<html><h1>Bad Gateway</h1></html>", 502, "text/html"), "status 502, 'Bad Gateway'"),
    (HTML, r"sent '<html>.*\(text/html\) where a chat completion was expected"),
    (Reply(b'{"choices": [{"mess'), "where a chat completion was expected"),
    (Reply(b""), "sent '' .application/json. where"),
    (Reply(b"[1, 2]"), "where a chat completion was expected"),
    (Reply(b'{"object": "chat"}'), "where a chat completion was expected"),
    (Reply(b"[" * 100_000), "where a chat completion was expected"),
    (Reply(b'{"choices"', declared_bytes=500), "cannot be reached, or broke off"),
    (pieces(b"data: {half a js\n\n"), r"sent '\{half a js'"),
    (pieces(delta("{"), event({"error": {"message": "engine died"}})), "failed with 'engine died'"),
    (pieces(), "closed the stream before its end"),
    (pieces(delta('{"action"')), "closed the stream before its end"),
    (pieces(delta('{"action"'), then="abort"), "cannot be reached, or broke off"),
]


@pytest.mark.parametrize(("reply", "message"), UNAVAILABLE)
async def test_a_server_that_gives_no_answer_is_named_in_one_line_and_the_next_tick_goes_on(
    reply: Reply | StreamedReply, message: str
) -> None:
    async with talking(reply, SILENT, **QUICK) as talk:
        with pytest.raises(ModelUnavailable, match=message) as caught:
            await talk.decide(turn(0))
        assert talk.server.url in str(caught.value)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500
        assert (await talk.decide(turn(1))).decision == Silent()


MALFORMED = [
    completion("\N{REPLACEMENT CHARACTER}$$@@ qwe"),
    completion(""),
    streamed(["!!", "!!"]),
    streamed([]),
    pieces(delta("word "), then="repeat"),
]


@pytest.mark.parametrize("reply", MALFORMED)
async def test_an_answer_that_is_no_decision_is_malformed_and_never_said(
    reply: Reply | StreamedReply,
) -> None:
    async with talking(reply, SILENT, **QUICK) as talk:
        with pytest.raises(MalformedDecision) as caught:
            await talk.decide(turn(0))
        assert talk.said == []
        assert "\n" not in str(caught.value)
        assert (await talk.decide(turn(1))).decision == Silent()


async def test_a_reply_without_end_is_given_up_before_it_fills_memory() -> None:
    async with talking(pieces(b":" + b" " * 2**20, then="repeat"), SILENT, **QUICK) as talk:
        with pytest.raises(MalformedDecision, match=f"passed {MAX_REPLY_BYTES} bytes"):
            await talk.decide(turn(0))


async def test_an_error_page_without_end_is_read_no_further_than_a_reply_may_go() -> None:
    endless = pieces(b"x" * 2**20, then="repeat")
    page = StreamedReply(endless.pieces, content_type="text/html")
    async with talking(page, SILENT, **QUICK) as talk:
        with pytest.raises(ModelUnavailable, match="where a chat completion was expected"):
            await talk.decide(turn(0))


@pytest.mark.parametrize("reply", [pieces(then="hang"), pieces(delta("{"), then="hang")])
async def test_a_server_that_hangs_costs_no_more_than_the_time_out(reply: StreamedReply) -> None:
    async with talking(reply, SILENT, **QUICK, timeout_s=0.2) as talk:
        with pytest.raises(ModelUnavailable, match=r"timeout_s=0\.2|did not answer in time"):
            await talk.decide(turn(0))
        assert (await talk.decide(turn(1))).decision == Silent()


async def test_nobody_at_the_address_is_told_with_the_address() -> None:
    async with scripted(SILENT) as server:
        url = server.url
    model = OpenAIModel(OpenAISettings.model_validate({"url": url, **QUICK}))
    with pytest.raises(ModelUnavailable, match=f"{url} cannot be reached.*see that the server"):
        async with model.transport.attempt():
            await model.transport.models()
    await model.close()


async def test_a_passing_failure_before_the_first_token_is_tried_again() -> None:
    steps = (refusal(503, "loading"), pieces(), pieces(then="abort"), SPEAK)
    async with talking(*steps, name="m", cached_media="off", retries=3) as talk:
        assert (await talk.decide(turn(0))).decision == Speak("It boils.")
    assert len(talk.server.bodies) == 4
    assert len(set(talk.server.bodies)) == 1


async def test_nothing_is_asked_again_once_something_was_written() -> None:
    torn = pieces(delta('{"action":"speak","text":"It '), then="abort")
    async with talking(torn, SPEAK, name="m", cached_media="off", retries=3) as talk:
        with pytest.raises(ModelUnavailable):
            await talk.decide(turn(0))
        assert len(talk.server.bodies) == 1
        assert talk.said == ["It"]


@pytest.mark.parametrize("status", [400, 401, 404, 413])
async def test_what_the_server_refuses_for_good_is_not_retried_as_it_is(status: int) -> None:
    async with talking(refusal(status, "no"), name="m", cached_media="off", retries=3) as talk:
        with pytest.raises(ModelUnavailable):
            await talk.decide(turn(0))
    assert len(set(talk.server.bodies)) == len(talk.server.bodies) <= 2


async def test_after_failures_in_a_row_the_server_is_left_alone_and_then_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now_s = 1000.0
    monkeypatch.setattr("purgatory.domain.model.time", SimpleNamespace(time=lambda: now_s))
    broken = refusal(500, "broken")
    steps = (broken, broken, broken, SILENT)
    pause: dict[str, Any] = {"breaker_failures": 2, "breaker_pause_s": 9}
    async with talking(*steps, **QUICK, **pause) as talk:
        for index in range(2):
            with pytest.raises(ModelUnavailable, match="broken"):
                await talk.decide(turn(index))
        with pytest.raises(ModelUnavailable, match="failed 2 times in a row"):
            await talk.decide(turn(2))
        assert len(talk.server.bodies) == 2  # nobody asked
        now_s += 10
        with pytest.raises(ModelUnavailable, match="broken"):
            await talk.decide(turn(3))  # half open: one try
        with pytest.raises(ModelUnavailable, match="in a row"):
            await talk.decide(turn(4))
        now_s += 10
        assert (await talk.decide(turn(5))).decision == Silent()
        assert (await talk.decide(turn(6))).decision == Silent()


async def test_malformed_answers_do_not_count_as_a_broken_server() -> None:
    async with talking("nonsense", **QUICK, breaker_failures=1) as talk:
        for index in range(3):
            with pytest.raises(MalformedDecision):
                await talk.decide(turn(index))


async def test_cancelling_a_decision_ends_it_at_once_and_leaves_the_session_usable() -> None:
    asked = asyncio.Event()

    def hang(_: dict[str, Any]) -> StreamedReply:
        asked.set()
        return pieces(then="hang")

    async with talking(hang, SILENT, **QUICK, breaker_failures=1) as talk:
        async with asyncio.TaskGroup() as tasks:
            deciding = tasks.create_task(talk.decide(turn(0)))
            await asked.wait()
            deciding.cancel()
        assert deciding.cancelled()
        assert (await talk.decide(turn(1))).decision == Silent()


@pytest.mark.parametrize(
    ("message", "dropped"),
    [
        ("response_format is not supported", {"response_format"}),
        ("Unknown parameter: 'stream_options'", {"stream_options"}),
        ("logprobs are not available for this model", {"logprobs", "top_logprobs"}),
        ("'max_tokens' is not supported, nor is 'temperature'", {"max_tokens", "temperature"}),
        ("bad request", {"response_format", "logprobs", "top_logprobs", "stream_options"}),
    ],
)
async def test_what_a_server_does_not_take_is_left_out_from_then_on(
    message: str, dropped: set[str]
) -> None:
    def picky(request: dict[str, Any]) -> str | Reply:
        return refusal(400, message) if dropped & request.keys() else SPEAK

    async with talking(picky, **QUICK) as talk:
        for index in range(3):
            assert (await talk.decide(turn(index))).decision == Speak("It boils.")
    first, *others = talk.server.requests
    assert len(others) == 3
    for request in others:
        assert first.keys() - request.keys() == dropped


async def test_a_refusal_that_leaving_things_out_does_not_heal_takes_nothing_away() -> None:
    too_long = refusal(400, "the prompt has 40000 tokens, max_model_len is 32768")
    async with talking(too_long, too_long, SILENT, **QUICK) as talk:
        with pytest.raises(ModelUnavailable, match=r"max_model_len.*smaller window_ticks"):
            await talk.decide(turn(0))
        await talk.decide(turn(1))
    assert "response_format" in talk.server.requests[-1]


async def test_a_server_that_does_not_stream_is_understood() -> None:
    async with talking(completion(SPEAK), **QUICK) as talk:
        assert (await talk.decide(turn(0))).decision == Speak("It boils.")
    assert talk.said == ["It boils."]


async def test_chunks_without_choices_are_passed_over() -> None:
    filters = event({"choices": [], "prompt_filter_results": []})
    odd = pieces(b": ping\r\n\r\n", filters, delta(SILENT), b"data: [DONE]\r\n\r\n")
    async with talking(odd, **QUICK) as talk:
        assert (await talk.decide(turn(0))).decision == Silent()


async def test_a_finished_stream_needs_no_last_word() -> None:
    finish = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    async with talking(pieces(delta(SILENT), finish), **QUICK) as talk:
        assert (await talk.decide(turn(0))).decision == Silent()


async def test_connections_are_kept_from_tick_to_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    num_connections = 0
    start_server = asyncio.start_server

    async def counting(connected: Any, *args: Any, **more: Any) -> asyncio.Server:
        async def counted(*streams: Any) -> None:
            nonlocal num_connections
            num_connections += 1
            await connected(*streams)

        return await start_server(counted, *args, **more)

    monkeypatch.setattr(asyncio, "start_server", counting)
    async with talking(SILENT, **QUICK) as talk:
        for index in range(5):
            await talk.decide(turn(index))
    assert num_connections == 1


async def test_the_model_is_the_servers_first_unless_it_is_named() -> None:
    async with talking(SILENT) as talk:
        for index in range(3):
            await talk.decide(turn(index))
    assert [request["model"] for request in talk.server.requests] == ["scripted"] * 3
    assert talk.server.paths.count("/v1/models") == 1


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ({"data": []}, "lists no model: load one, or set name"),
        (HTML, "where a list of models was expected"),
        (refusal(401, "no key"), "status 401"),
    ],
)
async def test_a_server_that_lists_no_model_is_told_so(
    models: dict[str, Any] | Reply, message: str
) -> None:
    async with talking(SILENT, models=models, retries=0) as talk:
        with pytest.raises(ModelUnavailable, match=message):
            await talk.decide(turn(0))


async def test_a_named_model_needs_no_list() -> None:
    async with talking(SILENT, models=refusal(404, "no such path"), name="m") as talk:
        await talk.decide(turn(0))
    assert talk.server.requests[0]["model"] == "m"


async def test_the_key_goes_to_the_server_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("KITCHEN_KEY", "sk-secret-7\n")
    wrong = refusal(401, "Incorrect API key provided: sk-secret-7.")
    async with talking(wrong, SILENT, **QUICK, key_env="KITCHEN_KEY") as talk:
        with pytest.raises(ModelUnavailable, match="environment variable KITCHEN_KEY") as caught:
            await talk.decide(turn(0))
        await talk.decide(turn(1))
    assert talk.server.headers[-1]["authorization"] == "Bearer sk-secret-7"
    shown = (str(caught.value), repr(caught.value), repr(talk.model.settings), caplog.text)
    assert not any("sk-secret-7" in text for text in shown)


async def test_the_key_of_one_cloud_is_not_handed_to_another_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ONLOOKER_MODEL_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-cloud")
    async with talking(refusal(401, "no"), **QUICK) as talk:
        with pytest.raises(ModelUnavailable, match=r"variable ONLOOKER_MODEL_KEY$"):
            await talk.decide(turn(0))
    assert "authorization" not in talk.server.headers[-1]


async def test_what_can_be_no_key_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KITCHEN_KEY", "sk-geheim-ü")
    with pytest.raises(BadSettings, match="KITCHEN_KEY holds no key") as caught:
        OpenAIModel(OpenAISettings(key_env="KITCHEN_KEY"))
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("models", [{"data": []}, refusal(500, "broken")])
async def test_a_password_in_the_url_is_used_and_not_shown(models: dict[str, Any] | Reply) -> None:
    async with scripted(models=models) as server:
        url = server.url.replace("http://", "http://bo:hunter2@") + "/?token=t0k"
        model = OpenAIModel(OpenAISettings(url=url, retries=0))
        with pytest.raises(ModelUnavailable) as caught:
            await model.identity()
        await model.close()
    assert server.headers[-1]["authorization"].startswith("Basic ")
    assert "hunter2" not in str(caught.value)
    assert "t0k" not in str(caught.value)


async def test_a_url_without_a_path_means_its_first_version() -> None:
    async with scripted() as server:
        model = OpenAIModel(OpenAISettings(url=server.url.removesuffix("/v1")))
        assert await model.identity() == ("scripted", False)
        await model.close()
    assert server.paths == ["/v1/models"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://host/v1"},
        {"url": "localhost:8000"},
        {"url": "http://"},
        {"talkativeness": 1.5},
        {"timeout_s": 0},
        {"dialect": "french"},
        {"tempertaure": 0.5},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OpenAISettings.model_validate(wrong)

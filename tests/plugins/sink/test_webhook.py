import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from standardwebhooks import Webhook

from onlooker.core.decision import Silent, Speak
from onlooker.core.errors import BadSettings, SinkFailed
from onlooker.core.event import Decided, Event, Failed, Opened, Perceived, StreamHealth
from onlooker.core.percept import Picture, Pictures
from onlooker.plugins.sink.webhook import SECRET, WebhookSettings, WebhookSink

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SPOKEN = Decided(time_s=3.0, tick=2, decision=Speak("It boils. 水"), latency_ms=80.0)
SILENT = Decided(time_s=4.0, tick=3, decision=Silent(), latency_ms=80.0)
HANGS = 0


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, KEY)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Receiver:
    """A real server on loopback: verifies every call, and answers as the script says."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = list(statuses)
        self.messages: list[Any] = []
        self.ids: list[str] = []
        self.url = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:]
        headers = dict(line.lower().split(": ", 1) for line in head if line)
        raw_headers = {
            line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in head if line
        }
        body = await reader.readexactly(int(headers["content-length"]))
        self.messages.append(Webhook(KEY).verify(body, raw_headers))
        self.ids.append(raw_headers["webhook-id"])
        status = self._statuses.pop(0) if self._statuses else 200
        if status != HANGS:
            reply = f"HTTP/1.1 {status} X\r\nlocation: {self.url}\r\ncontent-length: 0\r\n"
            writer.write(f"{reply}connection: close\r\n\r\n".encode())
        else:
            await reader.read()  # until the other side gives up
        writer.close()


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    receiver = Receiver(*statuses)
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?token=hidden"
    async with server:
        yield receiver


@asynccontextmanager
async def sink_to(url: str, **settings: Any) -> AsyncIterator[WebhookSink]:
    quick = {"first_wait_s": 0.0, "longest_wait_s": 0.0, "max_attempts": 3, **settings}
    sink = WebhookSink(WebhookSettings(url=url, **quick))
    try:
        yield sink
    finally:
        await sink.close()


async def send(sink: WebhookSink, *events: Event) -> None:
    for event in events:
        await sink.accept(event)


async def test_what_matters_is_told_signed() -> None:
    opened = Opened(time_s=0.0, session="s1", streams=("pot",), model="m", settings={})
    frozen = StreamHealth(time_s=5.0, stream="pot", state="frozen")
    failed = Failed(time_s=6.0, tick=5, part="model", error="no answer")
    async with receiving() as receiver, sink_to(receiver.url) as sink:
        await send(sink, opened, SPOKEN, SILENT, frozen, failed)
    assert [message["type"] for message in receiver.messages] == [
        "decided",
        "stream_health",
        "failed",
    ]
    data = receiver.messages[0]["data"]
    assert (data["session"], data["action"], data["text"]) == ("s1", "speak", "It boils. 水")
    assert len(set(receiver.ids)) == 3


async def test_silence_is_told_to_who_wants_it() -> None:
    async with receiving() as receiver, sink_to(receiver.url, silent=True) as sink:
        await send(sink, SILENT)
    assert receiver.messages[0]["data"]["action"] == "silent"


async def test_a_receiver_that_fails_twice_gets_the_same_message_again() -> None:
    async with receiving(500, 503, 200) as receiver, sink_to(receiver.url) as sink:
        await send(sink, SPOKEN)
    assert len(receiver.ids) == 3
    assert len(set(receiver.ids)) == 1


async def test_attempts_are_bounded_and_a_receiver_that_is_down_is_tried_once_an_event() -> None:
    async with receiving(*[500] * 4) as receiver, sink_to(receiver.url) as sink:
        with pytest.raises(SinkFailed, match="in 3 attempts") as raised:
            await sink.accept(SPOKEN)
        with pytest.raises(SinkFailed, match="in 1 attempts"):
            await sink.accept(SPOKEN)
        await sink.accept(SPOKEN)
    assert len(receiver.ids) == 5
    assert "hidden" not in str(raised.value)
    assert KEY not in str(raised.value)
    assert KEY.removeprefix("whsec_") not in repr(vars(sink))


async def test_a_receiver_that_hangs_is_given_up() -> None:
    async with receiving(HANGS, 200) as receiver, sink_to(receiver.url, timeout_s=0.05) as sink:
        await send(sink, SPOKEN)
    assert len(set(receiver.ids)) == 1
    assert len(receiver.ids) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 301, 307])
async def test_a_refusal_or_a_redirect_is_not_tried_again(status: int) -> None:
    async with receiving(status) as receiver, sink_to(receiver.url) as sink:
        with pytest.raises(SinkFailed, match=f"status {status}"):
            await sink.accept(SPOKEN)
    assert len(receiver.ids) == 1


async def test_a_receiver_that_is_gone_is_told_nothing_more() -> None:
    async with receiving(410) as receiver, sink_to(receiver.url) as sink:
        with pytest.raises(SinkFailed, match="is gone"):
            await sink.accept(SPOKEN)
        await send(sink, SPOKEN, SPOKEN)
    assert len(receiver.ids) == 1


async def test_nobody_there_is_a_clear_error() -> None:
    async with receiving() as receiver:
        pass
    async with sink_to(receiver.url) as sink:
        with pytest.raises(SinkFailed, match=r"http://127\.0\.0\.1:\d+ took no decided event"):
            await sink.accept(SPOKEN)


def perceived(jpeg: bytes) -> Perceived:
    picture = Picture("pot", 2.5, 64, 48, jpeg)
    return Perceived(time_s=3.0, tick=2, percepts=(Pictures((picture,)),))


async def test_a_snapshot_is_the_newest_picture_and_bounded() -> None:
    settings = {"snapshot": True, "max_snapshot_bytes": 8}
    async with receiving() as receiver, sink_to(receiver.url, **settings) as sink:
        await send(sink, perceived(b"old"), perceived(b"jpeg"), SPOKEN)
        await send(sink, perceived(b"much too large"), SPOKEN)
    small, large = (message["data"]["snapshot"] for message in receiver.messages)
    assert small == {"stream": "pot", "time_s": 2.5, "num_bytes": 4, "jpeg_base64": "anBlZw=="}
    assert (large["num_bytes"], large["jpeg_base64"]) == (14, None)


async def test_without_the_setting_no_picture_leaves_the_machine() -> None:
    async with receiving() as receiver, sink_to(receiver.url) as sink:
        await send(sink, perceived(b"jpeg"), SPOKEN)
    assert "snapshot" not in json.dumps(receiver.messages)


@pytest.mark.parametrize("secret", ["", "whsec_not base64!", "whsec_QUJD"])
def test_a_secret_that_is_missing_or_weak_is_refused_without_being_shown(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET, secret)
    with pytest.raises(BadSettings, match="openssl rand -base64 32") as raised:
        WebhookSink(WebhookSettings(url="http://localhost/"))
    assert not secret or secret not in str(raised.value)


@pytest.mark.parametrize("url", ["ftp://x/", "file:///etc/passwd", "x", "http://me:pw@x/"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected http|does not belong"):
        WebhookSettings(url=url)

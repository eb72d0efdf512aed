"""Traces: what they say, what they never say, and that a collector costs nobody anything."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from time import perf_counter
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onlooker.core.errors import BadSettings
from onlooker.server.app import create_app, telemetry_of
from onlooker.server.auth import Tokens
from onlooker.server.telemetry import Telemetry
from onlooker.testing.serving import jpeg
from tests.server.over_http import (
    OPERATOR,
    ROLES,
    Served,
    chat,
    serving,
    session,
    settings_of,
)

SECRET, WORDS = "sesame-0000000000", "is the cat asleep"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)


def about(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def named(spans: Sequence[ReadableSpan], name: str) -> list[ReadableSpan]:
    return [span for span in spans if span.name == name]


@asynccontextmanager
async def traced(tmp_path: Path, **more: Any) -> AsyncIterator[tuple[Served, InMemorySpanExporter]]:
    kept = InMemorySpanExporter()
    telemetry = Telemetry(SimpleSpanProcessor(kept))
    async with serving(settings_of(tmp_path, **more), telemetry=telemetry) as served:
        yield served, kept


async def test_a_second_is_a_span_with_its_session_decision_stream_and_model_call(
    tmp_path: Path,
) -> None:
    async with traced(tmp_path) as (served, kept):
        answer = await served.http.post(
            "/v1/chat/completions", json=chat(WORDS, 10), headers=session("yard")
        )
        held = answer.json()["interaction"]
        await served.http.post("/v1/chat/completions", json=chat("", 20), headers=session("yard"))
        reset = await served.http.post("/v1/streaming/reset", headers=session("yard"))
        assert reset.json()["removed"]
        spans = kept.get_finished_spans()
    first, second = named(spans, "onlooker.tick")
    assert [about(span)["onlooker.decision"] for span in (first, second)] == ["speak", "silent"]
    assert about(first)["onlooker.streams"] == ("camera",)
    assert about(first)["onlooker.latency_ms"] > 0
    assert about(first)["onlooker.tick"] < about(second)["onlooker.tick"]
    assert held["action"] == "speak"
    models = named(spans, "onlooker.model")
    assert [span.parent and span.parent.span_id for span in models] == [
        span.context.span_id for span in (first, second)
    ]
    for inner, outer in zip(models, (first, second), strict=True):
        assert (outer.start_time or 0) <= (inner.start_time or 0) <= (inner.end_time or 0)
        assert inner.end_time == outer.end_time
    (whole,) = named(spans, "onlooker.session")
    assert about(whole)["onlooker.decided"] == 2
    requests = named(spans, "POST /v1/chat/completions")
    assert {about(span)["onlooker.session"] for span in requests} == {
        about(first)["onlooker.session"]
    }
    assert {about(span)["http.response.status_code"] for span in requests} == {200}


async def test_no_span_holds_words_pictures_tokens_or_a_query(tmp_path: Path) -> None:
    async with traced(tmp_path, cameras=("127.0.0.1",)) as (served, kept):
        opened = await served.http.post(
            "/v1/sessions", json={"name": WORDS, "instructions": [WORDS]}
        )
        path = f"/v1/sessions/{opened.json()['id']}"
        address = f"http://lovelace:{SECRET}@127.0.0.1:9/video?key={SECRET}"
        await served.http.post(f"{path}/streams", json={"stream": "door", "address": address})
        for words in (WORDS, f"fail {WORDS}", f"delegate {WORDS}"):
            await served.http.post(
                "/v1/chat/completions", json=chat(words, 10), headers=session(WORDS)
            )
        await served.http.get(f"{path}/memory", params={"q": WORDS})
        await served.http.get(f"/v1/{SECRET}/unknown", headers=served.by(f"wrong-{SECRET}"))
        await served.http.get(f"/v1/{SECRET}/unknown")
    text = "".join(span.to_json() for span in kept.get_finished_spans())
    assert "onlooker.failed" in text
    for secret in (SECRET, WORDS, "asleep", OPERATOR, "lovelace", "127.0.0.1"):
        assert secret not in text


async def test_who_was_refused_makes_no_span_and_a_callers_trace_goes_on(tmp_path: Path) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    parent = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    async with traced(tmp_path) as (served, kept):
        refused = await served.http.get("/v1/sessions", headers=served.by("nobody"))
        assert refused.status_code == 401
        await served.http.get("/v1/sessions", headers=parent)
    (span,) = kept.get_finished_spans()
    assert span.name == "GET /v1/sessions"
    assert f"{span.context.trace_id:032x}" == trace


class Collector(ThreadingHTTPServer):
    """Takes traces as OTLP over HTTP does, and counts the spans; or is mute, as a dead one."""

    def __init__(self, *, is_mute: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Takes)
        self.is_mute = is_mute
        self.names: list[str] = []
        self.services: set[str] = set()
        self.is_over = Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Takes(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.is_mute:
            self.server.is_over.wait(30)
            return
        assert self.path == "/v1/traces"
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.server.services |= {
                found.value.string_value
                for found in resource.resource.attributes
                if found.key == "service.name"
            }
            for scope in resource.scope_spans:
                self.server.names += [span.name for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def running(collector: Collector) -> Iterator[Collector]:
    with collector:
        thread = Thread(target=collector.serve_forever, args=(0.01,))
        thread.start()
        yield collector
        collector.is_over.set()
        collector.shutdown()
        thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    yield from running(Collector())


@pytest.fixture
def mute() -> Iterator[Collector]:
    yield from running(Collector(is_mute=True))


async def decide(served: Served, num: int) -> list[float]:
    """Send pictures; give how long each answer took."""
    took_s = []
    for index in range(num):
        began_s = perf_counter()
        answer = await served.http.post(
            "/v1/chat/completions", json=chat("", index % 250), headers=session("yard")
        )
        assert answer.json()["interaction"]["action"] == "silent"
        took_s.append(perf_counter() - began_s)
    return took_s


async def test_a_collector_gets_every_span_also_the_last(
    tmp_path: Path, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENDPOINT, collector.url)
    async with serving(settings_of(tmp_path)) as served:
        await decide(served, 20)
    names = collector.names
    assert [names.count(f"onlooker.{name}") for name in ("tick", "model", "session")] == [20, 20, 1]
    assert names.count("POST /v1/chat/completions") == 20
    assert collector.services == {"onlooker"}


async def test_a_dead_collector_disturbs_no_session_and_no_end(
    tmp_path: Path, mute: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections and never answers; the queue is full after ten spans."""
    monkeypatch.setenv(ENDPOINT, mute.url)
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
    monkeypatch.setattr("onlooker.server.telemetry.LEAVE_WITHIN_S", 0.3)
    async with serving(settings_of(tmp_path)) as served:
        took_s = await decide(served, 50)
        began_s = perf_counter()
    assert sorted(took_s)[len(took_s) // 2] < 0.5
    assert max(took_s) < 5  # a send waits for ten
    assert perf_counter() - began_s < 5


async def test_a_collector_that_is_not_there_disturbs_nobody_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv(ENDPOINT, f"http://127.0.0.1:{port}")
    monkeypatch.setattr("onlooker.server.telemetry.LEAVE_WITHIN_S", 0.3)
    async with serving(settings_of(tmp_path)) as served:
        assert max(await decide(served, 20)) < 5


async def test_pictures_that_are_pushed_make_spans_of_their_stream(tmp_path: Path) -> None:
    async with traced(tmp_path) as (served, kept):
        opened = await served.http.post("/v1/sessions", json={"name": "yard"})
        path = f"/v1/sessions/{opened.json()['id']}"
        while not named(kept.get_finished_spans(), "onlooker.tick"):
            await served.http.post(f"{path}/frames", params={"stream": "door"}, content=jpeg(10))
            await asyncio.sleep(0)
        (span, *_) = named(kept.get_finished_spans(), "onlooker.tick")
    assert about(span)["onlooker.session"] == opened.json()["id"]


# Whether it is on.


def test_it_is_off_until_somebody_asks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_on(**server: Any) -> bool:
        made = telemetry_of(settings_of(tmp_path, **server).server)
        if made:
            asyncio.run(made.close())
        return made is not None

    assert not is_on()
    assert is_on(telemetry=True)
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    assert is_on()
    assert not is_on(telemetry=False)
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not is_on(telemetry=True)
    monkeypatch.delenv("OTEL_SDK_DISABLED")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with pytest.raises(BadSettings, match=r"grpc.*http/protobuf"):
        is_on()


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "onlooker.server.telemetry")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    create_app(settings_of(tmp_path), Tokens.of(ROLES))  # nobody asks for it
    with pytest.raises(BadSettings, match=r"pip install 'onlooker\[telemetry\]'"):
        create_app(settings_of(tmp_path, telemetry=True), Tokens.of(ROLES))

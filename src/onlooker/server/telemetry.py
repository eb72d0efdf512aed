"""Traces for an OpenTelemetry collector: requests, and what every second of a session came to.

Spans say which session, second and stream, what was decided and how long it took. They never hold
words, pictures, addresses, tokens or a query, so nothing is left out by a filter: it is not put in.

We write the spans ourselves. The ready-made instrumentation for FastAPI puts whole addresses into
them, and ours carry tickets and words that are searched for; and it makes a span of each message
of a socket.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from importlib.metadata import version
from threading import Thread
from time import time_ns

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onlooker.core.decision import action_of
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Observed,
    Perceived,
    Skipped,
    StreamHealth,
    TaskAnswered,
    TaskAsked,
)
from onlooker.core.percept import Percept, Pictures
from onlooker.server.held import Held

MAX_SESSIONS = 4096  # that are followed; the oldest are forgotten
MAX_TASKS = 64  # of one session, that wait for their answer
MAX_TEXT = 200  # letters of one attribute
LEAVE_WITHIN_S = 3.0  # for the last spans, when the server stops

Attributes = dict[str, AttributeValue]


@dataclass
class _Followed:
    """What is known of a session's present second. Times are of the world, in nanoseconds."""

    opened_ns: int
    began_ns: int = 0
    seen_ns: int = 0  # when its pictures were ready
    streams: tuple[str, ...] = ()
    num_skipped: int = 0  # seconds since the last that was decided on
    tasks: OrderedDict[str, int] = field(default_factory=OrderedDict)  # when they were asked


class Telemetry:
    """Makes spans and hands them on; one a server.

    A queue of a fixed size and a thread of its own stand between us and the collector: what a
    collector does, or does not do, costs no session anything but its spans. Address, headers,
    sampling and sizes are OpenTelemetry's own settings: `OTEL_*` in the environment.
    """

    def __init__(self, processor: SpanProcessor | None = None) -> None:
        resource = Resource.create({"service.version": version("onlooker")})
        if str(resource.attributes["service.name"]).startswith("unknown_service"):
            resource = resource.merge(Resource({"service.name": "onlooker"}))
        self._provider = TracerProvider(
            resource=resource,
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_attribute_length=MAX_TEXT),
        )
        self._exporter: OTLPSpanExporter | None = None
        if processor is None:
            self._exporter = OTLPSpanExporter()
            processor = BatchSpanProcessor(self._exporter)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("onlooker")
        self._sessions: OrderedDict[str, _Followed] = OrderedDict()

    async def close(self) -> None:
        """Send what is left, if the collector takes it soon."""
        ending = Thread(target=self._provider.shutdown, name="onlooker-telemetry", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, LEAVE_WITHIN_S)
        if ending.is_alive() and self._exporter:
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # tries no more

    # Requests.

    def begin_request(self, scope: Scope) -> Span:
        """Begin a span for a request that the guard let pass."""
        headers = Headers(scope=scope)
        carried = {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}
        parent = TraceContextTextMapPropagator().extract(carried, Context())
        return self._tracer.start_span("request", parent, SpanKind.SERVER)

    def end_request(self, span: Span, scope: Scope, status: int, *, is_fault: bool) -> None:
        """End it under its route, never under what a client typed."""
        route = getattr(scope.get("route"), "path", None) or "other"
        method = scope.get("method", "WS")
        params = scope.get("path_params") or {}
        session = params.get("session_id") or scope.get("state", {}).get("session")
        span.update_name(f"{method} {route}")
        span.set_attributes(
            {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
            }
        )
        if session:
            span.set_attribute("onlooker.session", str(session))
        if is_fault or status >= 500:
            span.set_status(StatusCode.ERROR)
        span.end()

    # Sessions.

    def tell_event(self, held: Held, event: Event) -> None:
        """Take note of an event; a second is told when it is decided."""
        now_ns = time_ns()  # spans are in the world's time
        followed = self._sessions.setdefault(held.id, _Followed(now_ns))
        while len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        about: Attributes = {"onlooker.session": held.id, "onlooker.kind": held.kind}
        if event.tick is not None:
            about["onlooker.tick"] = event.tick
        match event:
            case Observed() | Perceived() | Skipped() | Decided():
                self._follow_second(followed, event, about, now_ns)
            case Failed(part=part):
                about["onlooker.failed"] = part
                if part in ("model", "perception"):
                    took_ms = (now_ns - (followed.began_ns or now_ns)) / 1e6
                    self._tell_second(followed, about, now_ns, took_ms, is_fault=True)
                else:
                    self._tell("failure", about, (now_ns, now_ns), is_fault=True)
            case StreamHealth():
                about |= {"onlooker.stream": event.stream or "", "onlooker.state": event.state}
                self._tell("stream", about, (now_ns, now_ns))
            case TaskAsked() | TaskAnswered():
                self._follow_task(followed, event, about, now_ns)
            case Closed():
                self._sessions.pop(held.id, None)
                about |= {
                    "onlooker.decided": event.num_decided,
                    "onlooker.skipped": event.num_skipped,
                    "onlooker.failures": event.num_failed,
                }
                self._tell("session", about, (followed.opened_ns, now_ns))

    def _follow_second(
        self,
        followed: _Followed,
        event: Observed | Perceived | Skipped | Decided,
        about: Attributes,
        now_ns: int,
    ) -> None:
        match event:
            case Observed():
                followed.began_ns, followed.seen_ns, followed.streams = now_ns, 0, ()
            case Perceived():
                followed.seen_ns, followed.streams = now_ns, _streams_of(event.percepts)
            case Skipped():
                followed.num_skipped += event.num_ticks
            case Decided():
                self._tell_second(followed, about | _about(event), now_ns, event.latency_ms)

    def _follow_task(
        self,
        followed: _Followed,
        event: TaskAsked | TaskAnswered,
        about: Attributes,
        now_ns: int,
    ) -> None:
        if isinstance(event, TaskAsked):
            followed.tasks[event.task_id] = now_ns
            while len(followed.tasks) > MAX_TASKS:
                followed.tasks.popitem(last=False)
            return
        about |= {"onlooker.task": event.task_id, "onlooker.status": event.status}
        span_ns = (followed.tasks.pop(event.task_id, now_ns), now_ns)
        self._tell("task", about, span_ns, is_fault=event.status == "failed")

    def _tell_second(
        self,
        followed: _Followed,
        about: Attributes,
        end_ns: int,
        took_ms: float,
        *,
        is_fault: bool = False,
    ) -> None:
        about |= {"onlooker.latency_ms": took_ms, "onlooker.skipped": followed.num_skipped}
        about["onlooker.streams"] = followed.streams
        followed.num_skipped = 0
        begin_ns = end_ns - round(took_ms * 1e6)
        second = self._tell("tick", about, (begin_ns, end_ns), is_fault=is_fault)
        within = set_span_in_context(second, Context())
        # Events come a moment after they happen: not before the second, nor after it.
        seen_ns = min(max(followed.seen_ns, begin_ns), end_ns) if followed.seen_ns else end_ns
        self._tell("perceive", {}, (begin_ns, seen_ns), within)
        if followed.seen_ns:
            self._tell("model", {}, (seen_ns, end_ns), within, is_fault=is_fault)

    def _tell(
        self,
        name: str,
        about: Attributes,
        span_ns: tuple[int, int],
        within: Context | None = None,
        *,
        is_fault: bool = False,
    ) -> Span:
        begin_ns, end_ns = span_ns
        span = self._tracer.start_span(
            f"onlooker.{name}", within or Context(), attributes=about, start_time=begin_ns
        )
        if is_fault:
            span.set_status(StatusCode.ERROR)
        span.end(end_ns)
        return span


class Traced:
    """Makes a span of each request that comes past the guard."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        status, is_fault = 0, True

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = int(message["status"])
            elif message["type"] == "websocket.accept":
                status = 101
            await send(message)

        span = self._telemetry.begin_request(scope)
        try:
            await self._app(scope, receive, noting)
            is_fault = False
        finally:
            self._telemetry.end_request(span, scope, status, is_fault=is_fault)


def _about(decided: Decided) -> Attributes:
    usage = decided.usage
    found = {
        "onlooker.decision": action_of(decided.decision),
        "onlooker.speak_probability": decided.speak_probability,
        "onlooker.prompt_tokens": usage.prompt_tokens,
        "onlooker.cached_tokens": usage.cached_tokens,
        "onlooker.completion_tokens": usage.completion_tokens,
    }
    return {name: value for name, value in found.items() if value is not None}


def _streams_of(percepts: tuple[Percept, ...]) -> tuple[str, ...]:
    found = [
        part.stream
        for percept in percepts
        for part in (percept.pictures if isinstance(percept, Pictures) else percept.views)
    ]
    return tuple(dict.fromkeys(found))

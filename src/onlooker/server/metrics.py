"""What Prometheus reads: requests, sessions, decisions, latency, tasks, streams."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from onlooker.core.decision import action_of
from onlooker.core.event import Decided, Event, Failed, Skipped, StreamHealth, TaskAnswered
from onlooker.server.held import Held
from onlooker.server.hub import Hub

CONTENT_TYPE = CONTENT_TYPE_LATEST
LATENCY_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
UNWELL = ("lost", "frozen", "dark")


class Metrics:
    """One registry a server, so that two in a process do not count each other's."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "onlooker_requests", "HTTP requests", ["method", "route", "status"], registry=registry
        )
        self._request_s = Histogram(
            "onlooker_request_seconds", "Time an HTTP request took", ["route"], registry=registry
        )
        self._decisions = Counter(
            "onlooker_decisions", "Seconds decided on, by action", ["action"], registry=registry
        )
        self._decision_s = Histogram(
            "onlooker_decision_seconds",
            "From the end of a second to its decision",
            buckets=LATENCY_S,
            registry=registry,
        )
        self._skipped = Counter(
            "onlooker_skipped_ticks", "Seconds without a decision", ["reason"], registry=registry
        )
        self._failures = Counter(
            "onlooker_failures", "Failures, by part", ["part"], registry=registry
        )
        self._tasks = Counter(
            "onlooker_tasks", "Tasks of the brain that have ended", ["status"], registry=registry
        )
        self._tokens = Counter(
            "onlooker_tokens", "Tokens, as the model counts them", ["kind"], registry=registry
        )
        self._sessions = Gauge("onlooker_sessions", "Open sessions", ["kind"], registry=registry)
        self._readers = Gauge(
            "onlooker_readers", "Connections that follow a session", registry=registry
        )
        self._unwell = Gauge(
            "onlooker_streams_unwell", "Streams that are lost, frozen or dark", registry=registry
        )
        self._dropped = Gauge(
            "onlooker_frames_dropped", "Pushed pictures that gave way, of open sessions",
            registry=registry,
        )  # fmt: skip
        self._lives = Gauge(
            "onlooker_session_lives", "Sessions since the start", ["what"], registry=registry
        )
        hub.watchers.append(self.tell_event)

    def tell_request(self, scope: Any, status: int, took_s: float) -> None:
        """Count a request under its route, never under what a client typed."""
        route = getattr(scope.get("route"), "path", None) or "other"
        method = scope.get("method", "WS")
        self._requests.labels(method, route, str(status)).inc()
        self._request_s.labels(route).observe(took_s)

    def tell_event(self, _held: Held, event: Event) -> None:
        """Count an event of a session."""
        match event:
            case Decided(decision=decision, latency_ms=latency_ms, usage=usage):
                self._decisions.labels(action_of(decision)).inc()
                self._decision_s.observe(latency_ms / 1e3)
                self._tokens.labels("prompt").inc(usage.prompt_tokens or 0)
                self._tokens.labels("cached").inc(usage.cached_tokens or 0)
                self._tokens.labels("completion").inc(usage.completion_tokens or 0)
            case Skipped(reason=reason, num_ticks=num):
                self._skipped.labels(reason).inc(num)
            case Failed(part=part):
                self._failures.labels(part).inc()
            case TaskAnswered(status=status):
                self._tasks.labels(status).inc()
            case StreamHealth():
                pass  # read from the sessions, when asked

    def text(self) -> bytes:
        """Write all of it in Prometheus' format."""
        sessions = self._hub.sessions()
        for kind in ("live", "chat"):
            self._sessions.labels(kind).set(sum(held.kind == kind for held in sessions))
        self._readers.set(sum(held.num_readers for held in sessions))
        self._dropped.set(sum(held.num_frames_dropped for held in sessions))
        states = [health.state for held in sessions for health in held.kept.health.values()]
        self._unwell.set(sum(state in UNWELL for state in states))
        for what in ("opened", "ended", "broken", "reaped", "resumed"):
            self._lives.labels(what).set(self._hub.counts[what])
        return bytes(generate_latest(self._registry))

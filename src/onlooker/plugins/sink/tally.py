"""How a session goes, in a few numbers: what the console's status line shows."""

from __future__ import annotations

from collections import Counter, deque

from onlooker.core.decision import Silent
from onlooker.core.event import (
    Decided,
    Event,
    Failed,
    HealthState,
    Opened,
    Skipped,
    Speaking,
    StreamHealth,
)

NUM_LATENCIES = 120  # the newest: the status line shows how it goes now


class Tally:
    """Counts events as they fall. Bounded, however long the session."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.counts: Counter[str] = Counter()  # ticks, spoken, silent, skipped, still, failed
        self.silent_since_s: float | None = None
        self.speaking = ""  # what is being said at this moment
        self.health: dict[str, HealthState | None] = {}  # by stream
        self._latencies_ms: deque[float] = deque(maxlen=NUM_LATENCIES)

    def add(self, event: Event) -> None:
        self.time_s = max(self.time_s, event.time_s)
        match event:
            case Opened():
                self.health = dict.fromkeys(event.streams)
            case Speaking():
                self.speaking += event.text
            case Decided():
                self._add_decision(event)
            case Skipped(reason=reason, num_ticks=number):
                self.counts["ticks"] += number
                self.counts["late" if reason == "late" else "not needed"] += number
            case Failed(tick=tick, part=part):
                self.counts["failed"] += 1
                self.counts["ticks"] += tick is not None and part in ("model", "perception")
                self.speaking = ""
            case StreamHealth(stream=stream, state=state) if stream is not None:
                self.health[stream] = state

    @property
    def silent_s(self) -> float:
        """For how long nothing was said."""
        return self.time_s - (self.silent_since_s or 0.0)

    def latency_ms(self, share: float) -> float | None:
        """Give the latency that `share` of the newest decisions stayed below."""
        ordered = sorted(self._latencies_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None

    def _add_decision(self, decided: Decided) -> None:
        self.counts["ticks"] += 1
        self.speaking = ""
        self._latencies_ms.append(decided.latency_ms)
        if isinstance(decided.decision, Silent):
            self.counts["silent"] += 1
        else:
            self.counts["spoken"] += 1
            self.silent_since_s = decided.time_s

"""A session's events as realtime events: speech as responses, everything under its own name.

Pure and repeatable: the same events give the same realtime events with the same numbers, so a
connection that resumes goes on exactly where it was lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Observed,
    Perceived,
    Skipped,
    Speaking,
    Usage,
)
from onlooker.core.moment import Instruction
from onlooker.core.prompt import task_id_of
from onlooker.core.wire import to_json
from onlooker.live.lines import kind_of
from onlooker.server.realtime_speech import SpeechNarrator

Wire = dict[str, Any]
Trigger = Literal["proactive", "asked", "answer", "alert"]

STEP = 16  # realtime events that one event of the session may become, at most
PATIENCE_TICKS = 10  # after which speech no longer counts as what was asked for
_WORTH_TELLING = ("heard", "instructed", "answers", "recalled", "persona")


@dataclass
class _Response:
    name: str
    tick: int
    trigger: Trigger
    time_s: float
    said: str = ""
    metadata: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.metadata |= {
            "trigger": self.trigger,
            "tick": str(self.tick),
            "time_s": f"{self.time_s:g}",
        }

    @property
    def id(self) -> str:
        return f"resp_{self.name}"

    @property
    def item_id(self) -> str:
        return f"item_{self.name}"

    def at(self) -> Wire:
        return {
            "response_id": self.id,
            "item_id": self.item_id,
            "output_index": 0,
            "content_index": 0,
        }

    def item(self, status: str, text: str | None = None) -> Wire:
        content = [] if text is None else [{"type": "output_text", "text": text}]
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def as_wire(self, status: str, output: list[Wire]) -> Wire:
        return {
            "id": self.id,
            "object": "realtime.response",
            "status": status,
            "output": output,
            "output_modalities": ["text"],
            "metadata": self.metadata,
        }


class Narrator:
    """Follows one session. Feed it every event in order; it need not begin with the first.

    Ticks begin anew when a server restarts; `tag` tells one life of a session from the next.
    """

    def __init__(
        self, tag: str = "0", standing: Callable[[], Iterable[Instruction]] = tuple
    ) -> None:
        self._tag = tag
        self._standing = standing
        self._speech_narrator = SpeechNarrator(tag)
        self._response: _Response | None = None
        self._start_s: dict[int, float] = {}  # of the tick that is being decided
        self._asked_tick: int | None = None  # since when somebody waits for an answer
        self._answered_tick: int | None = None  # in which the brain's answer came
        self._said_item: str | None = None  # the newest
        self._triggered: Trigger = "proactive"  # why it spoke last
        self._observed: Observed | None = None  # of the tick that is being decided

    def tell(self, seq: int, event: Event) -> list[Wire]:
        """Give what goes out for `event`, which is the session's event number `seq`."""
        heard = self._speech_narrator.tell(event)
        wires = [*self._speech(event), *heard, *self._news(event)]
        for index, wire in enumerate(wires):
            number = seq * STEP + index
            wire |= {"event_id": f"event_{number}", "seq": number}
        return wires

    def _speech(self, event: Event) -> list[Wire]:
        match event:
            case Observed():
                self._observe(event)
            case Speaking(tick=int(tick), text=text):
                return [*self._opened(tick, event.time_s), *self._said(text)]
            case Decided(tick=int(tick), decision=Speak(text)):
                return [*self._opened(tick, event.time_s), *self._done(text, event)]
            case Decided(tick=int(tick), decision=Delegate(text)):
                opened = self._opened(tick, event.time_s)
                if self._response:
                    self._response.metadata["task_id"] = task_id_of(tick)
                return [*opened, *self._done(text, event)]
            case Failed(part="model") | Decided(decision=Silent()):
                return self._broken("failed")
            case Closed():
                return self._broken("cancelled")
        return []

    def _observe(self, event: Observed) -> None:
        self._start_s = {event.tick or 0: event.start_s}
        self._observed = event
        if any(words.speaker == "user" for words in event.heard):
            self._asked_tick = event.tick
        if event.answers:
            self._answered_tick = event.tick

    def _opened(self, tick: int, time_s: float) -> list[Wire]:
        """Begin the response of a tick, unless it has begun."""
        if self._response and self._response.tick == tick:
            return []
        broken = self._broken("cancelled")
        self._triggered = self._trigger(tick)
        response = self._response = _Response(f"{self._tag}_{tick}", tick, self._triggered, time_s)
        self._asked_tick = None
        begun = response.item("in_progress")
        return [
            *broken,
            {"type": "response.created", "response": response.as_wire("in_progress", [])},
            {
                "type": "response.output_item.added",
                "response_id": response.id,
                "output_index": 0,
                "item": begun,
            },
            {
                "type": "conversation.item.added",
                "previous_item_id": self._said_item,
                "item": begun,
            },
            {
                "type": "response.content_part.added",
                **response.at(),
                "part": {"type": "text", "text": ""},
            },
        ]

    def _said(self, text: str) -> list[Wire]:
        if not self._response or not text:
            return []
        self._response.said += text
        return [{"type": "response.output_text.delta", **self._response.at(), "delta": text}]

    def _done(self, text: str, event: Decided) -> list[Wire]:
        response = self._response
        if response is None:
            return []
        # Of a text that grew as it was told, the rest; otherwise `done` brings the whole.
        rest = text.removeprefix(response.said) if text.startswith(response.said) else ""
        told = self._said(rest)
        response.metadata["latency_ms"] = f"{event.latency_ms:g}"
        return [*told, *self._closed("completed", text, event.usage)]

    def _broken(self, status: Literal["failed", "cancelled"]) -> list[Wire]:
        """End a response that will not be finished."""
        return self._closed(status, self._response.said, Usage()) if self._response else []

    def _closed(self, status: str, text: str, usage: Usage) -> list[Wire]:
        response = self._response
        if response is None:
            return []
        self._response = None
        item = response.item("completed" if status == "completed" else "incomplete", text)
        whole = response.as_wire(status, [item]) | {"usage": _usage(usage)}
        if status != "completed":
            whole["status_details"] = {"type": status}
        previous, self._said_item = self._said_item, response.item_id
        return [
            {"type": "response.output_text.done", **response.at(), "text": text},
            {
                "type": "response.content_part.done",
                **response.at(),
                "part": {"type": "text", "text": text},
            },
            {"type": "conversation.item.done", "previous_item_id": previous, "item": item},
            {
                "type": "response.output_item.done",
                "response_id": response.id,
                "output_index": 0,
                "item": item,
            },
            {"type": "response.done", "response": whole},
        ]

    def _trigger(self, tick: int) -> Trigger:
        if self._answered_tick == tick:
            return "answer"
        if self._asked_tick is not None and tick - self._asked_tick <= PATIENCE_TICKS:
            return "asked"
        seen = self._observed
        is_alert = seen is not None and kind_of(seen, self._standing()) == "alert"
        return "alert" if is_alert else "proactive"

    def _news(self, event: Event) -> list[Wire]:
        """Give the event under its own name."""
        if isinstance(event, Speaking):
            return []  # the response's delta says it
        plain = to_json(event)
        if isinstance(event, Observed):
            plain.pop("memory", None)
            if not any(plain[key] for key in _WORTH_TELLING):
                return []
        if isinstance(event, Decided):
            plain["start_s"] = self._start_s.get(event.tick or 0)
            is_said = not isinstance(event.decision, Silent)
            plain["trigger"] = self._triggered if is_said else None
        return [plain | {"type": f"onlooker.{plain['type']}"}]


def is_passing(event: Event) -> bool:
    """Whether only the newest of its kind matters to somebody who reads slowly."""
    match event:
        case Decided(decision=Silent()):
            return True
        case Observed(heard=heard, answers=answers, instructed=instructed):
            return not (heard or answers or instructed)
    return isinstance(event, Perceived | Skipped)


def _usage(usage: Usage) -> Wire:
    read, written = usage.prompt_tokens or 0, usage.completion_tokens or 0
    return {
        "total_tokens": read + written,
        "input_tokens": read,
        "output_tokens": written,
        "input_token_details": {"text_tokens": read, "cached_tokens": usage.cached_tokens or 0},
        "output_token_details": {"text_tokens": written},
    }

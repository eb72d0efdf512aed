from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.realtime import realtime_server_event as openai_events
from pydantic import TypeAdapter

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.event import (
    EVENTS,
    Closed,
    Decided,
    Event,
    Failed,
    Observed,
    Perceived,
    Skipped,
    Speaking,
    StreamHealth,
    Usage,
)
from onlooker.core.moment import Answer, Utterance
from onlooker.core.percept import Box, Picture, Pictures, Scene, SceneObject, View
from onlooker.server.realtime_narrator import STEP, Narrator, Wire, is_passing

LIFE = [
    "response.created",
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
    "response.done",
]


def observed(tick: int, asks: str = "", answers: str = "") -> Observed:
    time_s = tick + 1.0
    return Observed(
        tick=tick,
        time_s=time_s,
        start_s=float(tick),
        end_s=time_s,
        heard=(Utterance(asks, time_s - 0.5),) if asks else (),
        answers=(Answer("task-0", "Which?", answers, time_s),) if answers else (),
        memory=("much text",),
    )


def decided(tick: int, decision: Decision) -> Decided:
    usage = Usage(prompt_tokens=804, cached_tokens=790, completion_tokens=8)
    return Decided(tick=tick, time_s=tick + 1.0, decision=decision, latency_ms=12.5, usage=usage)


def speaking(tick: int, text: str) -> Speaking:
    return Speaking(tick=tick, time_s=tick + 1.0, text=text)


def told(*events: Event, narrator: Narrator | None = None, first: int = 1) -> list[Wire]:
    narrator = narrator or Narrator()
    return [
        wire for seq, event in enumerate(events, start=first) for wire in narrator.tell(seq, event)
    ]


def standard(wires: list[Wire]) -> list[Wire]:
    return [wire for wire in wires if not wire["type"].startswith("onlooker.")]


def names(wires: list[Wire]) -> list[str]:
    return [wire["type"] for wire in wires]


def the(name: str, wires: list[Wire]) -> Wire:
    (found,) = [wire for wire in wires if wire["type"] == name]
    return found


def test_a_remark_is_a_whole_response_in_openais_order() -> None:
    wires = told(observed(0), decided(0, Speak("It boils.")))
    assert names(wires) == [*LIFE, "onlooker.decided"]
    done = the("response.done", wires)["response"]
    assert done["output"][0]["content"] == [{"type": "output_text", "text": "It boils."}]
    assert done["metadata"]["trigger"] == "proactive"
    assert done["usage"]["total_tokens"] == 812


def test_speech_that_is_told_as_it_is_written_comes_once() -> None:
    wires = told(
        observed(4), speaking(4, "It "), speaking(4, "boils."), decided(4, Speak("It boils."))
    )
    deltas = [w["delta"] for w in wires if w["type"] == "response.output_text.delta"]
    assert deltas == ["It ", "boils."]
    assert names(wires).count("response.created") == 1
    assert the("response.output_text.done", wires)["text"] == "It boils."


def test_a_reader_who_missed_the_beginning_is_given_the_whole_at_the_end() -> None:
    wires = told(speaking(4, "boils."), decided(4, Speak("It boils.")))
    assert the("response.output_text.done", wires)["text"] == "It boils."
    assert names(wires)[-2:] == ["response.done", "onlooker.decided"]


def test_every_standard_event_is_what_the_official_client_expects() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(openai_events.RealtimeServerEvent)
    wires = told(
        observed(0, asks="Which plant?"),
        speaking(0, "Let me "),
        decided(0, Delegate("Let me see.", "Which plant is it?")),
        speaking(1, "It "),
        Failed(tick=1, time_s=2.0, part="model", error="gone"),
    )
    assert len(standard(wires)) == 21
    for wire in standard(wires):
        read = adapter.validate_python(wire)
        assert read.type == wire["type"]


@pytest.mark.parametrize(
    ("seen", "trigger"),
    [
        ([observed(7)], "proactive"),
        ([observed(7, asks="How many?")], "asked"),
        ([observed(5, asks="How many?"), decided(5, Silent()), observed(7)], "asked"),
        ([observed(7, answers="A monstera.")], "answer"),
        ([observed(5, asks="How?"), decided(5, Speak("Two.")), observed(7)], "proactive"),
    ],
)
def test_a_response_says_why_it_speaks(seen: list[Event], trigger: str) -> None:
    wires = told(*seen, decided(7, Speak("Two cups.")))
    created = [wire for wire in wires if wire["type"] == "response.created"][-1]
    assert created["response"]["metadata"]["trigger"] == trigger
    assert wires[-1]["trigger"] == trigger


def test_a_handed_over_question_is_named_by_its_response() -> None:
    wires = told(observed(3), decided(3, Delegate("Let me see.", "Which plant is it?")))
    assert the("response.done", wires)["response"]["metadata"]["task_id"] == "task-3"


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (Failed(tick=2, time_s=3.0, part="model", error="gone"), "failed"),
        (Closed(time_s=3.0, reason="x", num_decided=0, num_skipped=0, num_failed=0), "cancelled"),
        (decided(3, Speak("Else.")), "cancelled"),
    ],
)
def test_a_response_that_breaks_off_is_ended(end: Event, status: str) -> None:
    wires = told(speaking(2, "It is"), end)
    done = next(wire for wire in wires if wire["type"] == "response.done")["response"]
    assert done["status"] == status
    assert done["output"][0]["status"] == "incomplete"
    assert done["output"][0]["content"][0]["text"] == "It is"


def test_a_silent_second_is_told_without_a_response() -> None:
    wires = told(observed(0), decided(0, Silent()))
    assert names(wires) == ["onlooker.decided"]
    assert wires[0]["action"] == "silent"
    assert wires[0]["start_s"] == 0.0
    assert wires[0]["trigger"] is None


def test_what_somebody_said_is_told_and_memory_is_not() -> None:
    (wire,) = told(observed(0, asks="How many?"))
    assert wire["heard"][0]["text"] == "How many?"
    assert "memory" not in wire


def test_a_scene_is_told_with_places_and_pictures_without_bytes() -> None:
    cup = SceneObject("cup", 3, Box(0.1, 0.2, 0.3, 0.4), 0.9, 0.0, ("table",))
    picture = Picture("camera", 0.5, 64, 48, b"\xff\xd8")
    percepts = (Scene((View("camera", 0.5, (cup,)),)), Pictures((picture,)))
    (wire,) = told(Perceived(tick=0, time_s=1.0, percepts=percepts))
    assert wire["percepts"][0]["views"][0]["objects"][0]["box"]["left"] == 0.1
    assert "jpeg" not in wire["percepts"][1]["pictures"][0]


def test_every_kind_of_event_goes_out_under_its_own_name() -> None:
    health = StreamHealth(time_s=1.0, stream="door", state="frozen", detail="for 3.0 s")
    (wire,) = told(health, first=5)
    assert wire == {
        "type": "onlooker.stream_health",
        "event_id": f"event_{5 * STEP}",
        "seq": 5 * STEP,
        "time_s": 1.0,
        "tick": None,
        "stream": "door",
        "state": "frozen",
        "detail": "for 3.0 s",
    }
    assert len(EVENTS) >= 12


def test_only_what_the_next_one_replaces_may_be_left_out() -> None:
    assert is_passing(decided(0, Silent()))
    assert is_passing(Skipped(tick=0, time_s=1.0, reason="late"))
    assert is_passing(observed(0))
    assert not is_passing(observed(0, asks="How many?"))
    assert not is_passing(decided(0, Speak("It boils.")))
    assert not is_passing(speaking(0, "It"))
    assert not is_passing(StreamHealth(time_s=1.0, stream="door", state="lost"))


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for tick in range(draw(st.integers(1, 6))):
        asks = draw(st.sampled_from(["", "How many?"]))
        pieces = draw(st.lists(st.sampled_from(["It ", "boils ", "over."]), max_size=4))
        events.append(observed(tick, asks=asks))
        events += [speaking(tick, piece) for piece in pieces]
        end = draw(st.sampled_from(["decided", "failed", "nothing"]))
        text = "".join(pieces).strip()
        if end == "decided":
            events.append(decided(tick, Speak(text) if text else Silent()))
        elif end == "failed":
            events.append(Failed(tick=tick, time_s=tick + 1.0, part="model", error="gone"))
    return events


@given(stories())
def test_numbers_grow_and_every_response_that_begins_ends(story: list[Event]) -> None:
    closed = Closed(time_s=9.0, reason="x", num_decided=0, num_skipped=0, num_failed=0)
    whole = told(*story, closed)
    numbers = [wire["seq"] for wire in whole]
    assert numbers == sorted(set(numbers))
    begun = [wire["response"]["id"] for wire in whole if wire["type"] == "response.created"]
    ended = [wire["response"]["id"] for wire in whole if wire["type"] == "response.done"]
    assert begun == ended

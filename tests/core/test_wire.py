import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.errors import MalformedDecision
from onlooker.core.event import (
    EVENTS,
    ArtefactLink,
    Captioned,
    Closed,
    Decided,
    Event,
    Failed,
    Heard,
    Hearing,
    Observed,
    Opened,
    Perceived,
    Skipped,
    SoundNoticed,
    Speaking,
    StreamHealth,
    TaskAnswered,
    TaskAsked,
    TaskProgress,
    TaskUsage,
    Usage,
    VoiceEnded,
    VoiceStarted,
)
from onlooker.core.moment import Answer, CutShort, Instruction, Utterance
from onlooker.core.percept import (
    Box,
    Picture,
    Pictures,
    Scene,
    SceneObject,
    SceneText,
    View,
)
from onlooker.core.wire import from_json, to_json, type_of

times_s = st.floats(0, 1e6, allow_nan=False)
shares = st.floats(0, 1)
counts = st.integers(0, 2**40)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
said = st.from_regex(r"\A[\w'.,?!]+( [\w'.,?!]+){0,3}\Z")
decisions = st.one_of(
    st.just(Silent()), st.builds(Speak, said), st.builds(Delegate, text=said, question=said)
)


def few(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=2).map(tuple)


pictures = st.builds(
    Picture,
    stream=words,
    time_s=times_s,
    width_px=counts,
    height_px=counts,
    jpeg=st.binary(min_size=1),
    id=st.just(""),
)
boxes = st.builds(Box, left=shares, top=shares, right=shares, bottom=shares)
objects = st.builds(
    SceneObject,
    label=words,
    track_id=counts,
    box=boxes,
    score=shares,
    since_s=times_s,
    zones=few(words),
)
views = st.builds(
    View,
    stream=words,
    time_s=times_s,
    objects=few(objects),
    entered=few(objects),
    left=few(objects),
    texts=few(st.builds(SceneText, text=words, box=boxes, score=shares)),
    tags=few(words),
    change=shares,
)
percepts = st.one_of(st.builds(Pictures, few(pictures)), st.builds(Scene, few(views)))
heard = few(
    st.builds(
        Utterance,
        text=words,
        time_s=times_s,
        speaker=st.sampled_from(["user", "scene"]),
        stream=st.none() | words,
    )
)
instructed = few(
    st.builds(
        Instruction,
        id=said,
        text=said,
        since_s=times_s,
        state=st.sampled_from(["standing", "paused", "removed"]),
    )
)
statuses = st.sampled_from(["done", "failed", "timeout", "cancelled", "needs_input"])
deliveries = st.sampled_from(["interrupt", "when_idle", "silent"])
answers = few(
    st.builds(
        Answer,
        task_id=words,
        question=words,
        text=words,
        time_s=times_s,
        status=statuses,
        delivery=deliveries,
    )
)
artefacts = few(st.builds(ArtefactLink, kind=words, path=words, title=words, num_bytes=counts))
task_usages = st.builds(
    TaskUsage, prompt_tokens=counts, completion_tokens=counts, cost=st.floats(0, 1e6)
)
line_kinds = st.sampled_from(["commentary", "reply", "alert"])
speakers = st.sampled_from(["user", "scene"])
plain = st.recursive(
    st.none() | st.booleans() | counts | words, lambda inner: st.dictionaries(words, inner)
)
usages = st.builds(Usage, prompt_tokens=st.none() | counts, sent_bytes=st.none() | counts)

FIELDS: dict[type[Event], dict[str, st.SearchStrategy[Any]]] = {
    Opened: {
        "session": words,
        "streams": few(words),
        "model": words,
        "settings": st.dictionaries(words, plain),
    },
    Observed: {
        "start_s": times_s,
        "end_s": times_s,
        "heard": heard,
        "instructed": instructed,
        "answers": answers,
        "recalled": few(words),
        "memory": st.none() | few(words),
        "persona": st.none() | st.sampled_from(["silent", "default", "talkative"]),
        "cut_short": few(st.builds(CutShort, tick=counts, heard=words)),
    },
    Perceived: {"percepts": few(percepts)},
    Speaking: {"text": words},
    Decided: {
        "decision": decisions,
        "latency_ms": times_s,
        "speak_probability": st.none() | shares,
        "usage": usages,
        "prompt_digest": st.none() | words,
    },
    Skipped: {
        "reason": st.sampled_from(["late", "still", "persona", "paused"]),
        "num_ticks": counts,
    },
    Failed: {"part": words, "error": words},
    StreamHealth: {
        "state": st.sampled_from(["connected", "lost", "frozen", "dark", "recovered", "ended"]),
        "detail": words,
    },
    TaskAsked: {"task_id": words, "question": words, "note": words},
    TaskProgress: {"task_id": words, "text": words, "is_answer": st.booleans()},
    TaskAnswered: {
        "task_id": words,
        "status": statuses,
        "text": words,
        "delivery": deliveries,
        "artefacts": artefacts,
        "usage": task_usages,
        "took_s": times_s,
    },
    Captioned: {"line_id": words, "kind": line_kinds, "text": words},
    VoiceStarted: {"line_id": words, "kind": line_kinds},
    VoiceEnded: {
        "line_id": words,
        "kind": line_kinds,
        "why": st.sampled_from(["done", "failed", "barge_in", "interrupted", "stale", "mute"]),
        "heard": words,
        "played_s": times_s,
    },
    Hearing: {"speaker": speakers, "start_s": times_s, "text": words},
    Heard: {
        "speaker": speakers,
        "start_s": times_s,
        "end_s": times_s,
        "text": words,
        "is_addressed": st.booleans(),
    },
    SoundNoticed: {"label": words, "probability": shares, "start_s": times_s},
    Closed: {
        "reason": words,
        "num_decided": counts,
        "num_skipped": counts,
        "num_failed": counts,
    },
}


def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(
        kind, time_s=times_s, tick=st.none() | counts, stream=st.none() | words, **FIELDS[kind]
    )


def jpegs_of(event: Event) -> dict[str, bytes]:
    return {
        picture.id: picture.jpeg
        for percept in getattr(event, "percepts", ())
        if isinstance(percept, Pictures)
        for picture in percept.pictures
    }


def test_every_field_of_every_event_is_generated() -> None:
    common = {field.name for field in fields(Event)}
    assert {kind: {*FIELDS[kind], *common} for kind in EVENTS} == {
        kind: {field.name for field in fields(kind)} for kind in EVENTS
    }


@pytest.mark.parametrize("kind", EVENTS)
@given(data=st.data())
def test_an_event_comes_back_from_json_as_it_was(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    jpegs = jpegs_of(event)
    text = json.dumps(to_json(event), allow_nan=False)
    again = from_json(json.loads(text), jpegs.__getitem__)
    assert again == event
    assert jpegs_of(again) == jpegs


@given(st.sampled_from(EVENTS).flatmap(events))
def test_every_event_says_its_type_time_tick_and_stream_first(event: Event) -> None:
    values = to_json(event)
    assert list(values)[:4] == ["type", "time_s", "tick", "stream"]
    assert values["type"] == type_of(type(event))


def test_a_decision_on_the_wire_is_what_scripts_rely_on() -> None:
    decided = Decided(
        time_s=3.0, tick=2, decision=Delegate("One moment.", "Which bird?"), latency_ms=81.5
    )
    assert to_json(decided) == {
        "type": "decided",
        "time_s": 3.0,
        "tick": 2,
        "stream": None,
        "action": "delegate",
        "text": "One moment.",
        "question": "Which bird?",
        "latency_ms": 81.5,
        "speak_probability": None,
        "usage": {
            "prompt_tokens": None,
            "cached_tokens": None,
            "completion_tokens": None,
            "sent_bytes": None,
        },
        "prompt_digest": None,
    }
    silent = to_json(Decided(time_s=3.0, tick=2, decision=Silent(), latency_ms=81.5))
    assert (silent["action"], silent["text"], silent["question"]) == ("silent", None, None)


def test_pictures_travel_without_their_bytes() -> None:
    picture = Picture("pot", 0.5, 64, 48, jpeg=b"\xff\xd8 the picture")
    plain = to_json(Perceived(time_s=1.0, tick=0, percepts=(Pictures((picture,)),)))
    assert plain["percepts"] == [
        {
            "type": "pictures",
            "pictures": [
                {
                    "stream": "pot",
                    "time_s": 0.5,
                    "width_px": 64,
                    "height_px": 48,
                    "id": picture.id,
                }
            ],
        }
    ]
    assert from_json(plain) == Perceived(time_s=1.0, tick=0, percepts=(Pictures((picture,)),))


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"type": "nonsense"},
        {"type": "speaking", "time_s": 1.0},
        {"type": "speaking", "time_s": 1.0, "text": "x", "volume": 3},
        {"type": "observed", "time_s": 1.0, "start_s": 0, "end_s": 1, "heard": [5]},
        {"type": "perceived", "time_s": 1.0, "percepts": [{"type": "smell"}]},
        {"type": "decided", "time_s": 1.0, "latency_ms": 1.0, "action": "silent"},
        {"type": "closed", "time_s": "soon", "reason": "", "num_decided": 1},
    ],
)
def test_values_that_are_no_event_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        from_json(wrong)


def test_a_decision_that_does_not_fit_is_refused() -> None:
    wrong = {"type": "decided", "time_s": 1, "latency_ms": 1, "action": "speak"}
    with pytest.raises(MalformedDecision):
        from_json({**wrong, "text": "", "question": None})

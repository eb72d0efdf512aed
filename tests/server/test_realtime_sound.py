import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openai.types.realtime import realtime_server_event as openai_events
from pydantic import TypeAdapter

from onlooker.core.event import Event, Heard, Hearing, VoiceEnded, VoiceStarted
from onlooker.live.ears import Ears
from onlooker.live.session import Parts
from onlooker.live.speech import SpeechParts
from onlooker.server.hub import Hub, Opening
from onlooker.server.lent import Shared
from onlooker.server.realtime_narrator import Narrator, Wire
from onlooker.server.realtime_session import Terms
from onlooker.server.realtime_talk import Talk
from onlooker.testing.speaking import ChoirVoice, HummingVoice, KnowingEars, LoudnessDetector
from tests.server.talking import settings_of


def user(text: str | None = None, *, end_s: float = 3.0) -> Event:
    if text is None:
        return Hearing(time_s=1.2, stream="microphone", speaker="user", start_s=1.0)
    return Heard(
        time_s=end_s, stream="microphone", speaker="user", start_s=1.0, end_s=end_s, text=text
    )


def guess(text: str) -> Event:
    return Hearing(time_s=1.5, stream="microphone", speaker="user", start_s=1.0, text=text)


def voice(why: Any = None) -> Event:
    if why is None:
        return VoiceStarted(tick=4, time_s=5.0, line_id="line-4", kind="reply")
    return VoiceEnded(tick=4, time_s=6.0, line_id="line-4", kind="reply", why=why)


def told(*events: Event) -> list[Wire]:
    narrator = Narrator()
    wires = [w for seq, event in enumerate(events, 1) for w in narrator.tell(seq, event)]
    return [wire for wire in wires if not wire["type"].startswith("onlooker.")]


def test_what_the_user_says_comes_in_openais_events_and_order() -> None:
    wires = told(user(), guess("what"), guess("what is"), guess("that"), user("what is that?"))
    assert [wire["type"] for wire in wires] == [
        "input_audio_buffer.speech_started",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.delta",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.done",
    ]
    assert [wire["delta"] for wire in wires[1:3]] == ["what", " is"]
    assert wires[6]["transcript"] == "what is that?"
    assert len({wire.get("item_id", "") or wire["item"]["id"] for wire in wires}) == 1


@pytest.mark.parametrize(
    ("why", "end"),
    [("done", "output_audio_buffer.stopped"), ("barge_in", "output_audio_buffer.cleared")],
)
def test_our_voice_begins_and_ends(why: str, end: str) -> None:
    wires = told(voice(), voice(why))
    assert [wire["type"] for wire in wires] == [
        "output_audio_buffer.started",
        "response.output_audio.done",
        end,
    ]
    assert {wire["response_id"] for wire in wires} == {"resp_0_4"}


def test_a_line_that_was_never_heard_has_no_end() -> None:
    assert told(voice("stale")) == []


def test_events_of_speech_are_what_the_official_client_expects() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(openai_events.RealtimeServerEvent)
    for wire in told(user(), guess("what"), user("what?"), voice(), voice("done")):
        assert adapter.validate_python(wire).type == wire["type"]


@pytest.fixture
async def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    parts_for = Shared.parts_for

    def with_speech(self: Shared, *args: Any, **kwargs: Any) -> Parts:
        ears = Ears(KnowingEars("what is that?"), LoudnessDetector)
        speech = SpeechParts(voice=HummingVoice(word_s=0.05), ears=ears)
        return replace(parts_for(self, *args, **kwargs), speech=speech)

    monkeypatch.setattr(Shared, "parts_for", with_speech)
    async with Hub(settings_of(tmp_path)).running() as running:
        yield running


@pytest.fixture
def sings(monkeypatch: pytest.MonkeyPatch) -> None:
    speech = SpeechParts(voice=ChoirVoice())
    monkeypatch.setattr("onlooker.server.lent.speech_of", lambda _: speech)


@pytest.fixture
async def choir(tmp_path: Path, sings: None) -> AsyncIterator[Hub]:
    async with Hub(settings_of(tmp_path)).running() as running:
        yield running


class Heap:
    """Keeps what a client is told."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.has_come = asyncio.Event()

    async def take(self, wire: Wire) -> None:
        self.wires.append(wire)
        self.has_come.set()

    async def until(self, kind: str) -> Wire:
        while True:
            for wire in self.wires:
                if wire["type"] == kind:
                    return wire
            self.has_come.clear()
            await self.has_come.wait()


async def send(talk: Talk, kind: str, **fields: Any) -> None:
    await talk.take(json.dumps({"type": kind, **fields}))


async def test_a_question_by_voice_is_understood_answered_and_the_answer_heard(hub: Hub) -> None:
    held, heap = hub.open(Opening("anna")), Heap()
    talk = Talk(hub, held, heap.take, Terms(1, "standard", after=0))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(talk.follow()), group.create_task(talk.sound())]
        await heap.until("session.created")
        by_hand = {
            "input": {"format": {"type": "audio/pcm", "rate": 16000}, "turn_detection": None}
        }
        await send(
            talk, "session.update", session={"output_modalities": ["audio"], "audio": by_hand}
        )
        updated = (await heap.until("session.updated"))["session"]
        assert updated["output_modalities"] == ["audio"]
        assert updated["audio"]["input"]["turn_detection"] is None
        loud = base64.b64encode(np.full(8000, 20_000, "<i2").tobytes()).decode()
        await send(talk, "input_audio_buffer.append", audio=loud)
        await send(talk, "input_audio_buffer.commit")
        heard = await heap.until("conversation.item.input_audio_transcription.completed")
        assert heard["transcript"] == "what is that?"
        done = await heap.until("response.output_text.done")
        assert done["text"].startswith("what is that?")
        delta = await heap.until("response.output_audio.delta")
        assert delta["response_id"] == done["response_id"]
        pcm_N = np.frombuffer(base64.b64decode(delta["delta"]), "<i2")
        assert np.abs(pcm_N).max() > 10_000
        await heap.until("output_audio_buffer.started")
        await send(talk, "response.cancel")
        await heap.until("output_audio_buffer.cleared")
        for task in tasks:
            task.cancel()


async def test_who_wants_text_alone_is_sent_no_sound(hub: Hub) -> None:
    held, heap = hub.open(Opening("anna")), Heap()
    talk = Talk(hub, held, heap.take, Terms(1, "all", after=0))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(talk.follow()), group.create_task(talk.sound())]
        held.say("hello")
        await heap.until("onlooker.voice_ended")
        for task in tasks:
            task.cancel()
    assert not [wire for wire in heap.wires if "output_audio" in wire["type"]]
    assert [wire for wire in heap.wires if wire["type"] == "onlooker.captioned"]


async def test_a_voice_is_chosen_as_openai_has_it_and_speaks_from_the_next_sentence_on(
    choir: Hub,
) -> None:
    held, other, heap = choir.open(Opening("anna")), choir.open(Opening("bert")), Heap()
    talk = Talk(choir, held, heap.take, Terms(1, "standard", after=0))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(talk.follow()), group.create_task(talk.sound())]
        await heap.until("session.created")
        await send(talk, "session.update", session={"output_modalities": ["audio"]})
        lengths = []
        for output in ({"voice": "alto"}, {"voice": "bass", "speed": 2.0}, {"speed": 0.5}):
            heap.wires.clear()
            await send(talk, "session.update", session={"audio": {"output": output}})
            updated = await heap.until("session.updated")
            held.say("hello there")
            await heap.until("output_audio_buffer.stopped")
            sound = [w["delta"] for w in heap.wires if w["type"] == "response.output_audio.delta"]
            lengths.append(sum(len(base64.b64decode(delta)) // 2 for delta in sound))
        assert updated["session"]["audio"]["output"]["voice"] == "bass"
        assert updated["session"]["audio"]["output"]["speed"] == 0.5
        assert 1.7 < lengths[0] / lengths[1] < 2.3
        assert 3.4 < lengths[2] / lengths[1] < 4.6
        for task in tasks:
            task.cancel()
    assert other.voice is None


async def test_what_a_stock_client_calls_its_voice_is_let_go_and_other_names_are_refused(
    choir: Hub,
) -> None:
    held, heap = choir.open(Opening("anna")), Heap()
    talk = Talk(choir, held, heap.take, Terms(1, "standard", after=0))
    for voice in ("marin", {"id": "alloy"}):
        await send(talk, "session.update", session={"audio": {"output": {"voice": voice}}})
        heap.wires.clear()
    await send(talk, "session.update", session={"audio": {"output": {"voice": "tenor"}}})
    error = (await heap.until("error"))["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "session.audio.output")
    assert "it offers alto, bass" in error["message"]
    assert held.voice is None


async def test_a_chosen_voice_outlives_a_restart(tmp_path: Path, sings: None) -> None:
    settings = settings_of(tmp_path)
    async with Hub(settings).running() as hub:
        held = hub.open(Opening("anna"))
        await held.speak_as("bass", 2.0)
    async with Hub(settings).running() as hub:
        (again,) = hub.sessions()
        assert (again.id, again.voice, again.speed) == (held.id, "bass", 2.0)

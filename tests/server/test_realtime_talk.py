import asyncio
import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.decision import Silent, Speak
from onlooker.core.event import Decided, Speaking
from onlooker.server.hub import Hub, Opening
from onlooker.server.realtime_media import Allowance, CaptureClock, picture_of, samples_of
from onlooker.server.realtime_narrator import STEP, Wire
from onlooker.server.realtime_session import Terms
from onlooker.server.realtime_talk import MAX_BEHIND, HangUp, Talk
from onlooker.server.wire import BadEvent
from onlooker.testing.serving import jpeg
from tests.server.talking import settings_of


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    settings = settings_of(tmp_path, max_events=256)
    # Nothing happens by itself: the tests write the log.
    quiet = settings.model_copy(update={"live": replace(settings.live, period_s=1000.0)})
    async with Hub(quiet).running() as running:
        yield running


def silent(tick: int) -> Decided:
    return Decided(tick=tick, time_s=tick + 1.0, decision=Silent(), latency_ms=1.0)


def spoke(tick: int) -> Decided:
    return Decided(tick=tick, time_s=tick + 1.0, decision=Speak(f"It is {tick}."), latency_ms=1.0)


class Reader:
    """Takes wires only while it is let."""

    def __init__(self) -> None:
        self.wires: list[Wire] = []
        self.is_let = asyncio.Event()
        self.is_let.set()
        self.has_come = asyncio.Event()

    async def take(self, wire: Wire) -> None:
        await self.is_let.wait()
        self.wires.append(wire)
        self.has_come.set()

    async def until(self, kind: str, number: int = 1) -> list[Wire]:
        while len(found := self.of(kind)) < number:
            self.has_come.clear()
            await self.has_come.wait()
        return found

    def of(self, kind: str) -> list[Wire]:
        return [wire for wire in self.wires if wire["type"] == kind]


async def test_a_slow_reader_is_spared_what_passes_and_loses_no_speech(hub: Hub) -> None:
    held, slow, quick = hub.open(Opening("anna")), Reader(), Reader()
    talks = [Talk(hub, held, reader.take, Terms(1, "all")) for reader in (slow, quick)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(talk.follow()) for talk in talks]
        for reader in (slow, quick):
            await reader.until("session.created")
        slow.is_let.clear()
        for tick in range(200):
            held.log.append(spoke(tick) if tick % 50 == 0 else silent(tick))
            await asyncio.sleep(0)
        await quick.until("onlooker.decided", 200)  # nobody else is slowed
        slow.is_let.set()
        (dropped,) = await slow.until("onlooker.dropped")
        await slow.until("onlooker.decided", 200 - dropped["num_events"])
        for task in tasks:
            task.cancel()
    assert dropped["num_events"] >= 200 - MAX_BEHIND - 10
    assert not quick.of("onlooker.dropped")
    texts = [wire["text"] for wire in slow.of("response.output_text.done")]
    assert texts == ["It is 0.", "It is 50.", "It is 100.", "It is 150."]
    assert len(slow.of("response.done")) == len(slow.of("response.created")) == 4


async def test_what_the_log_no_longer_has_is_counted_when_a_client_resumes(hub: Hub) -> None:
    held, reader = hub.open(Opening("anna")), Reader()
    for tick in range(400):
        held.log.append(silent(tick))
    terms = Terms(1, "all", after=10 * STEP)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(Talk(hub, held, reader.take, terms).follow())
        decided = await reader.until("onlooker.decided", 256)
        following.cancel()
    (created,) = reader.of("session.created")
    assert created["session"]["onlooker"]["num_missed"] == decided[0]["seq"] // STEP - 10
    assert decided[-1]["tick"] == 399


async def test_wherever_a_client_resumes_it_gets_exactly_the_rest(hub: Hub) -> None:
    held = hub.open(Opening("anna"))
    for tick in range(40):
        if tick % 3:
            held.log.append(Speaking(tick=tick, time_s=tick + 1.0, text="It is "))
        held.log.append(spoke(tick) if tick % 3 else silent(tick))
    await hub.close(held.id, "told")

    async def told(after: int) -> list[Wire]:
        reader = Reader()
        await Talk(hub, held, reader.take, Terms(1, "all", after=after)).follow()
        return [wire for wire in reader.wires if "seq" in wire]

    whole = await told(0)
    assert len(whole) > 300
    for after in range(0, (held.log.last_seq + 2) * STEP, 23):
        assert await told(after) == [wire for wire in whole if wire["seq"] > after]


async def test_readiness_to_speak_is_set_at_once_where_a_model_has_it(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.server.models.Echoing.talkativeness", 0.5, raising=False)
    held, reader = hub.open(Opening("anna")), Reader()
    talk = Talk(hub, held, reader.take, Terms(1, after=0))
    async with asyncio.TaskGroup() as group:
        following = group.create_task(talk.follow())
        async for _ in held.subscribe(0):
            break  # it has opened, and so its model
        wish = {"onlooker": {"talkativeness": 0.8}}
        await talk.take(json.dumps({"type": "session.update", "session": wish}))
        (updated,) = await reader.until("session.updated")
        following.cancel()
    assert updated["session"]["onlooker"]["talkativeness"] == 0.8


async def test_a_connection_that_sends_too_much_is_hung_up_on(hub: Hub) -> None:
    talk = Talk(hub, hub.open(Opening("anna")), Reader().take, Terms(1))

    async def flood() -> None:
        for _ in range(1000):
            await talk.take('{"type":"response.cancel"}')

    with pytest.raises(HangUp) as hung_up:
        await flood()
    assert hung_up.value.code == 4429


async def test_pictures_that_come_too_fast_are_counted(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onlooker.server.realtime_talk.FRAMES_EVERY_S", 0.0)
    held, reader = hub.open(Opening("anna")), Reader()
    talk = Talk(hub, held, reader.take, Terms(1, "all"))
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg()).decode()
    content = [{"type": "input_image", "image_url": url}]
    item = {"type": "message", "role": "user", "content": content}
    for _ in range(50):
        await talk.take(json.dumps({"type": "conversation.item.create", "item": item}))
    last = reader.of("onlooker.frames")[-1]
    assert last["num_received"] == 50
    # The newest one waits; the one before may be on its way to the eyes.
    assert 48 <= last["num_dropped"] <= 49


def test_a_picture_that_was_held_up_keeps_the_time_of_its_capture() -> None:
    clock = CaptureClock()
    assert clock.session_time_s(81_000.0, now_s=5.2) == 5.2
    assert clock.session_time_s(82_000.0, now_s=6.1) == pytest.approx(6.1)  # a faster way
    assert clock.session_time_s(83_000.0, now_s=9.0) == pytest.approx(7.1, abs=0.01)
    assert clock.session_time_s(1_000.0, now_s=10.0) == 10.0  # its clock began anew


@given(st.lists(st.tuples(st.floats(0, 1e15), st.floats(0, 1e6)), max_size=20))
def test_no_clock_of_a_client_makes_a_time_that_is_not_yet(
    pairs: list[tuple[float, float]],
) -> None:
    clock = CaptureClock()
    for captured_ms, now_s in pairs:
        assert 0 <= clock.session_time_s(captured_ms, now_s) <= now_s


@pytest.mark.parametrize(
    "url",
    ["", "x", "http://a/b.jpg", "data:text/html;base64,/9j/", "data:image/jpeg,abc", "R0lGODlh"],
)
def test_only_pictures_are_taken_as_pictures(url: str) -> None:
    with pytest.raises(BadEvent):
        picture_of(url)


def test_sound_is_read_as_samples() -> None:
    audio = base64.b64encode(np.array([0, 16384, -32768], "<i2").tobytes()).decode()
    assert samples_of(audio, max_s=1.0, rate_hz=24_000).tolist() == [0.0, 0.5, -1.0]
    for wrong in ("AA=", "AAAA", base64.b64encode(bytes(48_002)).decode()):
        with pytest.raises(BadEvent):
            samples_of(wrong, max_s=1.0, rate_hz=24_000)


def test_an_allowance_gives_a_burst_and_then_its_rate() -> None:
    allowance = Allowance(per_s=10.0)
    granted = [allowance.take(now_s=0.0) for _ in range(30)]
    assert granted.count("granted") == 20
    assert allowance.take(now_s=0.05) == "refused"
    assert allowance.take(now_s=0.2) == "granted"

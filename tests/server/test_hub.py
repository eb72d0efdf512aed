from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from onlooker.config import Settings
from onlooker.core.event import Closed, Decided, Event, Opened, Perceived
from onlooker.core.percept import Pictures
from onlooker.server.auth import Visitor
from onlooker.server.held import Held
from onlooker.server.hub import Hub, Opening, TooManySessions, UnknownSession
from onlooker.server.log import Logged, Missed
from onlooker.testing.serving import jpeg, serving_tree

MODEL = "tests.server.models:Echoing"
ANNA, BEN = Visitor("anna", "operator"), Visitor("ben", "operator")


def settings_of(folder: Path, **server: Any) -> Settings:
    tree = serving_tree(folder, MODEL, **server)
    return Settings.model_validate({**tree, "live": {"period_s": 0.02}})


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with Hub(settings_of(tmp_path, max_sessions=3)).running() as running:
        yield running


async def until(held: Held, kind: type[Event], after_seq: int = 0) -> Event:
    async for entry in held.subscribe(after_seq):
        if not isinstance(entry, Missed) and isinstance(entry.event, kind):
            return entry.event
    raise AssertionError(f"{kind.__name__} never came")


async def test_a_pushed_picture_is_seen_and_what_is_said_is_answered(hub: Hub) -> None:
    held = hub.open(Opening("anna"))
    held.push_picture(jpeg())
    held.say("what is that?")
    async for entry in held.subscribe(0):
        event = getattr(entry, "event", None)
        if isinstance(event, Perceived) and event.percepts[0] != Pictures(()):
            break
    picture = held.kept.newest_picture("camera")
    assert picture is not None
    assert picture.jpeg
    spoke = [second for second in held.kept.seconds if second.what == "speak"]
    assert spoke[0].text.startswith("what is that?")


async def test_a_session_is_its_owners_alone(hub: Hub) -> None:
    held = hub.open(Opening("anna"))
    assert hub.find(held.id, ANNA) is held
    with pytest.raises(UnknownSession, match="is open to you"):
        hub.find(held.id, BEN)
    assert hub.sessions(BEN) == []
    assert hub.sessions(Visitor("carl", "viewer")) == [held]


async def test_no_more_sessions_are_opened_than_the_settings_say(hub: Hub) -> None:
    for _ in range(3):
        hub.open(Opening("anna"))
    with pytest.raises(TooManySessions, match="3 sessions are open"):
        hub.open(Opening("anna"))


async def test_a_bug_in_one_session_is_none_of_the_others_business(hub: Hub) -> None:
    held, other = hub.open(Opening("anna")), hub.open(Opening("anna"))
    held.push_picture(jpeg())
    held.say("break")
    entries = [entry async for entry in held.subscribe(0)]  # to the end
    assert isinstance(entries[-1], Logged)
    assert isinstance(entries[-1].event, Closed)
    other.push_picture(jpeg())
    other.say("hello")
    await until(other, Decided)
    assert hub.sessions() == [other]
    assert hub.counts["broken"] == 1


async def test_nothing_is_decided_while_nothing_comes_and_a_picture_wakes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onlooker.server.hub.REAP_EVERY_S", 0.01)
    async with Hub(settings_of(tmp_path, pause_after_s=30)).running() as hub:
        held = hub.open(Opening("anna"))
        pause = held.session.pause
        paused = asyncio.Event()

        def pause_and_tell() -> None:
            pause()
            paused.set()

        monkeypatch.setattr(held.session, "pause", pause_and_tell)
        await until(held, Decided)
        held.input_s -= 60  # as if nothing had come for so long
        await paused.wait()
        asyncio.get_running_loop().call_later(0.1, held.push_picture, jpeg())
        async for entry in held.subscribe(0):
            if getattr(getattr(entry, "event", None), "reason", "") == "paused":
                break


async def test_a_session_that_nobody_is_in_touch_with_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onlooker.server.hub.REAP_EVERY_S", 0.01)
    async with Hub(settings_of(tmp_path, idle_after_s=30)).running() as hub:
        left, watched = hub.open(Opening("anna")), hub.open(Opening("anna"))
        camera = hub.open(Opening("anna"))
        await camera.add_camera("ball", "synthetic:ball?live=1")
        ended = asyncio.get_running_loop().create_future()
        hub.watchers.append(
            lambda held, event: (
                ended.set_result((held, event)) if isinstance(event, Closed) else None
            )
        )
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(until(watched, Closed))
            await asyncio.sleep(0)
            for held in (left, watched, camera):
                held.contact_s -= 60  # as if nobody had been in touch for so long
            held, closed = await ended
            assert held is left
            assert closed.reason == "nobody was in touch any more"
            reading.cancel()
            assert watched.is_open
            assert camera.is_open
            hub.watchers.clear()


async def test_a_restart_takes_sessions_up_again(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    async with Hub(settings).running() as hub:
        held = hub.open(Opening("anna", name="kitchen"))
        held.instruct("tell me when it boils", "pot")
        held.set_instruction(held.instruct("count cars", "cars").id, "paused")
        await held.add_camera("ball", "synthetic:ball?live=1")
        held.set_persona("talkative")
        await until(held, Decided)
    closed = held.closed
    assert closed is not None
    assert closed.reason == "the server stops"
    last_seq = held.log.last_seq
    async with Hub(settings).running() as hub:
        again = hub.find(held.id, ANNA)
        assert again is not held
        assert [(known.id, known.state) for known in again.session.instructions] == [
            ("pot", "standing"),
            ("cars", "paused"),
        ]
        assert again.session.streams == ("ball",)
        assert again.persona == "talkative"
        assert again.resume_token == held.resume_token
        entries = [entry async for entry in _first(again, last_seq, 1)]
        assert isinstance(entries[0], Opened)
        assert again.log.first_seq == last_seq + 1
    assert (tmp_path / "sessions.json").stat().st_mode & 0o077 == 0


async def _first(held: Held, after_seq: int, number: int) -> AsyncIterator[Event]:
    async for entry in held.subscribe(after_seq):
        if isinstance(entry, Missed):
            continue
        yield entry.event
        number -= 1
        if not number:
            return


async def test_a_label_is_kept_for_training(hub: Hub, tmp_path: Path) -> None:
    held = hub.open(Opening("anna"))
    held.push_picture(jpeg())
    held.say("a cat")
    decided = await until(held, Decided)
    assert decided.tick is not None
    await hub.label(held, decided.tick, "false_alarm", "that was the cat")
    (line,) = (tmp_path / "labels" / held.id / "labels.jsonl").read_text().splitlines()
    assert '"label": "false_alarm"' in line
    assert '"note": "that was the cat"' in line

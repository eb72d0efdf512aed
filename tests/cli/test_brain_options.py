"""The brain on the command line: which one is meant, and what is typed about its tasks."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from onlooker.assemble import parts_of, tasks_of
from onlooker.cli.options import read_settings
from onlooker.cli.talk import obey
from onlooker.core.decision import Delegate
from onlooker.core.errors import BadSettings, UnknownPlugin, UnknownTask
from onlooker.core.event import TaskAnswered
from onlooker.core.ports import Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings, TaskSettings
from onlooker.plugins.brain.openai import OpenAIBrain
from onlooker.plugins.brain.webhook import WebhookBrain
from onlooker.plugins.sink.lines import lines_of
from onlooker.testing.doubles import (
    FrameSource,
    ListSink,
    ManualClock,
    NoPictures,
    ScriptedBrain,
    ScriptedModel,
    grey,
)

URL = "http://127.0.0.1:9"
OPENAI = ("openai", None, None)


def test_an_address_alone_means_an_openai_compatible_server() -> None:
    parts = parts_of(
        read_settings(None, [], OPENAI, brain=(None, URL, "large")), ["synthetic:ball"]
    )
    assert isinstance(parts.brain, OpenAIBrain)
    assert parts.brain.traits.name == "large"


def test_a_named_brain_gets_the_address() -> None:
    parts = parts_of(
        read_settings(None, [], OPENAI, brain=("webhook", URL, None)), ["synthetic:ball"]
    )
    assert isinstance(parts.brain, WebhookBrain)


def test_there_is_no_brain_unless_one_is_named() -> None:
    assert parts_of(read_settings(None, [], OPENAI), ["synthetic:ball"]).brain is None


def test_what_is_misspelt_is_refused() -> None:
    with pytest.raises(UnknownPlugin, match="no brain plug-in is called 'opena'"):
        parts_of(read_settings(None, [], OPENAI, brain=("opena", None, None)), ["synthetic:ball"])
    with pytest.raises(BadSettings, match=r"brain.tasks.timeout_s|timeout_s=0"):
        read_settings(None, ["brain.tasks.timeout_s=0"])
    command = ["brain.use=command", 'brain.command.command=["x", "--yolo"]']
    settings = read_settings(None, command, OPENAI)
    with pytest.raises(BadSettings, match="safety off"):
        parts_of(settings, ["synthetic:ball"])


def test_files_go_to_the_users_state_unless_a_folder_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert tasks_of(TaskSettings()).folder == str(tmp_path / "onlooker" / "artefacts")
    assert tasks_of(TaskSettings(folder="/srv/made")).folder == "/srv/made"


async def test_tasks_are_listed_withdrawn_and_delivered_by_what_is_typed() -> None:
    replies: list[str] = []

    class Types(ScriptedModel):
        async def step(self, prompt: Prompt, say: Say) -> Outcome:
            typed = {
                3: ("/tasks", "/deliver task-0 silent", "/cancel task-1"),
                6: ("/tasks", "/deliver task-0 loudly"),
            }
            replies.extend(obey(session, line) for line in typed.get(prompt.now.tick.index, ()))
            if prompt.now.tick.index == 6:
                ready.set()
                with pytest.raises(UnknownTask):
                    obey(session, "/cancel task-1")
            for _ in range(20):
                await asyncio.sleep(0)
            return await super().step(prompt, say)

    ready, sink = asyncio.Event(), ListSink()
    asks = [Delegate("One moment.", f"Which bird is number {number}?") for number in range(2)]
    parts = Parts(
        {"pot": FrameSource([grey(9)] * 9)},
        Types(*asks),
        codec=NoPictures(),
        brain=ScriptedBrain(ready=ready),
        sinks={"list": sink},
    )
    session = Session(parts, LiveSettings(), ManualClock())
    await session.run()
    assert replies == [
        "task-0 (running): Which bird is number 0?\ntask-1 (running): Which bird is number 1?",
        "task-0 will be told: silent",
        "task-1 is withdrawn",
        "task-0 (running): Which bird is number 0?",
        "task-0 (running): Which bird is number 0?",
    ]
    shown = [line for event in sink.of(TaskAnswered) for line in lines_of(event)]
    assert [(line.text, line.note) for line in shown] == [
        ("task-1 cancelled: the question was withdrawn", shown[0].note),
        ("task-0 failed: the background brain gave no answer", shown[1].note),
    ]
    assert shown[1].note.endswith("silent")

"""A command as a brain: what it gets, what it may not see, and that it is really ended."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import aclosing
from typing import Any

import psutil
import pytest
from pydantic import ValidationError

from onlooker.core.errors import BrainFailed
from onlooker.core.task import Artefact, Partial, Progress, Result
from onlooker.plugins.brain.command import CommandBrain, CommandSettings
from tests.plugins.brain.asking import JPEG, news_of, result_of, task

SECRET = "sk-do-not-show-me"


def python(code: str, **settings: Any) -> CommandBrain:
    given = {"command": (sys.executable, "-c", code), **settings}
    return CommandBrain(CommandSettings.model_validate(given))


SAY = "import json, os, sys, time\nsay = lambda **news: print(json.dumps(news), flush=True)\n"


async def test_it_gets_the_task_and_its_pictures_in_a_folder_of_its_own() -> None:
    code = f"""{SAY}
task = json.loads(sys.stdin.readline())
say(type="progress", text=os.getcwd())
pictures = [open(picture["path"], "rb").read() for picture in task["pictures"]]
open("chart.png", "wb").write(pictures[1])
say(type="result", text=f"{{task['question']}} {{len(pictures)}}",
    artefacts=[{{"kind": "picture", "path": "chart.png"}}])
time.sleep(60)
"""
    folder, result = await news_of(python(code))
    assert isinstance(folder, Progress)
    assert result == Result("Who wrote Hamlet? 2", (Artefact("picture", JPEG),))
    with pytest.raises(FileNotFoundError):
        os.listdir(folder.text)  # noqa: PTH208 - nothing of it is left


async def test_it_sees_none_of_our_environment_but_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ONLOOKER_BRAIN_KEY", SECRET)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("MY_AGENT_KEY", "its own")
    code = f'{SAY}\nsay(type="result", text=json.dumps(dict(os.environ)))'
    brain = python(code, environment=("MY_AGENT_KEY",))
    seen = json.loads((await result_of(brain)).text)
    assert SECRET not in seen.values()
    assert seen["MY_AGENT_KEY"] == "its own"
    assert seen["HOME"] == seen["TMPDIR"] != os.environ["HOME"]


async def test_words_in_and_words_out() -> None:
    code = "import sys; print(sys.stdin.read()[-19:].strip().upper())"
    news = await news_of(python(code, speaks="text"))
    assert isinstance(news[0], Partial)
    assert news[-1] == Result("WHO WROTE HAMLET?")


@pytest.mark.parametrize(
    ("code", "told", "spoken"),
    [
        ("raise SystemExit(3)", "status 3", "gave no answer"),
        ("import sys; sys.exit('no licence')", "no licence", "gave no answer"),
        ("print('hello')", "'hello'", "no usable answer"),
        ("print('x' * 10**6)", "max_answer_bytes", "too long"),
        (f"{SAY}\nsay(type='error', message='out of luck')", "out of luck", "brain failed"),
        (
            f"{SAY}\nsay(type='result', text='', artefacts=[{{'path': '/etc/passwd'}}])",
            "artefact without",
            "no usable answer",
        ),
        (
            f"{SAY}\nos.symlink('/etc/passwd', 'mine')\n"
            "say(type='result', text='', artefacts=[{'path': 'mine'}])",
            "artefact without",
            "no usable answer",
        ),
    ],
)
async def test_a_command_that_fails_is_a_failure_with_words_to_say(
    code: str, told: str, spoken: str
) -> None:
    with pytest.raises(BrainFailed, match=told) as caught:
        await news_of(python(code), task(max_answer_bytes=10_000))
    assert spoken in caught.value.spoken


async def test_a_command_that_is_not_there_is_said_to_be() -> None:
    brain = CommandBrain(CommandSettings(command=("no-such-agent",)))
    with pytest.raises(BrainFailed, match=r"no-such-agent.*No such file"):
        await news_of(brain)


async def test_what_it_says_on_stderr_is_told_without_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MY_AGENT_KEY", SECRET)
    code = "import os, sys; sys.exit(f'bad key {os.environ[\"MY_AGENT_KEY\"]}')"
    with pytest.raises(BrainFailed, match=r"bad key \*\*\*"):
        await news_of(python(code, environment=("MY_AGENT_KEY",)))


async def test_a_task_that_is_given_up_ends_the_command_and_its_children() -> None:
    code = f"""{SAY}
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
say(type="progress", text=f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""
    brain = python(code)
    async with aclosing(brain.solve(task())) as news:
        told = await anext(news)
        assert isinstance(told, Progress)
        ids = [int(word) for word in told.text.split()]
        assert all(psutil.pid_exists(pid) for pid in ids)
    async with asyncio.timeout(5):
        while any(_is_running(pid) for pid in ids):  # noqa: ASYNC110 - the system ends them
            await asyncio.sleep(0.01)


def _is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "argument",
    [
        "--dangerously-bypass-approvals-and-sandbox",
        "--dangerously-skip-permissions",
        "--yolo",
        "--sandbox=danger-full-access",
        "--no-sandbox",
    ],
)
def test_a_command_with_its_safety_switched_off_is_refused(argument: str) -> None:
    with pytest.raises(ValidationError, match="safety off"):
        CommandSettings(command=("agent", argument))

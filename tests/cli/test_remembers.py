"""The whole of it from the command line, long after the pictures of a drawn stream are gone.

Real eyes, a real video file, real HTTP to a model's and a brain's server (both are doubles).
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from onlooker.data.world.compose import Recipe, Scenario
from onlooker.data.world.pixels import fitted, write_video
from onlooker.data.world.stage import Stage, Thing
from onlooker.data.world.task import Task
from onlooker.testing.process import server_process

SECONDS, WINDOW = 240, 40
MOTORCYCLE_S, SIGN_S = 20, 60
PAST = "did a motorbike come earlier?"
SIGN = "was a parking sign shown earlier?"


def drawn(path: Path) -> None:
    """Draw people who come and go all the time, one motorcycle, and one sign."""
    stage = Stage("cam", SECONDS, [])
    things = [Thing(1, "motorcycle", MOTORCYCLE_S, MOTORCYCLE_S + 12, 0.5, 0.6, 0.2, 0.0)]
    things += [
        Thing(n + 2, "person", at, at + 9, 0.2 + 0.15 * (n % 5), 0.6, 0.2, 0.0)
        for n, at in enumerate(range(40, SECONDS - 10, 14))
    ]
    for thing in things:
        if placed := fitted(stage, thing):
            stage.add(placed)
    stage.write("NO PARKING", SIGN_S, SIGN_S + 12)
    write_video(Scenario(Recipe("quiet", seed=5, medium="pixels"), stage, Task()), path, fps=2)


@contextmanager
def watching(video: Path, site: Path, urls: tuple[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [
        sys.executable, "-m", "onlooker", "watch", f"cam={video}", "--json", "--talk",
        "--speed", "max", "--memory", str(site), "--perception", "default",
        "--model", "openai", "--model-url", urls[0], "--brain", "webhook", "--brain-url", urls[1],
        "--set", f"live.window_ticks={WINDOW}", "--set", "live.carry_ticks=5",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def brain_process() -> Iterator[str]:
    command = [sys.executable, "-m", "onlooker.testing.brain_server", "--delay-s", "0.5"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout
            yield f"{process.stdout.readline().strip()}/task"
        finally:
            process.terminate()


def answer_to(process: subprocess.Popen[str], question: str, at_tick: int) -> dict[str, Any]:
    """Ask in a second; give what was said to it, and the line that was recalled."""
    assert process.stdin
    assert process.stdout
    is_asked, asked_tick = False, 0
    recalled: list[str] = []
    for line in process.stdout:
        event = json.loads(line)
        if event["type"] == "decided" and event["tick"] >= at_tick and not is_asked:
            process.stdin.write(f"{question}\n")
            process.stdin.flush()
            is_asked = True
        if event["type"] == "observed" and event["heard"]:
            asked_tick, recalled = event["tick"], event["recalled"]
        if event["type"] == "decided" and asked_tick and event["action"] != "silent":
            return {"recalled": recalled, **event}
    raise AssertionError(f"nothing was said to {question!r}")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_answers_about_the_past_survives_a_kill_and_voices_the_brain(tmp_path: Path) -> None:
    video, site = tmp_path / "long.mp4", tmp_path / "site"
    drawn(video)
    with server_process("motion") as model, brain_process() as brain:
        urls = (model, brain)
        with watching(video, site, urls) as process:
            said = answer_to(process, PAST, at_tick=150)
            assert "motorcycle" in said["text"]
            times = re.findall(r"<(\d+\.\d) seconds> .*motorcycle", "\n".join(said["recalled"]))
            assert any(abs(float(time_s) - MOTORCYCLE_S) <= 5 for time_s in times)
            assert said["tick"] - MOTORCYCLE_S > 2 * WINDOW  # its pictures are long gone
            process.send_signal(signal.SIGKILL)
        with watching(video, site, urls) as process:
            said = answer_to(process, SIGN, at_tick=3)
            assert "PARKING" in said["text"].upper()
            assert "before this session" in " ".join(said["recalled"])
            said = answer_to(process, "who wrote Hamlet?", at_tick=said["tick"] + 1)
            assert said["action"] == "delegate"
            assert process.stdout
            voiced = (json.loads(line) for line in process.stdout)
            assert any("Shakespeare" in (one.get("text") or "") for one in voiced)

"""The commands, as a person or a script runs them: in a process of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onlooker.testing.clips import clip
from onlooker.testing.process import server_process
from onlooker.testing.rtsp import RtspCamera

ONLOOKER = [sys.executable, "-m", "onlooker"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with server_process("motion") as url:
        yield url


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    return subprocess.run(
        [*ONLOOKER, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=50,
        env=environment,
        input=stdin,
    )


def events_of(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def decisions_of(output: str) -> list[tuple[int, str, str | None]]:
    return [
        (event["tick"], event["action"], event["text"])
        for event in events_of(output)
        if event["type"] == "decided"
    ]


def test_watch_decides_on_a_real_clip_and_replay_decides_the_same(
    server: str, tmp_path: Path
) -> None:
    recording = tmp_path / "recording"
    watched = run(
        "watch",
        str(clip("bikes.mp4")),
        *("--model-url", server, "--speed", "max", "--json", "--record", str(recording)),
        *("--ask", "tell me when the scene changes"),
    )
    assert watched.returncode == 0, watched.stderr
    decisions = decisions_of(watched.stdout)
    assert [tick for tick, *_ in decisions] == list(range(10))
    assert {action for _, action, _ in decisions} == {"speak", "silent"}
    for event in events_of(watched.stdout):
        assert {"type", "tick", "time_s", "stream"} <= event.keys()

    replayed = run("replay", str(recording), "--json")
    assert replayed.returncode == 0, replayed.stderr
    assert decisions_of(replayed.stdout) == decisions
    assert "10 decisions the same, 10 prompts the same" in replayed.stderr

    other = run("replay", str(recording), "--model-url", server, "--json")
    assert decisions_of(other.stdout) == decisions


def test_two_streams_at_once_are_told_apart(server: str) -> None:
    watched = run(
        "watch",
        f"street={clip('bikes.mp4')}",
        f"car={clip('carphone_pristine.mp4')}",
        *("--model-url", server, "--speed", "max", "--json", "--ticks", "3"),
    )
    assert watched.returncode == 0, watched.stderr
    first = next(event for event in events_of(watched.stdout) if event["type"] == "perceived")
    seen = [picture["stream"] for picture in first["percepts"][0]["pictures"]]
    assert sorted(seen) == ["car", "street"]
    assert len(decisions_of(watched.stdout)) == 3


def test_watch_decides_on_a_camera_over_rtsp_and_on_a_file_beside_it(server: str) -> None:
    scene_HWC = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)

    async def watched() -> subprocess.CompletedProcess[str]:
        async with RtspCamera(lambda index: np.roll(scene_HWC, 8 * index, axis=1)) as camera:
            sources = (f"camera={camera.url}", f"street={clip('bikes.mp4')}")
            options = ("--model-url", server, "--ticks", "4", "--json")
            return await asyncio.to_thread(run, "watch", *sources, *options)

    done = asyncio.run(watched())
    assert done.returncode == 0, done.stderr
    assert [tick for tick, *_ in decisions_of(done.stdout)] == [0, 1, 2, 3]
    events = events_of(done.stdout)
    health = {(event["stream"], event["state"]) for event in events if "state" in event}
    assert {("camera", "connected"), ("street", "connected")} <= health
    last = [event for event in events if event["type"] == "perceived"][-1]
    seen = {picture["stream"] for picture in last["percepts"][0]["pictures"]}
    assert seen == {"camera", "street"}


def test_what_is_typed_reaches_the_model(server: str) -> None:
    watched = run(
        "watch",
        "synthetic:ball?seconds=4",
        *("--model-url", server, "--json", "--talk"),
        stdin="/add tell me when it gets dark\nwhat do you see?\n/pause nobody\n",
    )
    observed = [event for event in events_of(watched.stdout) if event["type"] == "observed"]
    said = [words["text"] for event in observed for words in event["heard"]]
    instructed = [change["text"] for event in observed for change in event["instructed"]]
    assert said == ["what do you see?"]
    assert instructed == ["tell me when it gets dark"]
    assert "i1 stands" in watched.stderr
    assert "no standing instruction has the id 'nobody'; known: i1" in watched.stderr


def test_ctrl_c_ends_in_good_order(server: str) -> None:
    command = [*ONLOOKER, "watch", "synthetic:ball", "--model-url", server, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if json.loads(line)["type"] == "decided":
                break
        process.send_signal(signal.SIGINT)
        *_, closed = events_of(process.stdout.read())
    assert process.returncode == 0
    assert closed["type"] == "closed"
    assert closed["reason"] == "interrupted"


def test_a_reader_that_leaves_ends_the_session(server: str) -> None:
    command = [*ONLOOKER, "watch", "synthetic:ball", "--model-url", server, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["watch", "no-such.mp4", "--model", "openai"], 1, "no-such.mp4"),
        (["watch", "gopher://x/y", "--model", "openai"], 2, "gopher"),
        (
            ["watch", "synthetic:ball", "--model", "oracle"],
            2,
            "no model plug-in is called 'oracle'",
        ),
        (
            ["watch", "synthetic:ball", "--set", "live.period_s=0"],
            2,
            "must be above 0",
        ),
        (["watch", "synthetic:ball", "--set", "live.pace=2"], 2, "live.pace"),
        (["watch", "synthetic:ball", "--set", "model.openai.pace=2"], 2, "model.openai.pace"),
        (["watch", "synthetic:ball", "--set", "model.opnai.url=x"], 2, "opnai"),
        (
            ["watch", "synthetic:ball", "--model", "openai", "--speed", "fast"],
            2,
            "a number above 0, or max",
        ),
        (
            ["watch", "rtsp://127.0.0.1:9/x", "--speed", "max", "--model", "openai"],
            2,
            "use speed 1",
        ),
        (["watch", "synthetic:ball", "--recipe", "none.toml"], 2, "none.toml"),
        (["replay", "nowhere"], 1, "nowhere holds no events.jsonl"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_mistake_is_one_line_that_names_it(
    arguments: list[str], code: int, expected: str
) -> None:
    mistaken = run(*arguments, *(["--json"] if arguments[0] == "watch" else []))
    assert mistaken.returncode == code
    assert expected in mistaken.stderr
    assert "Traceback" not in mistaken.stderr
    assert len(mistaken.stderr.strip().splitlines()) == 1


def test_no_server_is_said_in_a_line_and_is_a_failure() -> None:
    watched = run(
        "watch",
        "synthetic:ball?seconds=2",
        *("--speed", "max", "--model-url", "http://127.0.0.1:9/v1"),
    )
    assert watched.returncode == 1
    assert "http://127.0.0.1:9/v1 cannot be reached" in watched.stderr


def test_config_prints_a_recipe_that_reads_back(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    changes = ["--set", "live.window_ticks=50", "--set", "model.openai.dialect=native"]
    recipe.write_text(run("config", *changes).stdout)
    printed = run("config", "--recipe", str(recipe))
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout == recipe.read_text()
    assert "window_ticks = 50" in printed.stdout
    assert 'dialect = "native"' in printed.stdout


def test_plugins_names_every_port_and_origin() -> None:
    rows = [json.loads(line) for line in run("plugins", "--json").stdout.splitlines()]
    assert {row["port"] for row in rows} >= {"source", "codec", "model", "sink"}
    assert all(row["origin"].startswith("onlooker ") for row in rows)

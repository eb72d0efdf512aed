"""The command with memory: killed in the middle, it goes on where it was."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from onlooker.cli.options import memory_settings
from onlooker.testing.process import server_process

MEMORY = ("live.window_ticks=10", "live.carry_ticks=2", "memory.use=sqlite")


def watch(url: str, folder: Path, *more: str) -> list[str]:
    sets = [*MEMORY, f"memory.sqlite.folder={folder}", "memory.sqlite.meaning=off"]
    options = [part for override in sets for part in ("--set", override)]
    return [
        sys.executable, "-m", "onlooker", "watch", "synthetic:ball", "--json",
        "--model-url", url, *options, *more,
    ]  # fmt: skip


def events(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_a_session_that_was_killed_goes_on_with_its_memory_and_instructions(
    tmp_path: Path,
) -> None:
    with server_process("motion") as url:
        command = watch(url, tmp_path, "--speed", "20", "--ask", "tell me what moves")
        killed = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert killed.stdout
        for line in killed.stdout:
            if '"observed"' in line and json.loads(line)["tick"] >= 25:
                break
        killed.send_signal(signal.SIGKILL)
        killed.communicate()

        again = subprocess.run(
            watch(url, tmp_path, "--speed", "max", "--ticks", "3"),
            capture_output=True,
            text=True,
            check=True,
        )
    observed = [event for event in events(again.stdout.splitlines()) if event["type"] == "observed"]
    assert [one["text"] for one in observed[0]["instructed"]] == ["tell me what moves"]
    head = " ".join(observed[0]["memory"])
    assert "before this session" in head
    assert observed[1]["memory"] is None
    listed = subprocess.run(
        [sys.executable, "-m", "onlooker", "memory", "search", "--folder", str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = events(listed.stdout.splitlines())
    assert any(Path(one["picture"]).is_file() for one in found if one["picture"])


def test_a_damaged_memory_is_refused_in_one_line_before_anything_is_watched(
    tmp_path: Path,
) -> None:
    (tmp_path / "memory.sqlite").write_bytes(b"holiday notes " * 500)
    with server_process("motion") as url:
        refused = subprocess.run(
            watch(url, tmp_path, "--speed", "max", "--ticks", "3"),
            capture_output=True,
            text=True,
            check=False,
        )
    assert refused.returncode == 1
    assert "is damaged" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (tmp_path / "memory.sqlite").read_bytes() == b"holiday notes " * 500


def heads(output: str) -> list[list[str]]:
    observed = [event for event in events(output.splitlines()) if event["type"] == "observed"]
    return [event["memory"] for event in observed if event["memory"]]


def test_a_plain_session_remembers_what_left_its_window_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    home = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    sets = ("--set", "live.window_ticks=10", "--set", "live.carry_ticks=2")
    with server_process("motion") as url:
        command = [
            sys.executable, "-m", "onlooker", "watch", "synthetic:ball", "--json", "--speed", "max",
            "--ticks", "25", "--model-url", url, *sets,
        ]  # fmt: skip
        by_default = subprocess.run(command, capture_output=True, text=True, env=home, check=True)
        off = subprocess.run(
            [*command, "--memory", "none"], capture_output=True, text=True, env=home, check=True
        )
    head = heads(by_default.stdout)[0]
    assert head[0].startswith("<0.0-8.0 seconds>")
    assert "onlooker: " in head[0]
    assert heads(off.stdout) == []
    assert not list(tmp_path.rglob("*.sqlite"))


@pytest.mark.parametrize(
    ("given", "use", "folder"),
    [
        ("none", "", None),
        ("ram", "ram", None),
        ("disk", "sqlite", None),
        ("./ram", "sqlite", "./ram"),
        ("/srv/site", "sqlite", "/srv/site"),
    ],
)
def test_memory_is_named_in_a_word_or_by_a_folder(given: str, use: str, folder: str | None) -> None:
    settings = memory_settings(given)
    assert settings["memory.use"] == use
    assert settings.get("memory.sqlite.folder") == folder

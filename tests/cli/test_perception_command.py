"""`--perception` and `onlooker perception show`, as a person runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from onlooker.testing.clips import clip
from onlooker.testing.process import server_process

pytest.importorskip("onnxruntime", reason="needs the extra: pip install 'onlooker[perception]'")

ONLOOKER = [sys.executable, "-m", "onlooker"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ONLOOKER, *arguments], check=False, capture_output=True, text=True, timeout=50
    )


def test_watch_prints_the_scene_of_every_second() -> None:
    with server_process("motion") as url:
        watched = run(
            "watch",
            str(clip("bikes.mp4")),
            *("--perception", "default", "--json", "--speed", "max", "--model-url", url),
        )
    assert watched.returncode == 0, watched.stderr
    events = [json.loads(line) for line in watched.stdout.splitlines()]
    scenes = [
        percept["views"][0]
        for event in events
        if event["type"] == "perceived"
        for percept in event["percepts"]
        if percept["type"] == "scene"
    ]
    assert len(scenes) == 10
    seen = {thing["label"] for scene in scenes for thing in scene["objects"]}
    assert {"person", "car"} <= seen


def test_show_writes_a_video_and_a_strip(tmp_path: Path) -> None:
    shown = run("perception", "show", str(clip("bikes.mp4")), "--out", str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "bikes.annotated.mp4").stat().st_size > 10_000
    with Image.open(tmp_path / "bikes.strip.png") as strip:
        assert strip.width > 1000


def test_a_file_that_is_no_video_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "note.mp4").write_text("no video")
    shown = run("perception", "show", str(tmp_path / "note.mp4"), "--out", str(tmp_path))
    assert shown.returncode == 1
    assert "note.mp4" in shown.stderr
    assert "Traceback" not in shown.stderr

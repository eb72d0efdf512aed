"""Every example of docs/api.md runs, as it stands there, against a whole server."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from onlooker.testing.serving import jpeg
from tests.server.over_http import ADMIN, Served, serving, settings_of

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", PAGE, re.DOTALL)
SCRIPTS = [text for language, text in BLOCKS if language == "python"]
SHELL = "".join(text for language, text in BLOCKS if language == "sh")

SAYS = {
    "openai.OpenAI": r"</response> tell me when somebody comes in .*'action': 'speak'",
    "realtime.connect": "what do you see?",
    "RTCPeerConnection": r"\d+ .*silent",
}


async def run(folder: Path, served: Served, *command: str) -> str:
    """Run a command as a reader would, who serves at another port."""
    process = await asyncio.create_subprocess_exec(
        *(part.replace("127.0.0.1:8090", served.url.removeprefix("http://")) for part in command),
        cwd=folder,
        env={**os.environ, "ONLOOKER_TOKEN": ADMIN, "NO_PROXY": "127.0.0.1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, trouble = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, f"{out.decode()}\n{trouble.decode()}"
    return out.decode()


@pytest.mark.timeout(90)
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda text: next(k for k in SAYS if k in text))
async def test_an_example_in_python_runs(script: str, tmp_path: Path) -> None:
    (tmp_path / "frame.jpg").write_bytes(jpeg(10))
    async with serving(settings_of(tmp_path / "server")) as served:
        said = await run(tmp_path, served, sys.executable, "-c", script)
    assert re.search(next(SAYS[key] for key in SAYS if key in script), said, re.DOTALL), said


@pytest.mark.timeout(90)
async def test_the_examples_for_the_shell_run_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "frame.jpg").write_bytes(jpeg(10))
    async with serving(settings_of(tmp_path / "server")) as served:
        said = await run(tmp_path, served, "bash", "-eu", "-c", SHELL)
    for words in ('"ready":true', "what do you see?", "onlooker_decisions_total", '"removed":'):
        assert words in said
    assert (tmp_path / "ball.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert (tmp_path / "yard.zip").read_bytes()[:2] == b"PK"


def test_every_kind_of_route_has_an_example() -> None:
    """The routes of the table, by what follows the session's id."""
    assert len(SCRIPTS) == len(SAYS)
    table = PAGE.split("| route | does |")[1].split("\n\n")[0]
    kinds = {kind for kind in re.findall(r"…/([a-z]+)", table) if kind != "pictures"}
    assert len(kinds) >= 9
    assert [kind for kind in kinds if f"/{kind}" not in SHELL] == []

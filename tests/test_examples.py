"""The examples run, and the recipes fit the settings."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path

import pytest

from onlooker.assemble import check_tables, model_of, parts_of
from onlooker.config import load_settings
from onlooker.core.clock import MediaClock
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.testing.clips import clip
from onlooker.testing.doubles import ListSink, NoPictures, ScriptedModel, actions
from onlooker.testing.server import PictureServer

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "recipes").glob("*.toml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.stem for recipe in RECIPES])
def test_a_recipe_fits_the_settings(recipe: Path) -> None:
    settings = load_settings(recipe)
    check_tables(settings)
    assert model_of(settings).traits.reads
    if "webhook" not in settings.sink.use:  # whose secret is nobody's here
        assert parts_of(settings, ["synthetic:ball"]).sources.keys() == {"ball"}


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.stem for example in EXAMPLES])
def test_an_example_is_short(example: Path) -> None:
    assert len(example.read_text().splitlines()) < 60


def test_watch_a_file_says_what_happens(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(clip("bikes.mp4"))
    example = runpy.run_path(str(ROOT / "examples" / "watch_a_file.py"))

    async def run() -> None:
        async with PictureServer("motion") as server:
            await example["main"](path, f"{server.url}/v1")

    asyncio.run(run())
    *said, total = capsys.readouterr().out.splitlines()
    assert total == "10 decisions"
    assert said
    assert all(" s  " in line for line in said)


def test_own_source_can_be_watched() -> None:
    kind = runpy.run_path(str(ROOT / "examples" / "own_source.py"))["PulseSource"]
    sink = ListSink()
    parts = Parts(
        sources={"pulse": kind("pulse:3", kind.Settings(seconds=4))},
        codec=NoPictures(),
        model=ScriptedModel(),
        sinks={"list": sink},
    )
    asyncio.run(Session(parts, LiveSettings(), MediaClock()).run())
    assert actions(sink.events) == ["0 silent", "1 silent", "2 silent", "3 silent"]

"""Suites come out of a few lines each, to the last pixel, and say what they lack."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onlooker.core.media import VideoFrame
from onlooker.core.percept import Box, Scene, SceneObject, View
from onlooker.data.choose import FAMILIES, Wish, choose
from onlooker.data.make import WorldPlan, make_world
from onlooker.data.stream import BadData
from onlooker.data.suite import read_suite, suites
from onlooker.evaluate.look import Eyes, see
from onlooker.evaluate.run import Player, run
from onlooker.evaluate.suite import FramesDigest, Item, ItemMissing
from onlooker.model.rivals import SilentModel
from onlooker.model.rules import RulesModel

RECIPE = files("onlooker.data").joinpath("suites/six-scenarios.json").read_text("utf-8")
ENTRIES = json.loads(RECIPE)["items"]
FIRST_OF_EACH = {one["family"]: one for one in reversed(ENTRIES) if "world" in one}


def no_film(clip: Mapping[str, Any]) -> Iterator[VideoFrame]:
    raise ItemMissing(f"{clip['name']} is not here")
    yield


def test_the_suite_ships_with_twenty_of_each_scenario_and_real_clips() -> None:
    assert "six-scenarios" in suites()
    drawn = Counter(one["family"] for one in ENTRIES if "world" in one)
    assert drawn == dict.fromkeys(FAMILIES, 20)
    assert sum("clip" in one for one in ENTRIES) >= 20
    names = read_suite("six-scenarios", "pixels", no_film).items
    assert len(set(names)) == len(ENTRIES)


# One of each family, the quickest to draw; all together take minutes.
@pytest.mark.parametrize("family", ["monitoring", "text", "commentary"])
def test_items_are_drawn_again_to_the_last_bit(family: str, tmp_path: Path) -> None:
    entry = FIRST_OF_EACH[family]
    recipe = tmp_path / "one.json"
    recipe.write_text(json.dumps({"name": "one", "items": [entry]}))
    suite = read_suite(str(recipe), "pixels", no_film)
    item = suite.open(suite.items[0])
    assert item.frames is not None
    digest = FramesDigest()
    for frame in item.frames():
        digest.add(frame)
    assert digest.hex == entry["frames_sha256"] == item.frames_sha256


def test_choosing_anew_gives_the_same_recipe() -> None:
    chosen = list(choose(Wish(families=("counting", "quiet"), num_each=4, seed=2026)))
    known = [{key: one[key] for key in ("family", "world")} for one in ENTRIES if "world" in one]
    assert all(one in known for one in chosen)
    assert [one["world"]["split"] for one in chosen[:4]] == ["seeds", "phrasings"] * 2


def test_what_is_due_happens_and_what_is_quiet_moves() -> None:
    suite = read_suite("six-scenarios", "symbolic", no_film)
    for name in suite.items:
        item = suite.open(name)
        assert bool(item.truth.events) != (item.truth.family == "quiet"), name
        views = [view for turn in item.turns for one in turn.percepts
                 if isinstance(one, Scene) for view in one.views]  # fmt: skip
        assert item.truth.events or any(view.entered for view in views[1:]), name


def test_symbolic_items_are_the_same_streams_without_real_clips() -> None:
    pixels = read_suite("six-scenarios", "pixels", no_film)
    symbolic = read_suite("six-scenarios", "symbolic", no_film)
    assert pixels.digest != symbolic.digest
    assert symbolic.items == tuple(name for name in pixels.items if not name.startswith("real-"))
    name = symbolic.items[0]
    assert pixels.open(name).truth == symbolic.open(name).truth


def test_a_real_clip_brings_its_words_and_its_truth() -> None:
    suite = read_suite("six-scenarios", "pixels", no_film)
    item = suite.open("real-dog")
    assert [words.text for turn in item.turns for words in turn.heard] == ["Did you see a dog?"]
    assert item.truth.events[0].content.texts == ("no",)
    (asked,) = [one for turn in suite.open("real-reads").turns for one in turn.instructed]
    assert asked.text == "Read out every new text."


class OneLook:
    """Eyes that see the same thing in every frame, and count what they were shown."""

    def __init__(self) -> None:
        self.num_looks = 0

    async def open(self) -> OneLook:
        return self

    async def look(self, observation: Any) -> Scene:
        self.num_looks += 1
        thing = SceneObject("cat", 1, Box(0.6, 0.5, 0.8, 0.9), 0.9, 0.0)
        return Scene((View("cam", observation.tick.end_s, (thing,)),))

    async def close(self) -> None: ...


async def test_clips_that_cannot_be_had_are_listed(tmp_path: Path) -> None:
    entries = [FIRST_OF_EACH["time"], next(one for one in ENTRIES if "clip" in one)]
    recipe = tmp_path / "two.json"
    recipe.write_text(json.dumps({"name": "two", "items": entries}))
    suite = read_suite(str(recipe), "pixels", no_film)
    player = Player("silent", SilentModel(), {}, Eyes(OneLook()))
    done = await run(suite, player, tmp_path / "out")
    assert [[problem.kind for problem in one.problems] for one in done] == [[], ["missing_video"]]


def zoned() -> Item:
    suite = read_suite("six-scenarios", "pixels", no_film)
    return next(
        item for name in suite.items if not name.startswith("real-")
        if (item := suite.open(name)).places
    )  # fmt: skip


async def test_things_are_said_to_stand_in_the_zones_of_their_item() -> None:
    item = zoned()
    seen = await see(item, Eyes(OneLook()))
    (scene,) = seen.turns[0].percepts
    assert isinstance(scene, Scene)
    wanted = tuple(one.name for one in item.places if one.left <= 0.7 < one.right)
    assert scene.views[0].objects[0].zones == wanted


async def test_scenes_that_were_seen_are_kept_for_the_next_run(tmp_path: Path) -> None:
    item, eyes = zoned(), OneLook()
    first = await see(item, Eyes(eyes, kept=tmp_path))
    num_looks = eyes.num_looks
    again = await see(item, Eyes(eyes, kept=tmp_path))
    assert num_looks == len(item.turns)
    assert eyes.num_looks == num_looks
    assert again.turns == first.turns


async def test_other_pixels_than_the_recipes_are_told_and_not_kept(tmp_path: Path) -> None:
    entry = {**FIRST_OF_EACH["time"], "frames_sha256": "0" * 64}
    recipe = tmp_path / "one.json"
    recipe.write_text(json.dumps({"name": "one", "items": [entry]}))
    suite = read_suite(str(recipe), "pixels", no_film)
    player = Player("rules", RulesModel(), {}, Eyes(OneLook(), kept=tmp_path / "kept"))
    (done,) = await run(suite, player, tmp_path / "out")
    assert [problem.kind for problem in done.problems] == ["frames_differ"]
    assert not (tmp_path / "kept").exists()


async def test_a_data_set_is_a_suite(tmp_path: Path) -> None:
    make_world(WorldPlan(6, families=("time", "quiet")), tmp_path / "set")
    suite = read_suite(str(tmp_path / "set"), "symbolic", no_film)
    done = await run(suite, Player("rules", RulesModel(), {}), tmp_path / "out", limit=2)
    assert len(done) == 4
    assert all(one.prediction for one in done)


def test_a_suite_that_is_none_is_explained(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="six-scenarios"):
        read_suite("seven-scenarios", "pixels", no_film)
    broken = tmp_path / "broken.json"
    broken.write_text('{"name": "x", "items": [{}]}')
    with pytest.raises(BadData, match="there is no suite"):
        read_suite(str(broken), "pixels", no_film)


def test_frames_are_named_by_pixels_size_and_time() -> None:
    def digest(time_s: float, level: int, width: int) -> str:
        found = FramesDigest()
        found.add(VideoFrame("cam", time_s, np.full((4, width, 3), level, np.uint8)))
        return found.hex

    assert len({digest(0.5, 1, 6), digest(0.6, 1, 6), digest(0.5, 2, 6), digest(0.5, 1, 8)}) == 4
    assert digest(0.5, 1, 6) == digest(0.5, 1, 6)

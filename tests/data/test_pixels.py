from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from bench.world_pixels import measured
from onlooker.cli.eyes import default_eyes
from onlooker.core.decision import Silent
from onlooker.core.moment import Observation
from onlooker.core.percept import Scene, SceneObject, SceneText, View
from onlooker.data.make import WorldPlan, make_world
from onlooker.data.shards import read_card, read_streams
from onlooker.data.stream import BadData, LabelledStream
from onlooker.data.world.compose import Recipe, Scenario
from onlooker.data.world.families import FAMILIES
from onlooker.data.world.pixels import drawable, rendered, scenario_of, write_video
from onlooker.data.world.seen import Eyes, Look, noted, seen_by
from onlooker.data.world.stage import Stage
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.score import score

SMALL = (160, 90)


def scenario(family: str = "several", number: int = 0) -> Scenario:
    return scenario_of(Recipe(family, "seeds", 3, number))


@pytest.mark.parametrize("family", FAMILIES)
def test_only_what_can_be_drawn_is_on_stage_and_no_two_stand_in_one_row(family: str) -> None:
    for number in range(8):
        stage = scenario(family, number).stage
        assert {thing.label for thing in stage.things} <= set(drawable())
        for second in range(stage.num_seconds):
            feet = sorted(round(one.box(second).bottom, 3) for one in stage.present(second))
            assert all(low < high for low, high in pairwise(feet))


def test_the_same_recipe_gives_the_same_pixels_and_another_number_others() -> None:
    first, again = (list(rendered(scenario(), size_px=SMALL)) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert one.time_s == other.time_s
        assert np.array_equal(one.pixels_HWC, other.pixels_HWC)
    others = list(rendered(scenario(number=1), size_px=SMALL))
    assert not np.array_equal(first[0].pixels_HWC, others[0].pixels_HWC)


def test_frames_fall_into_the_middles_of_equal_spans() -> None:
    times_s = [frame.time_s for frame in rendered(scenario(), size_px=SMALL, fps=2)][:4]
    assert times_s == [0.25, 0.75, 1.25, 1.75]


def test_a_thing_changes_the_picture_where_the_world_says_it_is() -> None:
    made, thing = next(
        (made, thing)
        for number in range(50)
        for made in [scenario("counting", number)]
        for thing in made.stage.things
        if thing.enters > 0
        and made.stage.present(thing.enters) == [thing]
        and not made.stage.present(thing.enters - 1)
    )
    frames = [frame.pixels_HWC for frame in rendered(made, size_px=(320, 180))]
    changed_HW = np.abs(frames[thing.enters].astype(int) - frames[thing.enters - 1]).max(2) > 30
    rows, columns = np.nonzero(changed_HW)
    box = thing.box(thing.enters)
    assert columns.min() / 320 == pytest.approx(box.left, abs=0.03)
    assert columns.max() / 320 == pytest.approx(box.right, abs=0.03)
    assert rows.min() / 180 == pytest.approx(box.top, abs=0.03)
    assert rows.max() / 180 == pytest.approx(box.bottom, abs=0.03)


def test_held_out_labels_cannot_be_drawn_and_that_is_said() -> None:
    with pytest.raises(BadData, match="choose train, seeds or phrasings"):
        scenario_of(Recipe("text", "heldout"))


def test_a_written_video_holds_every_frame(tmp_path: Path) -> None:
    made = scenario("text")
    path = write_video(made, tmp_path / "text.mp4", size_px=SMALL, fps=2)
    with av.open(str(path)) as container:
        num_frames = sum(1 for _ in container.decode(video=0))
    assert num_frames == 2 * made.stage.num_seconds


def perfect(stage: Stage) -> Look:
    """Open eyes that see everything at once and as it is."""
    before: dict[int, SceneObject] = {}

    def look(observation: Observation) -> Scene:
        now_s = observation.frames[-1].time_s
        second = observation.tick.index
        there = {
            one.id: SceneObject(one.label, one.id, one.box(second), 0.9, float(one.enters))
            for one in stage.present(second)
        }
        texts = tuple(
            SceneText(one.text, one.box, 0.9, float(one.appears))
            for one in stage.writings
            if one.is_there(second)
        )
        new = tuple(there[index] for index in there.keys() - before.keys())
        gone = tuple(before[index] for index in before.keys() - there.keys())
        before.clear()
        before.update(there)
        return Scene((View(stage.name, now_s, tuple(there.values()), new, gone, texts),))

    return look


def blind(stage: Stage) -> Look:
    return lambda seen: Scene((View(stage.name, seen.frames[-1].time_s),))


@pytest.mark.parametrize("family", ["monitoring", "counting", "text", "commentary"])
def test_labels_score_one_for_eyes_that_miss_nothing(family: str) -> None:
    for number in range(4):
        stream = labelled(perfect, scenario(family, number))
        said = tuple(
            Emission(turn.tick.end_s, getattr(turn.decision, "text", ""))
            for turn in stream.turns
            if not isinstance(turn.decision, Silent)
        )
        assert score(stream.truth, Prediction(stream.item, said)).timings[0].f1 == 1


def test_what_is_never_seen_is_never_said_and_stays_true() -> None:
    made = next(one for n in range(20) if (one := scenario("text", n)).task.dues)
    stream = labelled(blind, made)
    assert stream.truth.events
    assert stream.num_spoken == 0
    assert stream.source == "pixels"


def test_a_set_of_what_is_seen_holds_its_scenes_and_says_how_it_was_made(tmp_path: Path) -> None:
    plan = WorldPlan(2, families=("text", "quiet"), looks_hz=1)
    make_world(plan, tmp_path, eyes=blind)
    streams = list(read_streams(tmp_path))
    assert [stream.item for stream in streams] == [
        "pixels-text-train-0-0",
        "pixels-quiet-train-0-0",
    ]
    assert all(stream.source == "pixels" for stream in streams)
    assert read_card(tmp_path)["made_by"]["looks_hz"] == 1


def test_what_is_drawn_needs_eyes_and_takes_no_other_noise(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no eyes are given"):
        make_world(WorldPlan(1, looks_hz=1), tmp_path)
    with pytest.raises(BadData, match="noise of what is drawn"):
        WorldPlan(1, noise=1.0, looks_hz=1)


@pytest.fixture(scope="module")
def real_eyes() -> Eyes:
    return default_eyes()


def test_the_default_eyes_know_whatever_comes_alone(real_eyes: Eyes) -> None:
    for label in ("person", "car", "motorcycle"):
        made, thing = next(
            (made, thing)
            for number in range(200)
            for made in [scenario("counting", number)]
            for thing in made.stage.things
            if thing.label == label
            and 0 < thing.enters < 12
            and made.stage.present(thing.enters) == [thing]
        )
        shown = islice(rendered(made), thing.enters + 1)
        assert noted(made.stage, shown, real_eyes(made.stage)).comes[thing.id] == thing.enters


def test_the_default_eyes_read_a_line_in_the_second_in_which_it_appears(real_eyes: Eyes) -> None:
    made = next(
        one
        for number in range(200)
        for one in [scenario("text", number)]
        if one.stage.writings and one.stage.writings[0].appears < 10
    )
    line = made.stage.writings[0]
    seen = noted(made.stage, islice(rendered(made), line.appears + 1), real_eyes(made.stage))
    assert seen.reads[line.id] == line.appears


@pytest.mark.parametrize("family", ["monitoring", "text"])
def test_the_measure_of_errors_finds_none_in_perfect_eyes_and_all_in_blind_ones(
    family: str,
) -> None:
    made = [scenario(family, number) for number in range(4)]
    found = {
        eyes: measured([(one.stage, labelled(eyes, one)) for one in made])
        for eyes in (perfect, blind)
    }
    assert found[perfect].things_s == found[blind].missed_s > 0
    assert found[blind].entries_missed == found[blind].entries > 0
    assert found[blind].lines_missed == found[blind].lines
    flaws = found[perfect]
    assert flaws.missed_s == flaws.lost == flaws.ghosts == flaws.wrong_label == 0
    assert flaws.entries_missed == flaws.exits_missed == flaws.wrong_characters == 0
    assert not any(flaws.entry_s + flaws.exit_s + flaws.line_s)


def labelled(eyes: Eyes, made: Scenario) -> LabelledStream:
    return seen_by(eyes, made, size_px=(32, 18))

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from onlooker.cli import app
from onlooker.core.errors import OnlookerError
from onlooker.data.make import WorldPlan, convert_all, make_world
from onlooker.data.shards import read_card, read_streams, shards_of
from onlooker.data.show import show
from onlooker.data.stream import BadData
from onlooker.data.videos import duration_of
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.noise import CLEAN
from onlooker.testing.render import render

RUN = CliRunner()


def annotations(path: Path, *names: str) -> Path:
    entries = [
        {
            "video_name": name,
            "task_type": "chat",
            "source": "web",
            "question": [{"content": "What now?", "time": 0}],
            "response": [{"content": f"This is {name}.", "time": 1}],
        }
        for name in names
    ]
    path.write_text(json.dumps(entries))
    return path


def two_seconds(path: Path) -> None:
    render(path, [np.full((48, 64, 3), 10 * index, np.uint8) for index in range(20)])


def known(path: Path) -> float:
    if path.name.startswith("broken"):
        raise BadData(f"{path.name} cannot be read")
    return 5.0


def test_a_plan_takes_families_and_splits_in_turns() -> None:
    plan = WorldPlan(8, splits=("train", "seeds"), families=("chat", "quiet"))
    cells = [(recipe.family, recipe.split) for recipe in plan.recipes()]
    assert cells[:4] == cells[4:]
    assert len({recipe.item for recipe in plan.recipes()}) == 8


def test_a_plan_refuses_what_it_does_not_know() -> None:
    with pytest.raises(BadData, match="known: monitoring"):
        WorldPlan(1, families=("nothing",))
    with pytest.raises(BadData, match="known: train"):
        WorldPlan(1, splits=())
    with pytest.raises(BadData, match="at least one"):
        WorldPlan(0)
    with pytest.raises(BadData, match="0 to 10"):
        WorldPlan(1, noise=-1)


def test_noise_can_be_chosen(tmp_path: Path) -> None:
    make_world(WorldPlan(3, families=("monitoring",), noise=0), tmp_path)
    made = [make_stream(Recipe("monitoring", number=number), CLEAN) for number in range(3)]
    assert [one.truth for one in read_streams(tmp_path)] == [one.truth for one in made]
    assert [one.num_spoken for one in read_streams(tmp_path)] == [one.num_spoken for one in made]


def test_a_world_that_was_stopped_goes_on_to_the_same_data(tmp_path: Path) -> None:
    plan = WorldPlan(50, families=("chat",))

    def stop_after(number: int) -> None:
        stop_after.left -= number  # type: ignore[attr-defined]
        if stop_after.left < 0:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    stop_after.left = 30  # type: ignore[attr-defined]
    with pytest.raises(KeyboardInterrupt):
        make_world(plan, tmp_path / "a", stop_after, 20)
    assert not read_card(tmp_path / "a")["is_complete"]
    counted: list[int] = []
    make_world(plan, tmp_path / "a", counted.append, 20)
    assert counted[0] == 20
    make_world(plan, tmp_path / "b", streams_per_shard=20)
    for one, other in zip(shards_of(tmp_path / "a"), shards_of(tmp_path / "b"), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_making_what_is_complete_changes_nothing(tmp_path: Path) -> None:
    plan = WorldPlan(5)
    make_world(plan, tmp_path)
    stats = make_world(plan, tmp_path)
    assert stats.num_streams == 5


def test_broken_videos_are_skipped_and_listed(tmp_path: Path) -> None:
    file = annotations(tmp_path / "a.json", "one.mp4", "broken.mp4", "two.mp4", "one.mp4")
    stats, problems = convert_all([file], tmp_path, tmp_path / "set", known)
    assert stats.num_streams == 2
    assert [problem.where for problem in problems] == ["web/broken.mp4", "web/one.mp4"]
    left_out = read_card(tmp_path / "set")["left_out"]
    assert [one["where"] for one in left_out] == ["web/broken.mp4", "web/one.mp4"]
    assert [one.video.path for one in read_streams(tmp_path / "set") if one.video] == [
        "web/one.mp4",
        "web/two.mp4",
    ]


def test_a_video_is_asked_for_its_duration_and_says_if_it_has_none(tmp_path: Path) -> None:
    two_seconds(tmp_path / "a.mp4")
    assert duration_of(tmp_path / "a.mp4") == pytest.approx(2, abs=0.2)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    for name in ("broken.mp4", "missing.mp4"):
        with pytest.raises(BadData, match=name):
            duration_of(tmp_path / name)


def test_a_stream_is_shown_as_a_conversation() -> None:
    stream = make_stream(Recipe("delegation", "train", 0, 0))
    shown = "\n".join(show(stream))
    assert shown.startswith(stream.item)
    for turn in stream.turns:
        for words in turn.heard:
            assert words.text in shown
    assert len(list(show(stream, shows_all=True))) > len(stream.turns)


def test_the_command_makes_checks_counts_and_shows(tmp_path: Path) -> None:
    folder = str(tmp_path / "set")
    made = RUN.invoke(app, ["data", "make", folder, "--streams", "24", "--split", "seeds"])
    assert made.exit_code == 0, made.output
    assert "quiet" in made.output
    assert "in good order" in RUN.invoke(app, ["data", "check", folder]).output
    assert "seeds" in RUN.invoke(app, ["data", "stats", folder]).output
    shown = RUN.invoke(app, ["data", "show", folder, "--streams", "1", "--family", "chat"])
    assert "world-chat-seeds" in shown.output


def test_the_command_finds_a_corrupt_shard(tmp_path: Path) -> None:
    make_world(WorldPlan(3), tmp_path)
    shards_of(tmp_path)[0].write_bytes(b"PAR1")
    checked = RUN.invoke(app, ["data", "check", str(tmp_path)])
    assert isinstance(checked.exception, OnlookerError)
    assert "1 problems" in str(checked.exception) or "2 problems" in str(checked.exception)


def test_the_command_converts_and_lists_what_is_broken(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    two_seconds(tmp_path / "web" / "one.mp4")
    file = annotations(tmp_path / "a.json", "one.mp4", "gone.mp4")
    command = ["data", "convert", str(file), "--videos", str(tmp_path), "--to"]
    done = RUN.invoke(app, [*command, str(tmp_path / "set")])
    assert done.exit_code == 0, done.output
    assert "gone.mp4" in done.output
    (stream,) = read_streams(tmp_path / "set")
    assert stream.num_spoken == 1

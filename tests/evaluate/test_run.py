"""A suite from the first item to the last: known answers, kills, and what cannot be played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from onlooker.core.errors import ModelUnavailable
from onlooker.core.ports import Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.evaluate.result import score_files, score_run, write_result
from onlooker.evaluate.run import ITEMS_FILE, Player, RunRefused, read_run, run
from tests.evaluate.players import (
    Play,
    Playing,
    TinySuite,
    chattering,
    early,
    late,
    perfect,
    silent,
)


def player(play: Play, **options: Any) -> Player:
    return Player("playing", Playing(play, **options), {"seed": 1})


async def overall_of(play: Play, folder: Path) -> dict[str, Any]:
    done = await run(TinySuite(), player(play), folder)
    result = score_run(done).result(read_run(folder)[0])
    overall: dict[str, Any] = result["overall"]
    return overall


# Two items with three events each, one of them to be delegated, and two without. An event blocks
# its second and 10 s after it: 10 s stay quiet of a busy item, and all 40 s of a quiet one.
QUIET_H = (10 + 10 + 40 + 40) / 3600


@pytest.mark.parametrize(
    ("play", "f1", "per_hour", "recall", "false_rate"),
    [
        (perfect, 1.0, 0.0, 1.0, 0.0),
        (silent, 0.0, 0.0, 0.0, 0.0),
        # Nothing said early counts: 6 wrong of 6. The first of each item falls into quiet time.
        # Wrongly delegated: 2 of 4 events to be spoken and 6 needless utterances.
        (early, 0.0, 2 / QUIET_H, 0.0, 2 / 10),
        # Two seconds late is beyond the tolerance of one, and within the ten that are not quiet.
        (late, 0.0, 0.0, 0.0, 2 / 10),
        # Each event is told once; 160 utterances in all: F1 = 2 * 6 / (160 + 6). What is said at
        # the very onset of the first event is about it: 9 + 9 + 40 + 40 are about nothing.
        (chattering, 12 / 166, 98 / QUIET_H, 0.0, 0.0),
    ],
)
async def test_players_get_the_scores_that_one_can_compute_by_hand(
    play: Play, f1: float, per_hour: float, recall: float, false_rate: float, tmp_path: Path
) -> None:
    overall = await overall_of(play, tmp_path)
    assert overall["timing_f1"] == pytest.approx(f1, abs=1e-4)
    assert overall["delegation_recall"] == recall
    assert overall["delegation_false_rate"] == pytest.approx(false_rate)
    assert overall["false_alarms_per_quiet_hour"] == pytest.approx(per_hour, abs=1e-3)


async def test_late_speech_is_found_at_the_wider_tolerance(tmp_path: Path) -> None:
    overall = await overall_of(late, tmp_path)
    assert overall["timing_f1@2s"] == 1.0
    assert overall["lags_s"]["p50"] == 3.0


async def test_every_number_stands_beside_what_blind_players_get(tmp_path: Path) -> None:
    overall = await overall_of(perfect, tmp_path)
    for blind in ("silence", "always", "clock"):
        for name in (
            "timing_f1",
            "false_alarms_per_quiet_hour",
            "delegation_recall",
            "delegation_false_rate",
        ):
            assert name in overall["blind"][blind]
    assert overall["blind"]["silence"]["timing_f1"] == 0.0
    # Both busy items have the same times: the clock that does best on the one does so on the other.
    assert overall["blind"]["clock"]["timing_f1"] > overall["blind"]["always"]["timing_f1"]
    low, high = overall["interval"]["timing_f1"]
    assert low <= overall["timing_f1"] <= high


async def test_a_killed_run_goes_on_where_it_was_and_comes_to_the_same(tmp_path: Path) -> None:
    whole = await run(TinySuite(), player(perfect), tmp_path / "whole")
    killed = player(perfect, num_before_kill=2)
    with pytest.raises(KeyboardInterrupt):
        await run(TinySuite(), killed, tmp_path / "killed")
    with (tmp_path / "killed" / ITEMS_FILE).open("a") as file:
        file.write('{"item": "quiet", "truth": {"it')  # torn in the middle of a write

    told: list[str] = []
    again = Playing(perfect)
    again.num_open = 2  # what the first part of the run opened
    going_on = Player("playing", again, {"seed": 1})
    done = await run(
        TinySuite(), going_on, tmp_path / "killed", advance=lambda one: told.append(one.item)
    )

    assert told == ["busy", "busy-2", "quiet", "quiet-2"]
    assert again.num_open == 4
    assert [one.prediction.emissions for one in done if one.prediction] == [
        one.prediction.emissions for one in whole if one.prediction
    ]


async def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    await run(TinySuite(), player(perfect), tmp_path)
    other = Player("playing", Playing(perfect), {"seed": 2})
    with pytest.raises(RunRefused, match="about differ"):
        await run(TinySuite(), other, tmp_path)


async def test_a_missing_video_is_listed_counted_and_tried_again(tmp_path: Path) -> None:
    suite = TinySuite(items=("busy", "missing-1", "busy-2"))
    done = await run(suite, player(silent), tmp_path)
    result = score_run(done).result(read_run(tmp_path)[0])
    assert result["problems"]["counts"] == {"missing_video": 1}
    assert (result["num_items"], result["num_left_out"]) == (2, 1)
    assert result["overall"]["counts"]["due_speak_missed"] == 4

    told: list[str] = []
    await run(suite, player(silent), tmp_path, advance=lambda one: told.append(one.item))
    assert told == ["busy", "busy-2", "missing-1"]


class Down(Playing):
    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        raise ModelUnavailable("no answer in 5 s")


async def test_a_model_that_never_decides_ends_the_run_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(RunRefused, match="no answer in 5 s"):
        await run(TinySuite(), Player("down", Down(silent), {}), tmp_path)


async def test_a_limit_takes_the_first_of_each_family(tmp_path: Path) -> None:
    done = await run(TinySuite(), player(silent), tmp_path, limit=1)
    assert [one.item for one in done] == ["busy", "quiet"]


def test_bad_files_are_counted_and_listed_and_never_silently_scored(tmp_path: Path) -> None:
    truth = tmp_path / "truth.jsonl"
    truths = [{"item": name, "duration_s": 40, "family": "f"} for name in ("a", "b", "c")]
    truth.write_text("".join(json.dumps(one) + "\n" for one in truths))
    said = tmp_path / "said.jsonl"
    lines = [
        {"item": "a", "emissions": []},
        {"item": "a", "emissions": [{"time_s": 1.0}]},
        {"item": "b", "emissions": [{"time_s": 900.0}]},
        {"item": "nobody", "emissions": []},
    ]
    said.write_text("".join(json.dumps(one) + "\n" for one in lines) + '{"item": "c", "emis')

    result = write_result(tmp_path / "out", score_files(truth, said), {"suite": "x", "player": "y"})

    assert result["problems"]["counts"] == {
        "bad_prediction": 1,
        "duplicate_item": 1,
        "missing_prediction": 1,
        "time_beyond_video": 1,
        "unknown_item": 1,
    }
    assert len(result["problems"]["list"]) == 5
    assert result["num_items"] == 2
    assert result["overall"]["timing_f1"] == 1.0
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == result

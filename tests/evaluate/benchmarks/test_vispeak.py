from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from onlooker.evaluate.benchmarks.vispeak import (
    clean,
    read,
    strict_official,
    to_official,
    truth_of,
)
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.problems import OfficialScriptStops, count


def annotation(video: str, **when: Any) -> dict[str, Any]:
    return {
        "video": video,
        "task_type": "Visual Wake-Up",
        "video_start_time": 0.0,
        "video_end_time": 20.0,
        "proactive": True,
        "conversations": [
            {"from": "human", "value": "Hm.", "time": 0.0},
            {"from": "gpt", "value": "Hello!", **when},
        ],
    }


ENTRIES = [
    annotation("span.mp4", time=4.0, timespan=[3.0, 5.0]),
    annotation("early.mp4", time=0.5, timespan=[-1.0, 1.0]),
    annotation("moment.mp4", time=8.0),
    annotation("soon.mp4", time=1.5),
]


def clips_in(folder: Path) -> Any:
    (folder / "a.json").write_text(json.dumps(ENTRIES))
    return read(folder / "a.json")[0]


def restated(rows: list[dict[str, list[Any]]]) -> int:
    """The official rule of time once more."""
    when = {entry["video"]: entry["conversations"][-1] for entry in ENTRIES}
    num_right = 0
    for row in rows:
        ((video, (_, time, _)),) = row.items()
        if not isinstance(time, int | float):
            continue
        if "timespan" in when[video]:
            low, high = when[video]["timespan"]
            num_right += time >= low and time >= 0 and time - 2.0 <= high
        else:
            # The moment itself is never compared with the answer but by "after".
            num_right += time > when[video]["time"] or when[video]["time"] <= 2.0
    return num_right


@pytest.mark.parametrize("seed", range(40))
def test_the_strict_score_of_time_is_the_official_one(seed: int) -> None:
    random = Random(seed)  # noqa: S311
    rows: list[dict[str, list[Any]]] = [
        {entry["video"]: ["hi", random.choice([random.randrange(0, 40) / 4, None, "5", 5]), []]}
        for entry in ENTRIES
        if random.random() < 0.9
    ]
    expected = restated(rows)
    stats = strict_official(rows, ENTRIES)
    assert (stats["total"], stats["time_correct"]) == (len(rows), expected)
    assert stats["time_accuracy"] == pytest.approx(expected / len(rows) if rows else 0.0, abs=1e-9)


def test_the_quirk_of_moments_is_mended_in_the_clean_score(tmp_path: Path) -> None:
    clips = clips_in(tmp_path)
    late = [Prediction("moment.mp4", (Emission(19.0, "hi"),))]
    assert strict_official(to_official(clips, late)[0], ENTRIES)["time_accuracy"] == 1.0
    assert clean(clips, late)[0]["time_accuracy"] == 0.0


def test_clean_known_answers(tmp_path: Path) -> None:
    clips = clips_in(tmp_path)
    said = [
        Prediction("span.mp4", (Emission(7.0, "hi"),)),
        Prediction("moment.mp4", (Emission(7.9, "hi"),)),
        Prediction("soon.mp4"),
        Prediction("early.mp4", (Emission(0.0, "hi"),)),
    ]
    assert clean(clips, said)[0] == {
        "time_accuracy": 0.5,
        "early_share": 0.25,
        "silent_share": 0.25,
    }


def test_silence_is_written_as_the_poller_leaves_it(tmp_path: Path) -> None:
    rows, problems = to_official(clips_in(tmp_path), [Prediction("span.mp4")])
    # It asks at 1, 2, ... 7 s, which is two after the span, and stops at 8.
    assert rows == [{"span.mp4": [None, 8.0, []]}]
    assert strict_official(rows, ENTRIES)["time_accuracy"] == 0.0
    assert count(problems) == {"missing_prediction": 3}


def test_an_unknown_video_stops_the_official_script() -> None:
    with pytest.raises(OfficialScriptStops, match="KeyError"):
        strict_official([{"other.mp4": ["hi", 1.0, []]}], ENTRIES)
    with pytest.raises(OfficialScriptStops, match="two annotations"):
        strict_official([], [*ENTRIES, ENTRIES[0]])


def test_clips_can_be_scored_by_our_own_scorer(tmp_path: Path) -> None:
    events = [truth_of(clip).events[0] for clip in clips_in(tmp_path)]
    assert [(one.onset_s, one.until_s) for one in events] == [
        (3.0, 5.0),
        (0.0, 1.0),
        (8.0, 8.0),
        (1.5, 1.5),
    ]

"""How well do the default eyes see? Prints the tables of docs/perception.md.

python bench/perception_quality.py            # all labelled clips, fetched if need be
python bench/perception_quality.py --noise    # also writes what the training world errs by
python -m bench.perception_quality --labels tests/real_labels    # clips that nothing was tuned on
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import numpy.typing as npt

from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation, Tick
from onlooker.core.percept import View
from onlooker.plugins.perception.labels import Labels, Second, read_labels
from onlooker.plugins.perception.measure import (
    Hits,
    Reading,
    entries,
    exits,
    gaps,
    jitter,
    misses_and_ghosts,
    people_of,
    reading,
    share_within,
    wrong_labels,
)
from onlooker.plugins.perception.noise import Noise, write_noise
from onlooker.plugins.perception.perception import DefaultPerception, DefaultSession
from onlooker.plugins.perception.settings import PerceptionSettings
from onlooker.testing.clips import clip
from onlooker.testing.footage import captioned, captions_at, frames_at

LABELS = Path(__file__).parent.parent / "tests" / "clips"
STILL_LABELS = ("car", "truck", "bus")  # parked, in vtest.avi

SMOOTHED = PerceptionSettings()
UNSMOOTHED = PerceptionSettings(keep_s=0.0, keep_score=SMOOTHED.min_score)

Pictures = Iterable[npt.NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Run:
    """Views of a clip, one a second, beside the truth."""

    labels: Labels
    views: list[View]


def look(settings: PerceptionSettings, pictures: Pictures, labels: Labels, rate_hz: int = 1) -> Run:
    session = _session(settings)
    seconds: list[list[VideoFrame]] = []
    for index, pixels_HWC in enumerate(pictures):
        if index % rate_hz == 0:
            seconds.append([])
        seconds[-1].append(VideoFrame("clip", (index + 0.5) / rate_hz, pixels_HWC))
    views = [
        session.look_now(Observation(Tick(index, index, index + 1.0), tuple(frames))).views[0]
        for index, frames in enumerate(seconds)
    ]
    num_seconds = min(len(labels.seconds), len(views))
    return Run(replace(labels, seconds=labels.seconds[:num_seconds]), views[:num_seconds])


_opened: dict[str, DefaultPerception] = {}


def _session(settings: PerceptionSettings) -> DefaultSession:
    key = settings.model_dump_json()
    if key not in _opened:
        _opened[key] = DefaultPerception(settings)
    return asyncio.run(_opened[key].open())


def counts_of(run: Run) -> list[int]:
    return [people_of(view) for view in run.views]


def people_table(runs: dict[str, Run]) -> None:
    print("\n| clip | seconds | count within 1 | exact | entries told / right / true |", end="")
    print(" exits told / right / true |\n|---|---|---|---|---|---|")
    for name, run in runs.items():
        counts = counts_of(run)
        print(
            f"| {name} | {len(counts)} | {share_within(counts, run.labels):.0%} "
            f"| {share_within(counts, run.labels, slack=0):.0%} "
            f"| {_told(entries(run.views, run.labels))} | {_told(exits(run.views, run.labels))} |"
        )
    within = fmean(
        abs(count - second.people) <= 1
        for run in runs.values()
        for count, second in zip(counts_of(run), run.labels.seconds, strict=True)
    )
    print(f"\nAll seconds together: {within:.1%} within 1.")


def events_table(rows: dict[str, Sequence[Run]]) -> None:
    print("\n| | entries: precision | recall | exits: precision | recall |\n|---|---|---|---|---|")
    for name, runs in rows.items():
        came = sum((entries(run.views, run.labels) for run in runs), Hits(0, 0, 0))
        went = sum((exits(run.views, run.labels) for run in runs), Hits(0, 0, 0))
        print(
            f"| {name} | {came.precision:.2f} | {came.recall:.2f} "
            f"| {went.precision:.2f} | {went.recall:.2f} |"
        )


def text_table(runs: dict[str, Run]) -> None:
    print("\n| clip | characters | error | lines missed | lines imagined |\n|---|---|---|---|---|")
    for name, run in runs.items():
        read = reading(run.views, run.labels)
        error = f"{read.character_error:.1%}" if read.num_characters else "-"
        print(
            f"| {name} | {read.num_characters} | {error} "
            f"| {read.num_missed} of {read.num_lines} | {read.num_ghosts} |"
        )


def captions_labels(labels: Labels) -> Labels:
    seconds = tuple(Second(0, texts=captions_at(index)) for index in range(len(labels.seconds)))
    return Labels("captions", (), seconds)


def noise_of(runs: Sequence[Run], written: Sequence[Run]) -> Noise:
    seconds = sum(len(run.views) for run in runs)
    overlooked, imagined, people = np.sum(
        [misses_and_ghosts(counts_of(run), run.labels) for run in runs], axis=0
    )
    stale, looked = np.sum([gaps(run.views) for run in runs], axis=0)
    wrong, seen = np.sum([wrong_labels(run.views, run.labels) for run in runs], axis=0)
    came = sum((entries(run.views, run.labels) for run in runs), Hits(0, 0, 0))
    went = sum((exits(run.views, run.labels) for run in runs), Hits(0, 0, 0))
    read = [reading(run.views, run.labels) for run in written]
    return Noise(
        miss=overlooked / people,
        ghosts_per_s=imagined / seconds,
        flicker=stale / looked,
        wrong_label=wrong / seen,
        jitter=max(jitter(run.views, STILL_LABELS) for run in runs),
        false_entries_per_s=(came.num_told - came.num_right) / seconds,
        false_exits_per_s=(went.num_told - went.num_right) / seconds,
        missed_entries=1 - came.recall,
        missed_exits=1 - went.recall,
        entry_delay_s=fmean(came.delays_s),
        exit_delay_s=fmean(went.delays_s),
        text_character_error=_sum(read, "num_errors") / _sum(read, "num_characters"),
        text_missed_lines=_sum(read, "num_missed") / _sum(read, "num_lines"),
        text_ghost_lines_per_s=_sum(read, "num_ghosts") / sum(len(run.views) for run in written),
    )


def _sum(read: Sequence[Reading], name: str) -> int:
    return sum(getattr(one, name) for one in read)


def _told(hits: Hits) -> str:
    return f"{hits.num_told} / {hits.num_right} / {hits.num_true}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--noise", action="store_true")
    arguments.add_argument("--labels", type=Path, default=LABELS)
    given = arguments.parse_args()
    truth = {path.stem: read_labels(path) for path in sorted(given.labels.glob("*.labels"))}
    paths = {name: clip(labels.clip) for name, labels in truth.items()}
    runs = {name: look(SMOOTHED, frames_at(paths[name]), labels) for name, labels in truth.items()}
    people_table(runs)
    rough = [look(UNSMOOTHED, frames_at(paths[name]), labels) for name, labels in truth.items()]
    finer = {
        rate_hz: [
            look(SMOOTHED, frames_at(paths[name], rate_hz), labels, rate_hz)
            for name, labels in truth.items()
        ]
        for rate_hz in (2, 4)
    }
    events_table(
        {
            "1 look a second, no smoothing": rough,
            "1 look a second": list(runs.values()),
            "2 looks a second": finer[2],
            "4 looks a second": finer[4],
        }
    )
    written = captions_over(truth["vtest"], paths["vtest"]) | runs if "vtest" in truth else runs
    text_table(written)
    if given.labels == LABELS:
        noise = noise_of(list(runs.values()), list(written.values()))
        print(f"\n{noise}")
        if given.noise:
            write_noise(noise)


def captions_over(labels: Labels, path: Path) -> dict[str, Run]:
    seen = look(SMOOTHED, captioned(frames_at(path)), captions_labels(labels))
    return {"captions over vtest (drawn by us)": seen}


if __name__ == "__main__":
    main()

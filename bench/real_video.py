"""What does a model say on real video, and when? Prints tables of it, and precision and recall.

    .venv/bin/python -m bench.real_video --model rules --model nano [--clip vtest] [--brief]

Clips whose every second somebody has looked at (tests/clips, tests/real_labels) go through the
default eyes at four looks a second, as live, and through the line; the model decides once a second.
Three things are asked of each clip that can show them. An event lies between the middles of the
second before and of its own; one that is told up to so many seconds after its second is right.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bench.report import report
from onlooker.core.moment import Instruction, Observation, Tick
from onlooker.core.percept import Scene
from onlooker.core.ports import Model
from onlooker.core.prompt import Turn
from onlooker.evaluate.content import Content
from onlooker.evaluate.prediction import Prediction
from onlooker.evaluate.replay import play
from onlooker.evaluate.score import Score, ScoreSettings, Timing, score
from onlooker.evaluate.truth import Expected, Span, Standing, Truth
from onlooker.plugins.loader import load
from onlooker.plugins.perception.labels import UNREADABLE, Labels, Second, read_labels
from onlooker.plugins.perception.perception import DefaultPerception, DefaultSession
from onlooker.plugins.perception.settings import PerceptionSettings
from onlooker.testing.clips import clip
from onlooker.testing.footage import captions_at, excerpt

ROOT = Path(__file__).parent.parent / "tests"
LOOKS_HZ = 4
ASKED_S = 0.5
SETTINGS = ScoreSettings(tolerances_s=(1.0, 2.0))
ASKED = {
    "enters": "Tell me when a person appears.",
    "counts": "Tell me how many people there are whenever it changes.",
    "reads": "Read out every new text.",
}


@dataclass(frozen=True, slots=True)
class Film:
    """A clip, looked at: its labels, and a scene a second."""

    name: str
    labels: Labels
    scenes: tuple[Scene, ...]


def truths_of(name: str, labels: Labels) -> Iterator[tuple[str, Truth]]:
    """Turn labels into what is due for each thing that may be asked of a clip."""
    seconds = labels.seconds
    if any(second.people for second in seconds) or not _texts(seconds):
        person = Content("keywords", ("person",))
        came = [(at, person) for at, second in enumerate(seconds) if at and second.entered]
        yield "enters", _truth(name, "enters", seconds, came)
        changed = [
            (at, Content("number", number=float(second.people)))
            for at, second in enumerate(seconds)
            if second.entered or second.left
        ]
        yield "counts", _truth(name, "counts", seconds, changed)
    yield "reads", _truth(name, "reads", seconds, list(_new_texts(seconds)))


def _new_texts(seconds: Sequence[Second]) -> Iterator[tuple[int, Content]]:
    before: set[str] = set(seconds[0].texts)
    for at, second in enumerate(seconds):
        new = tuple(text for text in second.texts if text not in before and text != UNREADABLE)
        if new:
            yield at, Content("keywords", new)
        before = set(second.texts)


def _texts(seconds: Iterable[Second]) -> bool:
    return any(second.texts for second in seconds)


def _truth(
    name: str, asked: str, seconds: Sequence[Second], due: list[tuple[int, Content]]
) -> Truth:
    events = tuple(
        Expected(f"e{at}", max(0.0, at - 0.5), at + 1.0, content=content, instruction="i1")
        for at, content in due
    )
    # What was there from the start, and what nobody can be asked to read, may be said.
    may = [Span(0.0, 2.0)]
    if asked == "reads":
        may += [Span(float(at), at + 2.0) for at, one in enumerate(seconds) if not one.is_legible]
    return Truth(
        item=f"{name}/{asked}",
        duration_s=float(len(seconds)),
        events=events,
        instructions=(Standing("i1", ASKED[asked], ASKED_S),),
        optional=tuple(may),
        family=asked,
    )


def films(only: Sequence[str]) -> Iterator[Film]:
    """Look at every labelled clip, and at one with captions that are drawn over it."""
    eyes = DefaultPerception(PerceptionSettings())
    paths = sorted([*ROOT.glob("clips/*.labels"), *ROOT.glob("real_labels/*.labels")])
    for path in paths:
        labels = read_labels(path)
        if not only or path.stem in only:
            yield _look(eyes, path.stem, labels)
    if not only or "captions" in only:
        labels = read_labels(ROOT / "clips" / "vtest.labels")
        shown = tuple(Second(0, texts=captions_at(at)) for at in range(len(labels.seconds)))
        yield _look(eyes, "captions", Labels(labels.clip, (), shown), with_captions=True)


def _look(
    eyes: DefaultPerception, name: str, labels: Labels, *, with_captions: bool = False
) -> Film:
    session = DefaultSession(eyes.eyes, PerceptionSettings())
    span = (0.0, float(len(labels.seconds)))
    frames = excerpt(clip(labels.clip), span, LOOKS_HZ, with_captions=with_captions)
    scenes = tuple(
        session.look_now(Observation(Tick(at, float(at), at + 1.0), tuple(shown)))
        for at, shown in groupby(frames, key=lambda frame: int(frame.time_s))
    )
    return Film(name, labels, scenes)


def turns_of(scenes: Sequence[Scene], asked: str) -> tuple[Turn, ...]:
    instruction = Instruction("i1", ASKED[asked], ASKED_S)
    return tuple(
        Turn(
            Tick(at, float(at), at + 1.0),
            (scene,) if scene.views else (),
            instructed=(instruction,) if at == 0 else (),
        )
        for at, scene in enumerate(scenes)
    )


def open_model(name: str, **settings: str | float) -> Model:
    """Open a model as it is shipped, but for the settings that are given."""
    kind: Any = load("model", name)
    model: Model = kind(kind.Settings(**settings)) if hasattr(kind, "Settings") else kind()
    return model


def of_nano(name: str, talkativeness: float | None) -> dict[str, float]:
    """Give what is to be set of a model: of nano alone, and if it is to be another than shipped."""
    return {} if name != "nano" or talkativeness is None else {"talkativeness": talkativeness}


def tell(truth: Truth, said: Prediction, one: Score) -> None:
    """Print what was due and what was said, second by second."""
    print(f"\n{truth.item}: {one.timings[0].num_told} of {one.timings[0].num_expected} in time")
    rows = [(event.until_s, f"due   {_wanted(event)}") for event in truth.events]
    rows += [(emission.time_s, f"says  {emission.text}") for emission in said.emissions]
    for time_s, what in sorted(rows):
        print(f"  {time_s:5.1f}  {what}")


def _wanted(event: Expected) -> str:
    content = event.content
    return f"{content.number:g}" if content.number is not None else ", ".join(content.texts)


def table(model: str, about: dict[str, float], scores: dict[str, list[Score]]) -> None:
    print(f"\n{model}\n| asked | clips | seconds | due | said | precision | recall | "
          "within 2 s | right words |\n|---|---|---|---|---|---|---|---|---|")  # fmt: skip
    for asked, found in scores.items():
        near, wide = (_sum([one.timings[index] for one in found]) for index in (0, 1))
        seconds = sum(one.counts.duration_s for one in found)
        right = sum(one.counts.num_contents_right for one in found)
        contents = sum(one.counts.num_contents for one in found)
        print(
            f"| {asked} | {len(found)} | {seconds:.0f} | {near.num_expected} | {near.num_counted} "
            f"| {near.precision:.2f} | {near.recall:.2f} | {wide.precision:.2f}, {wide.recall:.2f} "
            f"| {right} of {contents} |"
        )
        report(
            "real_video", model=model, **about, asked=asked, clips=len(found), seconds=seconds,
            due=near.num_expected, said=near.num_counted, told=near.num_told,
            precision=round(near.precision, 3), recall=round(near.recall, 3),
            precision_2s=round(wide.precision, 3), recall_2s=round(wide.recall, 3),
            right_words=right, words=contents,
        )  # fmt: skip


def _sum(timings: Sequence[Timing]) -> Timing:
    total = timings[0]
    for timing in timings[1:]:
        total += timing
    return total


async def judge(
    name: str, about: dict[str, float], looked: Sequence[Film], *, is_brief: bool
) -> None:
    model = open_model(name, **about)
    scores: dict[str, list[Score]] = {asked: [] for asked in ASKED}
    for film in looked:
        for asked, truth in truths_of(film.name, film.labels):
            played = await play(turns_of(film.scenes, asked), model)
            said = played.prediction(truth.item)
            one = score(truth, said, SETTINGS)
            scores[asked].append(one)
            if not is_brief:
                tell(truth, said, one)
    await model.close()
    table(name, about, scores)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", action="append", help="plug-in; may be given again")
    arguments.add_argument("--clip", action="append", help="only these", default=[])
    arguments.add_argument(
        "--talkativeness", type=float, help="of nano, in place of what it is shipped with"
    )
    arguments.add_argument("--brief", action="store_true", help="the sums alone")
    given = arguments.parse_args()
    looked = list(films(given.clip))
    for name in given.model or ["rules"]:
        about = of_nano(name, given.talkativeness)
        asyncio.run(judge(name, about, looked, is_brief=given.brief))


if __name__ == "__main__":
    main()

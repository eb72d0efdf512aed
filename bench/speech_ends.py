"""Does a model know when somebody has finished? One JSON line a set of sentences, and a way.

python -m bench.speech_ends [--clips FOLDER ...] [--most 60]

Each sentence is heard as it is, and with a pause put into it where it is quietest near 40 and near
60 % of its length: one of 0.5 s, which silence alone waits for, and one of 0.9 s, which it does
not. Sets are the embedded voices, and folders of recordings of people; none ships with us. Media
time: how busy the machine is changes nothing but the time of a judgement.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from bench.report import report
from bench.speech import TEXTS
from bench.speech_turn import rendered
from onlooker.core.media import AudioChunk, joined
from onlooker.live.segmenter import Segmenter, SegmenterSettings, SpeechEnded, SpeechPart
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber.activity import Activity
from onlooker.plugins.transcriber.turn import SmartTurn

RATE_HZ = 16_000
SHORTEST_S, LONGEST_S = 1.5, 15.0
NOISE = 0.0005
MORE = (
    "What is on the table?",
    "Turn the volume down a little, please.",
    "Who came in while I was away?",
    "I think the meeting starts at a quarter past nine.",
    "Remind me in ten minutes to take the bread out of the oven.",
    "Watch the dog and tell me if it goes near the pond.",
    "Count the people who enter the shop.",
    "What did I put in the drawer this morning?",
)
Samples = npt.NDArray[np.float32]


@dataclass
class Judged:
    """What came of sentences of one set, judged one way."""

    judge: SmartTurn | None
    silences_s: list[float] = field(default_factory=list)  # that ended a whole sentence
    laps_s: list[float] = field(default_factory=list)  # of CPU, for each judgement

    def utterances(self, sound_N: Samples) -> int:
        """Hear some sound, and count the utterances that it was taken for."""
        activity, segmenter = Activity(), Segmenter(SegmenterSettings())
        parts, num_ended = list[AudioChunk](), 0
        for begin in range(0, len(sound_N), 4096):
            chunk = AudioChunk("mic", begin / RATE_HZ, RATE_HZ, sound_N[begin : begin + 4096])
            for window, probability in activity.hear(chunk):
                for item in segmenter.hear(window, probability):
                    if isinstance(item, SpeechPart):
                        parts.append(item.chunk)
                    elif isinstance(item, SpeechEnded):
                        self.silences_s.append(window.start_s + window.duration_s - item.time_s)
                        num_ended += 1
                        parts.clear()
                if self.judge and segmenter.is_judgement_due:
                    began_s = time.process_time()
                    segmenter.judge(self.judge.complete(joined(parts)))
                    self.laps_s.append(time.process_time() - began_s)
        return num_ended


def quietest(sound_N: Samples, part: float) -> int:
    """Find where a sentence is quietest within a quarter of a second of a part of it."""
    middle, near, width = round(part * len(sound_N)), RATE_HZ // 4, RATE_HZ // 25
    begins = range(max(0, middle - near), min(len(sound_N) - width, middle + near), 80)
    return min(begins, key=lambda at: float(np.mean(sound_N[at : at + width] ** 2))) + width // 2


def faint(seconds: float) -> Samples:
    chance = np.random.default_rng(0)
    made_N: Samples = chance.normal(0, NOISE, round(seconds * RATE_HZ)).astype(np.float32)
    return made_N


def interrupted(sound_N: Samples, pause_s: float) -> Iterator[Samples]:
    for part in (0.4, 0.6):
        at = quietest(sound_N, part)
        yield np.concatenate([faint(0.5), sound_N[:at], faint(pause_s), sound_N[at:], faint(2.0)])


def measure(name: str, sentences: list[Samples], judge: SmartTurn | None) -> None:
    judged, cut = Judged(judge), {0.5: 0, 0.9: 0}
    nums = [judged.utterances(np.concatenate([faint(0.5), s, faint(2.0)])) for s in sentences]
    silences_ms = np.array(judged.silences_s) * 1000
    for pause_s in cut:
        for sentence_N in sentences:
            cut[pause_s] += sum(judged.utterances(x) > 1 for x in interrupted(sentence_N, pause_s))
    laps_ms = np.array(judged.laps_s or [0.0]) * 1000
    report(
        "speech_ends",
        said_by=name,
        judge="smart turn" if judge else "silence alone",
        num=len(sentences),
        cut_as_they_are=sum(num > 1 for num in nums),
        silence_ms={p: round(float(np.percentile(silences_ms, p))) for p in (10, 50, 95)},
        cut_at_a_pause={f"{s} s": round(n / 2 / len(sentences), 2) for s, n in cut.items()},
        judgement_cpu_ms=[round(float(np.percentile(laps_ms, p))) for p in (50, 95)],
    )


def recordings(folder: Path, most: int) -> list[Samples]:
    """Read recordings of sentences, the same ones each time."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    random.Random(0).shuffle(paths)  # noqa: S311
    found: list[Samples] = []
    for path in paths:
        sound_N = read(path)
        loud = np.flatnonzero(np.abs(sound_N) > 0.02)
        sound_N = sound_N[loud[0] : loud[-1]] if len(loud) else sound_N[:0]
        if SHORTEST_S <= len(sound_N) / RATE_HZ <= LONGEST_S:
            found.append(sound_N)
        if len(found) == most:
            break
    return found


def read(path: Path) -> Samples:
    resampler, parts = av.AudioResampler("flt", "mono", RATE_HZ), [np.zeros(0, np.float32)]
    with av.open(str(path)) as opened:
        for frame in opened.decode(audio=0):
            frame.pts = None
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    return np.concatenate(parts)


async def said_by(name: str) -> list[Samples]:
    kind: Any = load("voice", name)
    voice = kind(kind.Settings())
    sentences = [await rendered(voice, text) for text in TEXTS + MORE]
    await voice.close()
    return [sentence_N for sentence_N in sentences if len(sentence_N) >= SHORTEST_S * RATE_HZ]


def main(options: argparse.Namespace) -> None:
    sets = {name: asyncio.run(said_by(name)) for name in ("hibari", "espeak")}
    sets |= {folder.name: recordings(folder, options.most) for folder in options.clips}
    for name, sentences in sets.items():
        for judge in (None, SmartTurn()):
            measure(name, sentences, judge)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--clips", type=Path, nargs="*", default=[])
    parser.add_argument("--most", type=int, default=60, help="recordings of each folder")
    main(parser.parse_args())

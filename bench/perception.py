"""What do the default eyes cost? One JSON line: milliseconds of one core, and memory.

python bench/perception.py [VIDEO]     # vtest.avi at 640 x 480 if none is named
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
from PIL import Image

from bench.report import report
from onlooker.core.media import VideoFrame
from onlooker.core.moment import Observation, Tick
from onlooker.core.scene_words import scene_words
from onlooker.plugins.perception.perception import DefaultPerception
from onlooker.plugins.perception.settings import PerceptionSettings
from onlooker.testing.clips import clip
from onlooker.testing.footage import frames_at

WARM_UP = 3
SIZE = (640, 480)
NOISE_LEVELS = 1.0

Pictures = Sequence[npt.NDArray[np.uint8]]


def cpu_ms(settings: PerceptionSettings, pictures: Pictures, rate_hz: int) -> list[float]:
    """Look at pictures, say each scene, and give the processor time of each look."""
    session = asyncio.run(DefaultPerception(settings).open())
    laps_ms = []
    for index, pixels_HWC in enumerate(pictures):
        time_s = (index + 0.5) / rate_hz
        seen = Observation(
            Tick(index, index / rate_hz, (index + 1) / rate_hz),
            frames=(VideoFrame("cam", time_s, pixels_HWC),),
        )
        began_s = time.process_time()
        scene_words(session.look_now(seen))
        laps_ms.append((time.process_time() - began_s) * 1e3)
    return laps_ms[WARM_UP:]


def summary(laps_ms: Sequence[float]) -> dict[str, float]:
    return {
        "mean": round(float(np.mean(laps_ms)), 1),
        "p50": round(float(np.percentile(laps_ms, 50)), 1),
        "p95": round(float(np.percentile(laps_ms, 95)), 1),
    }


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else clip("vtest.avi")
    one = [sized(pixels_HWC) for pixels_HWC in frames_at(path, 1)]
    four = [sized(pixels_HWC) for pixels_HWC in frames_at(path, 4)]
    rng = np.random.default_rng(0)
    still = [
        np.clip(one[0] + rng.normal(0, NOISE_LEVELS, one[0].shape), 0, 255).astype(np.uint8)
        for _ in range(20)
    ]
    process = psutil.Process()
    before_bytes = process.memory_info().rss
    everything = PerceptionSettings()
    blind_to_text = PerceptionSettings(reads_text=False, tags=0)
    at_four_ms = cpu_ms(everything, four, 4)
    report(
        "perception",
        size=SIZE,
        detect_track_words_ms=summary(cpu_ms(blind_to_text, one, 1)),
        with_text_and_tags_ms=summary(cpu_ms(everything, one, 1)),
        at_4_hz_ms=summary(at_four_ms),
        looks_a_second=round(len(at_four_ms) / (sum(at_four_ms) / 1e3), 1),
        idle_ms=summary(cpu_ms(everything, still, 1)),
        grown_mb=round((process.memory_info().rss - before_bytes) / 1e6),
    )


def sized(pixels_HWC: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels_HWC).resize(SIZE))


if __name__ == "__main__":
    main()

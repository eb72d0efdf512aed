"""The items that went worst, each with the moment at which it did and what could be seen then."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from onlooker.core.media import VideoFrame
from onlooker.core.percept import Scene
from onlooker.core.prompt import Turn
from onlooker.core.scene_words import scene_words
from onlooker.evaluate.alignment import Alignment, align
from onlooker.evaluate.look import Eyes, Seen, see
from onlooker.evaluate.result import Scored
from onlooker.evaluate.score import ScoreSettings, coupled
from onlooker.evaluate.suite import ItemMissing, Suite

NUM_WORST = 6
AROUND_S = 6.0
WIDTH_PX = 320
QUALITY = 45
FRAME_MS = 600


@dataclass(frozen=True, slots=True)
class WorstCase:
    """An item that went wrong."""

    item: str
    at_s: float  # of the first missed event or needless speech
    clip: str = ""  # animated WebP as a data URL; empty: nothing was drawn
    seen: tuple[str, ...] = ()  # a line a second, as the model read it


def worst_moments(scored: Scored, num: int = NUM_WORST) -> list[tuple[str, float]]:
    """Name the worst items, each with its first wrong moment; no family fills the list."""
    truths = {truth.item: truth for truth in scored.truths}
    settings = ScoreSettings()
    ranked = []
    for prediction in scored.predictions:
        if prediction.item not in truths:
            continue
        truth = truths[prediction.item]
        main = align(truth, prediction.emissions, settings.tolerances_s[0], settings.early_s)
        if (at_s := _first_wrong(main)) is not None:
            wrong = len(main.missed) + len(main.of("repeats", "forbidden", "false_alarm"))
            ranked.append((coupled(main), -wrong, truth.item, truth.family, at_s))
    taken: dict[str, int] = {}
    found = []
    for _, _, item, family, at_s in sorted(ranked):
        taken[family] = taken.get(family, 0) + 1
        if taken[family] <= max(1, num // 3):
            found.append((item, at_s))
    return found[:num]


async def worst_cases(suite: Suite, scored: Scored, eyes: Eyes) -> tuple[WorstCase, ...]:
    """Show the worst items as clips; one that cannot be made again has none."""
    cases = []
    for name, at_s in worst_moments(scored):
        try:
            item = suite.open(name)
            seen = await see(item, eyes) if item.frames is None or eyes.kept else Seen(())
            frames = item.frames() if item.frames else ()
            cases.append(WorstCase(name, at_s, _clip(frames, at_s), _lines(seen.turns, at_s)))
        except ItemMissing:
            cases.append(WorstCase(name, at_s))
    return tuple(cases)


def _first_wrong(main: Alignment) -> float | None:
    wrong = [one.time_s for one in main.of("repeats", "forbidden", "false_alarm")]
    return min([*wrong, *(event.until_s for event in main.missed)], default=None)


def _clip(frames: Iterable[VideoFrame], at_s: float) -> str:
    """Make a small looping film of the seconds around a moment; a red edge marks the moment."""
    shots: list[Image.Image] = []
    last_s = float("-inf")
    for frame in frames:
        is_near = abs(frame.time_s - at_s) <= AROUND_S
        if is_near and frame.time_s - last_s >= 1 - 1e-6:
            shots.append(_small(frame, is_moment=at_s - 1 <= frame.time_s < at_s))
            last_s = frame.time_s
    if not shots:
        return ""
    written = BytesIO()
    options = {"save_all": True, "append_images": shots[1:], "duration": FRAME_MS, "loop": 0}
    shots[0].save(written, "WEBP", quality=QUALITY, **options)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"


def _small(frame: VideoFrame, *, is_moment: bool) -> Image.Image:
    height_px = max(1, round(frame.height_px * WIDTH_PX / frame.width_px))
    image = Image.fromarray(frame.pixels_HWC).resize((WIDTH_PX, height_px))
    if not is_moment:
        return image
    pixels_HWC = np.array(image)
    for edge in (np.s_[:4], np.s_[-4:], np.s_[:, :4], np.s_[:, -4:]):
        pixels_HWC[edge] = (220, 40, 40)
    return Image.fromarray(pixels_HWC)


def _lines(turns: Sequence[Turn], at_s: float) -> tuple[str, ...]:
    lines = []
    for turn in turns:
        if abs(turn.tick.end_s - at_s) > AROUND_S / 2:
            continue
        scenes = [scene_words(one) for one in turn.percepts if isinstance(one, Scene)]
        heard = [f'"{words.text}"' for words in turn.heard]
        heard += [f"[{change.text}]" for change in turn.instructed]
        lines.append(f"{turn.tick.end_s:g} s: {' '.join([*heard, *scenes])}")
    return tuple(lines)

"""The world rendered to pixels: moving cut-outs and writing over real backgrounds.

What happens is a `Scenario` like any other, of things that can be drawn and that the default eyes
know from a drawing: `drawable()` names them. The same recipe gives the same pixels.

H, W = height and width in pixels; C = colours.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from random import Random
from zlib import crc32

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from onlooker.core.media import VideoFrame
from onlooker.data.stream import BadData
from onlooker.data.world.compose import Recipe, Scenario, set_up
from onlooker.data.world.stage import Stage, Thing, Writing
from onlooker.data.world.words import TRAINED, Split, Words

SIZE_PX = (640, 360)
FEET = (0.76, 0.8, 0.84)  # of things that are there together, in parts of the height
PLACES = (0.2, 0.5, 0.8)  # where they stand, if they stand still
MAX_WIDTH = 0.8  # of all that are there together, in parts of the width
MIN_LETTERS_PX = 8
SENSOR_NOISE = 2.0  # luma levels, standard deviation
BACKGROUNDS = ("yard", "meadow", "road", "room", "desert")
LOOKS = ("subtitle", "sign", "card")

Size = tuple[int, int]  # width, height


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is known of the cut-outs of a label."""

    names: tuple[str, ...]
    heights: tuple[float, float]  # in parts of the picture's: between these it is recognised


@cache
def drawable() -> dict[str, Drawn]:
    """Name what can be drawn."""
    text = _folder().joinpath("sprites.toml").read_text(encoding="utf-8")
    return {
        label: Drawn(tuple(found["files"]), (found["heights"][0], found["heights"][1]))
        for label, found in tomllib.loads(text).items()
    }


def scenario_of(recipe: Recipe) -> Scenario:
    """Make up a stream that can be drawn.

    Raises:
        BadData: the split holds out labels, and none that can be drawn are held out.
    """
    recipe = replace(recipe, medium="pixels")
    rng = Random(recipe.item)  # noqa: S311 - a world, no secret
    return set_up(recipe, rng, drawable_words, fitted)


def drawable_words(split: Split, rng: Random) -> Words:
    """Choose the words of a stream among those of things that can be drawn."""
    if split in ("classes", "heldout"):
        raise BadData(
            f"nothing that split {split!r} holds out can be drawn: "
            f"choose train, seeds or phrasings for pixels"
        )
    labels = sorted(drawable())
    chosen = rng.sample(labels, rng.randrange(2, len(labels) + 1))
    if rng.random() < 0.5 and "person" not in chosen:
        chosen[0] = "person"
    return Words(tuple(chosen), tuple(TRAINED["zones"]), tuple(TRAINED["signs"]), rng)


def fitted(stage: Stage, thing: Thing) -> Thing | None:
    """Give a thing the size and the place in which it can be seen; None if there is no room."""
    if thing.label not in drawable():
        return None
    together = [
        one for one in stage.things if one.enters < thing.leaves and thing.enters < one.leaves
    ]
    used = {_row(one) for one in together}
    free = [row for row in range(len(FEET)) if row not in used]
    if not free:
        return None
    row = free[thing.id % len(free)]
    low, high = drawable()[thing.label].heights
    height = low + (high - low) * row / (len(FEET) - 1)
    sprite = _sprite(_name(thing))
    width = height * sprite.width / sprite.height * SIZE_PX[1] / SIZE_PX[0]
    if width + sum(one.size for one in together) > MAX_WIDTH and together:
        return None
    x = thing.x if thing.speed else PLACES[row] + 0.12 * (thing.x - 0.5)
    return replace(thing, x=x, y=FEET[row] - height / 2, size=width, height=height)


def rendered(
    scenario: Scenario, *, size_px: Size = SIZE_PX, fps: float = 1
) -> Iterator[VideoFrame]:
    """Draw a scenario.

    Args:
        scenario: of `scenario_of`.
        size_px: width and height.
        fps: frames a second, taken at the middles of equal spans.

    Returns:
        the frames in order of time; for a recipe and a size always the same.
    """
    stage, item = scenario.stage, scenario.recipe.item
    seed = crc32(item.encode())
    background = picture(f"background-{BACKGROUNDS[seed % len(BACKGROUNDS)]}", size_px)
    for index in range(int(stage.num_seconds * fps)):
        time_s = (index + 0.5) / fps
        image = background.copy()
        there = [one for one in stage.things if one.enters <= time_s < one.leaves]
        for thing in sorted(there, key=lambda one: one.box(0).bottom):
            _draw_thing(image, thing, time_s)
        for writing in stage.writings:
            if writing.appears <= time_s < writing.goes:
                _draw_writing(image, writing, LOOKS[(seed + writing.id) % len(LOOKS)])
        noise = np.random.default_rng((seed, index)).normal(0, SENSOR_NOISE, image.size[::-1])
        pixels_HWC = np.asarray(image, np.float32) + noise[..., None].astype(np.float32)
        yield VideoFrame(stage.name, time_s, np.clip(pixels_HWC, 0, 255).astype(np.uint8))


def write_video(scenario: Scenario, path: Path, *, size_px: Size = SIZE_PX, fps: int = 10) -> Path:
    """Write a scenario as a video file (H.264); the same bytes for the same encoder."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "veryfast", "threads": "1"}
        for index, shown in enumerate(rendered(scenario, size_px=size_px, fps=fps)):
            frame = av.VideoFrame.from_ndarray(shown.pixels_HWC, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@lru_cache(maxsize=256)
def picture(name: str, size_px: Size | None = None, *, is_flipped: bool = False) -> Image.Image:
    """Give a cut-out or a background at a size, or at its own."""
    image = _sprite(name)
    if size_px:
        image = image.resize(size_px, Image.Resampling.LANCZOS)
    if is_flipped:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image if not name.startswith("background-") else image.convert("RGB")


def _row(thing: Thing) -> int:
    foot = thing.y + thing.height / 2
    return min(range(len(FEET)), key=lambda row: abs(FEET[row] - foot))


def _name(thing: Thing) -> str:
    names = drawable()[thing.label].names
    return names[thing.id % len(names)]  # who is there together looks different


def _draw_thing(image: Image.Image, thing: Thing, time_s: float) -> None:
    # The world says where a thing is at whole seconds: that is where it is in their middles.
    box = thing.box(max(float(thing.enters), time_s - 0.5))
    left, top = round(box.left * image.width), round(box.top * image.height)
    size_px = (round(thing.size * image.width), round(thing.height * image.height))
    is_flipped = thing.speed < 0 or (thing.speed == 0 and thing.id % 2 == 1)
    sprite = picture(_name(thing), size_px, is_flipped=is_flipped)
    image.paste(sprite, (left, top), sprite)


def _draw_writing(image: Image.Image, writing: Writing, look: str) -> None:
    """Write a line away from where things are drawn: above them or below."""
    draw = ImageDraw.Draw(image)
    share, middle = {"subtitle": (0.075, 0.925), "sign": (0.08, 0.12), "card": (0.11, 0.13)}[look]
    letters = _letters(writing.text, int(image.height * share), int(image.width * 0.9))
    left, top, right, bottom = draw.textbbox((0, 0), writing.text, font=letters)
    width, height = right - left, bottom - top
    x, y = (image.width - width) / 2, image.height * middle - height / 2
    pad = image.height * 0.025
    plate = (x - 2 * pad, y - pad, x + width + 2 * pad, y + height + pad)
    if look == "subtitle":
        plate = (0, y - pad, image.width, y + height + pad)
    paper, ink = _INKS[look]
    draw.rectangle(plate, fill=paper, outline=ink if look == "sign" else None, width=2)
    draw.text((x - left, y - top), writing.text, ink, letters)


_INKS = {
    "subtitle": ((16, 16, 24), (245, 245, 245)),
    "sign": ((250, 248, 238), (28, 28, 30)),
    "card": ((24, 60, 110), (250, 250, 250)),
}


def _letters(text: str, size_px: int, width_px: int) -> ImageFont.FreeTypeFont:
    """Choose letters in which a line fits, none so small that nobody could read them."""
    fits = (size for size in range(size_px, MIN_LETTERS_PX, -1) if _length(text, size) <= width_px)
    return _font(next(fits, MIN_LETTERS_PX))


def _length(text: str, size_px: int) -> float:
    return _font(size_px).getlength(text)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise BadData("Pillow was built without FreeType, and text cannot be drawn: reinstall it")
    return font


@cache
def _sprite(name: str) -> Image.Image:
    with _folder().joinpath(f"{name}.webp").open("rb") as file, Image.open(file) as image:
        return image.convert("RGBA")


def _folder() -> Traversable:
    return files("onlooker.data.world.sprites")

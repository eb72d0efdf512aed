"""A view drawn over its picture: boxes with names, writing, zones, and what changed."""

from __future__ import annotations

from collections.abc import Iterable

from PIL import Image, ImageDraw, ImageFont

from onlooker.core.percept import Box, View
from onlooker.plugins.perception.settings import Zone

COLOURS = ("#ff7043", "#42a5f5", "#66bb6a", "#ffca28", "#ab47bc", "#26c6da", "#ec407a", "#9ccc65")
NEW_COLOUR = "#ffffff"
TEXT_COLOUR = "#00e5ff"
ZONE_COLOUR = "#ffeb3b"


def draw_view(image: Image.Image, view: View, zones: Iterable[Zone] = ()) -> Image.Image:
    """Draw a view over a copy of the RGB picture that it is of."""
    drawn = image.copy()
    draw = ImageDraw.Draw(drawn)
    size_px = max(11, image.height // 40)
    font = ImageFont.load_default(size_px)
    width = max(1, image.height // 250)
    for zone in zones:
        if zone.stream in (None, view.stream):
            corners = [(x * image.width, y * image.height) for x, y in zone.points]
            draw.polygon(corners, outline=ZONE_COLOUR, width=width)
            draw.text(corners[0], zone.name, ZONE_COLOUR, font)
    for text in view.texts:
        draw.rectangle(_pixels(text.box, image), outline=TEXT_COLOUR, width=width)
        _note(draw, _pixels(text.box, image), text.text, TEXT_COLOUR, font)
    entered = {thing.track_id for thing in view.entered}
    for thing in view.objects:
        is_new = thing.track_id in entered
        colour = NEW_COLOUR if is_new else COLOURS[thing.track_id % len(COLOURS)]
        corners_px = _pixels(thing.box, image)
        draw.rectangle(corners_px, outline=colour, width=width * 2 if is_new else width)
        name = f"{'new ' if is_new else ''}{thing.label} {thing.track_id}"
        _note(draw, corners_px, " ".join([name, *thing.zones]), colour, font)
    gone = ", ".join(f"{thing.label} {thing.track_id}" for thing in view.left)
    head = f"{view.time_s:.1f} s" + (f"   gone: {gone}" if gone else "")
    _note(draw, (0, 2 * size_px, 0, 0), head, "#ffffff", font)
    return drawn


Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Corners = tuple[float, float, float, float]


def _pixels(box: Box, image: Image.Image) -> Corners:
    return (
        box.left * image.width,
        box.top * image.height,
        max(box.right * image.width, box.left * image.width + 1),
        max(box.bottom * image.height, box.top * image.height + 1),
    )


def _note(draw: ImageDraw.ImageDraw, at: Corners, words: str, colour: str, font: Font) -> None:
    """Write words on a dark ground above a place, or in it where there is no room above."""
    left, top = at[0], at[1]
    width, height = draw.textbbox((0, 0), words, font)[2:]
    top = top - height - 1 if top > height else top
    draw.rectangle((left, top, left + width + 2, top + height + 1), fill="#101418")
    draw.text((left + 1, top), words, colour, font)

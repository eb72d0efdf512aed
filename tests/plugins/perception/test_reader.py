import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from .conftest import Real, picture


def card(*lines: str, size_px: int = 34, angle: float = 0.0) -> Image.Image:
    image = Image.new("RGB", (800, 400), (24, 30, 60))
    for row, line in enumerate(lines):
        draw, font = ImageDraw.Draw(image), ImageFont.load_default(size_px)
        draw.text((60, 80 + row * size_px * 1.7), line, (240, 240, 240), font)
    return image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=(24, 30, 60))


def read(real: Real, image: Image.Image) -> list[str]:
    assert real.eyes.reader is not None
    return [line.text for line in real.eyes.reader.read(image, 20, 960)]


LINES = (
    "Platform 9 - Train to Paris",
    "TOTAL $128.50",
    "Order #A7F3-22",
    "connection refused (code 111)",
)


def test_lines_are_read_to_the_letter_in_their_order(real: Real) -> None:
    assert read(real, card(*LINES)) == list(LINES)


@pytest.mark.parametrize("angle", [-20, 12])
def test_a_slanted_sign_is_read(real: Real, angle: float) -> None:
    assert read(real, card("MIND THE GAP", size_px=48, angle=angle)) == ["MIND THE GAP"]


def test_upright_writing_is_read(real: Real) -> None:
    upright = card("WAY OUT", size_px=60).rotate(90, expand=True)
    assert read(real, upright) == ["WAY OUT"]


def test_a_title_over_real_water_is_read_and_placed(real: Real) -> None:
    assert real.eyes.reader is not None
    (line,) = real.eyes.reader.read(picture("title.jpg"), 20, 960)
    assert line.text == "LTX-2.5"
    left, top, right, bottom = line.box
    assert (left, right) == pytest.approx((0.2, 0.8), abs=0.05)
    assert (top, bottom) == pytest.approx((0.41, 0.57), abs=0.05)


def test_a_picture_without_writing_reads_as_nothing(real: Real) -> None:
    assert read(real, Image.fromarray(np.zeros((300, 400, 3), np.uint8))) == []

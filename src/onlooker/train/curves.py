"""The log of a run as a picture: loss, and how well held-out seconds are decided."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH_PX, HEIGHT_PX, MARGIN_PX = 720, 240, 44
LINES = (("loss", "#b8860b"), ("f1", "#1f77b4"), ("precision", "#9ecae1"), ("recall", "#a1d99b"))


def draw_curves(folder: Path) -> Path:
    """Draw `log.jsonl` of a run as `curves.png` beside it.

    Raises:
        OSError: there is no log, or the picture cannot be written.
    """
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    reports = [json.loads(line) for line in lines]
    image = Image.new("RGB", (WIDTH_PX, 2 * HEIGHT_PX), "white")
    pen = ImageDraw.Draw(image)
    _panel(pen, 0, reports, LINES[:1], max(report["loss"] for report in reports))
    _panel(pen, HEIGHT_PX, reports, LINES[1:], 1.0)
    path = folder / "curves.png"
    image.save(path)
    return path


def _panel(
    pen: ImageDraw.ImageDraw,
    top_px: int,
    reports: Sequence[dict[str, float]],
    lines: Sequence[tuple[str, str]],
    greatest: float,
) -> None:
    last = max(report["step"] for report in reports)
    high, low = top_px + 30, top_px + HEIGHT_PX - 30
    for share in (0.0, 0.5, 1.0):
        y = low + (high - low) * share
        pen.line((MARGIN_PX, y, WIDTH_PX - 10, y), fill="#e5e5e5")
        pen.text((6, y - 6), f"{greatest * share:.2f}", fill="#666")
    pen.text((WIDTH_PX - 110, low + 8), f"step {last:,}", fill="#666")
    for number, (name, colour) in enumerate(lines):
        points = [
            (
                MARGIN_PX + (WIDTH_PX - MARGIN_PX - 10) * report["step"] / last,
                low + (high - low) * min(1.0, report[name] / greatest),
            )
            for report in reports
        ]
        pen.line(points, fill=colour, width=2)
        pen.text((MARGIN_PX + 90 * number, top_px + 8), name, fill=colour)

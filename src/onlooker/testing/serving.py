"""Settings and pictures for tests of a server: nothing here looks or thinks."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image


def jpeg(level: int = 128, width_px: int = 64, height_px: int = 48) -> bytes:
    """Encode one even grey picture."""
    file = BytesIO()
    Image.new("RGB", (width_px, height_px), (level, level, level)).save(file, "JPEG")
    return file.getvalue()


def serving_tree(folder: Path, model: str, **server: Any) -> dict[str, Any]:
    """Write settings for a server whose model is the class `model`, as 'module:Class'."""
    return {"model": {"use": model}, "server": {"folder": str(folder), **server}}

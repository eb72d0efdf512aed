"""How much two pictures differ: the one measure that gate, health and perception share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

THUMBNAIL_ROWS = 48
THUMBNAIL_COLUMNS = 64
CELL_PX = 8  # of the thumbnail: 6 x 8 cells

Thumbnail = npt.NDArray[np.float32]


def thumbnail(pixels_HWC: npt.NDArray[np.uint8]) -> Thumbnail:
    """Shrink a picture to the grey thumbnail that `difference` compares.

    Each thumbnail pixel is the mean of up to 2 x 2 pixels of its place, which tames sensor noise
    at a cost that does not grow with the picture.

    Args:
        pixels_HWC: RGB, any size from 1 x 1.

    Returns:
        float32 luma (48, 64) in [0, 255].
    """
    height, width, _ = pixels_HWC.shape
    rows_R = np.arange(2 * THUMBNAIL_ROWS) * height // (2 * THUMBNAIL_ROWS)
    columns_C = np.arange(2 * THUMBNAIL_COLUMNS) * width // (2 * THUMBNAIL_COLUMNS)
    sampled = pixels_HWC[rows_R[:, None], columns_C[None, :]].astype(np.float32)
    luma = sampled @ np.asarray([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
    pairs = luma.reshape(THUMBNAIL_ROWS, 2, THUMBNAIL_COLUMNS, 2)
    return np.asarray(pairs.mean(axis=(1, 3)), np.float32)


def cell_differences(before: Thumbnail, after: Thumbnail) -> npt.NDArray[np.float32]:
    """Say how much each place of a picture changed.

    Returns:
        the mean absolute luma difference, in [0, 255], of 6 x 8 cells of 8 x 8 thumbnail pixels.
    """
    changed = np.abs(after - before)
    cells = changed.reshape(
        THUMBNAIL_ROWS // CELL_PX, CELL_PX, THUMBNAIL_COLUMNS // CELL_PX, CELL_PX
    )
    return np.asarray(cells.mean(axis=(1, 3)), np.float32)


def difference(before: Thumbnail, after: Thumbnail) -> float:
    """Say how much the most changed place of a picture changed.

    Returns:
        the largest of `cell_differences`. Repeats of one picture give 0; sensor noise stays below
        about 3; a person who enters some way off gives 10 and more.
    """
    return float(cell_differences(before, after).max())

"""What the picture as a whole looks like: words of a classifier with 1000 of them."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from onlooker.plugins.perception.models import ASSETS, asset_sums, checked_bytes, open_asset, run

SIZE_PX = 224
SHORT_SIDE_PX = 256  # before the middle is cut out
NAMES = "imagenet1k_names.json"


class Tagger:
    """EfficientNet-lite0, trained on ImageNet: nouns, and what is in the middle above all."""

    def __init__(self) -> None:
        self._network = open_asset("efficientnet_lite0_in1k_224.onnx")
        names: list[str] = json.loads(checked_bytes(ASSETS / NAMES, asset_sums()[NAMES]))
        self._names = [name.split(",")[0].lower() for name in names]

    def tag(self, image: Image.Image, num_tags: int, min_score: float) -> tuple[str, ...]:
        """Name what an RGB picture shows, the surest first.

        Raises:
            PerceptionFailed: the network did not take it.
        """
        pixels_HWC = (np.asarray(_middle(image), np.float32) - 127) / 128
        logits_K = run(self._network, pixels_HWC.transpose(2, 0, 1)[None])[0][0]
        scores_K = np.exp(logits_K - logits_K.max())
        scores_K /= scores_K.sum()
        best = np.argsort(-scores_K, kind="stable")[:num_tags]
        return tuple(self._names[index] for index in best if scores_K[index] >= min_score)


def _middle(image: Image.Image) -> Image.Image:
    margin = (1 - SIZE_PX / SHORT_SIDE_PX) / 2
    side = min(image.size) * (1 - 2 * margin)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return image.resize(
        (SIZE_PX, SIZE_PX),
        Image.Resampling.BILINEAR,
        box=(left, top, left + side, top + side),
        reducing_gap=2.0,
    )

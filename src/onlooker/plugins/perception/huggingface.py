"""Boxes of things, by an object detector of the Hugging Face kind: a hub id or a folder.

N = boxes; K = labels. Boxes are (left, top, right, bottom) in fractions of the picture.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from onlooker.core.errors import BadSettings, PerceptionFailed
from onlooker.plugins.perception.models import Floats, first_line

# What VOC and Darknet, from which many detectors have their labels, call things of COCO.
OTHER_NAMES = {
    "aeroplane": "airplane",
    "hair dryer": "hair drier",
    "motorbike": "motorcycle",
    "sofa": "couch",
    "tvmonitor": "tv",
}


class HuggingFaceFinder:
    """Runs any model that `AutoModelForObjectDetection` opens, on one thread of the processor.

    Weights are read as safetensors only, and no code of the model's own is run.

    Raises:
        BadSettings: the extra `huggingface` is not installed, or there is no such detector.
    """

    def __init__(self, name: str, ours: Sequence[str]) -> None:
        try:
            import torch
            from transformers import AutoImageProcessor, AutoModelForObjectDetection
        except ImportError:
            raise BadSettings(
                f"the detector {name} needs transformers and torch: "
                f"pip install 'onlooker[huggingface]'"
            ) from None
        self._name, self._torch = name, torch
        torch.set_num_threads(1)
        try:
            self._model: Any = AutoModelForObjectDetection.from_pretrained(
                name, dtype=torch.float32, use_safetensors=True, trust_remote_code=False
            ).eval()
            # The other kind of processor needs torchvision.
            self._processor: Any = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
                name, backend="pil", trust_remote_code=False
            )
        except Exception as error:  # noqa: BLE001 - the library raises whatever its parts raise
            raise BadSettings(
                f"{name} is no Hugging Face detector that can be opened; name a hub id, or a "
                f"folder with config.json, preprocessor_config.json and safetensors: "
                f"{first_line(error)}"
            ) from None
        label_of = named_labels(self._model.config.id2label, ours)
        self.labels = tuple(dict.fromkeys(label_of.values()))
        self._column_of = {index: self.labels.index(label) for index, label in label_of.items()}

    def find(self, image: Image.Image) -> tuple[Floats, Floats]:
        """Find things in an RGB picture of any size.

        Returns:
            boxes_N4, scores_NK.

        Raises:
            PerceptionFailed: the network did not take it.
        """
        torch = self._torch
        torch.set_num_threads(1)  # torch counts them for each thread that calls it
        try:
            # Said, because one or three rows of pixels would pass for colours.
            batch = self._processor(
                images=image, input_data_format="channels_last", return_tensors="pt"
            )
            with torch.inference_mode():
                outputs = self._model(**batch)
            (found,) = self._processor.post_process_object_detection(outputs, threshold=0.0)
        except Exception as error:  # noqa: BLE001 - see above
            raise PerceptionFailed(
                f"{self._name} could not run on a picture of {image.width} x {image.height}: "
                f"{first_line(error)}"
            ) from None
        return self._table(found)

    def _table(self, found: Mapping[str, Any]) -> tuple[Floats, Floats]:
        """Spread one label and score a box over all labels; boxes of nameless labels score 0."""
        boxes_N4 = found["boxes"].numpy().astype(np.float32)
        scores_NK = np.zeros((len(boxes_N4), len(self.labels)), np.float32)
        for row, (index, score) in enumerate(
            zip(found["labels"].tolist(), found["scores"].tolist(), strict=True)
        ):
            if index in self._column_of:
                scores_NK[row, self._column_of[index]] = score
        return boxes_N4, scores_NK


def named_labels(id2label: Mapping[int, str], ours: Sequence[str]) -> dict[int, str]:
    """Call a model's labels by our names where we have one; those without a name fall away.

    Only words stay of a name, in lower case: it goes into a prompt.
    """
    by_letters = {_letters(label): label for label in ours}
    labels = {}
    for index, name in id2label.items():
        words = " ".join(re.findall(r"[\w'-]+", name.lower().replace("_", " ")))
        label = OTHER_NAMES.get(words, by_letters.get(_letters(words), words))
        if label and name.upper() != "N/A":
            labels[int(index)] = label
    return labels


def _letters(words: str) -> str:
    return re.sub(r"\W", "", words)

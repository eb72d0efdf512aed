"""Write a random detector to disk, look at pictures with it, and print what was found as JSON.

    PYTHONPATH=src .venv-engine/bin/python tests/engine/tiny_detector.py yolos|rt_detr FOLDER

What it finds means nothing; that it is found as transformers itself finds it does.
"""

# It runs in .venv-engine, whose packages the project's environment does not have.
# mypy: ignore-errors
# ruff: noqa: E402 - what must be absent is taken away before the imports

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from pathlib import Path

# The extra brings none of these, so it must do without them.
for absent in ("torchvision", "accelerate", "scipy", "timm", "onnxruntime"):
    sys.modules[absent] = None

import numpy as np
import torch
from PIL import Image
from transformers import (
    RTDetrConfig,
    RTDetrForObjectDetection,
    RTDetrImageProcessorPil,
    RTDetrResNetConfig,
    YolosConfig,
    YolosForObjectDetection,
    YolosImageProcessorPil,
)

from onlooker.core.errors import OnlookerError
from onlooker.plugins.perception.detector import Detector
from onlooker.plugins.perception.settings import PerceptionSettings

LABELS = ("Person", "N/A", "sofa", "traffic_light", "wheelie bin")
SIDE_PX = 64


def main(kind: str, folder: Path) -> None:
    torch.manual_seed(4)  # with it both kinds find things of several labels
    model, processor = {"yolos": yolos, "rt_detr": rt_detr}[kind]()
    spread(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    detector = opened(folder)
    picture = noise(96, 64)
    told = {
        "labels": detector.labels,
        "found": found(detector, picture),
        "again": found(opened(folder), picture),
        "wanted": as_transformers_finds(model, processor, picture),
        "watched": found(opened(folder, watch=detector.labels[1:]), picture),
        "odd": {f"{w}x{h}": found(detector, noise(w, h)) for w, h in ((1, 1), (3, 40), (40, 3))},
        "threads": asyncio.run(asyncio.to_thread(threads_after_a_look, detector, picture)),
        "refused": [
            refusal(folder / "no"),
            refusal("nobody/nothing"),
            refusal(no_detector(folder)),
        ],
        "code": refusal(with_code(folder)),
        "unknown": refusal(folder, watch=("unicorn",)),
    }
    sys.stdout.write(json.dumps(told))


def yolos():
    config = YolosConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=[SIDE_PX, SIDE_PX],
        num_detection_tokens=20,
        **labels(),
    )
    size = {"height": SIDE_PX, "width": SIDE_PX}
    return YolosForObjectDetection(config).eval(), YolosImageProcessorPil(size=size)


def rt_detr():
    backbone = RTDetrResNetConfig(
        embedding_size=8,
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        encoder_hidden_dim=32,
        encoder_in_channels=[16, 24, 32],
        encoder_ffn_dim=64,
        encoder_attention_heads=2,
        d_model=32,
        decoder_in_channels=[32, 32, 32],
        decoder_ffn_dim=64,
        decoder_layers=2,
        decoder_attention_heads=2,
        num_queries=20,
        num_denoising=0,
        **labels(),
    )
    size = {"height": SIDE_PX, "width": SIDE_PX}
    return RTDetrForObjectDetection(config).eval(), RTDetrImageProcessorPil(size=size)


def labels():
    names = dict(enumerate(LABELS))
    return {"id2label": names, "label2id": {name: index for index, name in names.items()}}


def spread(model) -> None:
    """Make random scores and places differ as learnt ones do."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "detection_tokens" in name:
                weight.normal_(0, 1)
            elif weight.ndim >= 2 and ("class" in name or "bbox" in name or "score" in name):
                weight.normal_(0, weight.shape[-1] ** -0.5)


def opened(folder, **settings):
    return Detector(
        PerceptionSettings(
            detector=str(folder), detector_format="huggingface", keep_score=0.05, **settings
        )
    )


def noise(width: int, height: int) -> Image.Image:
    generator = np.random.default_rng(width)
    return Image.fromarray(generator.integers(0, 256, (height, width, 3), np.uint8))


def found(detector, picture):
    return [dataclasses.asdict(thing) for thing in detector.detect(picture)]


def as_transformers_finds(model, processor, picture):
    """The surest box with a name, in pixels: the way its documentation goes."""
    batch = processor(images=picture, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**batch)
    size = torch.tensor([[picture.height, picture.width]])
    (result,) = processor.post_process_object_detection(outputs, 0.0, target_sizes=size)
    named = [row for row, index in enumerate(result["labels"].tolist()) if LABELS[index] != "N/A"]
    row = max(named, key=lambda row: result["scores"][row].item())
    return {
        "label": LABELS[result["labels"][row].item()],
        "score": result["scores"][row].item(),
        "box_px": result["boxes"][row].tolist(),
        "size_px": picture.size,
    }


def threads_after_a_look(detector, picture) -> int:
    torch.set_num_threads(2)
    detector.detect(picture)
    return torch.get_num_threads()


def no_detector(folder: Path) -> Path:
    other = folder / "other"
    other.mkdir()
    (other / "config.json").write_text(json.dumps({"model_type": "bert"}))
    return other


def with_code(folder: Path) -> Path:
    """A model whose classes come along with it, and print when they are imported."""
    theirs = folder / "theirs"
    theirs.mkdir()
    classes = {"AutoConfig": "code.Config", "AutoModelForObjectDetection": "code.Model"}
    config = {"model_type": "theirs", "auto_map": classes}
    (theirs / "config.json").write_text(json.dumps(config))
    (theirs / "code.py").write_text("print('their code runs')\n")
    return theirs


def refusal(folder, **settings) -> str:
    try:
        opened(folder, **settings)
    except OnlookerError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

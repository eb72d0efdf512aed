from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onlooker.core.errors import BadSettings
from onlooker.plugins.perception.detector import Detector, _decode_yolo, without_doubles
from onlooker.plugins.perception.settings import PerceptionSettings

from .conftest import Real, picture

MODELS = Path(__file__).parent / "models"  # yolo_like.onnx: constants, made for these tests


def test_a_man_in_a_storm_is_a_person_where_he_stands(real: Real) -> None:
    found = real.eyes.detector.detect(picture("man.jpg"))
    assert found[0].label == "person"
    assert found[0].score > 0.6
    left, top, right, bottom = found[0].box
    assert left < 0.15
    assert top < 0.1
    assert right > 0.8
    assert bottom > 0.9


def test_the_labels_are_the_80_of_coco(real: Real) -> None:
    labels = real.eyes.detector.labels
    assert len(labels) == len(set(labels)) == 80
    assert (labels[0], labels[-1]) == ("person", "toothbrush")


def test_only_what_is_watched_is_found(real: Real) -> None:
    detector = Detector(PerceptionSettings(watch=("cup", "car")))
    assert detector.detect(picture("man.jpg")) == []


def test_a_label_that_the_detector_does_not_know_is_refused_with_those_it_knows(
    real: Real,
) -> None:
    with pytest.raises(BadSettings, match=r"knows no unicorn; it knows person, bicycle, "):
        Detector(PerceptionSettings(watch=("person", "unicorn")))


def test_yolo_outputs_are_read_as_centre_size_and_scores() -> None:
    table = np.asarray([[320, 320, 64, 128, 0.1, 0.9], [0, 0, 10, 10, 0.2, 0.1]], np.float32)
    boxes_N4, scores_NK = _decode_yolo([table.T[None]], 640)
    assert boxes_N4[0] == pytest.approx([0.45, 0.4, 0.55, 0.6])
    assert scores_NK.tolist() == [pytest.approx([0.1, 0.9]), pytest.approx([0.2, 0.1])]


def test_another_detector_is_named_by_its_path_and_labels(real: Real, tmp_path: Path) -> None:
    """The model finds two boxes around one "bun" in the upper middle of whatever it is shown."""
    labels = tmp_path / "labels.txt"
    labels.write_text("plate\nbun\n")
    settings = PerceptionSettings(
        detector=str(MODELS / "yolo_like.onnx"),
        detector_format="yolo",
        detector_labels=str(labels),
        watch=("bun",),
    )
    (found,) = Detector(settings).detect(Image.new("RGB", (640, 320)))
    assert found.label == "bun"
    assert found.score == pytest.approx(0.9)
    # The picture fills the upper half of the square that the network sees.
    assert found.box == pytest.approx((0.25, 0.25, 0.75, 0.75))


def test_a_detector_with_more_labels_than_are_named_is_refused(real: Real, tmp_path: Path) -> None:
    path = str(MODELS / "yolo_like.onnx")
    with pytest.raises(BadSettings, match="tells 2 labels apart, and 80 are named"):
        Detector(PerceptionSettings(detector=path, detector_format="yolo"))


def test_yolo_without_a_path_is_refused(real: Real) -> None:
    with pytest.raises(BadSettings, match="names no model: name its path"):
        Detector(PerceptionSettings(detector_format="yolo"))


def test_of_boxes_on_one_thing_the_surest_stays() -> None:
    boxes_N4 = np.asarray(
        [
            [0.1, 0.1, 0.5, 0.5],
            [0.12, 0.1, 0.5, 0.5],  # the same again
            [0.2, 0.2, 0.3, 0.3],  # a part of it
            [0.2, 0.2, 0.3, 0.3],  # a part of it, of another kind: something held
            [0.1, 0.1, 0.5, 0.51],  # the whole under another name
            [0.6, 0.6, 0.8, 0.8],
            [0.9, 0.9, 0.9, 0.95],  # nothing
        ],
        np.float32,
    )
    labels_N = np.asarray([0, 0, 0, 1, 1, 0, 0])
    assert without_doubles(boxes_N4, np.ones(7, np.float32), labels_N) == [0, 3, 5]

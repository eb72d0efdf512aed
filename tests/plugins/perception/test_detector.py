import numpy as np
import pytest

from onlooker.core.errors import BadSettings
from onlooker.plugins.perception.detector import Detector, _decode_yolo, without_doubles
from onlooker.plugins.perception.settings import PerceptionSettings

from .conftest import Real, picture


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

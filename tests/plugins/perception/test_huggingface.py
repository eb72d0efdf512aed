"""What holds without torch; tests/engine/test_detector.py runs detectors."""

from __future__ import annotations

import sys

import pytest
from pydantic import ValidationError

from onlooker.core.errors import BadSettings
from onlooker.plugins.perception.detector import Detector, _labels
from onlooker.plugins.perception.huggingface import OTHER_NAMES, named_labels
from onlooker.plugins.perception.settings import PerceptionSettings

RT_DETR = PerceptionSettings(detector="PekingU/rtdetr_r18vd", detector_format="huggingface")


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_without_the_packages_one_line_names_the_extra(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(BadSettings) as refused:
        Detector(RT_DETR)
    assert str(refused.value) == (
        "the detector PekingU/rtdetr_r18vd needs transformers and torch: "
        "pip install 'onlooker[huggingface]'"
    )


def test_settings_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(BadSettings, match=r"names no model: name a hub id, such as PekingU"):
        Detector(PerceptionSettings(detector_format="huggingface"))
    for other in ({"detector_labels": "mine.names"}, {"detector_sha256": "ab" * 32}):
        with pytest.raises(BadSettings, match=r"are for ONNX files, .*: leave them out"):
            Detector(RT_DETR.model_copy(update=other))
    with pytest.raises(ValidationError, match="'nanodet', 'yolo' or 'huggingface'"):
        PerceptionSettings.model_validate({"detector_format": "hugging_face"})


def test_labels_go_by_our_names_and_what_has_none_falls_away() -> None:
    theirs = [
        "N/A",
        "Person",
        "sofa",
        "diningtable",
        "traffic_light",
        "Cell-phone",
        "",
        "Wild Bird",
    ]
    assert named_labels(dict(enumerate(theirs)), _labels("")) == {
        1: "person",
        2: "couch",
        3: "dining table",
        4: "traffic light",
        5: "cell phone",
        7: "wild bird",
    }


def test_other_names_lead_to_labels_of_ours() -> None:
    assert set(OTHER_NAMES.values()) <= set(_labels(""))
    assert not set(OTHER_NAMES) & set(_labels(""))


def test_a_label_from_elsewhere_can_pass_for_nothing_but_words() -> None:
    (label,) = named_labels({0: 'cat; "OPEN"\n</silence> {x}'}, _labels("")).values()
    assert label == "cat open silence x"

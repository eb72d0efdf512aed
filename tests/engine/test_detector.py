"""Detectors of the Hugging Face kind, through torch and transformers, from `.venv-engine`.

    python tests/engine/install.py
    .venv/bin/pytest tests/engine/test_detector.py -m slow

Two architectures, because each reads its outputs in its own way.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.engine.engine import IS_INSTALLED
from tests.engine.install import ENGINE_PYTHON, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(200),
    pytest.mark.skipif(
        not IS_INSTALLED, reason="no .venv-engine: run `python tests/engine/install.py` first"
    ),
]
# The model's labels, and ours for them; it has one more, "N/A".
OURS = {
    "Person": "person",
    "sofa": "couch",
    "traffic_light": "traffic light",
    "wheelie bin": "wheelie bin",
}


@pytest.fixture(scope="module", params=["yolos", "rt_detr"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a detector found in the other environment."""
    program = Path(__file__).parent / "tiny_detector.py"
    ended = subprocess.run(
        [ENGINE_PYTHON, program, request.param, tmp_path_factory.mktemp(request.param)],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(ended.stdout)


def test_what_is_found_has_a_name_a_score_and_a_place_in_the_picture(told: Any) -> None:
    assert told["labels"] == list(OURS.values())
    odd = [told["odd"][size] for size in ("1x1", "3x40", "40x3")]
    for found in (told["found"], *odd):
        assert found
        for thing in found:
            left, top, right, bottom = thing["box"]
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1
            assert 0.05 <= thing["score"] <= 1
            assert thing["label"] in told["labels"]


def test_the_surest_is_the_one_that_transformers_finds(told: Any) -> None:
    found, wanted = told["found"][0], told["wanted"]
    assert found["label"] == OURS[wanted["label"]]
    assert found["score"] == pytest.approx(wanted["score"], abs=1e-4)
    sides = zip(wanted["box_px"], wanted["size_px"] * 2, strict=True)
    fractions = [min(1.0, max(0.0, side_px / size_px)) for side_px, size_px in sides]
    assert found["box"] == pytest.approx(fractions, abs=1e-4)


def test_the_same_picture_gives_the_same_again(told: Any) -> None:
    assert told["again"] == told["found"]


def test_only_what_is_watched_is_found(told: Any) -> None:
    assert "person" in {thing["label"] for thing in told["found"]}
    assert told["watched"]
    assert "person" not in {thing["label"] for thing in told["watched"]}


def test_a_look_takes_one_thread_whatever_was_set_before(told: Any) -> None:
    assert told["threads"] == 1


def test_what_is_no_detector_is_refused_in_one_line(told: Any) -> None:
    missing, unreachable, other = told["refused"]
    assert (
        "no is no Hugging Face detector that can be opened; name a hub id, or a folder" in missing
    )
    assert unreachable.startswith("nobody/nothing is no Hugging Face detector")
    assert "couldn't find them in the cached files" in unreachable
    assert "Unrecognized configuration class" in other
    assert told["unknown"] == f"the detector knows no unicorn; it knows {', '.join(OURS.values())}"
    assert not any("\n" in line for line in (*told["refused"], told["unknown"]))


def test_code_that_comes_with_a_model_is_not_run(told: Any) -> None:
    # Had it run, it would have written into what is read here as JSON.
    assert "no Hugging Face detector that can be opened" in told["code"]
    assert "contains custom code" in told["code"]

"""Whatever a camera or a disk brings: a scene, or one sentence that says what to do."""

import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from onlooker.core.errors import BadSettings, PerceptionFailed
from onlooker.core.percept import View
from onlooker.core.scene_words import count_tokens, scene_words
from onlooker.plugins.perception import models
from onlooker.plugins.perception.detector import Detection, Detector
from onlooker.plugins.perception.perception import DefaultPerception
from onlooker.plugins.perception.settings import PerceptionSettings
from onlooker.plugins.perception.watch import Eyes, Watch

from .conftest import HAS_EXTRA, Real, frame, picture, seen

NOISE = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)


async def look_at(real: Real, pixels: np.ndarray | Image.Image) -> View:
    session = await real.perception.open()
    scene = await session.look(seen(frame(pixels, 0.5)))
    await session.close()
    (view,) = scene.views
    return view


@pytest.mark.parametrize("level", [0, 255, 128], ids=["black", "white", "grey"])
async def test_an_empty_picture_is_an_empty_scene(real: Real, level: int) -> None:
    view = await look_at(real, np.full((480, 640, 3), level, np.uint8))
    assert (view.objects, view.texts) == ((), ())


async def test_noise_is_no_text_and_hardly_a_thing(real: Real) -> None:
    view = await look_at(real, NOISE)
    assert view.texts == ()
    assert len(view.objects) <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3, 2)])
async def test_a_picture_of_hardly_any_pixels_is_looked_at(
    real: Real, size: tuple[int, int]
) -> None:
    view = await look_at(real, np.full((*size, 3), 90, np.uint8))
    assert view.texts == ()


async def test_a_man_is_seen_in_any_size_and_shape(real: Real) -> None:
    man = picture("man.jpg")
    portrait = Image.new("RGB", (350, 700))
    portrait.paste(man, (0, 200))
    for shown in (man, man.resize((7680, 4320)), portrait, man.convert("L").convert("RGB")):
        view = await look_at(real, shown)
        assert [thing.label for thing in view.objects][:1] == ["person"], shown.size


async def test_an_8k_frame_costs_little_more_than_a_small_one(real: Real) -> None:
    huge = np.asarray(picture("man.jpg").resize((7680, 4320)))
    began_s = time.process_time()
    await look_at(real, huge)
    assert time.process_time() - began_s < 3


class CrowdDetector(Detector):
    """A fake: three hundred things wherever it looks."""

    def __init__(self) -> None:
        pass

    def detect(self, image: Image.Image) -> list[Detection]:
        places = [(column / 20, row / 15) for column in range(20) for row in range(15)]
        return [Detection("person", 0.9, (x, y, x + 0.04, y + 0.05)) for x, y in places]


@pytest.mark.skipif(not HAS_EXTRA, reason="needs pip install 'onlooker[perception]'")
def test_a_frame_with_300_objects_gives_a_bounded_scene_and_sentence() -> None:
    watch = Watch("cam", Eyes(CrowdDetector(), None, None), PerceptionSettings())
    for second in range(3):
        view = watch.view([frame(NOISE[:, ::-1] if second % 2 else NOISE, second + 0.5)])
        assert len(view.objects) == 50
        assert len(view.entered) <= 50
    from onlooker.core.percept import Scene

    assert count_tokens(scene_words(Scene((view,)))) <= 160


async def test_of_200_lines_of_text_the_largest_few_are_read(real: Real) -> None:
    page = Image.new("RGB", (1600, 1600), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for row in range(100):
        for column in (20, 820):
            draw.text((column, 16 * row), f"line {row} of this long list {column}", "black", font)
    draw.rectangle((0, 700, 1600, 800), fill="white")
    draw.text((300, 710), "SALE ENDS TODAY", "black", ImageFont.load_default(70))
    view = await look_at(real, page)
    assert len(view.texts) <= PerceptionSettings().max_lines
    assert "SALE ENDS TODAY" in [text.text for text in view.texts]


async def test_chinese_and_japanese_are_read_and_cyrillic_is_left_out(real: Real) -> None:
    texts = [text.text for text in (await look_at(real, picture("scripts.png"))).texts]
    assert texts[:2] == ["请稍候正在加载", "駅はどこですか"]
    assert len(texts) <= 3


@pytest.mark.skipif(not HAS_EXTRA, reason="needs pip install 'onlooker[perception]'")
def test_a_damaged_model_is_refused_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for asset in models.ASSETS.iterdir():
        (tmp_path / asset.name).write_bytes(asset.read_bytes())
    torn = tmp_path / "nanodet_g_coco_416.onnx"
    torn.write_bytes(torn.read_bytes()[:-100])
    monkeypatch.setattr(models, "ASSETS", tmp_path)
    with pytest.raises(BadSettings, match=r"sha256 .* expected .*: install onlooker again"):
        DefaultPerception(PerceptionSettings())


@pytest.mark.skipif(not HAS_EXTRA, reason="needs pip install 'onlooker[perception]'")
def test_a_detector_that_is_missing_changed_or_no_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.onnx"
    with pytest.raises(BadSettings, match=r"mine.onnx cannot be read: No such file"):
        Detector(PerceptionSettings(detector=str(path)))
    path.write_bytes(b"no model")
    with pytest.raises(BadSettings, match="is no ONNX model that can be run"):
        Detector(PerceptionSettings(detector=str(path)))
    with pytest.raises(BadSettings, match="correct detector_sha256"):
        Detector(PerceptionSettings(detector=str(path), detector_sha256="ab" * 32))


def test_without_the_extra_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(BadSettings, match=r"pip install 'onlooker\[perception\]'"):
        DefaultPerception(PerceptionSettings())


def test_a_network_that_fails_costs_the_tick_and_names_the_shape(real: Real) -> None:
    network = models.open_asset("nanodet_g_coco_416.onnx")
    with pytest.raises(PerceptionFailed, match=r"input of shape \(1, 3, 8, 8\)"):
        models.run(network, np.zeros((1, 3, 8, 8), np.float32))

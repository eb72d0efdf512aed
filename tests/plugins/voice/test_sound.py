"""Bytes of any kind, cut anywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.plugins.voice.sound import BadSound, Chunks, Decoder, Form

from .sounds import pcm_of, tone, wav_of

CUTS = st.lists(st.integers(1, 700), min_size=1, max_size=20)


@given(CUTS, st.sampled_from([pcm_of(tone(0.05)), wav_of(tone(0.05))]))
def test_samples_do_not_depend_on_where_bytes_are_cut(sizes: list[int], data: bytes) -> None:
    decoder, at, parts = Decoder(Form(24_000)), 0, []
    for size in [*sizes, len(data)]:
        parts.append(decoder.feed(data[at : at + size]))
        at += size
    assert np.concatenate(parts) == pytest.approx(tone(0.05), abs=1e-4)


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_samples_or_the_named_error(data: bytes, is_wav: bool) -> None:
    try:
        samples_N = Decoder(Form(8_000)).feed(b"RIFF" * is_wav + data)
    except BadSound:
        return
    assert samples_N.dtype == np.float32
    assert np.isfinite(samples_N).all()


@given(st.lists(st.integers(0, 9000), max_size=6))
def test_chunks_have_no_gaps_and_lose_nothing(lengths: list[int]) -> None:
    cutter = Chunks(8_000)
    chunks = [c for length in lengths for c in cutter.cut(np.zeros(length, np.float32))]
    ends_s = [0.0, *(chunk.start_s + chunk.duration_s for chunk in chunks)]
    assert [chunk.start_s for chunk in chunks] == pytest.approx(ends_s[:-1])
    assert sum(len(chunk.samples_N) for chunk in chunks) == sum(lengths)

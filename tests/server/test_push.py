from __future__ import annotations

import asyncio
from contextlib import aclosing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.clock import WallClock
from onlooker.core.media import AudioChunk, VideoFrame
from onlooker.server.push import BadPicture, PictureLimits, PushSource, decode
from onlooker.testing.serving import jpeg

LIMITS = PictureLimits(max_bytes=100_000, max_pixels=10_000)


async def test_the_newest_picture_wins_and_the_others_are_counted() -> None:
    source = PushSource(LIMITS)
    for level in (10, 20, 200):
        source.push_picture(jpeg(level))
    async with aclosing(source.frames("door", WallClock())) as media:
        frame = await anext(media)
    assert isinstance(frame, VideoFrame)
    assert frame.stream == "door"
    assert abs(int(frame.pixels_HWC[0, 0, 0]) - 200) < 5
    assert (source.num_received, source.num_dropped) == (3, 2)


async def test_a_broken_picture_is_counted_and_the_next_is_taken() -> None:
    source = PushSource(LIMITS)

    async def push_a_good_one() -> None:
        while not source.num_bad:  # noqa: ASYNC110 - it is decoded in a thread
            await asyncio.sleep(0.001)
        source.push_picture(jpeg())

    source.push_picture(b"no picture at all")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(push_a_good_one())
        async with aclosing(source.frames("door", WallClock())) as media:
            assert isinstance(await anext(media), VideoFrame)
    assert source.num_bad == 1
    assert "no JPEG, PNG or WebP" in source.last_error


async def test_sound_comes_in_order_and_close_ends_it() -> None:
    source = PushSource(LIMITS)
    sounds = [AudioChunk("mic", start, 16_000, np.zeros(160, np.float32)) for start in (0.0, 0.01)]
    for sound in sounds:
        source.push_sound(sound)
    async with aclosing(source.frames("mic", WallClock())) as media:
        assert [await anext(media) for _ in sounds] == sounds
        await source.close()
        assert [more async for more in media] == []


def test_what_is_too_large_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(BadPicture, match="200 x 100 is too large"):
        decode(jpeg(10, 200, 100), LIMITS)
    with pytest.raises(BadPicture, match="too large"):
        PushSource(LIMITS).push_picture(b"x" * 100_001)


@given(st.binary(max_size=300), st.integers(0, 600))
def test_no_bytes_break_the_decoder(noise: bytes, at: int) -> None:
    whole = jpeg()
    for image in (noise, whole[:at] + noise + whole[at + len(noise) :], whole[:at]):
        try:
            pixels_HWC = decode(image, LIMITS)
        except BadPicture:
            continue
        assert pixels_HWC.ndim == 3

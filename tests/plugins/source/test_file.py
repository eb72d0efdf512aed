import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
import pytest

from onlooker.core.clock import MediaClock, WallClock
from onlooker.core.event import Decided, Skipped
from onlooker.core.media import VideoFrame
from onlooker.plugins.source.file import FileSource
from onlooker.testing.clips import clip
from onlooker.testing.doubles import grey
from onlooker.testing.render import SOUND_RATE_HZ, render
from tests.plugins.source.watching import Pixels, failure_of, watch


def file_source(path: Path, **settings: object) -> FileSource:
    return FileSource(str(path), FileSource.Settings.model_validate(settings))


def levels(num: int, height_px: int = 48, width_px: int = 64) -> list[Pixels]:
    """Picture N is grey 4 * N."""
    return [grey(4 * index, height_px, width_px) for index in range(num)]


def numbers(pictures: list[VideoFrame]) -> list[int]:
    return [round(float(picture.pixels_HWC.mean()) / 4) for picture in pictures]


def tone(seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    times_N = np.arange(round(seconds * SOUND_RATE_HZ)) / SOUND_RATE_HZ
    return (0.5 * np.sin(2 * np.pi * 440 * times_N)).astype(np.float32)


def spoil(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))


@pytest.fixture
def movie(tmp_path: Path) -> Path:
    return render(tmp_path / "movie.mp4", levels(40), rate_hz=10)


async def test_real_clips_give_their_pictures_at_their_times() -> None:
    bikes, sink = await watch(file_source(clip("bikes.mp4")))
    assert [picture.time_s for picture in bikes.pictures[:5]] == [0.0, 0.28, 0.52, 0.76, 1.0]
    assert len(bikes.pictures) == 40
    assert {picture.pixels_HWC.shape for picture in bikes.pictures} == {(272, 640, 3)}
    assert [decided.tick for decided in sink.of(Decided)] == list(range(10))
    carphone, _ = await watch(file_source(clip("carphone_pristine.mp4"), sample_hz=30))
    assert len(carphone.pictures) == 120
    # Its pixels are wider than high: 176 x 144 stands for 193 x 144.
    assert carphone.pictures[0].pixels_HWC.shape == (144, 193, 3)


async def test_two_runs_as_fast_as_possible_see_the_same_pictures_at_the_same_times() -> None:
    first, first_sink = await watch(file_source(clip("bikes.mp4")), MediaClock())
    second, second_sink = await watch(file_source(clip("bikes.mp4")), MediaClock())
    for one, other in zip(first.pictures, second.pictures, strict=True):
        assert one.time_s == other.time_s
        assert np.array_equal(one.pixels_HWC, other.pixels_HWC)
    digests = [[decided.tick for decided in sink.of(Decided)] for sink in (first_sink, second_sink)]
    assert digests[0] == digests[1] == list(range(10))


async def test_the_clips_own_sound_comes_along_in_order_of_time() -> None:
    tapped, _ = await watch(file_source(clip("bigbuckbunny.mp4")))
    assert tapped.sounds[0].start_s == pytest.approx(0.0, abs=0.05)
    assert all(chunk.duration_s <= 1.0 and chunk.rate_hz == 16_000 for chunk in tapped.sounds)
    assert sum(chunk.duration_s for chunk in tapped.sounds) == pytest.approx(5.3, abs=0.1)
    ends = [
        item.time_s if isinstance(item, VideoFrame) else item.start_s + item.duration_s
        for item in tapped.media
    ]
    assert ends == sorted(ends)


async def test_sound_keeps_its_pitch_and_its_place(tmp_path: Path) -> None:
    path = render(tmp_path / "tone.mkv", levels(30), rate_hz=10, sound_N=tone(3))
    tapped, _ = await watch(file_source(path))
    samples_N = np.concatenate([chunk.samples_N for chunk in tapped.sounds])
    assert len(samples_N) == pytest.approx(3 * 16_000, abs=400)
    spectrum = np.abs(np.fft.rfft(samples_N[:16_000]))
    assert int(spectrum.argmax()) == 440
    silent, _ = await watch(file_source(path, sound=False))
    assert silent.sounds == []
    assert len(silent.pictures) == len(tapped.pictures)


async def test_only_sampled_pictures_come(movie: Path) -> None:
    tapped, _ = await watch(file_source(movie, sample_hz=2))
    assert numbers(tapped.pictures) == [0, 5, 10, 15, 20, 25, 30, 35]


async def test_start_s_becomes_second_zero(movie: Path) -> None:
    tapped, _ = await watch(file_source(movie, start_s=2.5, sample_hz=2))
    assert numbers(tapped.pictures) == [25, 30, 35]
    assert [picture.time_s for picture in tapped.pictures] == pytest.approx([0, 0.5, 1.0])


async def test_a_loop_goes_on_in_time(movie: Path) -> None:
    tapped, _ = await watch(file_source(movie, loop=True, start_s=2, sample_hz=2), max_ticks=5)
    assert numbers(tapped.pictures)[:9] == [20, 25, 30, 35, 20, 25, 30, 35, 20]
    times = [picture.time_s for picture in tapped.pictures][:9]
    assert times == pytest.approx([0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4])


async def test_a_file_keeps_pace_with_the_clock(movie: Path) -> None:
    began_s = perf_counter()
    tapped, _ = await watch(file_source(movie), WallClock(speed=8))
    assert 0.45 < perf_counter() - began_s < 1.5  # 4 s, 8 times as fast
    assert len(tapped.pictures) == 16


async def test_pictures_that_are_late_are_passed_over_but_one_a_second_stays(
    tmp_path: Path,
) -> None:
    path = render(tmp_path / "long.mp4", levels(60), rate_hz=2)  # 30 s
    clock = WallClock(speed=1e6)
    tapped, sink = await watch(file_source(path, sample_hz=2), clock)
    times = [picture.time_s for picture in tapped.pictures]
    assert times == sorted(times)
    assert 28 <= len(times) < 60
    assert max(np.diff(times)) <= 1.0
    assert sink.of(Skipped)


async def test_cancelling_ends_within_a_second(movie: Path) -> None:
    source = file_source(movie, loop=True)

    async def play() -> None:
        async for _ in source.frames("cam", WallClock()):
            seen.set()

    seen = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(play())
        await seen.wait()
        began_s = perf_counter()
        playing.cancel()
    assert perf_counter() - began_s < 1.0


# What can be wrong with a file.


async def test_a_missing_file_says_so(tmp_path: Path) -> None:
    assert "no such file" in await failure_of(file_source(tmp_path / "gone.mp4"))


async def test_a_folder_says_how_to_play_its_pictures(tmp_path: Path) -> None:
    assert f"images:{tmp_path}" in await failure_of(file_source(tmp_path))


async def test_an_empty_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert "empty (0 bytes)" in await failure_of(file_source(tmp_path / "empty.mp4"))


@pytest.mark.parametrize("name", ["notes.mp4", "notes.txt"])
async def test_a_text_is_no_video(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("meet me at the station\n" * 50)
    assert re.search(r"notes.*(not a|no) video", await failure_of(file_source(tmp_path / name)))


async def test_a_playlist_leads_nowhere(tmp_path: Path, movie: Path) -> None:
    path = tmp_path / "list.ffconcat"
    path.write_text(f"ffconcat version 1.0\nfile {movie.name}\n")
    assert str(path) in await failure_of(file_source(path))
    path = tmp_path / "list.m3u8"
    path.write_text(f"#EXTM3U\n#EXTINF:4,\n{movie.name}\n#EXT-X-ENDLIST\n")
    assert str(path) in await failure_of(file_source(path))


async def test_a_file_cut_off_before_its_index_says_so(movie: Path) -> None:
    spoil(movie, lambda data: data[: len(data) // 2])
    assert "cut off" in await failure_of(file_source(movie))


async def test_what_is_left_of_a_truncated_file_plays(tmp_path: Path) -> None:
    path = render(tmp_path / "cut.ts", levels(40), rate_hz=10)
    spoil(path, lambda data: data[: len(data) // 2])
    source = file_source(path, sample_hz=10)
    tapped, _ = await watch(source)
    assert 5 < len(tapped.pictures) < 40
    shown = numbers(tapped.pictures)
    assert shown == list(range(len(shown)))


async def test_damaged_packets_are_passed_over_and_counted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(40)]
    path = render(tmp_path / "damaged.mov", pictures, rate_hz=10, codec="png")
    spoil(path, lambda data: data[:100_000] + bytes(3000) + data[103_000:])
    source = file_source(path, sample_hz=10)
    tapped, _ = await watch(source)
    assert 30 <= len(tapped.pictures) < 40
    assert source.num_damaged > 0


async def test_a_file_without_a_whole_picture_says_so(tmp_path: Path) -> None:
    path = render(tmp_path / "damaged.mov", levels(3), codec="png")
    spoil(path, lambda data: data.replace(b"IHDR", b"XXXX"))
    assert "no picture could be decoded" in await failure_of(file_source(path))


async def test_an_unknown_codec_says_so(movie: Path) -> None:
    spoil(movie, lambda data: data.replace(b"avc1", b"zzz9").replace(b"avcC", b"zzzC"))
    assert "codec that FFmpeg does not know" in await failure_of(file_source(movie))


async def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = render(tmp_path / "sound.mkv", [], sound_N=tone(1))
    assert "it holds no video, only audio" in await failure_of(file_source(path))


async def test_a_start_beyond_the_end_says_so(movie: Path) -> None:
    assert "start_s=60" in await failure_of(file_source(movie, start_s=60))


# What can be odd about a file.


async def test_pictures_at_uneven_times_keep_them(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.5, 1.7, 1.8, 5.0]
    path = render(tmp_path / "uneven.mkv", levels(6), rate_hz=times)
    tapped, _ = await watch(file_source(path, sample_hz=100))
    assert [picture.time_s for picture in tapped.pictures] == pytest.approx(times, abs=0.002)
    assert numbers(tapped.pictures) == [0, 1, 2, 3, 4, 5]


async def test_pictures_without_times_come_at_the_files_rate(tmp_path: Path) -> None:
    path = render(tmp_path / "raw.h264", levels(10), rate_hz=10)
    tapped, _ = await watch(file_source(path, sample_hz=100))
    assert len(tapped.pictures) == 10
    assert min(np.diff([picture.time_s for picture in tapped.pictures])) > 0


@pytest.mark.parametrize("turn_deg", [90, 180, -90])
async def test_a_turned_picture_comes_upright(tmp_path: Path, turn_deg: int) -> None:
    upright = grey(60, 64, 96)
    upright[:32, :48] = (250, 20, 20)  # the upper left is red
    lying = np.rot90(upright, -turn_deg // 90)
    path = render(tmp_path / "phone.mp4", [lying], rotation_deg=turn_deg)
    tapped, _ = await watch(file_source(path))
    (picture,) = tapped.pictures
    assert picture.pixels_HWC.shape == (64, 96, 3)
    assert np.abs(picture.pixels_HWC[8, 8].astype(int) - (250, 20, 20)).max() < 12
    assert np.abs(picture.pixels_HWC[60, 90].astype(int) - 60).max() < 12


@pytest.mark.parametrize(
    ("name", "codec", "size"),
    [
        ("one.mkv", "ffv1", (1, 1)),
        ("thin.mkv", "ffv1", (1, 300)),
        ("odd.mp4", "libx264", (47, 63)),
        ("odd.webm", "libvpx", (47, 63)),
        ("paint.mov", "png", (20, 30)),
        ("old.avi", "mpeg4", (48, 64)),
        ("photo.avi", "mjpeg", (48, 64)),
    ],
)
async def test_any_size_and_codec_plays(
    tmp_path: Path, name: str, codec: str, size: tuple[int, int]
) -> None:
    path = render(tmp_path / name, [grey(100, *size)] * 2, codec=codec)
    tapped, _ = await watch(file_source(path, sample_hz=10))
    assert [picture.pixels_HWC.shape for picture in tapped.pictures] == [(*size, 3)] * 2
    assert abs(float(tapped.pictures[0].pixels_HWC.mean()) - 100) < 6


async def test_an_8k_picture_is_shrunk_before_it_is_converted(tmp_path: Path) -> None:
    path = render(tmp_path / "8k.mp4", [grey(100, 4320, 7680)])
    before_bytes = psutil.Process().memory_info().rss
    tapped, _ = await watch(file_source(path))
    grown_bytes = psutil.Process().memory_info().rss - before_bytes
    assert tapped.pictures[0].pixels_HWC.shape == (720, 1280, 3)
    assert abs(float(tapped.pictures[0].pixels_HWC.mean()) - 100) < 4
    assert grown_bytes < 400e6

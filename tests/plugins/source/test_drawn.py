from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onlooker.core.errors import SourceFailed
from onlooker.core.event import Decided, StreamHealth
from onlooker.plugins.source.images import ImagesSource
from onlooker.plugins.source.synthetic import SyntheticSource
from onlooker.testing.doubles import grey
from tests.plugins.source.watching import Tapped, failure_of, watch


def synthetic(address: str) -> SyntheticSource:
    return SyntheticSource(address, SyntheticSource.Settings.model_validate({}))


def images(folder: Path, **settings: object) -> ImagesSource:
    return ImagesSource(f"images:{folder}", ImagesSource.Settings.model_validate(settings))


def save(folder: Path, **levels: int) -> None:
    for name, level in levels.items():
        Image.fromarray(grey(level)).save(folder / f"{name}.png")


def shown_levels(tapped: Tapped) -> list[int]:
    return [int(picture.pixels_HWC[0, 0, 0]) for picture in tapped.pictures]


async def test_a_synthetic_ball_moves_and_is_the_same_every_time() -> None:
    one, sink = await watch(synthetic("synthetic:ball?seconds=5&size=320x240&rate_hz=2"))
    two, _ = await watch(synthetic("synthetic:ball?seconds=5&size=320x240&rate_hz=2"))
    assert len(one.pictures) == 10
    assert [decided.tick for decided in sink.of(Decided)] == list(range(5))
    for first, second in zip(one.pictures, two.pictures, strict=True):
        assert first.time_s == second.time_s
        assert np.array_equal(first.pixels_HWC, second.pixels_HWC)
    for before, after in zip(one.pictures, one.pictures[1:], strict=False):
        assert not np.array_equal(before.pixels_HWC, after.pixels_HWC)


async def test_a_synthetic_ball_carries_the_number_of_its_picture() -> None:
    tapped, _ = await watch(synthetic("synthetic:ball?seconds=3&rate_hz=10"))
    for index, picture in enumerate(tapped.pictures):
        cells = picture.pixels_HWC[-3, 20::40, 0] > 127
        assert int("".join("01"[int(cell)] for cell in cells), 2) == index


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("street", ["connected", "ended"]),
        ("ball", ["connected", "ended"]),
        ("noise", ["connected", "ended"]),
        ("still", ["connected", "frozen", "ended"]),
        ("dark", ["connected", "dark", "ended"]),
    ],
)
async def test_a_synthetic_camera_is_as_healthy_as_its_kind(kind: str, expected: list[str]) -> None:
    _, sink = await watch(synthetic(f"synthetic:{kind}?seconds=6&size=96x96"))
    assert [health.state for health in sink.of(StreamHealth)] == expected


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("synthetic:cat", "choose street, ball, still, dark, noise"),
        ("synthetic:ball?seconds=-1", "seconds='-1'"),
        ("synthetic:ball?size=big", "size='big'"),
        ("synthetic:ball?colour=red", "options are seconds, size"),
    ],
)
def test_a_wrong_synthetic_address_says_what_there_is(address: str, why: str) -> None:
    with pytest.raises(SourceFailed) as failed:
        synthetic(address)
    assert why in str(failed.value)


async def test_pictures_of_a_folder_play_in_natural_order_one_a_tick(tmp_path: Path) -> None:
    save(tmp_path, shot10=100, shot9=90, shot100=200, Shot1=10)
    (tmp_path / "notes.txt").write_text("not a picture")
    tapped, sink = await watch(images(tmp_path))
    assert shown_levels(tapped) == [10, 90, 100, 200]
    assert [decided.tick for decided in sink.of(Decided)] == [0, 1, 2, 3]
    faster, _ = await watch(images(tmp_path, rate_hz=2))
    assert [picture.time_s for picture in faster.pictures] == [0.25, 0.75, 1.25, 1.75]


async def test_an_unreadable_picture_is_passed_over_and_told_of(tmp_path: Path) -> None:
    save(tmp_path, a=10, c=30)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    source = images(tmp_path)
    tapped, _ = await watch(source)
    assert shown_levels(tapped) == [10, 30]
    assert source.num_damaged == 1
    assert "b.png" in source.trouble


async def test_large_and_turned_pictures_come_small_and_upright(tmp_path: Path) -> None:
    lying = Image.fromarray(grey(50, 1000, 3000))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # turn it clockwise
    lying.save(tmp_path / "photo.jpg", exif=orientation)
    tapped, _ = await watch(images(tmp_path, max_long_edge_px=300))
    assert [picture.pixels_HWC.shape for picture in tapped.pictures] == [(300, 100, 3)]


async def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    save(inside, a=10)
    save(outside, b=20)
    (inside / "b.png").symlink_to(outside / "b.png")
    tapped, _ = await watch(images(inside))
    assert shown_levels(tapped) == [10]


async def test_a_folder_without_a_picture_that_opens_says_so(tmp_path: Path) -> None:
    assert "no such file" in (await failure_of(images(tmp_path / "gone"))).lower()
    assert "holds no pictures" in await failure_of(images(tmp_path))
    (tmp_path / "a.png").write_text("text")
    assert "1 pictures unreadable" in await failure_of(images(tmp_path))

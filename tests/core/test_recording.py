import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onlooker.core.decision import Silent, Speak
from onlooker.core.errors import BadRecording
from onlooker.core.event import Decided, Event, Observed, Opened, Perceived
from onlooker.core.moment import Utterance
from onlooker.core.percept import Picture, Pictures
from onlooker.core.recording import (
    EVENTS_FILE,
    PICTURES_FILE,
    RecordingWriter,
    read_recording,
)
from onlooker.live.replay import replay

OPENED = Opened(
    time_s=0.0, session="s", streams=("pot",), model="scripted", settings={"window_ticks": 5}
)


def tick_of(index: int, jpeg: bytes) -> list[Event]:
    picture = Picture("pot", index + 0.5, 64, 48, jpeg)
    at = index + 1.0
    return [
        Observed(
            tick=index,
            time_s=at,
            start_s=float(index),
            end_s=at,
            heard=(Utterance("grüß dich 水", at),),
        ),
        Perceived(tick=index, time_s=at, percepts=(Pictures((picture,)),)),
        Decided(tick=index, time_s=at, decision=Speak("It boils."), latency_ms=3.5),
    ]


def jpegs_in(events: list[Event]) -> list[bytes]:
    return [
        picture.jpeg
        for event in events
        if isinstance(event, Perceived)
        for percept in event.percepts
        if isinstance(percept, Pictures)
        for picture in percept.pictures
    ]


def record(folder: Path, events: list[Event], max_bytes: int = 10**9) -> None:
    writer = RecordingWriter(folder, max_bytes)
    try:
        for event in events:
            writer.write(event)
    finally:
        writer.close()


@pytest.fixture
def events() -> list[Event]:
    ticks = [tick_of(index, os.urandom(100) * (index + 1)) for index in range(5)]
    return [OPENED, *(event for tick in ticks for event in tick)]


@contextmanager
def full_disk(after_bytes: int) -> Iterator[None]:
    """Let the system refuse to write any file beyond this size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (after_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_what_is_written_is_read_back_pictures_included(
    tmp_path: Path, events: list[Event]
) -> None:
    record(tmp_path / "new" / "folder", events)
    again = list(read_recording(tmp_path / "new" / "folder"))
    assert again == events
    assert jpegs_in(again) == jpegs_in(events)
    assert again[0] == OPENED


def test_everything_is_on_disk_before_the_recording_is_closed(
    tmp_path: Path, events: list[Event]
) -> None:
    writer = RecordingWriter(tmp_path, 10**9)
    for num_written, event in enumerate(events, start=1):
        writer.write(event)
        assert list(read_recording(tmp_path)) == events[:num_written]
    writer.close()


def test_a_picture_that_comes_again_is_stored_once(tmp_path: Path) -> None:
    jpeg = b"picture" * 100
    events = [event for index in range(50) for event in tick_of(index, jpeg)]
    record(tmp_path, events)
    assert (tmp_path / PICTURES_FILE).read_bytes() == jpeg
    assert jpegs_in(list(read_recording(tmp_path))) == [jpeg] * 50


def test_many_pictures_are_kept_in_mind_only_for_a_while(tmp_path: Path) -> None:
    events = [
        event for index in range(1100) for event in tick_of(index, index.to_bytes(2, "big"))[1:2]
    ]
    writer = RecordingWriter(tmp_path, 10**9)
    for event in events:
        writer.write(event)
    writer.close()
    assert len(writer._places) == 1000
    assert jpegs_in(list(read_recording(tmp_path))) == jpegs_in(events)


def test_a_line_that_was_torn_by_a_kill_is_left_out(tmp_path: Path, events: list[Event]) -> None:
    record(tmp_path, events)
    whole = (tmp_path / EVENTS_FILE).read_bytes()
    last_line = len(whole.splitlines(keepends=True)[-1])
    for torn in (1, last_line // 2, last_line - 1):
        (tmp_path / EVENTS_FILE).write_bytes(whole[:-torn])
        assert list(read_recording(tmp_path)) == events[:-1]


def test_a_recording_that_was_killed_at_any_byte_can_be_read(
    tmp_path: Path, events: list[Event]
) -> None:
    record(tmp_path, events)
    whole = (tmp_path / EVENTS_FILE).read_bytes()
    for size in range(0, len(whole), 7):
        (tmp_path / EVENTS_FILE).write_bytes(whole[:size])
        read = list(read_recording(tmp_path))
        assert read == events[: len(read)]


def test_a_broken_line_is_named(tmp_path: Path, events: list[Event]) -> None:
    record(tmp_path, events)
    lines = (tmp_path / EVENTS_FILE).read_bytes().splitlines(keepends=True)
    for broken in (b"{half\n", b"5\n", b"[]\n", b'{"type":"?"}\n', b"\xff\n", b"[" * 9999 + b"\n"):
        (tmp_path / EVENTS_FILE).write_bytes(b"".join([*lines[:3], broken, *lines[4:]]))
        with pytest.raises(BadRecording, match=rf"{EVENTS_FILE}:4: "):
            list(read_recording(tmp_path))


def test_pictures_that_are_missing_are_named(tmp_path: Path, events: list[Event]) -> None:
    record(tmp_path, events)
    whole = (tmp_path / PICTURES_FILE).read_bytes()
    (tmp_path / PICTURES_FILE).write_bytes(whole[:-1])
    read: list[Event] = []
    with pytest.raises(BadRecording, match=rf"{EVENTS_FILE}:16: {PICTURES_FILE} ends before"):
        read.extend(read_recording(tmp_path))
    (tmp_path / PICTURES_FILE).unlink()
    with pytest.raises(BadRecording, match=f"holds no {PICTURES_FILE}"):
        list(read_recording(tmp_path))


def test_a_picture_that_was_changed_does_not_keep_its_name(
    tmp_path: Path, events: list[Event]
) -> None:
    record(tmp_path, events)
    jpegs = bytearray((tmp_path / PICTURES_FILE).read_bytes())
    jpegs[0] ^= 1
    (tmp_path / PICTURES_FILE).write_bytes(jpegs)
    again = list(read_recording(tmp_path))
    assert [one == other for one, other in zip(again, events, strict=True)].count(False) == 1


def test_what_is_no_recording_is_refused(tmp_path: Path, events: list[Event]) -> None:
    with pytest.raises(BadRecording, match=f"holds no {EVENTS_FILE}"):
        list(read_recording(tmp_path / "nowhere"))
    record(tmp_path, events)
    for first in (b'{"type":"recording","version":99}\n', b'{"type":"opened"}\n'):
        (tmp_path / EVENTS_FILE).write_bytes(first)
        with pytest.raises(BadRecording, match=f"{EVENTS_FILE}:1: expected a recording of version"):
            list(read_recording(tmp_path))


def test_a_recording_without_its_opening_says_so(tmp_path: Path) -> None:
    record(tmp_path, [])
    assert list(read_recording(tmp_path)) == []
    with pytest.raises(BadRecording, match="ends before its session was opened"):
        asyncio.run(replay(read_recording(tmp_path)))


def test_a_recording_is_never_written_over(tmp_path: Path, events: list[Event]) -> None:
    record(tmp_path, events)
    with pytest.raises(BadRecording, match="name another folder"):
        RecordingWriter(tmp_path, 10**9)
    assert list(read_recording(tmp_path)) == events


def test_a_recording_ends_at_its_size(tmp_path: Path) -> None:
    events = [event for index in range(100) for event in tick_of(index, bytes([index]) * 300)]
    with pytest.raises(BadRecording, match="max_bytes=5000"):
        record(tmp_path, events, max_bytes=5000)
    sizes = [(tmp_path / name).stat().st_size for name in (EVENTS_FILE, PICTURES_FILE)]
    assert 5000 <= sum(sizes) < 6000
    read = list(read_recording(tmp_path))
    assert 0 < len(read) < len(events)
    assert read == events[: len(read)]


def test_a_full_disk_costs_only_what_no_longer_fits(tmp_path: Path, events: list[Event]) -> None:
    num_written = 0
    writer = RecordingWriter(tmp_path, 10**9)
    with full_disk(1500):
        for event in events:
            try:
                writer.write(event)
            except OSError:
                break
            num_written += 1
    assert 0 < num_written < len(events)
    assert (tmp_path / EVENTS_FILE).read_bytes().endswith(b"\n")
    assert list(read_recording(tmp_path)) == events[:num_written]
    for event in events[num_written:]:  # there is room again
        writer.write(event)
    writer.close()
    assert list(read_recording(tmp_path)) == events


WRITES_UNTIL_KILLED = """
import itertools, sys
from pathlib import Path
from onlooker.core.event import Perceived, Speaking
from onlooker.core.percept import Picture, Pictures
from onlooker.core.recording import RecordingWriter

writer = RecordingWriter(Path(sys.argv[1]), 10**9)
for index in itertools.count():
    picture = Picture("pot", index, 64, 48, str(index).encode() * 5000)
    writer.write(Perceived(time_s=index, tick=index, percepts=(Pictures((picture,)),)))
    writer.write(Speaking(time_s=index, tick=index, text="It boils. " * 500))
    print(index, flush=True)
"""


def test_what_was_written_survives_kill_9(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITES_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE
    ) as writing:
        assert writing.stdout is not None
        told = [int(writing.stdout.readline()) for _ in range(50)]
        writing.kill()
        told += [int(line) for line in writing.stdout.read().split()]
    assert writing.returncode == -signal.SIGKILL
    read = list(read_recording(tmp_path))
    assert len(read) >= 2 * len(told)
    assert jpegs_in(read)[: len(told)] == [str(index).encode() * 5000 for index in told]


def test_a_silent_decision_comes_back_silent(tmp_path: Path) -> None:
    decided = Decided(time_s=1.0, tick=0, decision=Silent(), latency_ms=1.0)
    record(tmp_path, [decided])
    assert list(read_recording(tmp_path)) == [decided]

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.errors import BadRecording, SinkFailed
from onlooker.core.event import (
    Closed,
    Decided,
    Event,
    Failed,
    Opened,
    Perceived,
    Skipped,
    Speaking,
    StreamHealth,
)
from onlooker.core.percept import Picture, Pictures
from onlooker.core.recording import read_recording
from onlooker.core.wire import from_json
from onlooker.plugins.sink.console import ConsoleSettings, ConsoleSink
from onlooker.plugins.sink.jsonl import JsonLinesSettings, JsonLinesSink
from onlooker.plugins.sink.recorder import RecorderSettings, RecorderSink

PICTURE = Picture("pot", 2.5, 64, 48, b"the bytes")
EVENTS: list[Event] = [
    Opened(time_s=0.0, session="s1", streams=("pot",), model="m", settings={}),
    StreamHealth(time_s=0.5, stream="pot", state="connected"),
    Perceived(time_s=3.0, tick=2, percepts=(Pictures((PICTURE,)),)),
    Decided(time_s=3.0, tick=2, decision=Speak("It boils."), latency_ms=80.0),
    Decided(time_s=4.0, tick=3, decision=Silent(), latency_ms=80.0),
    Decided(time_s=3725.0, tick=9, decision=Delegate("Wait.", "Which bird?"), latency_ms=1400.0),
    Closed(time_s=3726.0, reason="enough", num_decided=3, num_skipped=0, num_failed=0),
]


async def shown(*events: Event, is_terminal: bool = False, silence: bool = False) -> str:
    console = Console(file=io.StringIO(), force_terminal=is_terminal, width=70, highlight=False)
    sink = ConsoleSink(ConsoleSettings(silence=silence), console)
    for event in events:
        await sink.accept(event)
    await sink.close()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


async def test_plain_output_is_a_line_for_each_thing_that_matters() -> None:
    assert (await shown(*EVENTS)).splitlines() == [
        "00:00 onlooker watches pot with m (session s1)",
        "00:00 note: pot connected",
        "00:03 speak: It boils. (80 ms)",
        "1:02:05 speak: Wait. (1.4 s)",
        "1:02:05 delegate: asks the brain: Which bird?",
        "1:02:06 ended: enough",
        "1:02:06 3 ticks, 2 spoken, 1 silent, p50 80 ms, p95 1.4 s",
    ]


async def test_silent_seconds_are_shown_to_who_wants_them() -> None:
    assert await shown(EVENTS[4], silence=True) == "00:04 silent:  (80 ms)\n"


async def test_how_likely_speech_was_stands_beside_a_decision() -> None:
    said, silent = Speak("It boils."), Silent()
    loud = Decided(time_s=3.0, decision=said, latency_ms=80.0, speak_probability=0.934)
    quiet = Decided(time_s=4.0, decision=silent, latency_ms=80.0, speak_probability=0.004)
    assert await shown(loud) == "00:03 speak: It boils. (p 0.93, 80 ms)\n"
    assert await shown(quiet, silence=True) == "00:04 silent:  (p 0.00, 80 ms)\n"


async def test_what_repeats_is_told_once_and_counted() -> None:
    failures = [Failed(time_s=float(t), tick=t, part="model", error="down") for t in range(5)]
    late = [Skipped(time_s=9.0, tick=9, reason="late", num_ticks=3) for _ in range(2)]
    assert (await shown(*failures, *late, EVENTS[3])).splitlines() == [
        "00:00 trouble: model failed: down",
        "00:09 trouble: the same 4 times more",
        "00:09 note: skipped, too late",
        "00:09 note: the same 5 times more",
        "00:03 speak: It boils. (80 ms)",
    ]


@pytest.mark.parametrize("is_terminal", [True, False])
async def test_words_cannot_command_the_terminal(is_terminal: bool) -> None:
    evil = Failed(time_s=1.0, part="x", error="\x1b]0;title\x07 \x1b[2J [red]x[/red] \u202e")
    output = await shown(evil, is_terminal=is_terminal)
    assert "\x1b]0" not in output
    assert "\x1b[2J" not in output
    assert "\u202e" not in output
    assert "[red]x[/red]" in output


async def test_a_terminal_shows_speech_as_it_comes_and_how_it_goes() -> None:
    output = await shown(*EVENTS[:5], Speaking(time_s=5.0, tick=4, text="Oh "), is_terminal=True)
    assert "2 ticks" in output
    assert "silent for 1 s" in output
    assert "Oh" in output


async def test_json_lines_can_be_read_back_and_hold_no_pictures(tmp_path: Path) -> None:
    path = tmp_path / "new" / "events.jsonl"
    sink = JsonLinesSink(JsonLinesSettings(path=path))
    for count, event in enumerate(EVENTS, start=1):
        await sink.accept(event)
        assert len(path.read_text().splitlines()) == count
    await sink.close()
    lines = path.read_text().splitlines()
    assert [from_json(json.loads(line)) for line in lines] == EVENTS
    assert "the bytes" not in path.read_text()


async def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SinkFailed, match="name a file that can be written"):
        JsonLinesSink(JsonLinesSettings(path=tmp_path / "file" / "events.jsonl"))
    with pytest.raises(SinkFailed, match="name a folder that can be written to"):
        RecorderSink(RecorderSettings(folder=tmp_path / "file" / "recording"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is full")
async def test_a_full_disk_costs_the_line_and_says_so() -> None:
    sink = JsonLinesSink(JsonLinesSettings(path=Path("/dev/full")))
    with pytest.raises(SinkFailed, match="No space left on device"):
        await sink.accept(EVENTS[0])
    await sink.close()


WRITES_TO_A_PIPE = """
import asyncio
from onlooker.core.event import Speaking
from onlooker.plugins.sink.{module} import {settings}, {sink}

async def main():
    sink = {sink}({settings}())
    for index in range(20_000):
        event = Speaking(time_s=index, tick=index, text="hm" * 20)
        await sink.accept({event})
        if sink.is_gone:
            break
    await sink.close()
    assert sink.is_gone
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("module", "name", "event"),
    [
        ("jsonl", "JsonLines", "event"),
        (
            "console",
            "Console",
            "__import__('onlooker.core.event').core.event.Failed("
            "time_s=index, part='x', error=str(index))",
        ),
    ],
)
def test_a_reader_that_leaves_ends_the_output_quietly(module: str, name: str, event: str) -> None:
    program = WRITES_TO_A_PIPE.format(
        module=module, settings=f"{name}Settings", sink=f"{name}Sink", event=event
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "default"},
    ) as writing:
        assert writing.stdout is not None
        assert writing.stderr is not None
        writing.stdout.readline()
        writing.stdout.close()
        errors = writing.stderr.read()
    assert (writing.returncode, errors) == (0, b"")


async def test_a_recorder_keeps_a_session_until_its_size(tmp_path: Path) -> None:
    sink = RecorderSink(RecorderSettings(folder=tmp_path, max_bytes=1200))
    for event in EVENTS[:4]:
        await sink.accept(event)
    for _ in range(2):
        await sink.accept(EVENTS[3])
    with pytest.raises(BadRecording, match="max_bytes=1200"):
        await sink.accept(EVENTS[3])
    await sink.close()
    assert list(read_recording(tmp_path))[:4] == EVENTS[:4]
    with pytest.raises(BadRecording, match="holds a recording already"):
        RecorderSink(RecorderSettings(folder=tmp_path))


async def test_a_recorder_on_a_full_disk_says_what_is_safe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = RecorderSink(RecorderSettings(folder=tmp_path))
    await sink.accept(EVENTS[0])

    def refuse(event: Event) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sink._writer, "write", refuse)
        with pytest.raises(SinkFailed, match="all that was recorded before stays readable"):
            await sink.accept(EVENTS[1])
    await sink.accept(EVENTS[3])
    await sink.close()
    assert list(read_recording(tmp_path)) == [EVENTS[0], EVENTS[3]]

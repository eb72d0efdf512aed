import io
import re
from pathlib import Path
from typing import Any
from xml.dom.minidom import Document, parseString

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.errors import SinkFailed
from onlooker.core.event import Closed, Decided, Event, Observed, Opened, Perceived
from onlooker.core.moment import Answer, Instruction, Utterance
from onlooker.core.percept import Box, Picture, Pictures, Scene, SceneObject, SceneText, View
from onlooker.plugins.loader import load
from onlooker.plugins.sink.timeline import TimelineSettings, TimelineSink
from onlooker.plugins.sink.timeline_svg import Seen, Words, draw

BOX = Box(0.25, 0.25, 0.5, 0.75)
END = Closed(time_s=9.0, reason="enough", num_decided=3, num_skipped=0, num_failed=0)


def jpeg() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (640, 360), "#336699").save(written, "JPEG")
    return written.getvalue()


def second(index: int, decision: Decision, *, track: int = 1, text: str = "OPEN") -> list[Event]:
    thing = SceneObject("person", track, BOX, 0.9, 0.0)
    view = View("door", index + 0.9, (thing,), texts=(SceneText(text, BOX, 0.9),))
    picture = Picture("door", index + 0.9, 640, 360, jpeg())
    at: dict[str, Any] = {"tick": index, "time_s": index + 1.0}
    return [
        Observed(**at, start_s=float(index), end_s=index + 1.0),
        Perceived(**at, percepts=(Pictures((picture,)), Scene((view,)))),
        Decided(**at, decision=decision, latency_ms=40.0, speak_probability=0.25),
    ]


async def drawn(path: Path, *events: Event, seconds: int = 600) -> Document:
    sink = TimelineSink(TimelineSettings(path=path, seconds=seconds))
    opened = Opened(time_s=0.0, session="s1", streams=("door",), model="nano", settings={})
    for event in (opened, *events, END):
        await sink.accept(event)
    await sink.close()
    return parsed(path.read_text("utf-8"))  # noqa: ASYNC240


def parsed(svg: str) -> Document:
    return parseString(svg)  # noqa: S318 - what we wrote


def texts(document: Document) -> list[str]:
    nodes = document.getElementsByTagName("text")
    return [str(node.firstChild.nodeValue) for node in nodes if node.firstChild]


async def test_it_shows_what_was_asked_seen_read_and_said(tmp_path: Path) -> None:
    asked = Observed(
        tick=0,
        time_s=1.0,
        start_s=0.0,
        end_s=1.0,
        instructed=(Instruction("i1", "tell me who comes", 0.0),),
        heard=(Utterance("who is it?", 0.5), Utterance("good morning", 0.6, "scene")),
        answers=(Answer("task-0", "q", "It is Ann.", 0.7),),
    )
    first = [asked, *second(0, Speak("Somebody comes."))[1:]]
    rest = second(1, Silent()) + second(2, Delegate("One moment.", "Who is it?"), track=2)
    document = await drawn(tmp_path / "new" / "t.svg", *first, *rest)
    found = texts(document)
    assert "door: nano decides" in found
    for words in ("tell me who comes", "who is it?", "good morning", "It is Ann."):
        assert f"00:00 {words}" in found
    assert {"00:01 Somebody comes.", "00:03 One moment. → Who is it?"} <= set(found)
    assert {"person 1", "person 2", "“OPEN”"} <= set(found)
    assert len(document.getElementsByTagName("image")) == 3
    assert len(document.getElementsByTagName("title")) == 3  # one bar of probability a second


async def test_a_long_session_keeps_its_newest_seconds_and_a_bounded_size(tmp_path: Path) -> None:
    events = [one for index in range(80) for one in second(index, Silent(), track=index)]
    document = await drawn(tmp_path / "t.svg", *events, seconds=50)
    things = [text for text in texts(document) if text.startswith("person")]
    assert 0 < len(things) <= 14
    assert "and 36 more" in texts(document)
    assert len(document.getElementsByTagName("title")) == 50


async def test_a_session_of_which_nothing_was_seen_leaves_no_picture(tmp_path: Path) -> None:
    sink = TimelineSink(TimelineSettings(path=tmp_path / "t.svg"))
    await sink.accept(END)
    assert not (tmp_path / "t.svg").exists()


async def test_a_path_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sink = TimelineSink(TimelineSettings(path=tmp_path / "file" / "t.svg"))
    for event in second(0, Silent()):
        await sink.accept(event)
    with pytest.raises(SinkFailed, match=r"t\.svg"):
        await sink.accept(END)


@given(st.text(max_size=300), st.text(max_size=50))
def test_no_text_is_markup_and_all_of_it_is_xml(said: str, read: str) -> None:
    one = Seen(
        0.0,
        1.0,
        asked=(Words("asked", said),),
        things=(("cam", SceneObject(read, 1, BOX, 0.5, 0.0)),),
        texts=(read,),
        said=Words("spoken", said),
    )
    plain = draw("t", (Seen(0.0, 1.0, one.asked, one.things, one.texts, said=one.said),))
    elements = {node.tagName for node in parsed(plain).getElementsByTagName("*")}
    assert elements <= {"svg", "g", "rect", "line", "text", "image", "title"}


def test_words_of_the_same_time_do_not_overlap() -> None:
    said = tuple(Words("asked", f"words that are said, number {index}") for index in range(5))
    tops = re.findall(r'<rect x="[\d.]+" y="([\d.]+)"', draw("t", (Seen(0.0, 1.0, said),)))
    assert len(set(tops)) == 5


def test_it_is_installed_under_its_name() -> None:
    assert load("sink", "timeline") is TimelineSink

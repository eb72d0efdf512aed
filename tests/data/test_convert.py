import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.data.annotations import Annotation, read_annotation, read_annotations
from onlooker.data.convert import convert, fps_for, item_of
from onlooker.data.rows import from_row, to_row
from onlooker.data.stream import BadData, Video


def entry(**given: Any) -> dict[str, Any]:
    return {
        "video_name": "a.mp4",
        "video_path": "",
        "task_type": "chat",
        "source": "YouCook2",
        "question": [{"content": "What now?", "time": "2"}],
        "response": [{"content": "He stirs.", "time": "4"}],
        **given,
    }


def annotation(**given: Any) -> Annotation:
    return read_annotation(entry(**given))


def said(*items: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"content": content, "time": time} for content, time in items]


@pytest.mark.parametrize(
    ("duration_s", "fps"), [(0.4, 4), (63.9, 4), (64, 2), (159.9, 2), (160, 1), (9000, 1)]
)
def test_pictures_a_second_go_by_the_duration(duration_s: float, fps: int) -> None:
    assert fps_for(duration_s) == fps


def test_every_second_is_a_turn_and_silent_unless_something_is_said() -> None:
    stream = convert(annotation(), 6.7).stream
    assert [turn.tick.index for turn in stream.turns] == [0, 1, 2, 3, 4, 5]
    decisions = [turn.decision for turn in stream.turns]
    assert decisions == [Silent(), Silent(), Silent(), Silent(), Speak("He stirs."), Silent()]
    assert [words.text for words in stream.turns[2].heard] == ["What now?"]
    assert stream.video == Video("YouCook2/a.mp4", 4)
    assert stream.truth.family == "chat"
    assert stream.truth.events[0].onset_s == 4.0


def test_a_video_below_a_second_has_one_turn() -> None:
    stream = convert(annotation(question=[], response=said(("Oh.", 0.2))), 0.4).stream
    assert [turn.decision for turn in stream.turns] == [Speak("Oh.")]


def test_the_pictures_a_second_go_by_the_whole_video_and_the_turns_by_what_is_kept() -> None:
    stream = convert(annotation(), 400.0, max_seconds=100).stream
    assert len(stream.turns) == 100
    assert stream.video == Video("YouCook2/a.mp4", 1)


def test_a_long_video_is_cut_at_320_seconds_and_later_items_are_left_out() -> None:
    converted = convert(annotation(response=said(("a", 5), ("b", 320.5), ("c", 399))), 400.0)
    assert len(converted.stream.turns) == 320
    assert converted.num_cut == 2
    assert converted.stream.num_spoken == 1


def test_no_limit_keeps_all() -> None:
    assert len(convert(annotation(), 400.0, max_seconds=0).stream.turns) == 400


def test_a_label_outside_a_whole_video_drops_the_sample() -> None:
    with pytest.raises(BadData, match="outside the video"):
        convert(annotation(response=said(("late", 7.5))), 7.0)


def test_a_label_at_the_very_end_belongs_to_the_last_second() -> None:
    stream = convert(annotation(response=said(("end", 7))), 7.0).stream
    assert stream.turns[-1].decision == Speak("end")
    assert stream.turns[-1].tick.index == 6


def test_times_fall_into_their_second() -> None:
    stream = convert(annotation(response=said(("x", 3.9))), 7.0).stream
    assert stream.turns[3].decision == Speak("x")


def test_all_that_is_said_on_one_second_is_kept() -> None:
    given = annotation(
        question=said(("one", 1), ("two", "1.5")), response=said(("A.", 4), ("B.", 4.2), ("A.", 4))
    )
    stream = convert(given, 7.0).stream
    assert [words.text for words in stream.turns[1].heard] == ["one", "two"]
    assert stream.turns[4].decision == Speak("A. B.")


def test_a_list_of_times_says_it_at_each() -> None:
    stream = convert(annotation(response=said(("Fire!", "2, 3,5"))), 7.0).stream
    spoken = [turn.tick.index for turn in stream.turns if turn.decision != Silent()]
    assert spoken == [2, 3, 5]
    assert len(annotation(response=said(("Fire!", [2, "3"]))).responses) == 2


def test_responses_may_be_nested_one_level() -> None:
    nested = [said(("a", 1), ("b", 2)), *said(("c", 3))]
    found = annotation(response=nested).responses
    assert [one.content for one in found] == ["a", "b", "c"]


def test_a_delegation_in_a_response_is_read() -> None:
    text = "Let me see. </delegation> What is 3 x 4?"
    stream = convert(annotation(response=said((text, 4), ("And go on.", 4))), 7.0).stream
    assert stream.turns[4].decision == Delegate("Let me see. And go on.", "What is 3 x 4?")
    assert stream.truth.events[0].action == "delegate"


def test_a_converted_stream_is_kept_and_read_back() -> None:
    stream = convert(annotation(), 7.0).stream
    assert from_row(to_row(stream)) == stream


def test_same_stem_source_and_task_do_not_collide() -> None:
    assert item_of(annotation()) == item_of(annotation())
    assert item_of(annotation()) != item_of(annotation(response=said(("other", 4))))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"video_name": ""}, "name of a file"),
        ({"video_name": "../a.mp4"}, "no path"),
        ({"video_path": "../../etc/passwd"}, "leads out"),
        ({"source": "/etc"}, "leads out"),
        ({"video_name": 3}, "expected a text"),
        ({"response": "x"}, "expected a list"),
        ({"response": ["x"]}, "content and time"),
        ({"response": said(("", 1))}, "without content"),
        ({"response": said(("x", -1))}, "seconds from 0"),
        ({"response": said(("x", "soon"))}, "seconds from 0"),
        ({"response": said(("x", None))}, "seconds from 0"),
        ({"response": said(("x", True))}, "seconds from 0"),
        ({"response": said(("x", "nan"))}, "seconds from 0"),
        ({"response": said(("x", []))}, "0 times"),
        ({"question": {"content": "x"}}, "expected a list"),
    ],
)
def test_a_bad_entry_says_what_is_wrong(given: dict[str, Any], match: str) -> None:
    with pytest.raises(BadData, match=match):
        annotation(**given)


def test_a_response_that_is_no_decision_is_refused() -> None:
    for text in ("</silence>", "a </delegation> b </delegation> c", "x </delegation>"):
        with pytest.raises(BadData, match="no decision"):
            convert(annotation(response=said((text, 1))), 7.0)


def test_a_video_without_duration_is_refused() -> None:
    for duration_s in (0.0, -1.0, float("nan")):
        with pytest.raises(BadData, match="lasts"):
            convert(annotation(), duration_s)


def test_bad_entries_of_a_file_are_named_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / "chat.json"
    path.write_text(json.dumps([entry(), {"video_name": ""}, 3, entry()]))
    found = list(read_annotations(path))
    assert [isinstance(one, Annotation) for one in found] == [True, False, False, True]
    assert "entry 1" in str(found[1])


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "[" * 100_000])
def test_a_file_that_holds_no_annotations_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(BadData, match=r"x\.json"):
        list(read_annotations(path))


@given(
    st.lists(st.tuples(st.text(min_size=1), st.floats(0, 50)), max_size=8),
    st.floats(0.1, 50),
    st.integers(0, 60),
)
def test_whatever_is_annotated_is_converted_or_refused(
    items: list[tuple[str, float]], duration_s: float, max_seconds: int
) -> None:
    try:
        given = annotation(question=[], response=said(*items))
        stream = convert(given, duration_s, max_seconds=max_seconds).stream
    except BadData:
        return
    limit_s = min(duration_s, max_seconds) if max_seconds else duration_s
    assert len(stream.turns) == max(int(limit_s), 1)
    assert len(stream.truth.events) == stream.num_spoken

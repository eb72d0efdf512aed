from pathlib import Path

import pytest

from bench.real_video import truths_of
from onlooker.plugins.perception.labels import Labels, Second, read_labels
from onlooker.testing.clips import CLIPS

FILES = sorted(Path(__file__).parent.glob("*.labels"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_label_adds_up_and_names_a_clip_that_can_be_fetched(path: Path) -> None:
    labels = read_labels(path)
    assert labels.clip in CLIPS
    assert dict(truths_of(path.stem, labels))


def test_labels_say_what_is_due_and_when_it_is_right() -> None:
    seconds = (
        Second(1),
        Second(2, entered=1),
        Second(2, texts=("OPEN",)),
        Second(0, left=2, texts=("OPEN", "9 TO 5")),
    )
    truths = dict(truths_of("made", Labels("made.mp4", (), seconds)))
    due = {
        asked: [
            (event.onset_s, event.until_s, event.content.texts or event.content.number)
            for event in truth.events
        ]
        for asked, truth in truths.items()
    }
    assert due == {
        "enters": [(0.5, 2.0, ("person",))],
        "counts": [(0.5, 2.0, 2.0), (2.5, 4.0, 0.0)],
        "reads": [(1.5, 3.0, ("OPEN",)), (2.5, 4.0, ("9 TO 5",))],
    }


def test_nothing_is_due_of_what_nobody_can_read_but_it_may_be_said() -> None:
    seconds = (Second(0), Second(0), Second(0), Second(0, texts=("?",)), Second(0))
    truth = dict(truths_of("made", Labels("made.mp4", (), seconds)))["reads"]
    assert truth.events == ()
    assert [(span.start_s, span.end_s) for span in truth.optional] == [(0, 2), (3, 5)]

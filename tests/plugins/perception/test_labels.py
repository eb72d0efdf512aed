from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.plugins.perception.labels import (
    BadLabels,
    Labels,
    Second,
    read_labels,
    write_labels,
)

FOLDER = Path(__file__).parent.parent.parent / "clips"


def written(folder: Path, text: str) -> Path:
    path = folder / "a.labels"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_second_says_people_comings_goings_and_texts(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "# what it is\nclip a.mp4\nalso car, cell phone\n"
        "0 3  # calm\n1 4 +2 -1 | EXIT | No #4\n2 4 | ?\n",
    )
    labels = read_labels(path)
    assert labels == Labels(
        "a.mp4",
        ("car", "cell phone"),
        (Second(3), Second(4, 2, 1, ("EXIT", "No #4")), Second(4, texts=("?",))),
    )
    assert [second.is_legible for second in labels.seconds] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("clip a.mp4\n0 three\n", r"a.labels:2: '0 three' is not 'SECOND PEOPLE"),
        ("clip a.mp4\n0 1\n2 1\n", r"a.labels:3: second 1 is missing before it"),
        ("clip a.mp4\n0 1\n1 3 +1\n", r"second 1 has 3 people, and 1 \+1 -0 are not as many"),
        ("0 1\n", "names no clip"),
        ("clip a.mp4\n", "labels none of its seconds"),
    ],
)
def test_labels_that_cannot_be_are_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(BadLabels, match=says):
        read_labels(written(tmp_path, text))


lines = (
    st.text("abcXYZ 0123#:é.", min_size=1)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and not {"#", "|"} & set(text.split()))
)


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9), st.lists(lines, max_size=3)),
        min_size=1,
        max_size=9,
    )
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, int, list[str]]]
) -> None:
    people, seconds = 50, [Second(50)]
    for entered, left, texts in moves:
        people += entered - left
        seconds.append(Second(people, entered, left, tuple(texts)))
    labels = Labels("a.mp4", ("car",), tuple(seconds))
    path = written(tmp_path_factory.mktemp("labels"), write_labels(labels))
    assert read_labels(path) == labels


def test_every_labelled_clip_can_be_read() -> None:
    clips = {path.stem: read_labels(path) for path in FOLDER.glob("*.labels")}
    assert {"vtest", "bikes", "office", "sea"} <= clips.keys()
    assert len(clips["vtest"].seconds) == 79

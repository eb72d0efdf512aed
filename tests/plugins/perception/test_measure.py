from pathlib import Path
from statistics import fmean

import pytest

from onlooker.core.percept import Box, SceneObject, SceneText, View
from onlooker.plugins.perception.labels import Labels, Second, read_labels
from onlooker.plugins.perception.measure import (
    edits,
    entries,
    exits,
    gaps,
    jitter,
    match,
    misses_and_ghosts,
    people_of,
    reading,
    share_within,
    wrong_labels,
)
from onlooker.plugins.perception.noise import measured_noise
from onlooker.testing.clips import ClipUnavailable, clip
from onlooker.testing.footage import captioned, captions_at, frames_at

from .conftest import Real, frame, seen

FOLDER = Path(__file__).parent.parent.parent / "clips"


def thing(number: int, label: str = "person", x: float = 0.4, score: float = 0.9) -> SceneObject:
    return SceneObject(label, number, Box(x, 0.4, x + 0.1, 0.6), score, 0.0)


def shown(second: int, *ids: int, new: tuple[int, ...] = (), gone: tuple[int, ...] = ()) -> View:
    return View(
        "cam",
        second + 0.5,
        tuple(map(thing, ids)),
        tuple(map(thing, new)),
        tuple(map(thing, gone)),
        change=9.0,
    )


TRUTH = Labels("a", ("car",), (Second(1), Second(2, 1), Second(2), Second(1, 0, 1)))
VIEWS = [
    shown(0, 1, new=(1,)),
    shown(1, 1),
    shown(2, 1, 2, 3, new=(2, 3)),
    shown(3, 2, gone=(1, 3)),
]


def test_counts_are_compared_second_by_second() -> None:
    counts = [people_of(view) for view in VIEWS]
    assert counts == [1, 1, 3, 1]
    assert share_within(counts, TRUTH) == 1
    assert share_within(counts, TRUTH, slack=0) == 0.5
    assert misses_and_ghosts(counts, TRUTH) == (1, 1, 6)


def test_an_entry_told_twice_is_right_once() -> None:
    came, went = entries(VIEWS, TRUTH), exits(VIEWS, TRUTH)
    assert (came.num_told, came.num_right, came.num_true) == (2, 1, 1)
    assert (came.precision, came.recall, came.delays_s) == (0.5, 1, (1,))
    assert (went.precision, went.recall) == (0.5, 1)


def test_events_match_the_nearest_and_not_beyond_two_seconds() -> None:
    assert match([5], [2, 4]).delays_s == (1,)
    assert match([5], [2]).num_right == 0
    assert match([1, 2], [2, 3]).num_right == 2


@pytest.mark.parametrize(
    ("one", "other", "number"),
    [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("OPEN", "0PEN", 1), ("ab", "ba", 2)],
)
def test_edits_are_counted(one: str, other: str, number: int) -> None:
    assert edits(one, other) == edits(other, one) == number


def test_each_line_is_compared_with_its_nearest_and_the_rest_is_imagined() -> None:
    truth = Labels("a", (), (Second(0, texts=("WAY OUT", "lift")), Second(0, texts=("?",))))
    texts = [SceneText(text, Box(0, 0, 1, 1), 1.0) for text in ("1ift", "WAY  OUT", "xx")]
    read = reading([View("a", 0.5, texts=tuple(texts)), View("a", 1.5, texts=tuple(texts))], truth)
    assert (read.num_errors, read.num_characters) == (2, 11)
    assert (read.num_lines, read.num_missed, read.num_ghosts) == (2, 0, 1)


def test_wrong_names_stale_places_and_unsteadiness_are_counted() -> None:
    views = [
        View("a", second + 0.5, (thing(1, "car", x), thing(2, "sheep")), change=9.0)
        for second, x in enumerate([0.4, 0.41] * 6)
    ]
    assert wrong_labels(views, TRUTH) == (12, 24)
    assert gaps(views) == (11, 22)
    assert jitter(views, {"car"}) == pytest.approx(0.025, abs=1e-3)


def test_the_measured_noise_is_there_for_others_and_within_reason() -> None:
    noise = measured_noise()
    assert 0 < noise.miss < 0.15
    assert noise.flicker < 0.2
    assert noise.text_character_error < 0.05


@pytest.mark.slow
async def test_on_the_labelled_people_the_bars_are_met(real: Real) -> None:
    try:
        video = clip("vtest.avi")
    except ClipUnavailable as error:
        pytest.skip(str(error))
    labels = read_labels(FOLDER / "vtest.labels")
    session, plain = await real.perception.open(), []
    for second, pixels_HWC in enumerate(frames_at(video)):
        plain.append((await session.look(seen(frame(pixels_HWC, second + 0.5)))).views[0])
    assert share_within([people_of(view) for view in plain], labels) >= 0.85
    assert entries(plain, labels).recall >= 0.8
    assert exits(plain, labels).recall >= 0.8

    session, written = await real.perception.open(), []
    for second, pixels_HWC in enumerate(captioned(frames_at(video))):
        written.append((await session.look(seen(frame(pixels_HWC, second + 0.5)))).views[0])
    truth = tuple(Second(0, texts=captions_at(second)) for second in range(len(written)))
    read = reading(written, Labels("captions", (), truth))
    assert read.character_error <= 0.02
    assert read.num_missed == read.num_ghosts == 0


@pytest.mark.slow
async def test_on_the_short_real_clips_people_are_counted(real: Real) -> None:
    right = []
    for name in ("bikes", "carphone"):
        labels = read_labels(FOLDER / f"{name}.labels")
        try:
            video = clip(labels.clip)
        except ClipUnavailable as error:
            pytest.skip(str(error))
        session = await real.perception.open()
        for second, pixels_HWC in enumerate(list(frames_at(video))[: len(labels.seconds)]):
            view = (await session.look(seen(frame(pixels_HWC, second + 0.5)))).views[0]
            right.append(abs(people_of(view) - labels.seconds[second].people) <= 1)
    assert fmean(right) >= 0.85

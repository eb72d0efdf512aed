"""When the eyes look, when they read, and what a view says of it. With fakes for networks."""

import numpy as np
import pytest
from PIL import Image

from onlooker.core.percept import Scene, View
from onlooker.core.scene_words import scene_words
from onlooker.plugins.perception.detector import Detection, Detector
from onlooker.plugins.perception.reader import Line, Reader
from onlooker.plugins.perception.settings import PerceptionSettings, Zone
from onlooker.plugins.perception.tags import Tagger
from onlooker.plugins.perception.watch import Eyes, Watch, stands_in

from .conftest import HAS_EXTRA, frame

pytestmark = pytest.mark.skipif(not HAS_EXTRA, reason="needs pip install 'onlooker[perception]'")

RED, BLUE = (250, 20, 20), (20, 20, 250)


class RedDetector(Detector):
    """A fake: what is red is a person."""

    def __init__(self) -> None:
        self.num_looks = 0

    def detect(self, image: Image.Image) -> list[Detection]:
        self.num_looks += 1
        pixels_HWC = np.asarray(image).astype(int)
        rows, columns = np.nonzero((pixels_HWC[..., 0] > 200) & (pixels_HWC[..., 1] < 60))
        if not len(rows):
            return []
        box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        left, top, right, bottom = (float(side) for side in box)
        scale = (image.width, image.height)
        return [
            Detection(
                "person",
                0.9,
                (left / scale[0], top / scale[1], right / scale[0], bottom / scale[1]),
            )
        ]


class BlueReader(Reader):
    """A fake: what is blue says what the test wants."""

    def __init__(self) -> None:
        self.num_readings = 0
        self.says, self.score = "OPEN", 0.9

    def read(self, image: Image.Image, max_lines: int, side_px: int) -> list[Line]:
        self.num_readings += 1
        is_blue = (np.asarray(image)[..., 2] > 200) & (np.asarray(image)[..., 0] < 60)
        return [Line(self.says, self.score, (0.5, 0.1, 0.9, 0.3))] if is_blue.any() else []


class CountingTagger(Tagger):
    """A fake: counts."""

    def __init__(self) -> None:
        self.num_tagged = 0

    def tag(self, image: Image.Image, num_tags: int, min_score: float) -> tuple[str, ...]:
        self.num_tagged += 1
        return ("desk",)


def shot(
    person: tuple[int, int] | None = None, *, blue: bool = False, ground: int = 128
) -> np.ndarray:
    """A grey picture, perhaps with a red person whose top left is given, and a blue sign."""
    pixels_HWC = np.full((240, 320, 3), ground, np.uint8)
    if blue:
        pixels_HWC[24:72, 160:288] = BLUE
    if person:
        x, y = person
        pixels_HWC[y : y + 80, x : x + 40] = RED
    return pixels_HWC


class Stage:
    """One stream with fakes behind it."""

    def __init__(self, settings: PerceptionSettings | None = None) -> None:
        self.detector, self.reader, self.tagger = RedDetector(), BlueReader(), CountingTagger()
        eyes = Eyes(self.detector, self.reader, self.tagger)
        self.watch = Watch("cam", eyes, settings or PerceptionSettings())
        self.second = 0

    def show(self, *pictures: np.ndarray) -> View:
        """Show a tick's pictures."""
        frames = [
            frame(pixels_HWC, self.second + (index + 0.5) / len(pictures))
            for index, pixels_HWC in enumerate(pictures)
        ]
        self.second += 1
        return self.watch.view(frames)


def ids(view: View) -> list[int]:
    return [thing.track_id for thing in view.objects]


def test_while_nothing_changes_nothing_is_computed_and_all_stay() -> None:
    stage = Stage()
    first = stage.show(shot((100, 100)))
    for _ in range(30):
        still = stage.show(shot((100, 100)))
    assert (stage.detector.num_looks, stage.reader.num_readings, stage.tagger.num_tagged) == (
        1,
        1,
        1,
    )
    assert still.objects == first.objects
    assert (still.entered, still.left, still.change) == ((), (), 0.0)
    assert still.time_s == 30.5


def test_who_stood_still_for_long_is_the_same_person_when_moving_again() -> None:
    stage = Stage()
    for _ in range(20):
        stage.show(shot((100, 100)))
    moved = stage.show(shot((112, 100)))
    assert ids(moved) == [1]
    assert moved.entered == ()
    assert moved.objects[0].since_s == 0.5


def test_sensor_noise_is_no_change() -> None:
    stage, rng = Stage(), np.random.default_rng(0)
    for _ in range(10):
        noisy = shot((100, 100)) + rng.normal(0, 2, (240, 320, 3))
        stage.show(np.clip(noisy, 0, 255).astype(np.uint8))
    assert stage.detector.num_looks == 1


def test_slow_changes_add_up_until_they_are_seen() -> None:
    stage = Stage()
    for level in range(128, 140):
        stage.show(shot(ground=level))
    assert 4 <= stage.detector.num_looks <= 7


def test_coming_and_going_is_told_once_each() -> None:
    stage = Stage()
    places = (None, (20, 90), (60, 90), (100, 90), None, None, None, None, None)
    views = [stage.show(shot(place)) for place in places]
    assert [len(view.entered) for view in views] == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert [len(view.left) for view in views] == [0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert [len(view.objects) for view in views] == [0, 1, 1, 1, 1, 0, 0, 0, 0]


def test_who_left_a_still_picture_is_looked_for_until_given_up_and_no_longer() -> None:
    stage = Stage()
    stage.show(shot((100, 100)))
    for _ in range(10):
        last = stage.show(shot())
    assert last.objects == ()
    assert stage.detector.num_looks == 3


def test_times_that_jump_back_break_nothing() -> None:
    stage = Stage()
    for second, x in ((10, 20), (3, 50), (4, 80)):
        stage.second = second
        assert ids(stage.show(shot((x, 100)))) == [1]


def test_a_walker_beside_a_sign_does_not_make_it_be_read_again() -> None:
    stage = Stage()
    for second in range(8):
        stage.show(shot((20 + 15 * second, 150), blue=True))
    assert stage.reader.num_readings <= 2


def test_a_new_sign_is_read_at_once_and_keeps_its_time() -> None:
    stage = Stage()
    stage.show(shot())
    new = stage.show(shot(blue=True))
    assert [(text.text, text.since_s) for text in new.texts] == [("OPEN", 1.5)]
    old = stage.show(shot(blue=True))
    assert old.texts == new.texts


def test_a_sign_is_new_in_the_view_that_shows_it_first_whatever_the_frame_rate() -> None:
    stage = Stage()
    stage.show(shot())
    # Three frames, at times that have no short decimal; the sign is there from the second on.
    first = stage.show(shot(), shot(blue=True), shot(blue=True))
    later = stage.show(shot(blue=True), shot(blue=True), shot(blue=True))
    assert 'new "OPEN"' in scene_words(Scene((first,)))
    assert 'new "OPEN"' not in scene_words(Scene((later,)))
    assert '"OPEN"' in scene_words(Scene((later,)))


def test_writing_that_changes_under_a_person_is_read_at_once() -> None:
    stage = Stage()
    stage.show(shot((230, 10), blue=True))
    stage.reader.says = "OPEN UNTIL FIVE"
    half = shot((230, 10), blue=True)
    half[40:72, 165:185] = 255
    assert [text.text for text in stage.show(half).texts] == ["OPEN UNTIL FIVE"]
    assert stage.reader.num_readings == 2


def test_a_person_who_fills_the_picture_is_read_over_every_other_second() -> None:
    stage = Stage()
    for second in range(8):
        near = shot(ground=120)
        near[20:240, 20 + 10 * second : 240 + 10 * second] = RED
        stage.show(near)
    assert stage.reader.num_readings in (4, 5)


def test_a_worse_reading_of_the_same_line_changes_nothing() -> None:
    stage = Stage()
    stage.show(shot(blue=True))
    stage.reader.says, stage.reader.score = "0PEN", 0.8
    again = stage.show(shot(blue=True, ground=90))
    assert stage.reader.num_readings == 2
    assert [(text.text, text.since_s) for text in again.texts] == [("OPEN", 0.5)]
    stage.reader.says = "CLOSED"
    other = stage.show(shot(blue=True, ground=128))
    assert [(text.text, text.since_s) for text in other.texts] == [("CLOSED", 2.5)]


def test_a_doubtful_line_is_left_out() -> None:
    stage = Stage()
    stage.reader.score = 0.6
    assert stage.show(shot(blue=True)).texts == ()


def test_another_shot_is_a_cut_and_everybody_in_it_is_new() -> None:
    stage = Stage()
    stage.show(shot((100, 100)))
    other = stage.show(shot((100, 100), ground=20))
    assert other.is_cut
    assert [thing.track_id for thing in other.left] == [1]
    assert [thing.track_id for thing in other.entered] == [2]


def test_all_frames_of_a_tick_count_and_the_newest_is_shown() -> None:
    stage = Stage()
    stage.show(shot())
    view = stage.show(*[shot((20 + 20 * step, 100)) for step in range(4)])
    assert stage.detector.num_looks == 5
    assert ids(view) == [1]
    assert len(view.entered) == 1
    assert view.objects[0].box.left == pytest.approx(80 / 320)
    assert view.time_s == pytest.approx(1.875)


def test_of_many_frames_some_are_looked_at_evenly() -> None:
    stage = Stage(PerceptionSettings(frames_per_look=3))
    stage.show(*[shot((10 + 20 * step, 100)) for step in range(12)])
    assert stage.detector.num_looks == 3


def test_an_object_names_the_zones_it_stands_in_and_other_streams_have_theirs() -> None:
    lower = ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    zones = (
        Zone(name="lawn", points=lower),
        Zone(name="pool", points=lower, stream="yard"),
        Zone(name="corner", points=((0.0, 0.0), (0.2, 0.0), (0.0, 0.2)), stream="cam"),
    )
    view = Stage(PerceptionSettings(zones=zones)).show(shot((100, 100)))
    assert view.objects[0].zones == ("lawn",)


def test_a_foot_is_the_middle_of_the_lower_side() -> None:
    notch = Zone(name="l", points=((0, 0), (1, 0), (1, 1), (0.6, 1), (0.6, 0.4), (0, 0.4)))
    assert stands_in((0.7, 0.2, 0.9, 0.8), notch)
    assert not stands_in((0.1, 0.2, 0.3, 0.8), notch)
    assert stands_in((0.1, 0.0, 0.3, 0.3), notch)

import pytest

from onlooker.plugins.perception.detector import Detection
from onlooker.plugins.perception.settings import PerceptionSettings
from onlooker.plugins.perception.tracks import Tracks, kin_of

from .conftest import HAS_EXTRA

pytestmark = pytest.mark.skipif(not HAS_EXTRA, reason="needs pip install 'onlooker[perception]'")


def at(x: float, label: str = "person", score: float = 0.8, y: float = 0.4) -> Detection:
    return Detection(label, score, (x, y, x + 0.06, y + 0.2))


def follow(tracks: Tracks, seconds: list[list[Detection]]) -> list[str]:
    """Tell each second in short: `+1` entered, `-1` left, then who is present."""
    told = []
    for second, found in enumerate(seconds):
        change = tracks.follow(found, second + 0.5, second + 0.5)
        words = [f"+{track.id}" for track in change.entered]
        words += [f"-{track.id}" for track in change.left]
        words += [str(track.id) for track in tracks.present]
        told.append(" ".join(words))
    return told


def test_who_walks_a_body_width_a_second_keeps_an_id() -> None:
    walk = [[at(0.1 + 0.07 * second)] for second in range(6)]
    assert follow(Tracks(PerceptionSettings()), walk) == ["+1 1"] + ["1"] * 5


def test_two_who_cross_are_still_two() -> None:
    tracks = Tracks(PerceptionSettings())
    follow(tracks, [[at(0.2 + 0.1 * s, y=0.2), at(0.7 - 0.1 * s, y=0.5)] for s in range(6)])
    assert [track.id for track in tracks.present] == [1, 2]


def test_a_look_that_misses_someone_tells_no_exit() -> None:
    seen = [[at(0.3)], [at(0.32)], [], [at(0.34)], [], []]
    assert follow(Tracks(PerceptionSettings()), seen) == ["+1 1", "1", "1", "1", "1", "-1"]


def test_without_patience_every_miss_is_an_exit_and_an_entry() -> None:
    seen = [[at(0.3)], [], [at(0.3)]]
    assert follow(Tracks(PerceptionSettings(keep_s=0)), seen) == ["+1 1", "-1", "+2 2"]


def test_what_is_unsure_continues_but_does_not_begin() -> None:
    seen = [[at(0.3, score=0.42)], [at(0.3, score=0.9)], [at(0.3, score=0.42)]]
    assert follow(Tracks(PerceptionSettings()), seen) == ["", "+1 1", "1"]


def test_a_label_may_have_its_own_threshold() -> None:
    settings = PerceptionSettings(min_scores={"person": 0.95, "cup": 0.3})
    tracks = Tracks(settings)
    tracks.follow([at(0.1, score=0.9), at(0.6, "cup", 0.35)], 0.5, 0.5)
    assert [track.label for track in tracks.present] == ["cup"]


def test_a_new_thing_may_have_to_be_seen_twice() -> None:
    seen = [[at(0.3)], [], [], [at(0.7)], [at(0.71)]]
    told = follow(Tracks(PerceptionSettings(confirm_looks=2)), seen)
    assert told == ["", "", "", "", "+1 1"]


def test_a_car_that_is_once_called_a_truck_stays_one_car() -> None:
    names = ["car", "car", "truck", "car"]
    tracks = Tracks(PerceptionSettings())
    assert follow(tracks, [[at(0.5, name)] for name in names]) == ["+1 1", "1", "1", "1"]
    assert tracks.present[0].label == "car"
    assert kin_of("truck") == kin_of("bus") != kin_of("person")


def test_a_person_does_not_become_the_dog_beside() -> None:
    tracks = Tracks(PerceptionSettings())
    told = follow(tracks, [[at(0.3)], [at(0.3, "dog")]])
    assert told == ["+1 1", "+2 1 2"]


def test_all_leave_when_the_shot_changes() -> None:
    tracks = Tracks(PerceptionSettings())
    follow(tracks, [[at(0.3), at(0.6)]])
    assert [track.id for track in tracks.clear().left] == [1, 2]
    assert tracks.present == []

from __future__ import annotations

import pytest

from onlooker.evaluate.blind import ALWAYS, Clock, blind_scores, lift, tuned_clocks
from onlooker.evaluate.summary import summarize
from onlooker.evaluate.truth import Expected, Standing, Truth


def asked_at(item: str, asked_s: float, *after_s: float, family: str = "") -> Truth:
    """A stream in which something is due so long after it was asked for."""
    events = tuple(
        Expected(f"e{number}", asked_s + due_s, asked_s + due_s, instruction="i")
        for number, due_s in enumerate(after_s)
    )
    return Truth(item, 100.0, events, (Standing("i", "tell me", asked_s),), family=family)


def test_a_clock_speaks_from_when_it_was_asked_and_not_after_the_end() -> None:
    truth = Truth("a", 10.0, instructions=(Standing("i", "tell me", 1.0),))
    assert [one.time_s for one in Clock(3.0).play(truth).emissions] == [4.0, 7.0, 10.0]
    assert [one.time_s for one in Clock(3.0, is_once=True).play(truth).emissions] == [4.0]
    assert Clock(30.0, is_once=True).play(truth).emissions == ()
    assert len(ALWAYS.play(truth).emissions) == 9


def test_the_clock_is_tuned_on_the_other_streams_only() -> None:
    # Three streams want speech after 5 s; the fourth after 20 s, which only it could tell.
    truths = [asked_at(f"a{number}", 10.0 * number, 5.0) for number in range(3)]
    truths.append(asked_at("odd", 0.0, 20.0))
    clocks = tuned_clocks(truths)
    # A tolerance of a second after: speech after 5 s is on time.
    assert clocks["odd"] == Clock(5.0, is_once=True)
    scores = blind_scores(truths)["clock"]
    assert [one.timings[0].f1 for one in scores] == [1.0, 1.0, 1.0, 0.0]


def test_each_family_has_its_own_clock() -> None:
    truths = [asked_at(f"soon{number}", 0.0, 3.0, family="soon") for number in range(2)]
    truths += [
        asked_at(f"often{number}", 0.0, *range(10, 100, 10), family="often") for number in range(2)
    ]
    clocks = tuned_clocks(truths)
    assert clocks["soon0"] == Clock(3.0, is_once=True)
    assert clocks["often0"] == Clock(10.0)


def test_silence_and_chatter_are_scored_by_the_same_rules() -> None:
    truths = [asked_at("a", 0.0, 50.0), Truth("quiet", 100.0)]
    blind = {player: summarize(scores) for player, scores in blind_scores(truths).items()}
    assert blind["silence"].metrics["timing_recall"] == 0.0
    assert blind["silence"].metrics["coupled"] == 0.5
    assert blind["always"].metrics["timing_recall"] == 1.0
    # Each second of quiet holds a remark: 100 s of one stream, 90 s of the other.
    assert blind["always"].metrics["false_alarms_per_quiet_hour"] == pytest.approx(3600)


def test_a_single_stream_leaves_nothing_to_tune_a_clock_on() -> None:
    assert set(blind_scores([Truth("a", 10.0)])) == {"silence", "always"}


def test_what_is_left_after_a_blind_player() -> None:
    assert lift({"f1": 0.75, "x": None, "y": 1.0}, {"f1": 0.25, "x": 1.0}) == {"f1": 0.5}


def test_a_clock_that_never_moves_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Clock(0.0)

"""Where an utterance begins and ends, without sound."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.media import AudioChunk
from onlooker.live.segmenter import (
    Segmenter,
    SegmenterSettings,
    SpeechEnded,
    SpeechNews,
    SpeechPart,
    SpeechStarted,
)

RATE_HZ, WINDOW = 16_000, 512
STEP_S = WINDOW / RATE_HZ  # 32 ms
SHORT = SegmenterSettings(hangover_s=0.2, pre_roll_s=0.1, max_utterance_s=2.0)


def chunk(index: int, late_s: float = 0.0) -> AudioChunk:
    return AudioChunk("mic", index * STEP_S + late_s, RATE_HZ, np.zeros(WINDOW, np.float32))


def heard(probabilities: list[float], settings: SegmenterSettings = SHORT) -> list[SpeechNews]:
    segmenter = Segmenter(settings)
    news = [
        item
        for index, probability in enumerate(probabilities)
        for item in segmenter.hear(chunk(index), probability)
    ]
    return news + segmenter.rest()


def edges(news: list[SpeechNews]) -> list[SpeechStarted | SpeechEnded]:
    return [item for item in news if not isinstance(item, SpeechPart)]


def test_an_utterance_begins_with_its_pre_roll_and_ends_after_the_hangover() -> None:
    news = heard([0.0] * 20 + [0.9] * 10 + [0.0] * 20)
    started, ended = edges(news)
    assert started.time_s == pytest.approx(20 * STEP_S)
    assert ended.time_s == pytest.approx(30 * STEP_S)
    assert ended == SpeechEnded(ended.time_s, is_cut=False)
    parts = [item.chunk for item in news if isinstance(item, SpeechPart)]
    assert parts[0].start_s == pytest.approx(17 * STEP_S)  # 0.1 s before
    assert len(parts) == 3 + 10 + 7  # the hangover of 0.2 s is 7 windows


def test_speech_is_known_within_two_windows() -> None:
    segmenter = Segmenter(SegmenterSettings())
    assert segmenter.hear(chunk(0), 0.9) == []
    assert isinstance(segmenter.hear(chunk(1), 0.9)[0], SpeechStarted)
    assert segmenter.is_speech


def test_a_click_is_no_speech() -> None:
    assert heard([0.0] * 5 + [0.99] + [0.0] * 20) == []


def test_a_pause_for_breath_ends_nothing() -> None:
    assert len(edges(heard(([0.9] * 5 + [0.1] * 5) * 4 + [0.0] * 9))) == 2


def test_somebody_who_goes_on_and_on_is_cut_into_utterances_without_a_gap() -> None:
    news = heard([0.9] * 200)
    ends = [item for item in news if isinstance(item, SpeechEnded)]
    assert len(ends) >= 3
    assert all(end.is_cut for end in ends)
    parts = [item.chunk for item in news if isinstance(item, SpeechPart)]
    assert len(parts) >= 199
    assert len({part.start_s for part in parts}) == len(parts)


def test_a_hole_in_the_sound_ends_the_utterance() -> None:
    segmenter = Segmenter(SHORT)
    for index in range(10):
        segmenter.hear(chunk(index), 0.9)
    news = segmenter.hear(chunk(10, late_s=1.0), 0.9)
    (ended,) = edges(news)
    assert isinstance(ended, SpeechEnded)
    assert ended.is_cut
    assert ended.time_s == pytest.approx(10 * STEP_S)


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match=r"end_probability=0\.9"):
        SegmenterSettings(end_probability=0.9)
    with pytest.raises(ValueError, match="max_utterance_s"):
        SegmenterSettings(max_utterance_s=0.5)
    with pytest.raises(ValueError, match=r"incomplete_probability=0\.95"):
        SegmenterSettings(incomplete_probability=0.95)
    with pytest.raises(ValueError, match="complete_s"):
        SegmenterSettings(complete_s=0.0)


@given(st.lists(st.floats(0, 1), max_size=300))
def test_utterances_alternate_are_bounded_and_hold_each_sound_once(
    probabilities: list[float],
) -> None:
    news = heard(probabilities)
    is_open, length_s, last_s = False, 0.0, -1.0
    for item in news:
        match item:
            case SpeechStarted():
                assert not is_open
                is_open, length_s = True, 0.0
            case SpeechPart(part):
                assert is_open
                assert part.start_s > last_s
                last_s = part.start_s
                length_s += part.duration_s
                assert length_s <= SHORT.max_utterance_s + 1e-9
            case SpeechEnded():
                assert is_open
                is_open = False
    assert not is_open


@given(st.lists(st.floats(0, 1), max_size=200))
def test_within_an_utterance_no_sound_is_missing(probabilities: list[float]) -> None:
    spans: list[list[AudioChunk]] = []
    for item in heard(probabilities):
        if isinstance(item, SpeechStarted):
            spans.append([])
        elif isinstance(item, SpeechPart):
            spans[-1].append(item.chunk)
    for span in spans:
        for one, after in pairwise(span):
            assert after.start_s == pytest.approx(one.start_s + one.duration_s)


def ended_after_s(complete: float | None) -> float:
    """Speak, pause, and tell how much silence ended it."""
    segmenter = Segmenter(SegmenterSettings())
    for index in range(20):
        segmenter.hear(chunk(index), 0.9)
    num_asked = 0
    for index in range(20, 80):
        news = segmenter.hear(chunk(index), 0.0)
        if any(isinstance(item, SpeechEnded) for item in news):
            assert num_asked == (complete is not None)
            return (index - 19) * STEP_S
        if complete is not None and segmenter.is_judgement_due:
            num_asked += 1
            segmenter.judge(complete)
    raise AssertionError("it never ended")


@pytest.mark.parametrize(
    ("complete", "wanted_s"), [(None, 0.6), (0.95, 0.4), (0.5, 0.6), (0.05, 1.2)]
)
def test_a_judgement_tells_how_much_silence_ends_an_utterance(
    complete: float | None, wanted_s: float
) -> None:
    assert ended_after_s(complete) == pytest.approx(wanted_s, abs=STEP_S)


def test_a_judgement_holds_until_they_go_on_and_is_due_again_at_the_next_pause() -> None:
    segmenter = Segmenter(SegmenterSettings())
    due: list[int] = []
    for index, probability in enumerate([0.9] * 20 + [0.0] * 10 + [0.9] * 10 + [0.0] * 10):
        segmenter.hear(chunk(index), probability)
        if segmenter.is_judgement_due:
            due.append(index)
            segmenter.judge(0.05)
    assert due == [26, 46]
    assert segmenter.is_speech


def test_who_wants_short_pauses_gets_none_that_are_longer() -> None:
    segmenter = Segmenter(SegmenterSettings(hangover_s=0.3))
    for index in range(20):
        segmenter.hear(chunk(index), 0.9)
    for index in range(20, 27):
        segmenter.hear(chunk(index), 0.0)
    segmenter.judge(0.9)
    news = [item for index in range(27, 31) for item in segmenter.hear(chunk(index), 0.0)]
    assert any(isinstance(item, SpeechEnded) for item in news)

import random

from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.stamps import MAX_OFF_S, Stamps

PIECE_S = 0.032


def test_jitter_and_bursts_leave_no_seam() -> None:
    stamps, chance, end_s, now_s = Stamps(), random.Random(0), 0.0, 0.0  # noqa: S311
    for index in range(1, 1000):
        now_s = max(now_s, index * PIECE_S + (0.4 if index % 50 == 0 else chance.random() * 0.05))
        start_s = stamps.stamp(now_s, PIECE_S)
        assert index == 1 or start_s == end_s
        end_s = start_s + PIECE_S


def test_an_hour_of_a_clock_that_is_wrong_never_drifts_by_a_tenth_of_a_second() -> None:
    for wrong in (1 - 2e-4, 1 + 2e-4):
        stamps, worst_s = Stamps(), 0.0
        for index in range(1, round(3600 / PIECE_S)):
            now_s = index * PIECE_S * wrong
            start_s = stamps.stamp(now_s, PIECE_S)
            worst_s = max(worst_s, abs(start_s + PIECE_S - now_s))
        assert MAX_OFF_S / 2 < worst_s < 0.1


def test_sound_after_a_pause_belongs_after_the_pause() -> None:
    stamps = Stamps()
    stamps.stamp(1.0, PIECE_S)
    assert stamps.stamp(31.0, PIECE_S) == 31.0 - PIECE_S


def test_pieces_that_were_lost_are_a_gap_within_a_second() -> None:
    stamps = Stamps()
    for index in range(1, 200):
        now_s = index * PIECE_S + (0.5 if index > 100 else 0.0)
        start_s = stamps.stamp(now_s, PIECE_S)
    assert abs(start_s + PIECE_S - now_s) < 0.01


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0.001, 0.5)), min_size=1, max_size=200))
def test_sound_is_never_before_the_session_and_never_far_from_its_coming(
    pieces: list[tuple[float, float]],
) -> None:
    stamps, now_s = Stamps(), 0.0
    for pause_s, duration_s in pieces:
        now_s += pause_s
        start_s = stamps.stamp(now_s, duration_s)
        assert start_s >= -1e-9
        assert now_s - (start_s + duration_s) <= 1.0 + 1e-9

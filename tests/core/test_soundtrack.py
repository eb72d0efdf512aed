import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.media import AudioChunk
from onlooker.core.soundtrack import SLACK_S, Soundtrack, resampled

RATE_HZ = 1000


def chunk(start_s: float, num_ms: int, level: float = 0.5, rate_hz: int = RATE_HZ) -> AudioChunk:
    samples_N = np.full(round(num_ms * rate_hz / 1000), level, np.float32)
    return AudioChunk("voice", start_s, rate_hz, samples_N)


def test_a_gap_becomes_silence_so_that_position_is_session_time() -> None:
    track = Soundtrack()
    parts = [*track.add(chunk(0.5, 100)), *track.add(chunk(1.0, 100))]
    written_N = np.concatenate(parts)
    assert len(written_N) == 1100
    assert np.flatnonzero(written_N).tolist() == [*range(500, 600), *range(1000, 1100)]


def test_what_overlaps_is_cut_and_jitter_is_no_gap() -> None:
    track = Soundtrack()
    list(track.add(chunk(0.0, 500)))
    assert sum(map(len, track.add(chunk(0.2, 500)))) == 200
    assert sum(map(len, track.add(chunk(0.7 + SLACK_S / 2, 100)))) == 100


def test_what_was_planned_and_cut_is_never_written() -> None:
    track = Soundtrack()
    parts = [*track.plan(chunk(0.0, 250)), *track.plan(chunk(0.25, 250)), *track.cut(0.3)]
    parts += [*track.plan(chunk(0.6, 100)), *track.rest()]
    written_N = np.concatenate(parts)
    assert np.flatnonzero(written_N).tolist() == [*range(300), *range(600, 700)]


def test_another_rate_is_resampled_to_the_first() -> None:
    track = Soundtrack()
    list(track.add(chunk(0.0, 100)))
    assert sum(map(len, track.add(chunk(0.1, 100, rate_hz=2 * RATE_HZ)))) == 100
    assert resampled(np.ones(10, np.float32), 8000, 16000).tolist() == [1.0] * 20


def test_an_hour_of_silence_is_made_in_blocks() -> None:
    track = Soundtrack()
    list(track.add(chunk(0.0, 1)))
    assert max(map(len, track.add(chunk(3600.0, 1)))) <= 10 * RATE_HZ


@given(
    st.lists(
        st.tuples(st.floats(0, 5, allow_nan=False), st.integers(0, 300), st.booleans()), max_size=8
    )
)
def test_time_never_drifts_from_position(moves: list[tuple[float, int, bool]]) -> None:
    track, num_written = Soundtrack(), 0
    for start_s, num_ms, is_late in moves:
        at_s = track.end_s + start_s if is_late else start_s
        num_written += sum(map(len, track.add(chunk(at_s, num_ms))))
        assert abs(num_written / RATE_HZ - track.end_s) < 1e-9
        if num_ms and at_s >= track.end_s - num_ms / 1000:
            assert track.end_s >= at_s + num_ms / 1000 - SLACK_S - 2e-3

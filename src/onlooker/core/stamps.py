"""When sound was, told from when it came: pieces that come late or in bursts stay seamless."""

from __future__ import annotations

from collections import deque

WINDOW_S = 1.0  # a delay that lasts for so long is no jitter
MAX_OFF_S = 0.08  # between sound and session time, before the sound is moved
MAX_LATE_S = 1.0  # a piece so late comes after a pause


class Stamps:
    """Follows one stream of sound that is recorded as it happens.

    What counts is the number of samples. Only when everything in a second came too late, as after
    lost pieces or from a slow clock, or everything too early, is the sound moved to where it
    belongs; so it never drifts from session time by more than `MAX_OFF_S` for longer.
    """

    def __init__(self) -> None:
        self._end_s: float | None = None
        self._late_s: deque[tuple[float, float]] = deque()  # when a piece came, and how late

    def stamp(self, now_s: float, duration_s: float) -> float:
        """Say when the piece began that has just come."""
        came_s = max(0.0, now_s - duration_s)
        if self._end_s is None or came_s - self._end_s > MAX_LATE_S:
            self._move(came_s)
        start_s = came_s if self._end_s is None else self._end_s
        self._late_s.append((now_s, came_s - start_s))
        if now_s - self._late_s[0][0] >= WINDOW_S:
            least_s = min(late_s for _, late_s in self._late_s)
            most_s = max(late_s for _, late_s in self._late_s)
            if least_s > MAX_OFF_S or most_s < -MAX_OFF_S:
                start_s += least_s if least_s > 0 else most_s
                self._move(start_s)
            while self._late_s and now_s - self._late_s[0][0] >= WINDOW_S:
                self._late_s.popleft()
        self._end_s = start_s + duration_s
        return start_s

    def _move(self, start_s: float) -> None:
        self._end_s = start_s
        self._late_s.clear()

"""Who is who from look to look: a ByteTrack library, made fit for one look a second.

Somebody who walks is a body's width further on after a second, so that his boxes no longer
overlap: for the tracker all boxes are made larger, the more time lies between two looks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from onlooker.core.errors import BadSettings
from onlooker.plugins.perception.detector import Detection
from onlooker.plugins.perception.models import Floats
from onlooker.plugins.perception.settings import PerceptionSettings

# Measured on people who walk (docs/perception.md): widths for the tracker, and how much wider
# still after a second; heights grow by half as much.
REACH = 3.0
REACH_PER_S = 2.0
MIN_OVERLAP = 0.1
MIN_LIFE_S = 1.2  # in the tracker: what leaves us at once still has to be matched a second later
FOLLOW = 0.7  # how far the tracker's idea of a place follows the newest box

# Labels that a small detector takes for each other: one thing, whatever it is called today.
KIN = (
    frozenset({"car", "truck", "bus", "train"}),
    frozenset({"bicycle", "motorcycle"}),
    frozenset({"cat", "dog", "teddy bear"}),
    frozenset({"horse", "cow", "sheep"}),
    frozenset({"chair", "couch", "bench"}),
    frozenset({"tv", "laptop"}),
    frozenset({"cup", "bowl", "vase"}),
)


@dataclass(slots=True)
class Track:
    """One thing that is followed."""

    id: int
    since_s: float  # session time
    last_s: float  # time watched
    detection: Detection
    num_looks: int = 0
    is_told: bool = False  # its entry has been told
    votes: Counter[str] = field(default_factory=Counter)

    @property
    def label(self) -> str:
        return self.votes.most_common(1)[0][0]

    def see(self, detection: Detection, watched_s: float) -> None:
        self.detection, self.last_s = detection, watched_s
        self.num_looks += 1
        self.votes[detection.label] += 1


@dataclass(frozen=True, slots=True)
class Change:
    """What a look changed."""

    entered: tuple[Track, ...]
    left: tuple[Track, ...]


class Tracks:
    """The things of one stream. Times must grow from look to look."""

    def __init__(self, settings: PerceptionSettings) -> None:
        self._settings = settings
        self._tracks: dict[str, Track] = {}  # by the library's id
        self._trackers: dict[str, Any] = {}  # by kin
        self._num_named = 0
        self._last_s: float | None = None

    @property
    def present(self) -> list[Track]:
        """All that are believed to be there, in the order in which they came."""
        return sorted(
            (track for track in self._tracks.values() if track.is_told), key=lambda track: track.id
        )

    @property
    def is_settled(self) -> bool:
        """Whether all that are believed to be there were found at the last look."""
        return all(track.last_s == self._last_s for track in self.present)

    def follow(self, detections: Sequence[Detection], time_s: float, watched_s: float) -> Change:
        """Take in what was found at `time_s`.

        `watched_s` is that time less all in which nothing changed, and nothing left.
        """
        if self._last_s is not None:
            watched_s = max(watched_s, self._last_s)  # a source whose times jump back
        gap_s = 1.0 if self._last_s is None else min(1.0, watched_s - self._last_s)
        self._last_s = watched_s
        for name, detection in self._matched(detections, watched_s, REACH + REACH_PER_S * gap_s):
            track = self._tracks.get(name)
            if track is None:
                track = self._tracks[name] = Track(0, time_s, watched_s, detection)
            track.see(detection, watched_s)
        return Change(self._entered(), self._gone(watched_s))

    def clear(self) -> Change:
        """Let all go: another shot shows other things."""
        left = tuple(self.present)
        self._tracks.clear()
        self._trackers.clear()
        return Change((), left)

    def _matched(
        self, detections: Sequence[Detection], time_s: float, reach: float
    ) -> Iterator[tuple[str, Detection]]:
        settings = self._settings
        groups: dict[str, list[Detection]] = {kin: [] for kin in self._trackers}
        for found in detections:
            if found.score >= settings.keep_score or found.score >= self._min_score(found.label):
                groups.setdefault(kin_of(found.label), []).append(found)
        for kin, members in groups.items():
            if kin not in self._trackers:
                self._trackers[kin] = _new_tracker(settings)
            boxes_N4 = _enlarged([found.box for found in members], reach)
            # The library compares with one threshold; single labels may have another.
            scores_N = np.asarray(
                [
                    found.score + settings.min_score - self._min_score(found.label)
                    for found in members
                ],
                np.float32,
            )
            labels_N = np.zeros(len(members), np.uintp)
            results = self._trackers[kin].update(boxes_N4, scores_N, labels_N, round(time_s * 1e9))
            for result, found in zip(results, members, strict=True):
                if result is not None:
                    yield result.uuid, found

    def _min_score(self, label: str) -> float:
        return self._settings.min_scores.get(label, self._settings.min_score)

    def _entered(self) -> tuple[Track, ...]:
        entered = []
        for track in self._tracks.values():
            if not track.is_told and track.num_looks >= self._settings.confirm_looks:
                self._num_named += 1
                track.id, track.is_told = self._num_named, True
                entered.append(track)
        return tuple(entered)

    def _gone(self, time_s: float) -> tuple[Track, ...]:
        gone = {
            name: track
            for name, track in self._tracks.items()
            if time_s - track.last_s > self._settings.keep_s
        }
        for name in gone:
            del self._tracks[name]
        return tuple(track for track in gone.values() if track.is_told)


def kin_of(label: str) -> str:
    """Name the group of labels that are taken for each other."""
    return next((min(group) for group in KIN if label in group), label)


def _enlarged(boxes: Sequence[tuple[float, float, float, float]], reach: float) -> Floats:
    boxes_N4 = np.asarray(boxes, np.float32).reshape(-1, 4)
    sides_N2 = boxes_N4[:, 2:] - boxes_N4[:, :2]
    margins_N2 = sides_N2 * np.asarray([0.5, 0.25], np.float32) * (reach - 1)
    return np.hstack([boxes_N4[:, :2] - margins_N2, boxes_N4[:, 2:] + margins_N2])


def _new_tracker(settings: PerceptionSettings) -> Any:
    try:
        from edgefirst.tracker import ByteTrack
    except ImportError:
        raise BadSettings(
            "perception needs edgefirst-tracker: pip install 'onlooker[perception]'"
        ) from None
    return ByteTrack(
        high_conf=settings.min_score,
        iou=MIN_OVERLAP,
        update=FOLLOW,
        lifespan_ns=round(max(settings.keep_s, MIN_LIFE_S) * 1e9),
    )

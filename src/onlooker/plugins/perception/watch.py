"""One stream, watched: looks when something changed, and remembers what it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import numpy as np
import numpy.typing as npt
from PIL import Image

from onlooker.core.difference import (
    CELL_PX,
    THUMBNAIL_COLUMNS,
    THUMBNAIL_ROWS,
    Thumbnail,
    cell_differences,
    thumbnail,
)
from onlooker.core.media import VideoFrame
from onlooker.core.percept import Box, SceneObject, SceneText, View
from onlooker.plugins.perception.detector import Detector
from onlooker.plugins.perception.reader import Line, Reader
from onlooker.plugins.perception.settings import PerceptionSettings, Zone
from onlooker.plugins.perception.tags import Tagger
from onlooker.plugins.perception.tracks import Change, Track, Tracks

ROWS, COLUMNS = THUMBNAIL_ROWS // CELL_PX, THUMBNAIL_COLUMNS // CELL_PX
Cells = npt.NDArray[np.float32]
Covered = npt.NDArray[np.bool_]  # cells

SAME_TEXT = 0.75  # likeness of two readings of one line
MAX_SIDE_PX = 2048
LARGE = 0.15  # of the picture: an object that may well carry text, such as a title, before it
LARGE_REREAD_S = 2.0  # how often a change on a large object is worth a reading
CUT_SHARE = 0.8  # of the cells of a picture, all changed at once
TAG_DIFFERENCE = 12.0  # mean change after which the picture is tagged anew


@dataclass(frozen=True, slots=True)
class Eyes:
    """The networks, shared by all streams and sessions."""

    detector: Detector
    reader: Reader | None
    tagger: Tagger | None


class Watch:
    """What is remembered of a stream from tick to tick."""

    def __init__(self, stream: str, eyes: Eyes, settings: PerceptionSettings) -> None:
        self._stream, self._eyes, self._settings = stream, eyes, settings
        self._zones = [zone for zone in settings.zones if zone.stream in (None, stream)]
        self._tracks = Tracks(settings)
        self._looked: Thumbnail | None = None  # at the last look
        self._tagged: Thumbnail | None = None
        self._tags: tuple[str, ...] = ()
        self._reading = _Reading(settings)
        self._last_s: float | None = None
        self._still_s = 0.0  # time in which nothing changed, which makes nothing older

    def view(self, frames: Sequence[VideoFrame]) -> View:
        """Say what a tick's frames of this stream show; the newest counts.

        Raises:
            PerceptionFailed: a network did not take a frame.
        """
        entered: dict[int, Track] = {}
        left: list[Track] = []
        change, is_cut = 0.0, False
        for frame in _spread(frames, self._settings.frames_per_look):
            picture = thumbnail(frame.pixels_HWC)
            cells = self._cells(picture)
            change = max(change, float(cells.max()))
            if not self._is_new(cells, frame.time_s):
                continue
            if self._looked is not None and self._is_cut(cells):
                is_cut = True
                left += self._tracks.clear().left
                self._reading.forget()
            told = self._look(frame, picture)
            entered |= {track.id: track for track in told.entered}
            left += told.left
        now_s, bound = round(frames[-1].time_s, 3), self._settings.max_objects
        self._reading.date(now_s)
        present = self._tracks.present[:bound]
        return View(
            stream=self._stream,
            time_s=now_s,
            objects=tuple(self._object(track) for track in present),
            entered=tuple(self._object(entered[index]) for index in sorted(entered)[:bound]),
            left=tuple(self._object(track) for track in left[:bound]),
            texts=self._reading.texts,
            tags=self._tags,
            change=round(change, 1),
            is_cut=is_cut,
        )

    def _cells(self, picture: Thumbnail) -> Cells:
        if self._looked is None:
            return np.full((ROWS, COLUMNS), 255, np.float32)
        return cell_differences(self._looked, picture)

    def _is_new(self, cells: Cells, time_s: float) -> bool:
        """Whether a picture is worth a look; time passes only for those that are.

        While somebody is missing, the picture that lacks him is: he may have left.
        """
        is_new = bool(cells.max() >= self._settings.still_difference)
        is_new |= not self._tracks.is_settled
        if not is_new and self._last_s is not None:
            self._still_s += time_s - self._last_s
        self._last_s = time_s
        return is_new

    def _is_cut(self, cells: Cells) -> bool:
        return float((cells >= self._settings.cut_difference).mean()) >= CUT_SHARE

    def _look(self, frame: VideoFrame, picture: Thumbnail) -> Change:
        image = _manageable(Image.fromarray(frame.pixels_HWC))
        found = self._eyes.detector.detect(image)
        told = self._tracks.follow(found, frame.time_s, frame.time_s - self._still_s)
        self._looked = picture
        self._tag(image, picture)
        if self._eyes.reader is not None:
            boxes = [track.detection.box for track in self._tracks.present]
            self._reading.update(self._eyes.reader, image, picture, boxes, frame.time_s)
        return told

    def _tag(self, image: Image.Image, picture: Thumbnail) -> None:
        is_same = (
            self._tagged is not None
            and float(np.abs(picture - self._tagged).mean()) < TAG_DIFFERENCE
        )
        if self._eyes.tagger is not None and not is_same:
            settings = self._settings
            self._tags = self._eyes.tagger.tag(image, settings.tags, settings.min_tag_score)
            self._tagged = picture

    def _object(self, track: Track) -> SceneObject:
        found = track.detection
        return SceneObject(
            label=track.label,
            track_id=track.id,
            box=_box(found.box),
            score=round(found.score, 2),
            since_s=round(track.since_s, 3),
            zones=tuple(zone.name for zone in self._zones if stands_in(found.box, zone)),
        )


class _Reading:
    """The writing on one stream. Read again when something changed beside the objects."""

    def __init__(self, settings: PerceptionSettings) -> None:
        self._settings = settings
        self._read: Thumbnail | None = None  # the picture at the last reading
        self._read_s = 0.0
        self._small: Covered = np.zeros((ROWS, COLUMNS), np.bool_)  # by objects, when last read
        self._large = self._small
        self.texts: tuple[SceneText, ...] = ()
        self._viewed_s = -1.0  # time of the view before

    def update(
        self,
        reader: Reader,
        image: Image.Image,
        picture: Thumbnail,
        boxes: Sequence[tuple[float, float, float, float]],
        time_s: float,
    ) -> None:
        small, large = _covered(boxes)
        if not self._is_due(picture, self._small | small, self._large | large, time_s):
            return
        self._read, self._read_s, self._small, self._large = picture, time_s, small, large
        lines = reader.read(image, self._settings.max_lines, self._settings.text_side_px)
        self.texts = tuple(
            self._text(line, time_s) for line in lines if _is_text(line, self._settings)
        )

    def date(self, now_s: float) -> None:
        """Let what was first read since the last view be as old as this view: it is new in it."""
        self.texts = tuple(
            replace(text, since_s=now_s) if text.since_s > self._viewed_s else text
            for text in self.texts
        )
        self._viewed_s = now_s

    def forget(self) -> None:
        """Read the next picture in any case: it is another shot."""
        self._read = None

    def _is_due(self, picture: Thumbnail, small: Covered, large: Covered, time_s: float) -> bool:
        """Whether a text changed, or something that no object explains, or that is long unread."""
        if self._read is None:
            return True
        age_s = time_s - self._read_s
        cells = cell_differences(self._read, picture)
        written = np.logical_or(*_covered([_sides(text.box) for text in self.texts]))
        if age_s < self._settings.reread_s:
            cells[small & ~written] = 0
        if age_s < LARGE_REREAD_S:
            cells[large & ~written] = 0
        return bool(cells.max() >= self._settings.text_difference)

    def _text(self, line: Line, time_s: float) -> SceneText:
        """Take over what was read in the same place before, if it says nearly the same."""
        text = SceneText(line.text, _box(line.box), round(line.score, 2), round(time_s, 3))
        for before in self.texts:
            if _overlap(before.box, text.box) > 0.3 and _is_like(before.text, text.text):
                surer = before if before.score > text.score else text
                return replace(text, text=surer.text, score=surer.score, since_s=before.since_s)
        return text


def stands_in(box: tuple[float, float, float, float], zone: Zone) -> bool:
    """Whether the foot of a box, the middle of its lower side, lies in a zone."""
    left, _, right, foot_y = box
    foot_x = (left + right) / 2
    is_inside = False
    for (x1, y1), (x2, y2) in zip(zone.points, (*zone.points[1:], zone.points[0]), strict=True):
        if (y1 > foot_y) != (y2 > foot_y):
            is_inside ^= foot_x < x1 + (foot_y - y1) / (y2 - y1) * (x2 - x1)
    return is_inside


def _spread(frames: Sequence[VideoFrame], num_frames: int) -> list[VideoFrame]:
    """Choose some frames, evenly, the newest among them."""
    step = max(1.0, len(frames) / num_frames)
    picked = {len(frames) - 1 - int(index * step) for index in range(min(num_frames, len(frames)))}
    return [frames[index] for index in sorted(picked)]


def _manageable(image: Image.Image) -> Image.Image:
    """Halve, third or quarter what is larger than anything here needs."""
    return image.reduce(-(-max(image.size) // MAX_SIDE_PX))


def _covered(boxes: Sequence[tuple[float, float, float, float]]) -> tuple[Covered, Covered]:
    """Say which cells lie under small and under large objects."""
    small, large = np.zeros((2, ROWS, COLUMNS), np.bool_)
    for left, top, right, bottom in boxes:
        covered = large if (right - left) * (bottom - top) >= LARGE else small
        rows = slice(int(top * ROWS), int(np.ceil(bottom * ROWS)))
        covered[rows, int(left * COLUMNS) : int(np.ceil(right * COLUMNS))] = True
    return small, large


def _is_text(line: Line, settings: PerceptionSettings) -> bool:
    is_more_than_a_stroke = sum(map(str.isalnum, line.text)) >= 2
    return line.score >= settings.min_text_score and is_more_than_a_stroke


def _is_like(before: str, after: str) -> bool:
    return SequenceMatcher(None, before.casefold(), after.casefold()).ratio() >= SAME_TEXT


def _overlap(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box.right - box.left) * (box.bottom - box.top) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def _sides(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def _box(box: tuple[float, float, float, float]) -> Box:
    left, top, right, bottom = (round(side, 3) for side in box)
    return Box(left, top, right, bottom)

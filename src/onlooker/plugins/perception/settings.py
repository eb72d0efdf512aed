"""What the user can choose about the eyes."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

Point = tuple[float, float]


class Zone(BaseModel, frozen=True, extra="forbid"):
    """A named place in the picture of one stream, or of all."""

    name: str = Field(min_length=1, description="as it shall appear in the scene")
    points: tuple[Point, ...] = Field(
        min_length=3, description="corners, as fractions of width and height from the top left"
    )
    stream: str | None = Field(
        default=None, description="the stream it belongs to; none: all of them"
    )


class PerceptionSettings(BaseModel, frozen=True, extra="forbid"):
    """Which things are watched, how sure to be, and how much to spend."""

    watch: tuple[str, ...] = Field(
        default=(), description="labels to look for, such as person; all if empty"
    )
    zones: tuple[Zone, ...] = Field(
        default=(), description="named places; objects say in which they stand"
    )
    min_score: float = Field(
        default=0.5, gt=0, lt=1, description="how sure the detector must be of something new"
    )
    min_scores: dict[str, float] = Field(default={}, description="the same for single labels")
    keep_score: float = Field(
        default=0.4, gt=0, lt=1, description="how sure it must be of what has been seen before"
    )
    confirm_looks: int = Field(
        default=1, ge=1, le=10, description="sightings after which a new thing is believed"
    )
    keep_s: float = Field(
        default=1.5, ge=0, le=60, description="seconds out of sight after which a thing has left"
    )
    frames_per_look: int = Field(
        default=4, ge=1, le=16, description="frames of a tick that are looked at, spread evenly"
    )
    max_objects: int = Field(default=50, ge=1, le=300, description="things of a stream in a scene")
    still_difference: float = Field(
        default=2.0,
        ge=0,
        description="change below which nothing is looked at anew, in luma levels",
    )
    cut_difference: float = Field(
        default=20.0, gt=0, description="change of nearly all places at once that is another shot"
    )
    reads_text: bool = Field(default=True, description="whether writing is read")
    text_side_px: int = Field(
        default=960,
        ge=320,
        le=2048,
        description="longer side of the picture in which text is searched; more for small print",
    )
    max_lines: int = Field(default=20, ge=1, le=100, description="lines of text read of a picture")
    min_text_score: float = Field(
        default=0.75, ge=0, le=1, description="how sure the reader must be of a line"
    )
    text_difference: float = Field(
        default=6.0, ge=0, description="change beside the objects that makes reading worth while"
    )
    reread_s: float = Field(
        default=10.0, gt=0, description="seconds after which a changed picture is read in any case"
    )
    tags: int = Field(
        default=3, ge=0, le=10, description="words at most for the picture as a whole"
    )
    min_tag_score: float = Field(
        default=0.3, ge=0, le=1, description="how sure the classifier must be of such a word"
    )
    detector: str = Field(
        default="",
        description="path of another ONNX detector, or a Hugging Face id or folder; "
        "the shipped one if empty",
    )
    detector_format: Literal["nanodet", "yolo", "huggingface"] = Field(
        default="nanodet",
        description="what it is; nanodet and yolo: ONNX, yolo with one output of "
        "(1, 4 + labels, boxes); huggingface: any object detector that transformers opens",
    )
    detector_labels: str = Field(
        default="", description="path of its labels, one a line; COCO's if empty; ONNX only"
    )
    detector_sha256: str = Field(
        default="", description="refuse the detector if its sha256 is another; ONNX only"
    )

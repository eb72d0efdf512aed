"""What must be known of a video file before its seconds are labelled."""

from __future__ import annotations

from pathlib import Path

import av

from onlooker.data.stream import BadData


def duration_of(path: Path) -> float:
    """Say how many seconds a video lasts.

    Raises:
        BadData: there is no such video, or it cannot be read.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadData(f"{path} has no pictures")
            video = container.streams.video[0]
            if container.duration:
                return container.duration / av.time_base
            if video.duration and video.time_base:
                return float(video.duration * video.time_base)
    except (av.error.FFmpegError, OSError) as error:
        raise BadData(f"{path} cannot be read: {error}") from error
    raise BadData(f"{path} does not say how long it lasts")

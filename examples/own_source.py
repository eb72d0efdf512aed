"""A source of one's own: any class with `traits`, `trouble`, `frames` and `close`.

    onlooker watch pulse:3 --set source.allow='["pulse"]'

works once a package names it in its pyproject.toml:

    [project.entry-points."onlooker.source"]
    pulse = "own_source:PulseSource"
"""

from collections.abc import AsyncIterator

import numpy as np
from pydantic import BaseModel, Field

from onlooker.core.clock import Clock
from onlooker.core.media import Media, VideoFrame
from onlooker.core.ports import SourceTraits


class PulseSource:
    """Grey that becomes lighter once every few seconds."""

    class Settings(BaseModel, frozen=True, extra="forbid"):
        """What can be set under [source.pulse]."""

        seconds: int = Field(default=10, ge=1, description="how long it plays")

    traits = SourceTraits(is_live=False, is_camera=False)
    trouble = ""

    def __init__(self, address: str, settings: Settings) -> None:
        self._every = int(address.partition(":")[2] or 3)
        self._seconds = settings.seconds

    async def frames(self, stream: str, clock: Clock) -> AsyncIterator[Media]:
        for second in range(self._seconds):
            await clock.sleep_until(second + 0.5)
            level = 220 if second % self._every == 0 else 90
            yield VideoFrame(stream, second + 0.5, np.full((120, 160, 3), level, np.uint8))

    async def close(self) -> None:
        pass

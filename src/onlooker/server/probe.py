"""Whether the model decides: asked with one grey picture, and not again for a while."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from io import BytesIO
from time import monotonic

from PIL import Image

from onlooker.core.errors import OnlookerError
from onlooker.core.moment import Tick
from onlooker.core.percept import Picture, Pictures, Scene, View
from onlooker.core.prompt import Prompt, Turn
from onlooker.server.hub import Hub

GOOD_FOR_S = 10.0
TIMEOUT_S = 10.0


@dataclass
class Probe:
    """Remembers the last answer, so that asking often costs nothing."""

    hub: Hub
    _why: str | None = None
    _asked_s: float = float("-inf")
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def trouble(self) -> str:
        """Say why it is not ready; empty if it is."""
        async with self._turn:
            if self._why is None or monotonic() - self._asked_s > GOOD_FOR_S:
                self._why = await self._ask()
                self._asked_s = monotonic()
            return self._why

    async def _ask(self) -> str:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                session = await self.hub.model.open()
                try:
                    await session.decide(_prompt(), _say_nothing)
                finally:
                    await session.close()
        except TimeoutError:
            return f"the model did not decide within {TIMEOUT_S:g} s"
        except OnlookerError as error:
            return str(error)
        return ""


async def _say_nothing(_text: str) -> None:
    pass


def _prompt() -> Prompt:
    file = BytesIO()
    Image.new("RGB", (64, 48), (128, 128, 128)).save(file, "JPEG")
    picture = Picture("probe", 0.5, 64, 48, file.getvalue())
    scene = Scene((View("probe", 0.5),))
    return Prompt("silent", (Turn(Tick(0, 0.0, 1.0), (Pictures((picture,)), scene)),))

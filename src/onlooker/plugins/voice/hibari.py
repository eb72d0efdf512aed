"""The embedded voice: Hibari, English, 14 MB with its weights, much faster than speech."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from onlooker.core.errors import BadSettings, VoiceFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import VoiceTraits
from onlooker.core.spoken import pieces, spoken
from onlooker.core.voices import OfferedVoice, VoiceOffer
from onlooker.plugins.voice.sound import Chunks

_SLOWEST, _FASTEST = 0.5, 2.0
_LETTERS = 120  # of a piece: a tenth of a second of work, which a cut does not wait for


class HibariSettings(BaseModel, frozen=True, extra="forbid"):
    """How it sounds."""

    voice: str = Field(default="heart", description="heart ships with it; others must be there")
    speed: float = Field(default=1.0, ge=_SLOWEST, le=_FASTEST, description="1: as it was recorded")


class HibariVoice:
    """Speaks in a thread of its own; its weights load there from the moment it is made."""

    Settings = HibariSettings

    def __init__(self, settings: HibariSettings, engines: _Engines | None = None) -> None:
        self.traits = VoiceTraits(name=f"hibari/{settings.voice}", languages=("en",))
        self._settings = settings
        path = _path_of(settings.voice)
        self._engines = engines or _Engines()
        self._engine = self._engines.loading(settings.voice, path)

    async def say(self, text: str) -> AsyncGenerator[AudioChunk]:
        """Yield the speech.

        Raises:
            VoiceFailed: the engine does not load, or fails on the text.
        """
        loop = asyncio.get_running_loop()
        chunks: Chunks | None = None
        for piece in pieces(spoken(text), _LETTERS):
            made = await loop.run_in_executor(self._engines.thread, self._speak, piece)
            chunks = chunks or Chunks(made[1])
            for chunk in chunks.cut(made[0]):
                yield chunk

    def offer(self) -> VoiceOffer:
        """List the voices whose weights are on this machine."""
        settings = self._settings
        return VoiceOffer(_here(), settings.voice, settings.speed, _SLOWEST, _FASTEST)

    def another(self, voice: str, speed: float) -> HibariVoice:
        chosen = {"voice": voice, "speed": speed}
        return HibariVoice(self._settings.model_copy(update=chosen), self._engines)

    async def close(self) -> None:
        self._engines.thread.shutdown(wait=False, cancel_futures=True)

    def _speak(self, piece: str) -> tuple[npt.NDArray[np.float32], int]:
        try:
            engine = self._engine.result()
            # One seed: the same words sound the same.
            samples_N = engine(piece, speed=self._settings.speed, seed=0)
        except Exception as error:
            raise VoiceFailed(f"hibari cannot say {piece[:60]!r}: {error!r}") from error
        return np.clip(samples_N, -1, 1).astype(np.float32), int(engine.sample_rate)


class _Engines:
    """The weights that were asked for, each loaded once, and the thread that speaks with them."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="hibari")
        self._loaded: dict[str, Future[Any]] = {}

    def loading(self, voice: str, path: str) -> Future[Any]:
        if voice not in self._loaded:
            self._loaded[voice] = self.thread.submit(_load, voice, path)
        return self._loaded[voice]


def _here() -> tuple[OfferedVoice, ...]:
    from hibari.voices import VOICES, voice_path

    found = []
    for voice, about in VOICES.items():
        try:
            voice_path(voice, download_missing=False)
        except (ValueError, FileNotFoundError):
            continue
        language = str(about.get("language", "en"))
        found.append(OfferedVoice(voice, voice.capitalize(), language))
    return tuple(found)


def _path_of(voice: str) -> str:
    """Find a voice on disk. Nothing is downloaded.

    Raises:
        BadSettings: it is not installed, not known or not there.
    """
    try:
        from hibari.voices import VOICES, cache_dir, voice_path
    except ImportError:
        raise BadSettings(
            "the voice hibari is not installed: pip install 'onlooker[speech]'"
        ) from None
    try:
        return str(voice_path(voice, download_missing=False))
    except (ValueError, FileNotFoundError):
        raise BadSettings(
            f"hibari has no voice {voice!r} on this machine; it knows {', '.join(sorted(VOICES))}. "
            f"Take 'heart', or put the voice's file into {cache_dir()}"
        ) from None


def _load(voice: str, path: str) -> Any:
    from hibari import Hibari

    engine = Hibari(voice=voice, model=path, threads=1)
    engine("Hello.")  # loads the dictionaries, and warms up
    return engine

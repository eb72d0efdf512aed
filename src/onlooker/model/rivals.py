"""Models that a learned one must beat: permanent silence, and captions when something moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, Field

from onlooker.core.decision import Silent, Speak
from onlooker.core.percept import Scene, SceneObject, View
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt


class SilentSettings(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


class SilentModel:
    """Never speaks."""

    Settings = SilentSettings
    traits = ModelTraits("silent", ("scene", "pictures"))

    def __init__(self, settings: SilentSettings | None = None) -> None:
        self.settings = settings or SilentSettings()

    async def open(self) -> SilentModel:
        return self

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        """Decide for silence, whatever there is."""
        return Outcome(Silent(), 0.0)

    async def close(self) -> None: ...


class CaptionsSettings(BaseModel, frozen=True, extra="forbid"):
    """When a caption is due."""

    change: float = Field(
        default=12.0, ge=0, description="of the picture, in luma levels, that calls for a caption"
    )
    pause_s: float = Field(default=5.0, ge=0, description="seconds from one caption to the next")


class CaptionsModel:
    """Says what is there whenever something moves, comes or goes; reads no request.

    That is what motion-triggered captioning does in camera software.
    """

    Settings = CaptionsSettings
    traits = ModelTraits("captions", ("scene",))

    def __init__(self, settings: CaptionsSettings | None = None) -> None:
        self.settings = settings or CaptionsSettings()

    async def open(self) -> CaptionsSession:
        return CaptionsSession(self.settings)

    async def close(self) -> None: ...


class CaptionsSession:
    """When the last caption was given."""

    def __init__(self, settings: CaptionsSettings) -> None:
        self._settings = settings
        self._told_s = float("-inf")

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        """Caption the second if something moved in it, and the last caption is some time ago."""
        tick = prompt.now.tick
        scenes = (one for one in prompt.now.percepts if isinstance(one, Scene))
        views = [view for scene in scenes for view in scene.views]
        is_first = tick.index == 0
        is_moving = any(self._has_moved(view, tick.start_s) for view in views)
        if is_first or not is_moving or tick.end_s - self._told_s < self._settings.pause_s:
            return Outcome(Silent())
        self._told_s = tick.end_s
        text = caption(views)
        await say(text)
        return Outcome(Speak(text))

    async def close(self) -> None: ...

    def _has_moved(self, view: View, start_s: float) -> bool:
        is_new = any(text.since_s >= start_s for text in view.texts)
        has_changed = view.change >= self._settings.change
        return bool(view.entered or view.left or view.is_cut or is_new or has_changed)


def caption(views: Iterable[View]) -> str:
    """Say what is there and what is written."""
    views = tuple(views)
    written = [f'"{text.text}"' for view in views for text in view.texts]
    seen = seen_words(one for view in views for one in view.objects)
    return f"{seen} {' '.join(written)}".strip()


def seen_words(objects: Iterable[SceneObject]) -> str:
    """Say what is there, most of a kind first."""
    counts = Counter(one.label for one in objects)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {label}" for label, number in ordered) or "Nothing."

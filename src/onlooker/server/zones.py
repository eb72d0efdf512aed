"""Zones that people draw into the picture while it is watched: objects say in which they stand."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, Field

from onlooker.core.moment import Observation
from onlooker.core.percept import Scene, SceneObject, View
from onlooker.core.ports import Perception, PerceptionSession

Fraction = float
MAX_ZONES = 32


class Zone(BaseModel, frozen=True, extra="forbid"):
    """A named place in the picture of one stream, or of all."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[\w][\w \-]*$")
    points: tuple[tuple[Fraction, Fraction], ...] = Field(
        min_length=3, max_length=64, description="corners, as fractions from the top left"
    )
    stream: str | None = Field(default=None, description="none: every stream")


class Zones:
    """The zones of one session, which may change at any time."""

    def __init__(self, zones: tuple[Zone, ...] = ()) -> None:
        self.all: tuple[Zone, ...] = zones

    def names_at(self, stream: str, thing: SceneObject) -> tuple[str, ...]:
        """Name the zones in which a thing stands, by the middle of its lower side."""
        x, y = (thing.box.left + thing.box.right) / 2, thing.box.bottom
        return tuple(
            zone.name
            for zone in self.all
            if zone.stream in (None, stream) and _holds(zone.points, x, y)
        )


class ZonedPerception:
    """Another perception, whose objects stand in a session's zones as well. Closes nothing."""

    def __init__(self, perception: Perception, zones: Zones) -> None:
        self._perception = perception
        self._zones = zones

    async def open(self) -> ZonedSession:
        return ZonedSession(await self._perception.open(), self._zones)

    async def close(self) -> None:
        pass


class ZonedSession:
    """One session of a `ZonedPerception`."""

    def __init__(self, session: PerceptionSession, zones: Zones) -> None:
        self._session = session
        self._zones = zones

    async def look(self, observation: Observation) -> Scene:
        scene = await self._session.look(observation)
        if not self._zones.all:
            return scene
        return Scene(tuple(self._in_zones(view) for view in scene.views))

    async def close(self) -> None:
        await self._session.close()

    def _in_zones(self, view: View) -> View:
        def stand(things: tuple[SceneObject, ...]) -> tuple[SceneObject, ...]:
            return tuple(
                replace(thing, zones=(*thing.zones, *self._zones.names_at(view.stream, thing)))
                for thing in things
            )

        return replace(
            view, objects=stand(view.objects), entered=stand(view.entered), left=stand(view.left)
        )


def _holds(points: tuple[tuple[float, float], ...], x: float, y: float) -> bool:
    """Whether a polygon holds a point: a ray to the right crosses its sides an odd number of times.

    Source: the even-odd rule, Shimrat 1962, Algorithm 112, CACM 5(8).
    """
    inside = False
    for (x1, y1), (x2, y2) in zip(points, (*points[1:], points[0]), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside

"""The default eyes on a stage of the world: the only place that knows both."""

from __future__ import annotations

from onlooker.data.world.seen import Eyes, Look
from onlooker.data.world.stage import Stage
from onlooker.plugins.perception.perception import DefaultPerception, DefaultSession
from onlooker.plugins.perception.settings import PerceptionSettings, Zone

BEYOND = 0.1  # zones reach over the edge: a foot on it stands inside


def default_eyes(settings: PerceptionSettings | None = None) -> Eyes:
    """Open the networks once, for any number of stages.

    Raises:
        BadSettings: a model is missing, or the extra `perception` is not installed.
    """
    settings = settings or PerceptionSettings()
    networks = DefaultPerception(settings).eyes

    def eyes(stage: Stage) -> Look:
        zones = tuple(_zone(zone.name, zone.left, zone.right) for zone in stage.zones)
        return DefaultSession(networks, settings.model_copy(update={"zones": zones})).look_now

    return eyes


def _zone(name: str, left: float, right: float) -> Zone:
    top, bottom = -BEYOND, 1 + BEYOND
    left, right = left or -BEYOND, right if right < 1 else 1 + BEYOND
    return Zone(name=name, points=((left, top), (right, top), (right, bottom), (left, bottom)))

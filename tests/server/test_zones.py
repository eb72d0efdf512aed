from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.moment import Observation, Tick
from onlooker.core.percept import Box, Scene, SceneObject, View
from onlooker.server.zones import Zone, ZonedPerception, Zones

SOFA = Zone(name="sofa", points=((0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (0.0, 1.0)))
LEFT_EYE = Zone(name="bed", points=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), stream="left")


def thing(x: float, foot: float) -> SceneObject:
    return SceneObject("cat", 1, Box(x - 0.01, 0.0, x + 0.01, foot), 0.9, 0.0)


class Eyes:
    """Sees a cat on the sofa."""

    async def open(self) -> Eyes:
        return self

    async def look(self, observation: Observation) -> Scene:
        return Scene((View("right", 0.5, objects=(thing(0.2, 0.8),)),))

    async def close(self) -> None:
        pass


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_thing_stands_where_its_foot_is(x: float, foot: float) -> None:
    zones = Zones((SOFA, LEFT_EYE))
    inside = x < 0.5 and foot >= 0.5 and foot < 1.0
    on_edge = min(abs(x - 0.5), abs(foot - 0.5), abs(foot - 1.0), x) < 1e-6
    if not on_edge:
        assert ("sofa" in zones.names_at("right", thing(x, foot))) == inside
    assert "bed" not in zones.names_at("right", thing(x, foot))


async def test_zones_act_from_the_next_second_on() -> None:
    zones = Zones()
    session = await ZonedPerception(Eyes(), zones).open()
    observation = Observation(Tick(0, 0.0, 1.0))
    (view,) = (await session.look(observation)).views
    assert view.objects[0].zones == ()
    zones.all = (SOFA,)
    (view,) = (await session.look(observation)).views
    assert view.objects[0].zones == ("sofa",)

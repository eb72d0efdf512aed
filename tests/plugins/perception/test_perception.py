"""The plug-in as a session meets it."""

import asyncio
from importlib.metadata import entry_points

import numpy as np
import pytest
from pydantic import ValidationError

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Silent
from onlooker.core.event import Perceived
from onlooker.core.percept import Scene
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.loader import load
from onlooker.plugins.perception.perception import DefaultPerception
from onlooker.plugins.perception.settings import PerceptionSettings
from onlooker.testing.doubles import FrameSource, ListSink, ScriptedModel

from .conftest import Real, frame, picture, seen

MAN, TITLE = np.asarray(picture("man.jpg")), np.asarray(picture("title.jpg"))


def test_it_is_found_by_its_name() -> None:
    assert "default" in entry_points(group="onlooker.perception").names
    assert load("perception", "default") is DefaultPerception


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"min_score": 1.5}, {"watches": ["cat"]}, {"zones": [{"name": "a"}]}):
        with pytest.raises(ValidationError):
            PerceptionSettings.model_validate(wrong)


async def test_each_stream_has_a_view_of_its_own_and_ids_of_its_own(real: Real) -> None:
    session = await real.perception.open()
    scene = await session.look(seen(frame(MAN, 0.4, "yard"), frame(MAN, 0.5, "door")))
    assert [view.stream for view in scene.views] == ["door", "yard"]
    assert [[thing.track_id for thing in view.objects] for view in scene.views] == [[1], [1]]
    scene = await session.look(seen(frame(TITLE, 1.5, "yard")))
    assert [(view.stream, [text.text for text in view.texts]) for view in scene.views] == [
        ("yard", ["LTX-2.5"])
    ]


async def test_two_sessions_share_networks_and_nothing_else(real: Real) -> None:
    one, other = await real.perception.open(), await real.perception.open()
    await one.look(seen(frame(MAN, 0.5)))
    again = await one.look(seen(frame(MAN, 1.5)))
    first = await other.look(seen(frame(MAN, 1.5)))
    assert again.views[0].entered == ()
    assert len(first.views[0].entered) == 1


async def test_looking_leaves_the_loop_free_for_others(real: Real) -> None:
    session = await real.perception.open()
    looking = asyncio.ensure_future(session.look(seen(frame(MAN, 0.5))))  # noqa: TID251
    num_turns = 0
    while not looking.done():
        await asyncio.sleep(0)
        num_turns += 1
    assert num_turns > 20


async def test_a_session_of_the_line_perceives_scenes(real: Real) -> None:
    sink = ListSink()
    parts = Parts(
        {"sea": FrameSource([MAN, MAN, TITLE, TITLE])},
        ScriptedModel(Silent()),
        perception=real.perception,
        sinks={"list": sink},
    )
    await Session(parts, LiveSettings(), MediaClock()).run()
    scenes = [event.percepts[0] for event in sink.of(Perceived)]
    views = [scene.views[0] for scene in scenes if isinstance(scene, Scene)]
    assert [view.is_cut for view in views] == [False, False, True, False]
    assert [len(view.entered) for view in views][:2] == [1, 0]
    assert [[text.text for text in view.texts] for view in views] == [[], [], *[["LTX-2.5"]] * 2]

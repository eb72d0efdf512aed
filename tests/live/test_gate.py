from dataclasses import replace

import numpy as np
import pytest

from onlooker.core.media import VideoFrame
from onlooker.core.moment import Answer, Instruction, Observation, Tick, Utterance
from onlooker.core.prompt import PERSONAS, Persona
from onlooker.live.gate import Gate
from onlooker.live.settings import LiveSettings
from onlooker.testing.doubles import grey

GATED = LiveSettings(gate=True)
WATCH = Instruction("i1", "tell me when it boils", 0.0)


def seen(index: int, **levels: int) -> Observation:
    frames = [VideoFrame(stream, index + 0.5, grey(level)) for stream, level in levels.items()]
    return Observation(Tick(index, float(index), index + 1.0), frames=tuple(frames))


def test_a_picture_that_does_not_change_needs_no_model() -> None:
    gate = Gate(GATED)
    levels = [50, 50, 52, 90, 90, 50]
    reasons = [gate.reason_to_skip(seen(i, pot=level), [WATCH]) for i, level in enumerate(levels)]
    assert reasons == [None, "still", "still", None, "still", None]


def test_a_slow_drift_adds_up_to_a_change() -> None:
    gate = Gate(replace(GATED, gate_difference=6.0))
    reasons = [gate.reason_to_skip(seen(i, pot=50 + 2 * i), [WATCH]) for i in range(7)]
    assert reasons == [None, "still", "still", None, "still", "still", None]


def test_one_stream_that_changes_is_enough() -> None:
    gate = Gate(GATED)
    gate.reason_to_skip(seen(0, pot=50, yard=50), [])
    assert gate.reason_to_skip(seen(1, pot=50, yard=50), []) == "still"
    assert gate.reason_to_skip(seen(2, pot=50, yard=90), []) is None


def test_a_new_stream_is_a_change_and_a_tick_without_pictures_is_none() -> None:
    gate = Gate(GATED)
    gate.reason_to_skip(seen(0, pot=50), [])
    assert gate.reason_to_skip(seen(1, pot=50, yard=50), []) is None
    assert gate.reason_to_skip(seen(2), []) == "still"


@pytest.mark.parametrize(
    "addressed",
    [
        replace(seen(1, pot=50), heard=(Utterance("what is that?", 1.5),)),
        replace(seen(1, pot=50), instructed=(WATCH,)),
        replace(seen(1, pot=50), answers=(Answer("task-1", "why?", "so", 1.5),)),
    ],
)
@pytest.mark.parametrize("persona", PERSONAS)
def test_who_speaks_to_it_is_never_passed_over(addressed: Observation, persona: Persona) -> None:
    gate = Gate(replace(GATED, persona=persona))
    gate.reason_to_skip(seen(0, pot=50), [])
    assert gate.reason_to_skip(addressed, []) is None


def test_time_goes_on_while_nothing_moves() -> None:
    gate = Gate(GATED)
    timed = Instruction("i2", "say hello every two minutes", 0.0)
    assert [gate.reason_to_skip(seen(i, pot=50), [WATCH, timed]) for i in range(3)] == [None] * 3


def test_without_the_setting_nothing_is_passed_over() -> None:
    gate = Gate(LiveSettings())
    assert [gate.reason_to_skip(seen(i, pot=50), []) for i in range(3)] == [None] * 3


def test_the_silent_persona_waits_until_it_is_asked_for_something() -> None:
    gate = Gate(LiveSettings(persona="silent"))
    assert gate.reason_to_skip(seen(0, pot=50), []) == "persona"
    assert gate.reason_to_skip(seen(1, pot=200), []) == "persona"
    assert gate.reason_to_skip(seen(2, pot=200), [WATCH]) is None


def test_pictures_of_different_sizes_are_compared() -> None:
    gate = Gate(GATED)
    small = VideoFrame("pot", 0.5, grey(50, 48, 64))
    large = VideoFrame("pot", 1.5, np.asarray(grey(50, 480, 640)))
    first, second = (replace(seen(i), frames=(f,)) for i, f in enumerate((small, large)))
    assert gate.reason_to_skip(first, []) is None
    assert gate.reason_to_skip(second, []) == "still"

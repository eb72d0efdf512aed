import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.moment import Answer, Instruction, Observation, Tick, Utterance
from onlooker.core.percept import Picture


@pytest.mark.parametrize("end_s", [1.0, 0.5])
def test_a_tick_lasts(end_s: float) -> None:
    with pytest.raises(ValueError, match=f"tick 3 ends at {end_s} s"):
        Tick(3, start_s=1.0, end_s=end_s)


@pytest.mark.parametrize(("name", "text"), [("", "watch"), ("i1", ""), ("i1", "  \n")])
def test_an_instruction_has_a_name_and_says_something(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="both must say something"):
        Instruction(name, text, 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "tell me in 30 s",
        "say hello every two minutes",
        "remind me to drink",
        "how long has it been boiling?",
        "speak up when 90 seconds have passed",
        "tell me at 5 o'clock",
        "每隔10秒提醒我",
    ],
)
def test_instructions_about_time_are_known_as_such(text: str) -> None:
    assert Instruction("i1", text, 0.0).is_timed


@pytest.mark.parametrize(
    "text", ["tell me when the pot boils", "count the cars", "read the sign", "translate subtitles"]
)
def test_other_instructions_are_not(text: str) -> None:
    assert not Instruction("i1", text, 0.0).is_timed


def test_words_of_any_kind_address_us() -> None:
    tick = Tick(0, 0.0, 1.0)
    assert not Observation(tick).is_addressed
    assert Observation(tick, heard=(Utterance("hm", 0.5),)).is_addressed
    assert Observation(tick, instructed=(Instruction("i1", "watch", 0.5),)).is_addressed
    assert Observation(tick, answers=(Answer("task-1", "why?", "because", 0.5),)).is_addressed


@given(st.binary(), st.binary())
def test_pictures_share_an_id_exactly_if_they_share_their_bytes(one: bytes, other: bytes) -> None:
    ids = [Picture("pot", 0.0, 1, 1, jpeg).id for jpeg in (one, other)]
    assert (ids[0] == ids[1]) == (one == other)

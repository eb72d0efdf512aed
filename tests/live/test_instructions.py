import pytest

from onlooker.core.errors import BadSettings, UnknownInstruction
from onlooker.core.moment import Instruction
from onlooker.live.instructions import Instructions


@pytest.fixture
def told() -> list[Instruction]:
    return []


@pytest.fixture
def instructions(told: list[Instruction]) -> Instructions:
    return Instructions(3, told.append)


def test_several_stand_at_once_each_with_its_own_id(
    instructions: Instructions, told: list[Instruction]
) -> None:
    pot = instructions.put("tell me when it boils", 0.0)
    cat = instructions.put("count the cats", 1.0)
    door = instructions.put("who comes in?", 2.0, "door")
    assert [known.id for known in (pot, cat, door)] == ["i1", "i2", "door"]
    assert instructions.standing == instructions.known == (pot, cat, door)
    assert told == [pot, cat, door]


def test_the_same_id_again_replaces_what_it_said(
    instructions: Instructions, told: list[Instruction]
) -> None:
    instructions.put("tell me when it boils", 0.0, "pot")
    cat = instructions.put("count the cats", 1.0)
    again = instructions.put("tell me when it smokes", 5.0, "pot")
    assert set(instructions.known) == {again, cat}
    assert told[-1] == again


def test_a_paused_one_is_known_and_stands_no_more_until_it_is_let(
    instructions: Instructions, told: list[Instruction]
) -> None:
    pot = instructions.put("tell me when it boils", 0.0)
    paused = instructions.set_state("i1", "paused")
    assert (instructions.known, instructions.standing) == ((paused,), ())
    assert instructions.set_state("i1", "standing") == pot
    assert instructions.standing == (pot,)
    assert [change.state for change in told] == ["standing", "paused", "standing"]


def test_a_removed_one_is_gone_and_the_model_is_told(
    instructions: Instructions, told: list[Instruction]
) -> None:
    instructions.put("tell me when it boils", 0.0)
    instructions.set_state("i1", "removed")
    assert instructions.known == ()
    assert told[-1].state == "removed"
    with pytest.raises(UnknownInstruction, match="no standing instruction has the id 'i1'"):
        instructions.set_state("i1", "paused")


def test_an_unknown_id_is_refused_and_the_known_ones_are_named(
    instructions: Instructions, told: list[Instruction]
) -> None:
    instructions.put("tell me when it boils", 0.0)
    with pytest.raises(UnknownInstruction) as raised:
        instructions.set_state("i7", "removed")
    assert str(raised.value) == "no standing instruction has the id 'i7'; known: i1"
    assert len(told) == 1


def test_their_number_is_bounded_and_replacing_is_still_possible(
    instructions: Instructions, told: list[Instruction]
) -> None:
    for _ in range(3):
        instructions.put("watch", 0.0)
    with pytest.raises(BadSettings, match="max_instructions"):
        instructions.put("watch", 1.0)
    assert len(told) == 3
    instructions.put("watch closely", 1.0, "i2")
    instructions.set_state("i1", "removed")
    instructions.put("watch", 2.0)
    assert len(instructions.known) == 3


def test_an_id_that_a_person_chose_is_not_given_again(instructions: Instructions) -> None:
    instructions.put("watch", 0.0, "i1")
    assert instructions.put("count", 1.0).id == "i2"


def test_an_instruction_that_says_nothing_is_refused(
    instructions: Instructions, told: list[Instruction]
) -> None:
    with pytest.raises(ValueError, match="both must say something"):
        instructions.put("  ", 0.0)
    assert (instructions.known, told) == ((), [])

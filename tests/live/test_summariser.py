"""Any model that decides can tell what left the window."""

import pytest

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.errors import MemoryFailed, ModelUnavailable
from onlooker.core.memory import Segment
from onlooker.core.percept import Picture
from onlooker.core.ports import ModelTraits
from onlooker.live.summariser import ModelSummariser
from onlooker.testing.doubles import ScriptedModel

PICTURE = Picture("door", 4.0, 4, 4, b"jpeg")
SEGMENT = Segment(0, 90, ("3.0 s door: dog 1 appeared",), ("count dogs",), (PICTURE,), "zh")


async def told(*steps: Decision | Exception) -> tuple[str, ScriptedModel]:
    model = ScriptedModel(*steps)
    return await ModelSummariser(model).summarise(SEGMENT, 120, "there was no cat"), model


async def test_a_model_is_asked_in_a_session_of_its_own_with_all_that_matters() -> None:
    text, model = await told(Speak("一只狗。"))
    assert text == "一只狗。"
    (prompt,) = model.prompts
    (turn,) = prompt.turns
    for words in ("dog 1 appeared", "count dogs", "'zh'", "there was no cat", "120 tokens"):
        assert words in turn.heard[0].text
    assert turn.pictures == (PICTURE,)
    assert model.num_open == 0
    assert not model.is_closed  # it is the line's


async def test_a_model_that_reads_scenes_alone_gets_no_pictures() -> None:
    model = ScriptedModel(Speak("A dog."))
    model.traits = ModelTraits("blind", ("scene",))
    await ModelSummariser(model).summarise(SEGMENT, 120)
    assert model.prompts[0].now.pictures == ()


async def test_what_a_model_would_delegate_it_has_told_all_the_same() -> None:
    assert (await told(Delegate("A dog came.", "Which dog?")))[0] == "A dog came."


@pytest.mark.parametrize("step", [Silent(), ModelUnavailable("no answer in 0.8 s")])
async def test_no_answer_is_a_failure_that_is_tried_again(step: Decision | Exception) -> None:
    with pytest.raises(MemoryFailed, match="no summary from the model"):
        await told(step)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.decision import Decision, Delegate, Silent, Speak, render_decision
from onlooker.core.errors import MalformedDecision
from onlooker.plugins.model.dialect import Dialect
from onlooker.plugins.model.instruct import InstructDialect
from onlooker.plugins.model.native import NativeDialect
from onlooker.plugins.model.reading import Chunk, Reading, Token
from onlooker.testing.scripted import streamed
from tests.plugins.model.turns import talking, turn

NATIVE, INSTRUCT = NativeDialect({}), InstructDialect({})

ONE_TOKEN = (["</silence>"], [{"</silence>": 0.7, "</response>": 0.2, "Hello": 0.1}])
MANY_TOKENS = (
    ["</", "sil", "ence", ">"],
    [{"</": 0.99, "Hi": 0.01}, {"sil": 0.75, "response": 0.25}, {"ence": 1.0}, {">": 1.0}],
)
AS_JSON = (
    ['{"', "action", '":"', "silent", '"}'],
    [{'{"': 1.0}, {"action": 1.0}, {'":"': 1.0}, {"silent": 0.6, "speak": 0.1, "delegate": 0.1}],
)


def chunks(tokens: list[str], alternatives: list[dict[str, float]]) -> list[Chunk]:
    given = [*alternatives, *[{}] * (len(tokens) - len(alternatives))]
    return [Chunk(text, (Token(text, others),)) for text, others in zip(tokens, given, strict=True)]


@pytest.mark.parametrize(
    ("dialect", "answer", "probability"),
    [
        (NATIVE, ONE_TOKEN, 0.2 / 0.9),
        (NATIVE, MANY_TOKENS, 0.25),
        (INSTRUCT, AS_JSON, 0.25),
        (INSTRUCT, ONE_TOKEN, 0.2 / 0.9),
    ],
)
def test_the_first_token_that_tells_gives_the_probability_of_speaking(
    dialect: Dialect, answer: tuple[list[str], list[dict[str, float]]], probability: float
) -> None:
    reading = Reading(dialect, 0.5, 256)
    for chunk in chunks(*answer):
        reading.add(chunk)
    assert reading.speak_probability == pytest.approx(probability)
    assert not reading.is_overruled
    assert reading.finish() == (Silent(), "")


@pytest.mark.parametrize(
    ("talkativeness", "decided"),
    [(0.0, "silent"), (0.5, "silent"), (0.74, "silent"), (0.76, "speaking"), (1.0, "speaking")],
)
def test_talkativeness_moves_the_threshold(talkativeness: float, decided: str) -> None:
    reading = Reading(NATIVE, talkativeness, 256)
    for chunk in chunks(*MANY_TOKENS):
        reading.add(chunk)
    assert reading.decided == decided
    assert reading.is_overruled == (decided == "speaking")


def test_without_probabilities_what_was_sampled_counts() -> None:
    reading = Reading(NATIVE, 1.0, 256)
    reading.add(Chunk("</silence>"))
    assert (reading.speak_probability, reading.decided) == (None, "silent")


@pytest.mark.parametrize("dialect", ["native", "instruct"])
async def test_a_sampled_silence_is_asked_to_speak_where_speech_is_likely_enough(
    dialect: str,
) -> None:
    native = dialect == "native"
    first = streamed(*(MANY_TOKENS if native else AS_JSON))
    second = streamed([" It", " boils."]) if native else '{"action":"speak","text":"It boils."}'
    async with talking(first, second, dialect=dialect, talkativeness=0.9) as talk:
        outcome = await talk.decide(turn(0))
    assert outcome.decision == Speak("It boils.")
    assert outcome.speak_probability == pytest.approx(0.25)
    assert "".join(talk.said) == "It boils."
    _, forced = talk.server.requests
    if native:
        assert forced["messages"][-1] == {"role": "assistant", "content": "</response>"}
        assert forced["continue_final_message"] is True
        assert forced["add_generation_prompt"] is False
    else:
        schema = forced["response_format"]["json_schema"]["schema"]
        assert schema["properties"]["action"]["enum"] == ["speak", "delegate"]
    assert outcome.usage.sent_bytes == sum(map(len, talk.server.bodies))


async def test_making_it_speak_once_does_not_change_how_the_next_second_is_asked() -> None:
    steps = (streamed(*MANY_TOKENS), streamed([" Hi."], [{" Hi.": 1.0}]), "</silence>")
    async with talking(*steps, dialect="native", talkativeness=0.9) as talk:
        await talk.decide(turn(0))
        await talk.decide(turn(1))
    assert [request["temperature"] for request in talk.server.requests] == [0.8] * 3


async def test_a_server_that_begins_the_forced_message_again_is_understood() -> None:
    again = "</response> It boils."
    async with talking(streamed(*MANY_TOKENS), again, dialect="native", talkativeness=0.9) as talk:
        assert (await talk.decide(turn(0))).decision == Speak("It boils.")
    assert talk.said == ["It boils."]


async def test_a_sampled_speech_that_is_not_likely_enough_is_broken_off_and_never_said() -> None:
    endless = ["</response>", *[" word"] * 200]
    likely = [{"</response>": 0.4, "</silence>": 0.6}]
    async with talking(streamed(endless, likely), "</silence>", dialect="native") as talk:
        outcome = await talk.decide(turn(0))
        assert outcome.decision == Silent()
        assert outcome.speak_probability == pytest.approx(0.4)
        assert (await talk.decide(turn(1))).decision == Silent()
    assert talk.said == []
    assert len(talk.server.requests) == 2


async def test_a_server_without_probabilities_is_asked_for_its_likeliest_action() -> None:
    async with talking("</silence>", dialect="native") as talk:
        for index in range(2):
            await talk.decide(turn(index))
    assert [request["temperature"] for request in talk.server.requests] == [0.8, 0]


async def test_speech_is_said_as_it_is_written() -> None:
    tokens = ["</response>", " It", " boils", " over.", " </dele", "gation>", " What", " now?"]
    async with talking(streamed(tokens), dialect="native") as talk:
        outcome = await talk.decide(turn(0))
    assert outcome.decision == Delegate("It boils over.", "What now?")
    assert talk.said == ["It", " boils", " over."]


async def test_json_speech_is_said_as_it_is_written() -> None:
    tokens = ['{"action":"speak","te', 'xt":"It', " boils\\", "u0021", ' Now"', "}"]
    async with talking(streamed(tokens)) as talk:
        outcome = await talk.decide(turn(0))
    assert outcome.decision == Speak("It boils! Now")
    assert talk.said == ["It", " boils", "!", " Now"]


lines = st.text(alphabet="ab <>/é😀\\\"'{}", min_size=1).map(lambda text: " ".join(text.split()))
decisions = st.one_of(
    st.just(Silent()),
    st.builds(Speak, lines.filter(bool)),
    st.builds(Delegate, lines.filter(bool), lines.filter(bool)),
)


@given(decisions, st.lists(st.integers(1, 7), min_size=1), st.booleans())
def test_the_pieces_joined_are_the_text_however_the_answer_is_cut(
    decision: Decision, sizes: list[int], is_native: bool
) -> None:
    output = render_decision(decision) if is_native else INSTRUCT.decided(decision)
    reading, said, at = Reading(NATIVE if is_native else INSTRUCT, 0.5, 256), "", 0
    for number in range(len(output)):
        size = sizes[number % len(sizes)]
        reading.add(Chunk(output[at : at + size]))
        said += reading.news()
        at += size
    read, rest = reading.finish()
    assert read == decision
    assert said + rest == getattr(decision, "text", "")


def test_an_answer_that_contradicts_what_was_said_is_malformed() -> None:
    reading = Reading(INSTRUCT, 0.5, 256)
    reading.add(Chunk('{"action":"speak","text":"It boils."'))
    assert reading.news() == "It boils."
    reading.add(Chunk(',"text":"It does not."}'))
    with pytest.raises(MalformedDecision, match="was said before it changed"):
        reading.finish()


def test_an_answer_without_end_is_malformed_before_it_fills_memory() -> None:
    reading = Reading(NATIVE, 0.5, max_tokens=8)
    reading.add(Chunk("</response>" + " word" * 40))
    with pytest.raises(MalformedDecision, match="longer than 256 characters"):
        reading.add(Chunk(" word" * 40))


def test_an_answer_that_is_nested_without_end_is_malformed() -> None:
    reading = Reading(INSTRUCT, 0.5, max_tokens=8192)
    reading.add(Chunk('{"action":' + "[" * 200_000))
    with pytest.raises(MalformedDecision):
        reading.finish()
    reading = Reading(NATIVE, 0.5, max_tokens=8192)
    reading.add(Chunk("</response> Hm. <|background_call|>" + "[" * 200_000))
    with pytest.raises(MalformedDecision):
        reading.finish()


async def test_a_malformed_end_after_speech_is_malformed_and_not_decided() -> None:
    async with talking(
        streamed(["</response>", " It boils.", " </delegation>"]), dialect="native"
    ) as talk:
        with pytest.raises(MalformedDecision, match="It boils"):
            await talk.decide(turn(0))
    assert talk.said == ["It boils."]

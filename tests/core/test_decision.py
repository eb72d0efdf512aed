from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onlooker.core.decision import (
    Decision,
    Delegate,
    Silent,
    Speak,
    action_of,
    decide,
    parse_decision,
    render_decision,
    spoken_so_far,
)
from onlooker.core.errors import MalformedDecision

MARKERS = (
    "</silence>",
    "</response>",
    "</delegation>",
    "<delegation>",
    "</delegate>",
    "<|background_call|>",
    "<think>",
    "</think>",
    "<|im_end|>",
)


def can_be_said(text: str) -> bool:
    try:
        Speak(text)
    except MalformedDecision:
        return False
    return True


lines = st.text(min_size=1).map(lambda text: " ".join(text.split())).filter(can_be_said)
decisions = st.one_of(st.just(Silent()), st.builds(Speak, lines), st.builds(Delegate, lines, lines))
# Text that comes close to what a model writes: markers, pieces of them, JSON and anything.
outputs = st.lists(
    st.one_of(
        st.sampled_from((*MARKERS, '{"query": "why?"}', "{", "[", "\n", " ", "<", "</resp")),
        st.text(max_size=8),
    ),
    max_size=8,
).map("".join)


@given(decisions)
@example(Speak("1 < 2"))
@example(Speak("a <b> c"))
@example(Delegate("<|", "|>"))
def test_what_is_written_is_read_back(decision: Decision) -> None:
    assert parse_decision(render_decision(decision)) == decision


@given(decisions)
def test_the_parts_of_a_decision_make_it_again(decision: Decision) -> None:
    text, question = getattr(decision, "text", None), getattr(decision, "question", None)
    assert decide(action_of(decision), text, question) == decision


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("</silence>", Silent()),
        ("  </silence>\n", Silent()),
        ("</silence><|im_end|>", Silent()),
        ("<think>\n\n</think>\n\n</silence>", Silent()),
        ("</response> It boils.", Speak("It boils.")),
        ("</response>It boils.", Speak("It boils.")),
        ("</response>\nIt  boils.\nNow.<|im_end|>\n<|endoftext|>", Speak("It boils. Now.")),
        (
            "</response> One moment. </delegation> Which bird?",
            Delegate("One moment.", "Which bird?"),
        ),
        (
            "</response> One moment. <delegation> Which bird?",
            Delegate("One moment.", "Which bird?"),
        ),
        ("</response> One moment. </delegate> Which bird?", Delegate("One moment.", "Which bird?")),
        (
            "</response> One moment.\n</delegation> Which bird?",
            Delegate("One moment.", "Which bird?"),
        ),
        (
            "</response> One moment.\n\n</delegation>\nWhich bird?",
            Delegate("One moment.", "Which bird?"),
        ),
        (
            '</response> One moment. <|background_call|>{"query": "Which bird?"}',
            Delegate("One moment.", "Which bird?"),
        ),
        (
            '</response> One moment.\n<|background_call|> {"query": "Which\\nbird?"}<|im_end|>',
            Delegate("One moment.", "Which bird?"),
        ),
    ],
)
def test_every_spelling_that_the_released_model_may_write_is_read(
    output: str, expected: Decision
) -> None:
    assert parse_decision(output) == expected


@pytest.mark.parametrize(
    "output",
    [
        "",
        "It boils.",
        "</silence> It boils.",
        "</silence></silence>",
        "</response>",
        "</response>   \n",
        "</response></response> It boils.",
        "</response> It boils. </silence>",
        "</response> </delegation> Which bird?",
        "</response> One moment. </delegation>",
        "</response> One moment. </delegation> Which? </delegation> Why?",
        "</delegation> Which bird?",
        "</response> One moment. <|background_call|>",
        "</response> One moment. <|background_call|>Which bird?",
        '</response> One moment. <|background_call|>{"question": "Which bird?"}',
        '</response> One moment. <|background_call|>{"query": ""}',
        '</response> One moment. <|background_call|>{"query": null}',
        '</response> One moment. <|background_call|>{"query": {"text": "Which?"}}',
        '</response> One moment. <|background_call|>["query"]',
        pytest.param("</response> One moment. <|background_call|>" + "[" * 100_000, id="deep"),
        "<think>hm",
        "</response> <think>hm</think> It boils.",
        "</response> It boils.<|im_end|><|im_start|>user",
        "Error code: 500",
    ],
)
def test_malformed_output_is_a_named_error_that_tells_what_was_expected(output: str) -> None:
    with pytest.raises(MalformedDecision, match="expected '</silence>'") as raised:
        parse_decision(output)
    assert raised.value.output == output
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    "parts",
    [
        ("silent", "It boils.", None),
        ("silent", None, "Why?"),
        ("speak", None, None),
        ("speak", "   ", None),
        ("speak", "It boils.", "Why?"),
        ("delegate", "One moment.", None),
        ("delegate", None, "Why?"),
        ("shout", "It boils.", None),
        ("speak", "It boils. </silence>", None),
        ("delegate", "One moment.", "<|im_end|>"),
    ],
)
def test_parts_that_do_not_fit_are_no_decision(parts: tuple[str, str | None, str | None]) -> None:
    with pytest.raises(MalformedDecision):
        decide(*parts)


@given(st.one_of(st.text(), outputs, outputs.map(lambda text: f"</response>{text}")))
def test_any_text_is_a_decision_or_a_named_error(output: str) -> None:
    try:
        decision = parse_decision(output)
    except MalformedDecision:
        return
    assert parse_decision(render_decision(decision)) == decision


@given(st.one_of(decisions.map(render_decision), outputs.map(lambda text: f"</response> {text}")))
@example('</response> One moment. <|background_call|>{"query": "Which?"}')
@example("<think>hm</think></response> a < b <|im_end|>")
@example("</response> trailing   <|im_end|>")
def test_what_is_spoken_early_is_always_a_prefix_of_the_text(output: str) -> None:
    try:
        decision = parse_decision(output)
    except MalformedDecision:
        return
    final = getattr(decision, "text", "")
    early = [spoken_so_far(output[:end]) for end in range(len(output) + 1)]
    assert all(final.startswith(piece) for piece in early)
    assert all(later.startswith(piece) for piece, later in pairwise(early))


@given(outputs)
def test_nothing_is_spoken_before_the_marker_to_speak(output: str) -> None:
    if spoken_so_far(output):
        assert "</response>" in output
    assert spoken_so_far("</silence>" + output) == ""


def test_speech_flows_while_it_is_written() -> None:
    output = "</response> It boils. </delegation> Why?"
    assert [spoken_so_far(output[:end]) for end in (5, 11, 15, 22, 30, 40)] == [
        "",
        "",
        "It",
        "It boils.",
        "It boils.",
        "It boils.",
    ]

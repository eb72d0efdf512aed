"""Streams and speech drawn at random, for properties that must always hold."""

from __future__ import annotations

from hypothesis import strategies as st

from onlooker.evaluate.content import ANYTHING, Content
from onlooker.evaluate.prediction import Emission
from onlooker.evaluate.truth import Expected, Span, Standing, Truth

TEXTS = ("a red car", "a car", "3", "the pot boils", "hello, hello")

seconds = st.integers(0, 240).map(lambda quarter: quarter / 4)
contents = st.one_of(
    st.just(ANYTHING),
    st.sampled_from(TEXTS).map(lambda text: Content("exact", (text,))),
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3).map(
        lambda texts: Content("any_of", tuple(texts))
    ),
    st.lists(st.sampled_from(("car", "red", "pot")), min_size=1, max_size=2).map(
        lambda texts: Content("keywords", tuple(texts))
    ),
    st.integers(-9, 99).map(lambda number: Content("number", number=float(number))),
)
spans = st.tuples(seconds, seconds).map(lambda ends: Span(min(ends), max(ends)))
emissions = st.builds(
    Emission,
    time_s=seconds,
    text=st.sampled_from(TEXTS),
    action=st.sampled_from(("speak", "delegate")),
)


@st.composite
def truths(draw: st.DrawFn, *, has_spans: bool = True) -> Truth:
    instructions = tuple(
        Standing(f"i{number}", f"instruction {number}", draw(seconds))
        for number in range(draw(st.integers(0, 2)))
    )
    ids = [None, *(instruction.id for instruction in instructions)]
    onsets = draw(st.lists(seconds, max_size=8))
    events = tuple(
        Expected(
            f"e{number}",
            onset_s,
            onset_s + draw(st.sampled_from((0.0, 0.5, 1.0, 6.0))),
            draw(st.sampled_from(("speak", "delegate"))),
            draw(contents),
            draw(st.sampled_from(ids)),
        )
        for number, onset_s in enumerate(onsets)
    )
    few = st.lists(spans, max_size=2).map(tuple) if has_spans else st.just(())
    return Truth(
        "a clip",
        60.0,
        events,
        instructions,
        optional=draw(few),
        forbidden=draw(few),
        quiet=draw(few),
        family=draw(st.sampled_from(("", "counting"))),
    )

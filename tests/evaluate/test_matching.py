from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.evaluate.alignment import align, duplicates
from onlooker.evaluate.matching import assign
from onlooker.evaluate.prediction import Emission
from onlooker.evaluate.truth import Expected, Span, Truth
from tests.evaluate.random_streams import emissions, truths


def best_total(weights: dict[tuple[int, int], float], size: int) -> float:
    """Try every assignment."""
    return max(
        sum(max(0.0, weights.get((row, column), 0.0)) for row, column in enumerate(columns))
        for columns in permutations(range(size))
    )


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 4), st.integers(0, 4)), st.integers(-2, 9).map(float), max_size=25
    )
)
def test_the_assignment_is_the_best_of_all(weights: dict[tuple[int, int], float]) -> None:
    found = assign(weights)
    assert len(set(found.values())) == len(found)
    assert all(weights[pair] > 0 for pair in found.items())
    assert sum(weights[pair] for pair in found.items()) == pytest.approx(best_total(weights, 5))


def test_nothing_can_be_assigned_to_nobody() -> None:
    assert assign({}) == {}


def test_a_greedy_matcher_would_miss_one() -> None:
    # The first remark fits both events, the second only the first.
    truth = Truth("a", 20.0, (Expected("e1", 5.0, 8.0), Expected("e2", 5.0, 6.0)))
    aligned = align(truth, [Emission(6.0), Emission(8.0)], tolerance_s=0.0)
    assert [(one.event.id, one.emission.time_s) for one in aligned.tellings] == [
        ("e1", 8.0),
        ("e2", 6.0),
    ]


def test_of_two_remarks_the_one_with_the_right_action_tells() -> None:
    truth = Truth("a", 20.0, (Expected("e", 5.0, 8.0, "delegate"),))
    aligned = align(truth, [Emission(5.0), Emission(8.0, action="delegate")], tolerance_s=0.0)
    assert aligned.roles == ("repeats", "tells")


def test_each_remark_has_its_role() -> None:
    truth = Truth(
        "a",
        60.0,
        (Expected("e", 10.0, 10.0),),
        optional=(Span(30.0, 40.0),),
        forbidden=(Span(50.0, 60.0),),
    )
    times_s = (9.5, 10.0, 11.0, 12.0, 35.0, 55.0)
    aligned = align(truth, [Emission(time_s) for time_s in times_s], tolerance_s=1.0)
    assert aligned.roles == (
        "false_alarm",
        "tells",
        "repeats",
        "false_alarm",
        "allowed",
        "forbidden",
    )
    assert aligned.num_counted == 5


def test_decimal_seconds_at_the_edge_of_the_window_are_in_time() -> None:
    truth = Truth("a", 60.0, (Expected("e", 0.1, 0.2),))
    assert align(truth, [Emission(0.1 + 0.2 + 1.0 - 0.1)], tolerance_s=1.0).roles == ("tells",)


def test_the_same_words_again_are_a_duplicate_unless_they_tell_an_event() -> None:
    truth = Truth("a", 60.0, (Expected("e1", 10.0, 10.0), Expected("e2", 20.0, 20.0)))
    said = [
        Emission(10.0, "A person enters."),
        Emission(20.0, "A person enters."),
        Emission(25.0, "a person enters!"),
        Emission(26.0, "It rains."),
        Emission(58.0, "A person enters."),
    ]
    found = duplicates(align(truth, said, tolerance_s=1.0), within_s=30.0)
    assert [one.time_s for one in found] == [25.0]


@given(truths(), st.lists(emissions, max_size=10), st.randoms(use_true_random=False))
def test_the_order_in_which_speech_is_given_does_not_matter(
    truth: Truth,
    said: list[Emission],
    random: st.randoms,  # type: ignore[valid-type]
) -> None:
    mixed = sorted(said, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, other = align(truth, said, 2.0), align(truth, mixed, 2.0)
    assert len(one.tellings) == len(other.tellings)
    assert sorted(one.roles) == sorted(other.roles)
    assert sum(telling.is_right_action for telling in one.tellings) == sum(
        telling.is_right_action for telling in other.tellings
    )


@given(truths(), st.lists(emissions, max_size=10))
def test_a_remark_in_a_free_window_always_tells(truth: Truth, said: list[Emission]) -> None:
    aligned = align(truth, said, 1.0)
    for event in aligned.missed:
        for one in aligned.of("repeats", "allowed"):
            assert not event.onset_s <= one.time_s <= event.until_s + 1.0

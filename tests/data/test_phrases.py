"""What a request names must be found in it, however it is put: the tally counts nothing else."""

import re
from random import Random

import pytest

from onlooker.core.quantities import count_named, duration_named
from onlooker.core.scene_words import wanted_labels
from onlooker.data.world.phrases import Phrases, _words, templates
from onlooker.data.world.words import HELD, MORE, TRAINED, Split, words_for
from onlooker.train.facts import NAMING_NOTHING, WANTED

NUM_DRAWS = 300
MOST_UNREAD = 0.02
LEAST_FORM = 0.02  # of the requests of a kind
TIMED = ("stay", "absent", "window", "after", "every", "every_scene")
NAMING = ("appear", "appear_say", "leave", "stay", "zone", "together", "absent", "window")
COUNTING = ("count_events", "count_now", "count_until")
UNTIMED = ("appear", "appear_say", "leave", "zone", "together", *COUNTING)
SPLITS: tuple[Split, ...] = ("train", "heldout")


def drawn(task: str, split: Split, thing: str = "llama") -> list[tuple[str, int]]:
    """Put a task in many ways; give each with its number."""
    rng = Random(f"{task} {split}")  # noqa: S311 - words, no secret
    phrases = Phrases(split, rng)
    numbers = [rng.randrange(2, 10) for _ in range(NUM_DRAWS)]
    slots = {"x": thing, "y": "kite", "zone": "gate", "say": "ready"}
    return [(phrases.say(task, n=number, **slots), number) for number in numbers]


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", TIMED)
def test_a_duration_is_read_however_it_is_put(task: str, split: Split) -> None:
    unread = [text for text, seconds in drawn(task, split) if duration_named(text) != seconds]
    assert len(unread) <= MOST_UNREAD * NUM_DRAWS, unread


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", UNTIMED)
def test_where_there_is_no_duration_none_is_read(task: str, split: Split) -> None:
    timed = [text for text, _ in drawn(task, split) if duration_named(text) is not None]
    assert len(timed) <= MOST_UNREAD * NUM_DRAWS, timed


@pytest.mark.parametrize("split", SPLITS)
def test_a_number_is_read_however_it_is_put(split: Split) -> None:
    unread = [text for text, number in drawn("count_until", split) if count_named(text) != number]
    assert len(unread) <= MOST_UNREAD * NUM_DRAWS, unread


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("task", [*NAMING, *COUNTING])
@pytest.mark.parametrize("thing", ["llama", "hot dog"])
def test_a_thing_is_named_however_it_is_put(task: str, split: Split, thing: str) -> None:
    wanted = {thing} | ({"kite"} if task == "together" else {"gate"} if task == "zone" else set())
    missed = [text for text, _ in drawn(task, split, thing) if not wanted <= wanted_labels([text])]
    assert len(missed) <= MOST_UNREAD * NUM_DRAWS, missed


@pytest.mark.parametrize(
    ("task", "slots"),
    [
        ("appear", {"x"}),
        ("leave", {"x"}),
        ("stay", {"x", "n"}),
        ("absent", {"x", "n"}),
        ("zone", {"x", "zone"}),
        ("together", {"x", "y"}),
        ("count_now", {"x"}),
        ("count_until", {"x", "n"}),
        ("wait_text", {"text"}),
    ],
)
def test_a_condition_in_a_frame_says_all_that_its_kind_needs(
    task: str, slots: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onlooker.data.world.phrases.FRAMED", 1.0)
    phrases = Phrases("train", Random(5))  # noqa: S311 - words, no secret
    assert len(templates()[task].framed) >= 10
    for text in (phrases.words(task) for _ in range(NUM_DRAWS)):
        named = {slot.removeprefix("a").removesuffix("s") for slot in re.findall(r"{(\w+)}", text)}
        assert named == slots, text


@pytest.mark.parametrize("task", sorted(WANTED.keys() - NAMING_NOTHING - {"wait_text"}))
def test_a_request_names_nothing_but_what_it_asks_for(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onlooker.data.world.phrases.SLIPS", 0)
    phrases = Phrases("train", Random(8))  # noqa: S311 - words, no secret
    slots: dict[str, str | int] = {
        "x": "zovy",
        "y": "keku",
        "n": 17,
        "zone": "porch",
        "say": "hooray",
    }
    for _ in range(NUM_DRAWS):
        text = phrases.say(task, **slots)
        assert not wanted_labels([text]) & set(TRAINED["labels"]), text


@pytest.mark.parametrize("task", [*NAMING, *COUNTING])
def test_a_thing_is_named_in_every_form_so_that_a_plural_is_no_sign_of_counting(task: str) -> None:
    phrases = Phrases("train", Random(4))  # noqa: S311 - words, no secret
    drawn = [phrases.words(task) for _ in range(NUM_DRAWS)]
    for form in ("{x}", "{ax}", "{xs}"):
        assert sum(form in text for text in drawn) >= LEAST_FORM * NUM_DRAWS, form


def test_nothing_stands_in_a_frame_that_is_asked_in_one_way_only() -> None:
    assert not any(templates()[task].framed for task in ("every", "read", "hello", "knowledge"))


def test_what_training_streams_know_beyond_others_is_not_held_out() -> None:
    for kind in ("labels", "zones", "signs"):
        assert not set(MORE[kind]) & set(HELD[kind])
    for number in range(400):
        words = words_for("train", Random(number))  # noqa: S311 - words, no secret
        for kind, chosen in {
            "labels": words.labels,
            "zones": words.zones,
            "signs": words.signs,
        }.items():
            assert not set(chosen) & set(HELD[kind])
        texts = [words.sign() for _ in range(5)]
        assert all(text == " ".join(text.split()) and 0 < len(text) < 120 for text in texts)
        assert not any(sign in text for text in texts for sign in '"<>')


def test_who_loses_words_keeps_the_slots_and_never_comes_to_what_is_held_out() -> None:
    whole = Phrases("train", Random(6))  # noqa: S311 - words, no secret
    worn = Phrases("train", Random(6), lost=0.5)  # noqa: S311 - words, no secret
    lengths: list[list[int]] = []
    for phrases in (whole, worn):
        drawn = [phrases.words("count_until") for _ in range(NUM_DRAWS)]
        assert all("{n}" in text and ("{x" in text or "{ax}" in text) for text in drawn)
        assert not {_words(text) for text in drawn} & templates()["count_until"].held_words
        lengths.append([len(text.split()) for text in drawn])
    assert 0.6 < sum(lengths[1]) / sum(lengths[0]) < 0.9  # half of those lost leave no word

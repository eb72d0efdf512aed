from itertools import product
from random import Random

import pytest

from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.percept import Scene
from onlooker.core.prompt import Turn
from onlooker.data.stream import LabelledStream
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.data.world.noise import CLEAN, measured
from onlooker.data.world.phrases import HELD_TONES, Phrases, templates, tones
from onlooker.data.world.words import HELD, SPLITS, TRAINED, Split
from onlooker.evaluate.prediction import Emission, Prediction
from onlooker.evaluate.score import Score, score
from onlooker.evaluate.truth import Expected, Truth

NUM_STREAMS = 25


def streams(
    family: str, split: Split = "train", number: int = NUM_STREAMS, *, clean: bool = False
) -> list[LabelledStream]:
    noise = CLEAN if clean else None
    return [make_stream(Recipe(family, split, 7, n), noise) for n in range(number)]


def labels_of(stream: LabelledStream) -> Prediction:
    return Prediction(stream.item, tuple(_said(turn) for turn in stream.turns if _speaks(turn)))


def _speaks(turn: Turn) -> bool:
    return not isinstance(turn.decision, Silent)


def _said(turn: Turn) -> Emission:
    match turn.decision:
        case Speak(text):
            return Emission(turn.tick.end_s, text)
        case Delegate(text, question):
            return Emission(turn.tick.end_s, text, "delegate", question)
    raise AssertionError(turn)


def perfect(truth: Truth) -> Prediction:
    """Read the truth, and say of it what it wants to hear."""
    return Prediction(truth.item, tuple(_wanted(event) for event in truth.events))


def _wanted(event: Expected) -> Emission:
    texts = event.content.texts
    text = texts[0] if event.content.kind == "any_of" else ", ".join(texts)
    return Emission(event.until_s, text, event.action)


def is_perfect(one: Score) -> bool:
    counts = one.counts
    return (
        one.timings[0].f1 == 1
        and counts.num_right == counts.num_expected
        and counts.num_false_alarms == 0
        and counts.num_contents_right == counts.num_contents
    )


@pytest.mark.parametrize(("family", "split"), list(product(FAMILIES, SPLITS)))
def test_who_knows_the_truth_scores_one(family: str, split: Split) -> None:
    for stream in streams(family, split):
        assert is_perfect(score(stream.truth, perfect(stream.truth))), stream.truth


@pytest.mark.parametrize("family", FAMILIES)
def test_labels_score_one_when_everything_is_seen(family: str) -> None:
    for stream in streams(family, clean=True):
        assert is_perfect(score(stream.truth, labels_of(stream))), (stream.truth, labels_of(stream))


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "quiet"])
def test_labels_stay_mostly_right_when_eyes_err(family: str) -> None:
    told = expected = said = 0
    for stream in streams(family):
        timing = score(stream.truth, labels_of(stream)).timings[0]
        told += timing.num_told
        expected += timing.num_expected
        said += timing.num_counted
    assert expected >= 10
    assert told / said > 0.9
    assert told / expected > 0.85


def test_the_same_recipe_makes_the_same_stream_and_another_seed_another() -> None:
    recipe = Recipe("several", "train", 3, 5)
    assert make_stream(recipe) == make_stream(recipe)
    assert make_stream(recipe).turns != make_stream(Recipe("several", "train", 4, 5)).turns


def test_quiet_streams_are_silent_and_permanent_silence_scores_one_on_them() -> None:
    for stream in streams("quiet"):
        assert stream.num_spoken == 0
        assert is_perfect(score(stream.truth, Prediction(stream.item)))


def test_every_family_speaks_and_most_of_its_seconds_are_silent() -> None:
    for family in FAMILIES:
        made = streams(family)
        num_spoken = sum(stream.num_spoken for stream in made)
        num_seconds = sum(len(stream.turns) for stream in made)
        assert (num_spoken > 0) == (family != "quiet")
        assert num_spoken / num_seconds < 0.25


def test_an_answer_comes_to_the_task_that_was_asked_and_is_passed_on() -> None:
    delegated = [stream for stream in streams("delegation") if stream.num_delegated]
    assert delegated
    for stream in delegated:
        asked = {
            f"task-{turn.tick.index}"
            for turn in stream.turns
            if isinstance(turn.decision, Delegate)
        }
        for turn in stream.turns:
            for answer in turn.answers:
                assert answer.task_id in asked
                said = _said(turn).text
                assert answer.status != "done" or answer.text in said


def test_held_out_labels_never_occur_in_training() -> None:
    held = set(HELD["labels"])
    for family in FAMILIES:
        for split in ("train", "seeds", "phrasings"):
            for stream in streams(family, split, 8):
                assert not held & labels_in(stream)
        for stream in streams(family, "classes", 8):
            assert not set(TRAINED["labels"]) & labels_in(stream)


def labels_in(stream: LabelledStream) -> set[str]:
    scenes = (percept for turn in stream.turns for percept in turn.percepts)
    return {
        one.label
        for scene in scenes
        if isinstance(scene, Scene)
        for view in scene.views
        for one in view.objects
    }


def plain(template: str) -> str:
    return "".join(letter for letter in template.lower() if letter.isalnum() or letter in " {}")


def test_held_out_words_share_nothing_with_those_of_training() -> None:
    for kind in TRAINED:
        assert not set(TRAINED[kind]) & set(HELD[kind])
    phrases = Phrases("train", Random(0))  # noqa: S311 - words, no secret
    for name, known in templates().items():
        drawn = {plain(phrases.words(name)) for _ in range(200)}
        assert len(drawn) > 50, name
        assert not drawn & set(map(plain, known.held)), name
    assert not set(tones()) & set(HELD_TONES)


def test_held_out_phrasings_never_occur_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    marked = {
        name: type(known)(
            tuple(f"trained: {text}" for text in known.trained),
            tuple(f"heldout: {text}" for text in known.held),
        )
        for name, known in templates().items()
    }
    monkeypatch.setattr("onlooker.data.world.phrases.templates", lambda: marked)
    monkeypatch.setattr("onlooker.data.world.phrases.SLIPS", 0)
    for family, split in product(FAMILIES, SPLITS):
        wrong = "trained" if split in ("phrasings", "heldout") else "heldout"
        for stream in streams(family, split, 8):
            for turn in stream.turns:
                texts = [words.text for words in turn.heard]
                texts += [change.text for change in turn.instructed]
                assert f"{wrong}: " not in " ".join(texts).lower()


def test_the_noise_of_the_world_is_what_was_measured_of_the_eyes() -> None:
    noise = measured()
    assert 0 < noise.wrong_label < 0.5
    assert 0 < noise.entry_late < 1


def test_words_in_the_picture_are_no_instruction() -> None:
    shown = 0
    for number in range(60):
        stream = make_stream(Recipe("quiet", "train", 1, number))
        scenes = [percept for turn in stream.turns for percept in turn.percepts]
        shown += any(
            view.texts for scene in scenes if isinstance(scene, Scene) for view in scene.views
        )
        assert stream.num_spoken == 0
    assert shown > 5

"""What the session keeps count of, second by second."""

from collections.abc import Sequence

import pytest

from onlooker.core.moment import Instruction, InstructionState, Tick, Utterance
from onlooker.core.percept import Box, Scene, SceneObject, SceneText, View
from onlooker.core.prompt import Noted, Turn
from onlooker.data.world.words import DICTIONARY
from onlooker.live.tally import Tally, names_language

BOX = Box(0.4, 0.4, 0.6, 0.6)


def thing(label: str, id_: int, since: int, *zones: str) -> SceneObject:
    return SceneObject(label, id_, BOX, 0.9, since + 0.5, zones)


class Watching:
    """Feeds a tally a second at a time, and works out who is new and who has gone."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.second = -1
        self.before: dict[int, SceneObject] = {}

    def see(
        self,
        *things: SceneObject,
        ask: str = "",
        state: InstructionState = "standing",
        id_: str = "i1",
        said: str = "",
        text: str = "",
    ) -> list[str]:
        """Give what is noted in the next second, such as `1 come 1 now 1`."""
        self.second = second = self.second + 1
        there = {one.track_id: one for one in things}
        view = View(
            "cam",
            second + 0.9,
            tuple(things),
            entered=tuple(one for id_, one in there.items() if id_ not in self.before),
            left=tuple(one for id_, one in self.before.items() if id_ not in there),
            texts=(SceneText(text, BOX, 1.0, second + 0.9),) if text else (),
        )
        self.before = there
        turn = Turn(
            Tick(second, float(second), second + 1.0),
            (Scene((view,)),),
            heard=(Utterance(said, second + 0.5),) if said else (),
            instructed=(Instruction(id_, ask, second + 0.5, state),) if ask else (),
        )
        return words(self.tally.note(turn))

    def wait(self, seconds: int, *things: SceneObject) -> list[list[str]]:
        return [self.see(*things) for _ in range(seconds)]


def words(noted: Sequence[Noted]) -> list[str]:
    return [one.words.removeprefix("#") for one in noted]


def test_arrivals_are_counted_from_the_second_after_the_request() -> None:
    watching = Watching()
    dog, other, cat = thing("dog", 1, 0), thing("dog", 2, 1), thing("cat", 3, 1)
    assert watching.see(dog, ask="Count the dogs.") == []
    assert watching.see(dog, other, cat) == ["1 come 1 now 2"]
    assert watching.see(other, cat) == ["1 left now 1"]
    assert watching.see(other, cat, thing("dog", 4, 3)) == ["1 come 2 now 2"]


def test_the_number_that_a_request_names_is_full_once() -> None:
    watching = Watching()
    watching.see(ask="Tell me when 2 cars have come.")
    cars = [thing("car", number, number) for number in (1, 2, 3)]
    assert watching.see(cars[0]) == ["1 come 1 now 1"]
    assert watching.see(*cars[:2]) == ["1 come 2 full now 2"]
    assert watching.see(*cars) == ["1 come 3 now 3"]


def test_time_passes_first_and_again_and_says_how_much() -> None:
    tally = Tally()
    asked = Instruction("i1", "Every 3 seconds, say the time.", 0.5)
    tally.note(Turn(Tick(0, 0.0, 1.0), instructed=(asked,)))
    noted = [words(tally.note(Turn(Tick(n, float(n), n + 1.0)))) for n in range(1, 8)]
    assert noted == [[], [], ["1 first 3"], [], [], ["1 again 6"], []]


def test_a_late_second_does_not_lose_the_end_of_a_time() -> None:
    tally = Tally()
    asked = Turn(Tick(0, 0.0, 1.0), instructed=(Instruction("i1", "In 10 s, ring.", 0.5),))
    assert tally.note(asked) == ()
    assert words(tally.note(Turn(Tick(13, 13.0, 14.0)))) == ["1 first 13"]


def test_who_came_since_and_stays_is_told_once() -> None:
    watching = Watching()
    old, new = thing("person", 1, 0), thing("person", 2, 1)
    watching.see(old, ask="Alert me if anybody stays longer than 3 seconds.")
    facts = watching.wait(6, old, new)
    assert facts[0] == ["1 come 1 within now 2"]
    assert sum("stayed" in fact for one in facts for fact in one) == 1


def test_absence_is_told_once_and_again_after_somebody_was_there() -> None:
    watching = Watching()
    cat = thing("cat", 1, 0)
    watching.see(cat, ask="Tell me if there is no cat for 2 seconds.")
    assert [any("none" in fact for fact in one) for one in watching.wait(5)] == [
        False, False, True, False, False,
    ]  # fmt: skip
    watching.see(thing("cat", 2, 6))
    assert [any("none" in fact for fact in one) for one in watching.wait(3)] == [
        False, False, True,
    ]  # fmt: skip


def test_zones_and_meetings_are_noted_when_they_begin() -> None:
    watching = Watching()
    dog, inside = thing("dog", 1, 0), thing("dog", 1, 0, "porch")
    watching.see(dog, ask="Say when a dog is on the porch, or with a cat.")
    assert watching.see(inside) == ["1 inside"]
    assert watching.see(inside) == []
    assert watching.see(inside, thing("cat", 2, 3)) == ["1 come 1 now 2 together"]


def test_a_text_that_is_named_is_shown_when_it_is_new() -> None:
    watching = Watching()
    watching.see(ask='Tell me when it says "SALE 20".')
    assert watching.see(text="Sale 20") == ["1 shown"]
    assert watching.see(text="Sale 30") == []
    assert watching.see(text="--") == []


def test_a_new_text_stands_beside_a_request_that_names_a_language() -> None:
    watching = Watching()
    watching.see(ask="What is German, in English please.")
    watching.see(ask="Read all signs.", id_="i2")
    assert watching.see(text='Ausgang "A"') == ["1 reads \"Ausgang 'A'\""]
    assert watching.see() == []
    assert watching.see(text="sortie") == ['1 reads "sortie"']


@pytest.mark.parametrize("request_", ["Put it into French.", "GERMAN signs", "anything Spanish?"])
def test_languages_are_known_by_their_names(request_: str) -> None:
    assert names_language(request_)


def test_english_and_words_that_hold_a_name_are_no_foreign_language() -> None:
    assert not any(map(names_language, ["Say it in English.", "polishing a frenchman", ""]))


def test_every_language_of_the_world_is_known_by_its_name() -> None:
    assert all(map(names_language, DICTIONARY))


def test_requests_keep_their_order_and_a_changed_one_begins_anew() -> None:
    watching = Watching()
    watching.see(ask="dogs", id_="a")
    watching.see(ask="cats", id_="b")
    dog, cat = thing("dog", 1, 2), thing("cat", 2, 3)
    assert watching.see(dog) == ["1 come 1 now 1"]
    assert watching.see(dog, cat, ask="dogs", id_="a", state="paused") == ["1 come 1 now 1"]
    assert watching.see(cat, ask="dogs again", id_="a") == []
    assert watching.see(cat, thing("dog", 3, 5)) == ["2 come 1 now 1"]


def test_what_was_said_last_is_kept_count_of_as_number_0() -> None:
    watching = Watching()
    watching.see(said="Watch for dogs.")
    assert watching.see(thing("dog", 1, 1)) == ["0 come 1 now 1"]
    watching.see(said="Never mind.")
    assert watching.see(thing("dog", 2, 3)) == []


def test_pictures_alone_note_the_time_and_nothing_else() -> None:
    tally = Tally()
    tally.note(Turn(Tick(0, 0.0, 1.0), instructed=(Instruction("i1", "dogs, 1 s", 0.5),)))
    assert words(tally.note(Turn(Tick(1, 1.0, 2.0)))) == ["1 first 1"]

"""What is spoken when, without sound."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.live.floor import (
    Caption,
    Drop,
    Ended,
    Floor,
    FloorSettings,
    Happening,
    Hushed,
    Kind,
    Line,
    Offered,
    Passed,
    Piece,
    Ruling,
    Start,
    Stop,
    StopAsked,
    UserEnded,
    UserStarted,
    due_s,
    heard,
    is_quiet,
    step,
)

HALF, FULL = FloorSettings(), FloorSettings(is_full_duplex=True)


def offered(kind: Kind, line_id: str, time_s: float) -> Offered:
    return Offered(Line(line_id, kind, time_s, f"This is {line_id}."))


def commentary(line_id: str, time_s: float) -> Offered:
    return offered("commentary", line_id, time_s)


def reply(line_id: str, time_s: float) -> Offered:
    return offered("reply", line_id, time_s)


def alert(line_id: str, time_s: float) -> Offered:
    return offered("alert", line_id, time_s)


def in_short(rulings: Iterable[Ruling]) -> list[str]:
    """`start a`, `stop a barge_in`, `drop a stale`; captions are another matter."""
    lines = []
    for ruling in rulings:
        match ruling:
            case Start(line):
                lines.append(f"start {line.id}")
            case Stop(line_id, reason):
                lines.append(f"stop {line_id} {reason}")
            case Drop(line_id, reason):
                lines.append(f"drop {line_id} {reason}")
            case Caption():
                pass
    return lines


@dataclass
class Story:
    """A floor, and all that was ruled on the way."""

    settings: FloorSettings = FULL
    floor: Floor = Floor()
    rulings: list[Ruling] = field(default_factory=list)

    def after(self, *happenings: Happening) -> list[str]:
        new: list[Ruling] = []
        for happening in happenings:
            ruled = step(self.floor, happening, self.settings)
            self.floor = ruled.floor
            new += ruled.rulings
        self.rulings += new
        return in_short(new)


def test_a_line_is_shown_and_spoken_at_once_when_nobody_speaks() -> None:
    ruled = step(Floor(), commentary("a", 1.0), FULL)
    assert [type(ruling) for ruling in ruled.rulings] == [Caption, Start]


def test_the_user_stops_every_line_by_speaking() -> None:
    for offer in (commentary("a", 1.0), reply("a", 1.0), alert("a", 1.0)):
        story = Story()
        story.after(offer)
        assert story.after(UserStarted(1.5)) == ["stop a barge_in"]


def test_an_alert_interrupts_commentary_and_commentary_no_alert() -> None:
    story = Story()
    assert story.after(commentary("a", 1.0), alert("fire", 1.2)) == [
        "start a",
        "stop a interrupted",
        "start fire",
    ]
    assert story.after(commentary("b", 1.3)) == []
    assert story.after(Ended("fire", 2.0)) == ["start b"]


def test_an_answer_interrupts_commentary_and_waits_for_an_alert() -> None:
    assert Story().after(commentary("a", 1.0), reply("b", 1.1)) == [
        "start a",
        "stop a interrupted",
        "start b",
    ]
    assert Story().after(alert("a", 1.0), reply("b", 1.1), Ended("a", 3.0)) == [
        "start a",
        "start b",
    ]


def test_commentary_that_waited_too_long_is_dropped() -> None:
    story = Story()
    story.after(commentary("a", 1.0), commentary("b", 1.2))
    assert story.after(Ended("a", 2.7)) == ["drop b stale"]
    assert story.floor.speaking is None


def test_only_the_newest_commentary_waits() -> None:
    story = Story()
    story.after(commentary("a", 1.0), commentary("b", 1.2))
    assert story.after(commentary("c", 1.4), Ended("a", 1.5)) == ["drop b superseded", "start c"]


def test_what_was_dropped_was_shown_all_the_same() -> None:
    story = Story()
    story.after(commentary("a", 1.0), commentary("b", 1.2), commentary("c", 1.4))
    shown = [ruling.line.id for ruling in story.rulings if isinstance(ruling, Caption)]
    assert shown == ["a", "b", "c"]


def test_nothing_but_a_patient_alert_speaks_over_the_user() -> None:
    story = Story()
    assert story.after(UserStarted(1.0), reply("a", 1.1), alert("fire", 1.2)) == []
    assert due_s(story.floor, FULL) == pytest.approx(2.2)
    assert story.after(Passed(2.2)) == ["start fire"]


def test_what_waited_for_the_user_is_said_when_they_end() -> None:
    story = Story()
    story.after(UserStarted(1.0), reply("a", 1.1))
    assert story.after(UserEnded(2.0)) == ["start a"]


def test_without_echo_cancellation_our_own_voice_does_not_interrupt_us() -> None:
    story = Story(HALF)
    story.after(commentary("a", 1.0))
    assert story.after(UserStarted(1.5)) == []
    story.after(Ended("a", 2.0))
    story.after(UserStarted(2.2))
    assert story.floor.user_since_s is None  # the room still rings
    story.after(UserStarted(2.31))
    assert story.floor.user_since_s == 2.31


def test_a_key_interrupts_without_echo_cancellation() -> None:
    story = Story(HALF)
    story.after(commentary("a", 1.0))
    assert story.after(UserStarted(1.5, by_key=True)) == ["stop a barge_in"]


def test_quiet_hours_leave_captions_and_alerts() -> None:
    story = Story()
    assert story.after(Hushed("quiet", 0.0), commentary("a", 1.0), alert("fire", 2.0)) == [
        "drop a quiet",
        "start fire",
    ]
    strict = Story(replace(FULL, alerts_when_quiet=False))
    assert strict.after(Hushed("quiet", 0.0), alert("fire", 2.0)) == ["drop fire quiet"]


def test_muting_stops_even_an_alert() -> None:
    assert Story().after(alert("fire", 1.0), Hushed("mute", 1.5)) == [
        "start fire",
        "stop fire mute",
    ]


def test_a_voice_that_hangs_is_stopped_and_the_next_line_is_spoken() -> None:
    story = Story()
    story.after(alert("a", 1.0))
    story.after(alert("b", 60.5))
    assert due_s(story.floor, FULL) == 61.0
    assert story.after(Passed(61.0)) == ["stop a too_long", "start b"]


def test_a_user_who_never_ends_does_not_hold_us_back_for_ever() -> None:
    story = Story()
    story.after(UserStarted(1.0), reply("a", 30.0))
    assert story.after(Passed(31.0)) == ["start a"]


def test_too_many_alerts_cost_the_oldest() -> None:
    story = Story(replace(FULL, max_alerts=2))
    story.after(alert("a", 1.0), alert("b", 1.1), alert("c", 1.2))
    assert story.after(alert("d", 1.3)) == ["drop b full"]


def test_quiet_hours_may_pass_midnight() -> None:
    night = (time(22), time(7))
    assert is_quiet(time(23, 30), *night)
    assert is_quiet(time(6, 59), *night)
    assert not is_quiet(time(7), *night)
    assert is_quiet(time(13), time(12), time(14))
    assert not is_quiet(time(12), time(12), time(12))


# Whatever happens, in whatever order.

KINDS = st.sampled_from(["commentary", "reply", "alert"])
WHATS = st.one_of(
    st.tuples(st.just("offer"), KINDS),
    st.sampled_from([("end", ""), ("user", ""), ("key", ""), ("still", ""), ("stop", "")]),
    st.tuples(st.just("hush"), st.sampled_from(["none", "quiet", "mute"])),
    st.just(("pass", "")),
)
STORIES = st.lists(st.tuples(WHATS, st.floats(0, 3)), max_size=60)
SETTINGS = st.builds(
    FloorSettings,
    is_full_duplex=st.booleans(),
    alerts_when_quiet=st.booleans(),
    max_alerts=st.integers(1, 3),
    alert_patience_s=st.floats(0, 3),
)


def happening_of(what: tuple[str, str], index: int, time_s: float, floor: Floor) -> Happening:
    simple: dict[str, Happening] = {
        "end": Ended(floor.speaking.id if floor.speaking else "none", time_s),
        "user": UserStarted(time_s),
        "key": UserStarted(time_s, by_key=True),
        "still": UserEnded(time_s),
        "stop": StopAsked(time_s),
        "pass": Passed(time_s),
    }
    match what:
        case ("offer", ("commentary" | "reply" | "alert") as kind):
            return offered(kind, f"{index}", time_s)
        case ("hush", ("none" | "quiet" | "mute") as hush):
            return Hushed(hush, time_s)
        case (name, _):
            return simple[name]


def told(
    plan: list[tuple[tuple[str, str], float]], settings: FloorSettings
) -> Iterable[tuple[Happening, Floor, tuple[Ruling, ...]]]:
    floor, time_s = Floor(), 0.0
    for index, (what, pause_s) in enumerate(plan):
        time_s += pause_s
        happening = happening_of(what, index, time_s, floor)
        ruled = step(floor, happening, settings)
        floor = ruled.floor
        yield happening, floor, ruled.rulings


@given(STORIES, SETTINGS)
def test_there_are_never_two_voices(
    plan: list[tuple[tuple[str, str], float]], settings: FloorSettings
) -> None:
    voice: str | None = None
    for happening, floor, rulings in told(plan, settings):
        if isinstance(happening, Ended) and happening.line_id == voice:
            voice = None
        for ruling in rulings:
            if isinstance(ruling, Stop):
                assert ruling.line_id == voice
                voice = None
            elif isinstance(ruling, Start):
                assert voice is None
                voice = ruling.line.id
        assert voice == (floor.speaking.id if floor.speaking else None)


@given(STORIES, SETTINGS)
def test_no_line_is_spoken_after_it_was_stopped_or_dropped_nor_twice(
    plan: list[tuple[tuple[str, str], float]], settings: FloorSettings
) -> None:
    gone: set[str] = set()
    for _, _, rulings in told(plan, settings):
        for ruling in rulings:
            match ruling:
                case Start(line):
                    assert line.id not in gone
                    gone.add(line.id)
                case Drop(line_id, _):
                    assert line_id not in gone
                    gone.add(line_id)
                case _:
                    pass


@given(STORIES, SETTINGS)
def test_nothing_that_was_offered_before_a_stop_is_spoken_after_it(
    plan: list[tuple[tuple[str, str], float]], settings: FloorSettings
) -> None:
    before: set[str] = set()
    offers: set[str] = set()
    for happening, _, rulings in told(plan, settings):
        if isinstance(happening, Offered):
            offers.add(happening.line.id)
        if isinstance(happening, StopAsked):
            before |= offers
        assert not before & {ruling.line.id for ruling in rulings if isinstance(ruling, Start)}


@given(STORIES, SETTINGS)
def test_alerts_are_spoken_in_the_order_in_which_they_came(
    plan: list[tuple[tuple[str, str], float]], settings: FloorSettings
) -> None:
    spoken = [
        int(ruling.line.id)
        for _, _, rulings in told(plan, settings)
        for ruling in rulings
        if isinstance(ruling, Start) and ruling.line.kind == "alert"
    ]
    assert spoken == sorted(spoken)


@given(STORIES, SETTINGS)
def test_no_alert_is_ever_interrupted_by_another_line(
    plan: list[tuple[tuple[str, str], float]], settings: FloorSettings
) -> None:
    kinds: dict[str, Kind] = {}
    for happening, _, rulings in told(plan, settings):
        if isinstance(happening, Offered):
            kinds[happening.line.id] = happening.line.kind
        for ruling in rulings:
            if isinstance(ruling, Stop) and ruling.reason == "interrupted":
                assert kinds[ruling.line_id] != "alert"


@given(STORIES, SETTINGS)
def test_every_line_is_shown_once_and_comes_to_an_end(
    plan: list[tuple[tuple[str, str], float]], settings: FloorSettings
) -> None:
    shown: list[str] = []
    offers: list[str] = []
    settled: set[str] = set()
    floor = Floor()
    for happening, floor, rulings in told(plan, settings):  # noqa: B007
        if isinstance(happening, Offered):
            offers.append(happening.line.id)
        shown += [ruling.line.id for ruling in rulings if isinstance(ruling, Caption)]
        settled |= {ruling.line.id for ruling in rulings if isinstance(ruling, Start)}
        settled |= {ruling.line_id for ruling in rulings if isinstance(ruling, Drop)}
    assert shown == offers
    assert set(offers) == settled | {line.id for line in floor.waiting}
    assert len(floor.waiting) <= settings.max_alerts + 2


@given(STORIES, SETTINGS)
def test_a_floor_is_settled_until_it_is_due(
    plan: list[tuple[tuple[str, str], float]], settings: FloorSettings
) -> None:
    for happening, floor, _ in told(plan, settings):
        due = due_s(floor, settings)
        if happening.time_s < due:
            halfway_s = (happening.time_s + min(due, happening.time_s + 2)) / 2
            assert step(floor, Passed(halfway_s), settings).rulings == ()


# What was heard.


def test_what_was_heard_is_what_had_been_played() -> None:
    pieces = [Piece("The pot boils over.", 2.0), Piece("Turn the stove off.", 2.0)]
    assert heard(pieces, 0.0) == ""
    assert heard(pieces, 1.0) == "The pot"
    assert heard(pieces, 2.0) == "The pot boils over."
    assert heard(pieces, 2.6) == "The pot boils over. Turn"
    assert heard(pieces, 9.0) == "The pot boils over. Turn the stove off."


def test_of_a_piece_that_is_still_made_no_more_counts_than_can_have_been_said() -> None:
    pieces = [
        Piece("It is a long sentence of which little sound is there yet.", 0.5, is_whole=False)
    ]
    assert heard(pieces, 0.5) == "It is"


TEXTS = st.text("ab .,", max_size=40).filter(str.strip)
PIECES = st.lists(st.builds(Piece, TEXTS, st.floats(0.1, 5), st.booleans()), max_size=5)


@given(PIECES, st.lists(st.floats(0, 30), max_size=8))
def test_what_was_heard_grows_with_time_and_is_always_the_beginning(
    pieces: list[Piece], times_s: list[float]
) -> None:
    whole = " ".join(word for piece in pieces for word in piece.text.split())
    texts = [heard(pieces, time_s) for time_s in sorted(times_s)]
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert all(whole.startswith(text) for text in texts)

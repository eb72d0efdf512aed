from onlooker.core.decision import Delegate, Speak
from onlooker.core.event import Decided, Event, Observed, Perceived, StreamHealth
from onlooker.core.memory import Entry
from onlooker.core.moment import Instruction, Tick, Utterance
from onlooker.core.percept import Box, Picture, Pictures, Scene, SceneObject, SceneText, View
from onlooker.core.prompt import Turn
from onlooker.live.happening import Chronicler, segment_of

BOX = Box(0.0, 0.0, 0.2, 0.2)


def thing(label: str, track_id: int, since_s: float) -> SceneObject:
    return SceneObject(label, track_id, BOX, 0.9, since_s)


def perceived(time_s: float, *views: View, jpeg: bytes = b"") -> Perceived:
    picture = Picture("door", time_s, 4, 4, jpeg or str(time_s).encode())
    return Perceived(time_s=time_s, percepts=(Pictures((picture,)), Scene(views)))


def told(*events: Event) -> list[Entry]:
    chronicler = Chronicler()
    return [entry for event in events for entry in chronicler.entries_of(event)]


def test_what_comes_goes_and_can_be_read_is_remembered_with_one_key_frame() -> None:
    dog = thing("dog", 7, 1.0)
    sign = SceneText('say "hi"', BOX, 0.9, since_s=1.0)
    view = View("door", 1.0, (dog,), entered=(dog,), texts=(sign,))
    later = View("door", 2.0, left=(dog,), texts=(sign,))
    entries = told(perceived(1.0, view), perceived(2.0, later))
    assert [(entry.text, entry.labels, entry.picture is not None) for entry in entries] == [
        ("dog 7 appeared at the top left", ("dog",), True),
        ("the text \"say 'hi'\" appeared at the top left", ("text",), False),
        ("dog 7 left at the top left", ("dog",), False),
    ]


def test_where_nothing_happens_there_is_a_key_frame_in_thirty_seconds() -> None:
    entries = told(*(perceived(float(second), View("door", second)) for second in range(100)))
    assert [(entry.kind, entry.start_s) for entry in entries] == [
        ("picture", 0.0),
        ("picture", 30.0),
        ("picture", 60.0),
        ("picture", 90.0),
    ]


def test_words_of_people_and_ours_are_remembered_with_who_spoke() -> None:
    heard = (Utterance("where is it?", 1.0), Utterance("goal!", 1.5, "scene", "tv"))
    asked = Delegate("One moment.", "Which bird is it?")
    entries = told(
        Observed(time_s=2.0, start_s=1.0, end_s=2.0, heard=heard),
        Decided(time_s=2.0, decision=Speak("There."), latency_ms=1.0),
        Decided(time_s=3.0, decision=asked, latency_ms=1.0),
        StreamHealth(time_s=4.0, stream="door", state="lost", detail="no frame"),
    )
    assert [entry.text for entry in entries] == [
        "user: where is it?",
        "overheard: goal!",
        "There.",
        "One moment. (asked the background brain: Which bird is it?)",
        "the stream door is lost no frame",
    ]


def test_a_segment_ends_with_how_things_stand_and_shows_a_few_pictures() -> None:
    turns = [
        Turn(
            Tick(second, second, second + 1.0),
            percepts=perceived(
                float(second), View("door", second, (thing("dog", 1, 0.0),) * (second % 3))
            ).percepts,
        )
        for second in range(90)
    ]
    segment = segment_of(turns, [Instruction("i1", "count dogs", 0.0)])
    assert (segment.start_s, segment.end_s) == (0, 90)
    assert segment.lines == ("most at once, door: 2 dog", "at the end, door: 2 dog")
    assert segment.instructions == ("count dogs",)
    assert len(segment.pictures) == 8


def test_a_key_frame_is_found_by_what_it_looks_like() -> None:
    view = View("door", 0.0, tags=("seashore", "sandbar"))
    (frame,) = told(perceived(0.0, view, jpeg=b"jpeg"))
    assert frame.kind == "picture"
    assert frame.text == "it looks like seashore, sandbar"
    assert frame.labels == ("seashore", "sandbar")

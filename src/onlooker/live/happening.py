"""What is worth remembering of a tick, in sentences: for the record, and for summaries."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onlooker.core.decision import Delegate, Speak
from onlooker.core.event import Decided, Event, Observed, Perceived, StreamHealth
from onlooker.core.memory import Entry, Segment
from onlooker.core.moment import Answer, Instruction, Utterance
from onlooker.core.percept import Picture, Pictures, Scene, SceneObject, View
from onlooker.core.prompt import Turn
from onlooker.core.scene_words import where

KEY_FRAME_S = 30.0  # between key frames of a stream to which nothing happens
SAME_HAPPENING_S = 2.0  # a stream has one key frame for what happens within so long
MAX_LINES = 400  # of a segment
MAX_PICTURES = 8  # of a segment, for a summariser that sees


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that changed in a stream."""

    text: str
    labels: tuple[str, ...] = ()


def happenings(view: View) -> Iterator[Happening]:
    """Tell what is new in a view."""
    if view.is_cut:
        yield Happening("the picture changed to another shot")
    for thing in view.entered:
        yield Happening(f"{_named(thing)} appeared at the {where(thing.box)}", (thing.label,))
    for thing in view.left:
        yield Happening(f"{_named(thing)} left at the {where(thing.box)}", (thing.label,))
    for text in view.new_texts:
        quoted = " ".join(text.text.replace('"', "'").split())[:200]
        yield Happening(f'the text "{quoted}" appeared at the {where(text.box)}', ("text",))


class Chronicler:
    """Turns events into entries, key frames attached where something happens."""

    def __init__(self) -> None:
        self._newest: dict[str, Picture] = {}
        self._tags: dict[str, tuple[str, ...]] = {}  # what the newest looks like
        self._shown_s: dict[str, float] = {}  # when a stream's last key frame was taken

    def entries_of(self, event: Event) -> list[Entry]:
        """Give what is to be remembered of an event, often nothing."""
        match event:
            case Observed():
                return [*map(_heard, event.heard), *map(_answered, event.answers)]
            case Perceived():
                return list(self._perceived(event))
            case Decided(decision=Speak() | Delegate()):
                return [self._said(event)]
            case StreamHealth(stream=stream, state=state, detail=detail):
                text = f"the stream {stream} is {state} {detail}".strip()
                return [Entry("seen", event.time_s, event.time_s, text, stream)]
        return []

    def _perceived(self, event: Perceived) -> Iterator[Entry]:
        for percept in event.percepts:
            if isinstance(percept, Pictures):
                self._newest |= {picture.stream: picture for picture in percept.pictures}
        streams = {percept.stream for percept in self._newest.values()}
        for percept in event.percepts:
            if isinstance(percept, Scene):
                for view in percept.views:
                    self._tags[view.stream] = view.tags
                    yield from self._seen(view)
        for stream in sorted(streams):
            if picture := self._key_frame(stream, event.time_s, KEY_FRAME_S):
                tags = self._tags.get(stream, ())
                text = f"it looks like {', '.join(tags)}" if tags else ""
                at_s = picture.time_s
                yield Entry("picture", at_s, at_s, text, stream, tags, picture)

    def _seen(self, view: View) -> Iterator[Entry]:
        for happening in happenings(view):
            yield Entry(
                "seen",
                view.time_s,
                view.time_s,
                happening.text,
                view.stream,
                happening.labels,
                self._key_frame(view.stream, view.time_s, SAME_HAPPENING_S),
            )

    def _said(self, event: Decided) -> Entry:
        decision = event.decision
        words = decision.text if isinstance(decision, Speak | Delegate) else ""
        if isinstance(decision, Delegate):
            words = f"{words} (asked the background brain: {decision.question})"
        # What was said is about what was seen then; with one stream it is clear where.
        streams = list(self._newest)
        picture = None
        if len(streams) == 1:
            picture = self._key_frame(streams[0], event.time_s, SAME_HAPPENING_S)
        stream = streams[0] if len(streams) == 1 else None
        return Entry("said", event.time_s, event.time_s, words, stream, picture=picture)

    def _key_frame(self, stream: str, time_s: float, min_s: float) -> Picture | None:
        picture = self._newest.get(stream)
        if picture is None or time_s - self._shown_s.get(stream, float("-inf")) < min_s:
            return None
        self._shown_s[stream] = time_s
        return picture


def segment_of(turns: Sequence[Turn], standing: Sequence[Instruction]) -> Segment:
    """Tell what happened in turns that leave the window."""
    told = deque((line for turn in turns for line in _lines(turn)), maxlen=MAX_LINES)
    shown = [picture for turn in turns for picture in turn.pictures]
    step = max(1, len(shown) // MAX_PICTURES)
    return Segment(
        turns[0].tick.start_s,
        turns[-1].tick.end_s,
        (*told, *_counts(turns)),
        tuple(instruction.text for instruction in standing),
        tuple(shown[::step][:MAX_PICTURES]),
    )


def _lines(turn: Turn) -> Iterator[str]:
    at = f"{turn.tick.start_s:.1f} s"
    for entry in (*map(_heard, turn.heard), *map(_answered, turn.answers)):
        yield f"{at} {entry.text}"
    for view in _views(turn):
        for happening in happenings(view):
            yield f"{at} {view.stream}: {happening.text}"
    if isinstance(turn.decision, Speak | Delegate):
        yield f"{turn.tick.end_s:.1f} s onlooker: {turn.decision.text}"


def _counts(turns: Sequence[Turn]) -> Iterator[str]:
    """Tell for each stream what was most at once, and how things stood at the end."""
    most: dict[str, Counter[str]] = {}
    last: dict[str, Counter[str]] = {}
    for turn in turns:
        for view in _views(turn):
            counts = Counter(thing.label for thing in view.objects)
            most[view.stream] = most.get(view.stream, Counter()) | counts
            last[view.stream] = counts
    for stream, counts in last.items():
        yield f"most at once, {stream}: {_counted(most[stream])}"
        yield f"at the end, {stream}: {_counted(counts)}"


def _counted(counts: Counter[str]) -> str:
    listed = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number} {label}" for label, number in listed) or "nothing"


def _views(turn: Turn) -> Iterator[View]:
    for percept in turn.percepts:
        if isinstance(percept, Scene):
            yield from percept.views


def _named(thing: SceneObject) -> str:
    return f"{thing.label} {thing.track_id}"


def _heard(words: Utterance) -> Entry:
    speaker = "user" if words.speaker == "user" else "overheard"
    return Entry("heard", words.time_s, words.time_s, f"{speaker}: {words.text}", words.stream)


def _answered(answer: Answer) -> Entry:
    outcome = answer.text if answer.status == "done" else f"no answer: {answer.text}"
    text = f"background brain on {answer.question!r}: {outcome}"
    return Entry("answer", answer.time_s, answer.time_s, text)

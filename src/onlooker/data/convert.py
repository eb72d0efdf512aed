"""Annotations to labelled seconds, by the published rules, two of their defects mended.

The rules: pictures a second by the whole video's duration (1 from 160 s on, 2 from 64 s on, else
4); at most 320 s; a time belongs to the second it falls in, one at the very end to the last; a
time beyond the end drops the sample, unless the end was cut, where it drops the item.

Mended: several items on one second are all kept, where the later overwrote the earlier. And a
question is written as it is served, under its header and before the time, where training wrote it
bare: turns hold what was asked, and model/render.py writes it for both.

Source: datasets/convert_data.py of github.com/jd-opensource/JoyAI-VL-Interaction.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from hashlib import blake2b

from onlooker.core.decision import Decision, Delegate, Silent, Speak, parse_decision
from onlooker.core.errors import MalformedDecision
from onlooker.core.moment import Tick, Utterance
from onlooker.core.prompt import Turn
from onlooker.data.annotations import Annotation, Said
from onlooker.data.stream import BadData, LabelledStream, Video
from onlooker.evaluate.content import Content, tokens
from onlooker.evaluate.truth import Expected, Standing, Truth

MAX_SECONDS = 320  # 0: no limit
FPS_FROM_S = ((160, 1), (64, 2), (0, 4))  # whole durations, and the pictures a second from there


@dataclass(frozen=True, slots=True)
class Converted:
    """A stream, and how many items lay beyond the cut."""

    stream: LabelledStream
    num_cut: int


def fps_for(duration_s: float) -> int:
    """Say how many pictures a second are shown of a video of so long."""
    return next(fps for from_s, fps in FPS_FROM_S if duration_s >= from_s)


def convert(
    annotation: Annotation,
    duration_s: float,
    *,
    max_seconds: int = MAX_SECONDS,
    split: str = "train",
) -> Converted:
    """Label every second of a video.

    Args:
        annotation: what is asked and answered when.
        duration_s: of the whole video.
        max_seconds: what is kept of it; 0 for all.
        split: what the stream is for.

    Raises:
        BadData: a label lies outside the video, or is no decision.
    """
    if not duration_s > 0:
        raise BadData(f"{annotation.video_name} lasts {duration_s} s: expected more than 0")
    is_cut = 0 < max_seconds < duration_s
    kept_s = float(max_seconds) if is_cut else duration_s
    num_seconds = max(int(kept_s), 1)
    questions, cut_questions = _by_second(annotation, annotation.questions, kept_s, is_cut=is_cut)
    responses, cut_responses = _by_second(annotation, annotation.responses, kept_s, is_cut=is_cut)
    turns = tuple(
        Turn(
            tick=Tick(second, float(second), second + 1.0),
            heard=tuple(Utterance(one.content, one.time_s) for one in questions[second]),
            decision=_decision([one.content for one in responses[second]]),
        )
        for second in range(num_seconds)
    )
    stream = LabelledStream(
        truth=_truth(annotation, turns),
        turns=turns,
        split=split,
        source=annotation.source or "annotations",
        video=Video(annotation.path, fps_for(duration_s)),
    )
    return Converted(stream, cut_questions + cut_responses)


def item_of(annotation: Annotation) -> str:
    """Name what is annotated: the same annotation has the same name, and another has another."""
    digest = blake2b(repr(annotation).encode(), digest_size=6).hexdigest()
    stem = annotation.video_name.rsplit(".", 1)[0]
    return f"{annotation.task_type or 'any'}/{annotation.source or 'any'}/{stem}-{digest}"


def _by_second(
    annotation: Annotation, said: tuple[Said, ...], kept_s: float, *, is_cut: bool
) -> tuple[dict[int, list[Said]], int]:
    """Sort items into their seconds, in their order; count those beyond the cut."""
    seconds: dict[int, list[Said]] = defaultdict(list)
    last = max(int(kept_s), 1) - 1
    num_cut = 0
    for one in said:
        if one.time_s > kept_s:
            if not is_cut:
                raise BadData(
                    f"{annotation.video_name} has {one.content[:40]!r} at {one.time_s} s, and "
                    f"lasts {kept_s} s: the label lies outside the video"
                )
            num_cut += 1
            continue
        seconds[min(int(one.time_s), last)].append(one)
    return seconds, num_cut


def _decision(texts: list[str]) -> Decision:
    """Say all of a second's responses, in their order; the first that delegates does so."""
    if not texts:
        return Silent()
    found = [_read(text) for text in texts]
    said = " ".join(dict.fromkeys(one.text for one in found))
    questions = [one.question for one in found if isinstance(one, Delegate)]
    return Delegate(said, " ".join(questions)) if questions else Speak(said)


def _read(text: str) -> Speak | Delegate:
    """Read a response, which may hold a delegation behind its marker."""
    try:
        decision = parse_decision(f"</response> {text.removeprefix('</response>').strip()}")
    except MalformedDecision as error:
        raise BadData(f"the response {text[:60]!r} is no decision: {error.why}") from error
    if isinstance(decision, Silent):
        raise BadData(f"the response {text[:60]!r} is silence: leave it out")
    return decision


def _truth(annotation: Annotation, turns: tuple[Turn, ...]) -> Truth:
    spoken = [turn for turn in turns if isinstance(turn.decision, Speak | Delegate)]
    return Truth(
        item=item_of(annotation),
        duration_s=turns[-1].tick.end_s,
        events=tuple(_expected(turn) for turn in spoken),
        instructions=tuple(
            Standing(f"q{number}", heard.text, heard.time_s)
            for number, heard in enumerate(
                (heard for turn in turns for heard in turn.heard), start=1
            )
        ),
        family=annotation.task_type,
    )


def _expected(turn: Turn) -> Expected:
    decision = turn.decision
    text = decision.text if isinstance(decision, Speak | Delegate) else ""
    return Expected(
        id=f"e{turn.tick.index}",
        onset_s=turn.tick.start_s,
        until_s=turn.tick.end_s,
        action="delegate" if isinstance(decision, Delegate) else "speak",
        content=Content("exact", (text,)) if tokens(text) else Content(),
    )

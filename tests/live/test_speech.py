"""Speech in a whole session, on media time: what is heard when, and what the model reads of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import time

import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.detectors import SoundDetector, SoundEvent
from onlooker.core.errors import ModelUnavailable, TranscriberFailed, VoiceFailed
from onlooker.core.event import (
    Captioned,
    Decided,
    Failed,
    Heard,
    Hearing,
    Observed,
    SoundNoticed,
    VoiceEnded,
    VoiceStarted,
)
from onlooker.core.media import AudioChunk
from onlooker.live.ears import Ears
from onlooker.live.floor import FloorSettings
from onlooker.live.replay import replay
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings, SpeechSettings
from onlooker.live.speech import SpeechParts
from onlooker.testing.doubles import FrameSource, ListSink, NoPictures, ScriptedModel, grey
from onlooker.testing.speaking import (
    HummingVoice,
    KnowingEars,
    KnowingJudge,
    ListPlayer,
    LoudnessDetector,
    SoundSource,
)


@dataclass
class Story:
    """A session over grey seconds, told to its end."""

    decisions: Sequence[Decision | Exception] = ()
    num_s: int = 8
    instructions: Sequence[str] = ()
    voice: HummingVoice | None = field(default_factory=HummingVoice)
    ears: KnowingEars | None = None
    microphone: SoundSource | None = None
    sounds: Callable[[], SoundDetector] | None = None
    turns: KnowingJudge | None = None
    settings: SpeechSettings = SpeechSettings()
    floor: FloorSettings = FloorSettings(is_full_duplex=True)

    def __post_init__(self) -> None:
        self.player, self.sink = ListPlayer(), ListSink()
        self.model = ScriptedModel(*self.decisions)
        self.clock = MediaClock()
        speech = SpeechParts(
            voice=self.voice,
            players={"list": self.player},
            ears=Ears(self.ears, LoudnessDetector, self.sounds, self.turns) if self.ears else None,
            microphone=self.microphone,
            settings=self.settings,
            floor=self.floor,
        )
        parts = Parts(
            {"pot": FrameSource([grey(20 * index) for index in range(self.num_s)])},
            self.model,
            codec=NoPictures(),
            speech=speech,
            sinks={"list": self.sink},
        )
        self.session = Session(parts, LiveSettings(), self.clock)
        for text in self.instructions:
            self.session.instruct(text)

    async def told(self) -> "Story":
        await self.session.run()
        return self

    @property
    def ended(self) -> list[tuple[str, str]]:
        return [(event.why, event.heard) for event in self.sink.of(VoiceEnded)]

    def said_in(self, tick: int) -> Decision | None:
        """Give what the model reads last of what it said in a tick."""
        turns = self.model.prompts[-1].turns
        return next(turn.decision for turn in turns if turn.tick.index == tick)


SIX = "One two three four five six."


async def test_what_is_decided_is_heard_from_that_moment_on_and_captioned() -> None:
    story = await Story([Silent(), Speak("It boils.")]).told()
    assert story.player.loud() == [(2.0, 2.6)]
    assert story.ended == [("done", "It boils.")]
    assert [event.text for event in story.sink.of(Captioned)] == ["It boils."]
    assert [event.time_s for event in story.sink.of(VoiceStarted)] == [2.0]


async def test_the_last_line_is_said_to_its_end_after_the_sources_have_ended() -> None:
    story = await Story([Silent(), Speak(SIX)], num_s=2).told()
    assert story.ended == [("done", SIX)]
    assert story.player.loud() == [(2.0, 3.8)]


async def test_without_a_voice_a_session_says_nothing_and_has_captions() -> None:
    story = await Story([Speak("It boils.")], voice=None).told()
    assert story.player.chunks == []
    assert [event.text for event in story.sink.of(Captioned)] == ["It boils."]


async def test_a_spoken_question_reaches_the_next_tick_as_the_users_words() -> None:
    story = await Story(
        ears=KnowingEars("what is\n that?"), microphone=SoundSource((0.5, 1.5), length_s=5)
    ).told()
    heard = story.sink.of(Heard)
    assert [(event.text, event.speaker, event.start_s, event.end_s) for event in heard] == [
        ("what is that?", "user", 0.5, 1.5)
    ]
    observed = next(event for event in story.sink.of(Observed) if event.heard)
    assert (observed.tick, observed.heard[0].text, observed.heard[0].speaker) == (
        2,
        "what is that?",
        "user",
    )
    assert [event.text for event in story.sink.of(Hearing)] == [""]


async def test_whoever_speaks_while_it_speaks_silences_it_and_only_what_was_heard_is_history() -> (
    None
):
    story = await Story(
        [Speak(SIX)],
        ears=KnowingEars("stop"),
        microphone=SoundSource((1.9, 2.3), length_s=6),
    ).told()
    (_, end_s), *more = story.player.loud()
    assert not more
    assert 1.9 < end_s <= 2.0  # within 100 ms of the first sound
    assert story.ended == [("barge_in", "One two three")]
    assert story.said_in(0) == Speak("One two three")


async def test_what_nobody_heard_was_not_said() -> None:
    story = await Story(
        [Speak(SIX), Speak("And more.")],
        ears=KnowingEars("stop"),
        microphone=SoundSource((2.1, 2.5), length_s=6),
    ).told()
    assert story.ended == [("barge_in", "One two three"), ("barge_in", "")]
    assert story.said_in(1) == Silent()


async def test_a_question_that_was_delegated_stays_delegated_when_its_note_is_cut() -> None:
    story = await Story(
        [Delegate(SIX, "who?")],
        ears=KnowingEars("stop"),
        microphone=SoundSource((1.9, 2.3), length_s=6),
    ).told()
    assert story.said_in(0) == Delegate("One two three", "who?")


async def test_without_echo_cancellation_it_does_not_hear_itself() -> None:
    story = await Story(
        [Speak(SIX)],
        ears=KnowingEars("stop"),
        microphone=SoundSource((1.0, 2.8), length_s=6),
        floor=FloorSettings(is_full_duplex=False),
    ).told()
    assert story.ended == [("done", SIX)]
    assert story.sink.of(Heard) == []


async def test_an_alert_interrupts_commentary_and_no_other_way_round() -> None:
    story = Story([Speak(SIX), Speak("Fire in here now."), Speak("All is well.")])
    story.session.set_persona("talkative")

    async def watch_for_fire(event: object) -> None:
        if isinstance(event, Decided) and event.tick == 0:
            story.session.instruct("warn me of fire")
        await accept(event)  # type: ignore[arg-type]

    accept = story.sink.accept
    story.sink.accept = watch_for_fire  # type: ignore[method-assign]
    await story.told()
    assert story.ended[:2] == [("interrupted", "One two three"), ("done", "Fire in here now.")]
    kinds = [event.kind for event in story.sink.of(Captioned)]
    assert kinds == ["commentary", "alert", "alert"]
    assert story.player.loud()[0][0] == 1.0


async def test_commentary_that_comes_too_late_is_a_caption_alone() -> None:
    long = " ".join(["word"] * 15) + "."
    story = await Story([Speak(long), Speak("Old."), Speak("New."), Silent()], num_s=8).told()
    assert story.ended == [("superseded", ""), ("stale", ""), ("done", long)]
    assert [event.text for event in story.sink.of(Captioned)] == [long, "Old.", "New."]
    assert story.said_in(1) == Speak("Old.")


async def test_a_failing_voice_costs_its_line_and_nothing_of_the_error_is_spoken() -> None:
    voice = HummingVoice(errors=[VoiceFailed("no sound from http://secret")])
    story = await Story([Speak("One."), Silent(), Speak("Two.")], voice=voice).told()
    assert voice.said == ["Two."]
    assert story.ended == [("failed", ""), ("done", "Two.")]
    assert [event.part for event in story.sink.of(Failed)] == ["voice"]


async def test_an_utterance_that_is_not_understood_is_told_and_costs_nothing_else() -> None:
    ears = KnowingEars(TranscriberFailed("no answer"), "again")
    story = await Story(
        ears=ears, microphone=SoundSource((0.5, 1.0), (3.0, 3.5), length_s=6)
    ).told()
    assert [event.text for event in story.sink.of(Heard)] == ["", "again"]
    assert "transcriber" in [event.part for event in story.sink.of(Failed)]


async def test_a_pause_is_no_end_and_the_whole_is_understood_in_the_end() -> None:
    ears = KnowingEars("turn it off please")
    story = await Story(
        ears=ears, microphone=SoundSource((0.5, 1.0), (1.4, 2.0), length_s=6)
    ).told()
    assert [event.text for event in story.sink.of(Heard)] == ["turn it off please"]
    assert ears.heard_s[-1] > ears.heard_s[0] > 0.7


async def test_quiet_hours_leave_captions_and_alerts() -> None:
    story = Story(
        [Speak("A car passes."), Silent(), Silent()],
        settings=SpeechSettings(quiet_from="22:00", quiet_to="07:00"),
    )
    story.session.speech.tell_time_by(lambda: time(23, 30))
    await story.told()
    assert story.ended == [("quiet", "")]
    assert [event.text for event in story.sink.of(Captioned)] == ["A car passes."]


async def test_a_muted_voice_is_silent_at_once() -> None:
    story = Story([Speak("It boils.")])
    story.session.speech.mute(is_muted=True)
    await story.told()
    assert story.ended == [("mute", "")]
    assert story.player.loud() == []


@pytest.mark.parametrize(
    ("said", "taken"),
    [("Hey Onlooker, what is that?", "what is that?"), ("what is that?", None)],
)
async def test_a_wake_word_says_who_is_meant(said: str, taken: str | None) -> None:
    story = await Story(
        ears=KnowingEars(said),
        microphone=SoundSource((0.5, 1.5), length_s=4),
        settings=SpeechSettings(wake_words=("hey onlooker",)),
    ).told()
    words = [words.text for event in story.sink.of(Observed) for words in event.heard]
    assert words == ([taken] if taken else [])
    assert [event.is_addressed for event in story.sink.of(Heard)] == [taken is not None]


async def test_a_key_that_is_held_makes_one_utterance_of_all_that_is_said() -> None:
    story = Story(
        ears=KnowingEars("one two"),
        microphone=SoundSource((1.0, 1.2), (3.0, 3.2), length_s=6),
    )
    speech = story.session.speech

    async def press(event: object) -> None:
        if isinstance(event, Decided) and event.tick in (0, 3):
            speech.hold_key(is_down=event.tick == 0)
        await accept(event)  # type: ignore[arg-type]

    accept = story.sink.accept
    story.sink.accept = press  # type: ignore[method-assign]
    await story.told()
    assert [event.text for event in story.sink.of(Heard)] == ["one two"]


async def test_a_microphone_that_disappears_ends_what_was_being_said() -> None:
    story = await Story(
        ears=KnowingEars("what is"), microphone=SoundSource((0.5, 9.0), length_s=1.5)
    ).told()
    heard = story.sink.of(Heard)
    assert [event.text for event in heard] == ["what is"]
    assert heard[0].time_s < 3.5


async def test_a_sound_with_a_name_reaches_the_model_as_overheard() -> None:
    class Bell:
        def hear(self, chunk: AudioChunk) -> Iterator[SoundEvent]:
            if chunk.start_s == 1.0:
                yield SoundEvent("a doorbell", 0.87, chunk.start_s)

    story = Story(ears=KnowingEars(), microphone=SoundSource(length_s=3), sounds=Bell)
    await story.told()
    assert [event.label for event in story.sink.of(SoundNoticed)] == ["a doorbell"]
    words = [words for event in story.sink.of(Observed) for words in event.heard]
    assert [(one.text, one.speaker) for one in words] == [("(the sound of a doorbell)", "scene")]


async def test_half_a_sentence_of_a_model_that_broke_off_is_all_that_is_said() -> None:
    class Breaking(ScriptedModel):
        async def step(self, prompt, say):  # type: ignore[no-untyped-def]
            if prompt.now.tick.index == 0:
                await say("It boils over. And")
                raise ModelUnavailable("gone")
            return await super().step(prompt, say)

    story = Story()
    story.session._parts = story.session._parts.__class__(
        story.session._parts.sources,
        Breaking(),
        codec=NoPictures(),
        speech=story.session._parts.speech,
        sinks={"list": story.sink},
    )
    await story.told()
    assert story.ended == [("done", "It boils over. And")]


async def test_a_recording_of_an_interruption_replays_to_the_same_prompts() -> None:
    story = await Story(
        [Speak(SIX)],
        ears=KnowingEars("stop"),
        microphone=SoundSource((1.9, 2.3), length_s=6),
    ).told()
    assert (await replay(story.sink.events)).is_identical


async def test_all_parts_of_speech_are_closed_with_the_session() -> None:
    ears, microphone = KnowingEars(), SoundSource(length_s=1)
    story = await Story(ears=ears, microphone=microphone, num_s=2).told()
    assert story.voice is not None
    assert story.voice.is_closed
    assert ears.is_closed
    assert microphone.is_closed
    assert story.player.is_closed


async def said(*complete: float, pause_s: float) -> tuple[list[str], "Story"]:
    """Say something, pause, go on; give the utterances that were made of it."""
    judge = KnowingJudge(list(complete))
    story = Story(
        ears=KnowingEars("one", "two"),
        microphone=SoundSource((0.5, 1.5), (1.5 + pause_s, 2.5 + pause_s), length_s=6),
        turns=judge,
    )
    await story.told()
    return [event.text for event in story.sink.of(Heard)], story


async def test_who_has_not_finished_is_waited_for_and_who_has_is_answered_soon() -> None:
    assert (await said(0.05, 0.9, pause_s=0.9))[0] == ["one"]
    assert (await said(0.5, 0.9, pause_s=0.9))[0] == ["one", "two"]
    assert (await said(0.9, 0.9, pause_s=0.5))[0] == ["one", "two"]
    assert (await said(0.5, 0.9, pause_s=0.5))[0] == ["one"]


async def test_it_is_judged_once_a_pause_by_all_that_was_said() -> None:
    _, story = await said(0.05, 0.9, pause_s=0.9)
    assert story.turns is not None
    assert story.turns.asked_s == [1.5, 3.4]  # from 0.3 s before it, with 0.2 s of the pause


async def test_what_the_scene_says_and_what_is_said_by_key_is_not_judged() -> None:
    judge = KnowingJudge([0.0])
    story = Story(
        ears=KnowingEars("one"), microphone=SoundSource((0.5, 1.5), length_s=4), turns=judge
    )
    story.session.speech.hold_key(is_down=True)
    await story.told()
    assert judge.asked_s == []

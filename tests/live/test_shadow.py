"""A shadow decides on the same ticks, keeps out of the way, and is never heard."""

from __future__ import annotations

import pytest

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Delegate, Silent, Speak
from onlooker.core.errors import ModelUnavailable
from onlooker.core.event import Closed, Decided, Opened, Skipped
from onlooker.core.ports import ModelTraits, Outcome, Say, Sink
from onlooker.core.prompt import Prompt
from onlooker.evaluate.shadow import against, both
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.live.shadow import Shadow, ShadowPlan
from onlooker.testing.doubles import (
    FrameSource,
    ListSink,
    NoPictures,
    ScriptedModel,
    actions,
    grey,
)

AT_ONCE = ShadowPlan(speed=None)


async def watch(
    live: ScriptedModel, shadow: Shadow, num_ticks: int = 4, ask: str = "tell me when it boils"
) -> ListSink:
    sink = ListSink()
    source = FrameSource([grey(30 * at) for at in range(num_ticks)])
    sinks: dict[str, Sink] = {"list": sink, "shadow": shadow}
    parts = Parts({"pot": source}, live, codec=NoPictures(), sinks=sinks)
    session = Session(parts, LiveSettings(), MediaClock())
    session.instruct(ask)
    await session.run()
    return sink


async def test_a_shadow_decides_on_the_same_ticks_and_nobody_hears_it() -> None:
    live, other = ScriptedModel(Silent(), Speak("It boils.")), ScriptedModel(Speak("Hello."))
    unheard = ListSink()
    shadow = Shadow(other, unheard, AT_ONCE)
    heard = await watch(live, shadow)
    assert actions(heard.events) == ["0 silent", "1 speak It boils.", "2 silent", "3 silent"]
    assert actions(unheard.events) == ["0 speak Hello.", "1 silent", "2 silent", "3 silent"]
    assert shadow.agreement.words().startswith("4 ticks decided by both: both silent 2, both spoke")
    assert (shadow.agreement.num_only_live, shadow.agreement.num_only_shadow) == (1, 1)


async def test_it_reads_its_own_past_and_what_people_say() -> None:
    live, other = ScriptedModel(Speak("Live.")), ScriptedModel(Silent(), Speak("Shadow."))
    await watch(live, Shadow(other, ListSink(), AT_ONCE))
    last = other.prompts[-1]
    assert [turn.decision for turn in last.turns[:2]] == [Silent(), Speak("Shadow.")]
    assert [one.text for one in last.turns[0].instructed] == ["tell me when it boils"]


async def test_it_can_be_asked_something_else() -> None:
    other = ScriptedModel()
    plan = ShadowPlan(ask=("count the cups",), speed=None)
    await watch(ScriptedModel(), Shadow(other, ListSink(), plan))
    asked = [one.text for turn in other.prompts[-1].turns for one in turn.instructed]
    assert asked == ["count the cups"]


async def test_a_shadow_that_fails_costs_the_session_nothing() -> None:
    live, other = ScriptedModel(Speak("a"), Speak("b")), ScriptedModel(ModelUnavailable("down"))
    unheard = ListSink()
    shadow = Shadow(other, unheard, AT_ONCE)
    heard = await watch(live, shadow)
    assert actions(heard.events)[:2] == ["0 speak a", "1 speak b"]
    assert actions(unheard.events)[0] == "0 failed model"
    assert shadow.agreement.num_missed == 1
    assert other.is_closed
    assert other.num_open == 0


class Slow(ScriptedModel):
    """Says what it reads, after a time that its events report."""

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        self.prompts.append(prompt)
        return Outcome(Silent())


async def test_a_slow_shadow_misses_ticks_and_reads_their_words_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    times_s = iter([0.0, 2.5, 10.0, 10.0, 20.0, 20.0])  # the first decision takes 2.5 s
    unheard, other = ListSink(), Slow()
    shadow = Shadow(other, unheard, ShadowPlan(speed=1.0))
    recorded = await watch(ScriptedModel(), Shadow(ScriptedModel(), ListSink(), AT_ONCE), 5)
    monkeypatch.setattr("onlooker.live.loop.perf_counter", lambda: next(times_s))
    for event in recorded.events:
        await shadow.accept(event)
    assert actions(unheard.events) == [
        "0 silent",
        "1 skipped 1 late",
        "2 skipped 1 late",
        "3 silent",
        "4 silent",
    ]
    assert [one.num_skipped for one in unheard.of(Closed)] == [2]
    assert [one.tick for one in unheard.of(Skipped)] == [1, 2]


async def test_its_recording_says_who_it_was_and_scores_like_any_other() -> None:
    live = ScriptedModel(Silent(), Speak("a"), Silent(), Silent(), Silent(), Silent(), Speak("b"))
    other = ScriptedModel(Silent(), Silent(), Speak("a"), Delegate("x", "y"))
    other.traits = ModelTraits("other", ("pictures",))
    unheard = ListSink()
    heard = await watch(live, Shadow(other, unheard, AT_ONCE), 8)
    assert [one.model for one in unheard.of(Opened)] == ["other"]
    assert len(unheard.of(Decided)) == 8
    said, unsaid, duration_s = both(heard.events, unheard.events)
    found = against(said, unsaid, duration_s)
    # Of two things said live one is told a second later; the delegation tells nothing.
    assert (found.counts.due_speak_spoke, found.counts.due_speak_missed) == (1, 1)
    assert found.timings[0].num_counted == 2

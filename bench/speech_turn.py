"""How long from the end of what somebody says to the first sound of the reply? One JSON line a bar.

python -m bench.speech_turn [--turns 20] [--silence-alone]

A session on the world's clock with the embedded voice and ears, and a model that answers at once.
`--silence-alone` leaves out the model that judges whether somebody has finished. Questions are
rendered beforehand and fed to the microphone as it would hear them, 32 ms at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.report import report
from bench.speech import TEXTS, errors, words
from onlooker.core.clock import WallClock
from onlooker.core.decision import Decision, Silent, Speak
from onlooker.core.detectors import TurnJudge
from onlooker.core.event import Decided, Event, Heard, Observed, VoiceEnded
from onlooker.core.media import AudioChunk
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.core.soundtrack import resampled
from onlooker.live.ears import Ears
from onlooker.live.floor import FloorSettings
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.live.speech import SpeechParts
from onlooker.plugins.loader import load
from onlooker.plugins.transcriber.activity import Activity
from onlooker.plugins.transcriber.turn import SmartTurn
from onlooker.testing.doubles import FrameSource, NoPictures, ScriptedModel, grey

RATE_HZ = 16_000
CHUNK = 512
REPLY = "You asked me something, and here is my answer to it, which goes on for a while."


class Answering(ScriptedModel):
    """Answers whoever speaks, at once; says `alert` in the tick after it was set."""

    traits = ModelTraits(name="instant", reads=("pictures",))
    alert = ""

    async def step(self, prompt: Prompt, say: Say) -> Outcome:
        decision: Decision = Silent()
        if any(words.speaker == "user" for words in prompt.now.heard):
            decision = Speak(REPLY)
        elif self.alert:
            decision, self.alert = Speak(self.alert), ""
        if isinstance(decision, Speak):
            await say(decision.text)
        return Outcome(decision)


@dataclass
class Witness:
    """Notes when everything happens, in session time. A sink and a player."""

    clock: WallClock
    latency_s: float = 0.0
    events: list[tuple[float, Event]] = field(default_factory=list)
    sounds_s: list[float] = field(default_factory=list)  # when the first sound of a line came
    flushes_s: list[float] = field(default_factory=list)
    last_s: float = -10.0

    def play(self, chunk: AudioChunk) -> None:
        if chunk.stream != "voice":
            return
        if chunk.start_s > self.last_s + 0.05:
            self.sounds_s.append(max(chunk.start_s, self.clock.now_s()))
        self.last_s = chunk.start_s + chunk.duration_s

    def flush(self, time_s: float) -> None:
        self.flushes_s.append(self.clock.now_s())
        self.last_s = time_s

    async def accept(self, event: Event) -> None:
        self.events.append((self.clock.now_s(), event))

    async def close(self) -> None:
        pass

    def first(self, kind: type[Event], after_s: float) -> tuple[float, Any]:
        found = ((at_s, event) for at_s, event in self.events if isinstance(event, kind))
        return next(((at_s, event) for at_s, event in found if at_s > after_s), (0.0, None))


class Microphone:
    """Feeds silence, and what is to be said when it is to be said, in real time."""

    def __init__(self, session: Session, clock: WallClock) -> None:
        self._session, self._clock = session, clock
        self._waiting = np.zeros(0, np.float32)
        self._noise = np.random.default_rng(0)
        self.begun_s = 0.0

    def say(self, samples_N: npt.NDArray[np.float32]) -> float:
        """Speak from the next chunk on; give the session time at which that begins."""
        self._waiting = samples_N
        return self.begun_s

    async def run(self) -> None:
        start_s = self._clock.now_s()
        for index in count(1):
            self.begun_s = start_s + index * CHUNK / RATE_HZ
            part_N, self._waiting = self._waiting[:CHUNK], self._waiting[CHUNK:]
            chunk_N = self._noise.normal(0, 0.001, CHUNK).astype(np.float32)
            chunk_N[: len(part_N)] += part_N
            await self._clock.sleep_until(start_s + index * CHUNK / RATE_HZ)
            self._session.speech.take_sound(chunk_N, RATE_HZ)


async def rendered(voice: Any, text: str) -> npt.NDArray[np.float32]:
    """Say a text, without the silence around it, at the microphone's rate."""
    chunks = [chunk async for chunk in voice.say(text)]
    samples_N = np.concatenate([chunk.samples_N for chunk in chunks])
    samples_N = resampled(samples_N, chunks[0].rate_hz, RATE_HZ)
    loud = np.flatnonzero(np.abs(samples_N) > 0.02)
    return samples_N[loud[0] : loud[-1]]


def spread(laps_s: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(np.array(laps_s) * 1000, [50, 95])
    return {"p50_ms": round(float(p50)), "p95_ms": round(float(p95))}


async def until(condition: Any, clock: WallClock, limit_s: float) -> None:
    end_s = clock.now_s() + limit_s
    while not condition() and clock.now_s() < end_s:
        await clock.sleep_until(clock.now_s() + 0.01)


async def turns(
    num_turns: int, witness: Witness, microphone: Microphone, spoken: list[Any]
) -> None:
    """Ask, and take the times of each stage; every second reply is interrupted."""
    clock, chance = witness.clock, random.Random(0)  # noqa: S311
    asked: list[tuple[str, float, float]] = []  # text, its end, first sound of the reply
    cut: list[tuple[float, float]] = []  # onset, silence
    num_lost = 0
    for index in range(num_turns):
        await clock.sleep_until(clock.now_s() + 1 + chance.random())
        text, samples_N = spoken[index % len(spoken)]
        asked_s = microphone.say(samples_N)
        end_s = asked_s + len(samples_N) / RATE_HZ
        num_sounds = len(witness.sounds_s)
        await until(lambda n=num_sounds: len(witness.sounds_s) > n, clock, 12.0)
        if len(witness.sounds_s) == num_sounds:
            num_lost += 1
            continue
        sound_s = witness.sounds_s[num_sounds]
        asked.append((text, end_s, sound_s))
        if index % 2:
            await clock.sleep_until(sound_s + 0.8)
            began_s = microphone.say(spoken[0][1][: RATE_HZ // 2])
            num_flushes = len(witness.flushes_s)
            await until(lambda n=num_flushes: len(witness.flushes_s) > n, clock, 3.0)
            if len(witness.flushes_s) > num_flushes:
                cut.append((began_s, witness.flushes_s[num_flushes]))
            # What interrupted is answered, too: the next question does not run into that.
            await until(lambda at=began_s: witness.first(Heard, at)[0], clock, 4.0)
            await clock.sleep_until(clock.now_s() + 1.5)
        ended_s = clock.now_s()
        await until(lambda at=ended_s: witness.first(VoiceEnded, at - 1)[0], clock, 8.0)
    tell(witness, asked, cut, num_lost)


def tell(
    witness: Witness,
    asked: list[tuple[str, float, float]],
    cut: list[tuple[float, float]],
    num_lost: int,
) -> None:
    stages: dict[str, list[float]] = {name: [] for name in ("heard", "next_tick", "voice", "all")}
    num_wrong = num_words = 0
    for text, end_s, sound_s in asked:
        heard_s, heard = witness.first(Heard, end_s)
        tick_s, _ = witness.first(Observed, heard_s)
        if heard is None or heard_s > sound_s:
            num_lost += 1  # cut in two: answered before its end
            continue
        laps_s = (heard_s - end_s, tick_s - heard_s, sound_s - tick_s, sound_s - end_s)
        for name, lap_s in zip(stages, laps_s, strict=True):
            stages[name].append(lap_s)
        num_wrong += errors(words(text), words(heard.text))
        num_words += len(words(text))
    report(
        "speech_turn",
        part="turn",
        num_turns=len(asked),
        num_lost=num_lost,
        wer=round(num_wrong / max(1, num_words), 3),
        **{name: spread(laps_s) for name, laps_s in stages.items()},
    )
    onsets_s = [silent_s - began_s for began_s, silent_s in cut]
    report("speech_turn", part="barge_in", num=len(cut), from_first_sound=spread(onsets_s))


async def alerts(num: int, witness: Witness, model: Answering) -> None:
    """Have an alert decided, and take the time to its first sound."""
    clock, laps_s = witness.clock, list[float]()
    for _ in range(num):
        num_sounds = len(witness.sounds_s)
        model.alert = "The pot on the stove boils over."
        await until(lambda n=num_sounds: len(witness.sounds_s) > n, clock, 5.0)
        spoke = [at_s for at_s, event in witness.events if isinstance(event, Decided)]
        decided_s = max(at_s for at_s in spoke if at_s <= witness.sounds_s[-1] + 0.05)
        laps_s.append(max(0.0, witness.sounds_s[-1] - decided_s))
        await clock.sleep_until(clock.now_s() + 3.0)
    report("speech_turn", part="alert", num=num, to_first_sound=spread(laps_s))


async def main(num_turns: int, judge: TurnJudge | None) -> None:
    voice_kind, ears_kind = load("voice", "hibari"), load("transcriber", "moonshine")
    voice, ears = voice_kind(voice_kind.Settings()), ears_kind(ears_kind.Settings())
    spoken = [(text, await rendered(voice, text)) for text in TEXTS]
    clock, model = WallClock(), Answering()
    witness = Witness(clock)
    source = FrameSource((grey(index % 200) for index in count()), rate_hz=2.0)
    speech = SpeechParts(
        voice=voice,
        players={"witness": witness},
        ears=Ears(ears, Activity, turns=judge),
        floor=FloorSettings(is_full_duplex=True),
    )
    parts = Parts(
        {"pot": source}, model, codec=NoPictures(), speech=speech, sinks={"witness": witness}
    )
    session = Session(parts, LiveSettings(), clock)
    session.instruct("warn me when the pot boils over")
    microphone = Microphone(session, clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(session.run())
        feeding = group.create_task(microphone.run())
        await clock.sleep_until(6.0)  # the weights are loaded
        microphone.say(spoken[0][1])
        await clock.sleep_until(16.0)  # and warm
        report("speech_turn", part="judge", judge="smart turn" if judge else "silence alone")
        await turns(num_turns, witness, microphone, spoken)
        await alerts(max(4, num_turns // 3), witness, model)
        session.stop("all was measured")
        await running
        feeding.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--silence-alone", action="store_true")
    options = parser.parse_args()
    asyncio.run(main(options.turns, None if options.silence_alone else SmartTurn()))

"""From how likely each moment is speech to utterances: rules alone, without sound or models."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from onlooker.core.media import AudioChunk

_MAX_GAP_S = 0.2  # of lost sound, after which an utterance does not go on


@dataclass(frozen=True, slots=True)
class SegmenterSettings:
    """What counts as an utterance."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012

    start_probability: float = 0.5
    """a moment this likely to be speech may begin an utterance"""
    end_probability: float = 0.35
    """a moment less likely than this may end one"""
    min_speech_s: float = 0.06
    """seconds of speech in a row that begin an utterance, and interrupt the voice"""
    hangover_s: float = 0.6
    """seconds of silence that end one"""
    turn_pause_s: float = 0.2
    """pause after which a model, where there is one, judges whether somebody has finished"""
    complete_probability: float = 0.9
    """from here on they have, and `complete_s` of silence are enough"""
    complete_s: float = 0.4
    """seconds of silence that end what is complete; not more than hangover_s"""
    incomplete_probability: float = 0.3
    """below this they have not, and `incomplete_s` of silence are waited for"""
    incomplete_s: float = 1.2
    """seconds of silence that end what is not complete; not less than hangover_s"""
    pre_roll_s: float = 0.3
    """seconds before the beginning that belong to it: soft first sounds"""
    max_utterance_s: float = 30.0
    """an utterance is cut there, and the next begins at once if somebody still speaks"""

    def __post_init__(self) -> None:
        if not 0 < self.end_probability <= self.start_probability < 1:
            raise ValueError(
                f"end_probability={self.end_probability} must be above 0 and at most "
                f"start_probability={self.start_probability}, and that below 1"
            )
        if min(self.min_speech_s, self.hangover_s) <= 0 or self.pre_roll_s < 0:
            raise ValueError("min_speech_s and hangover_s must be above 0, pre_roll_s at least 0")
        if min(self.turn_pause_s, self.complete_s, self.incomplete_s) <= 0:
            raise ValueError("turn_pause_s, complete_s and incomplete_s must be above 0")
        if not 0 <= self.incomplete_probability <= self.complete_probability <= 1:
            raise ValueError(
                f"incomplete_probability={self.incomplete_probability} must be at least 0 and at "
                f"most complete_probability={self.complete_probability}, and that at most 1"
            )
        if self.max_utterance_s <= self.min_speech_s + self.hangover_s + self.pre_roll_s:
            raise ValueError(f"max_utterance_s={self.max_utterance_s} leaves no room for speech")


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Somebody speaks, surely enough to fall silent for."""

    time_s: float  # when they began, as far as known


@dataclass(frozen=True, slots=True, eq=False)
class SpeechPart:
    """The next sound of the utterance; the first has the pre-roll."""

    chunk: AudioChunk


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """They have finished, or the utterance was cut."""

    time_s: float  # of the last speech
    is_cut: bool = False


SpeechNews = SpeechStarted | SpeechPart | SpeechEnded


class Segmenter:
    """Takes the short chunks of one stream in order, each with its probability of speech."""

    def __init__(self, settings: SegmenterSettings) -> None:
        self._settings = settings
        self._wanted_s: float | None = None  # of silence, as it was judged for this pause
        self._before: deque[AudioChunk] = deque()  # not part of an utterance yet
        self._speech_s = 0.0  # of speech in a row, before an utterance
        self._silence_s = 0.0  # in a row, within one
        self._length_s: float | None = None  # of the utterance; None: there is none
        self._end_s: float | None = None  # of what was heard

    @property
    def is_speech(self) -> bool:
        """Whether an utterance goes on."""
        return self._length_s is not None

    @property
    def silence_s(self) -> float:
        """Seconds of silence in a row, within an utterance."""
        return self._silence_s

    @property
    def is_judgement_due(self) -> bool:
        """Whether somebody pauses, and nobody has judged yet if they have finished."""
        is_new = self.is_speech and self._wanted_s is None
        return is_new and self._silence_s >= self._settings.turn_pause_s

    def judge(self, complete: float) -> None:
        """Take how likely they have finished, until they go on."""
        settings = self._settings
        self._wanted_s = settings.hangover_s
        if complete >= settings.complete_probability:
            self._wanted_s = min(settings.complete_s, settings.hangover_s)
        elif complete < settings.incomplete_probability:
            self._wanted_s = max(settings.incomplete_s, settings.hangover_s)

    def hear(self, chunk: AudioChunk, probability: float) -> list[SpeechNews]:
        """Take the next chunk; `probability` of speech in [0, 1]."""
        news: list[SpeechNews] = []
        if self._end_s is not None and abs(chunk.start_s - self._end_s) > _MAX_GAP_S:
            news += self.rest()
        self._end_s = chunk.start_s + chunk.duration_s
        if self._length_s is None:
            return news + self._wait(chunk, probability)
        return news + self._go_on(chunk, probability)

    def rest(self) -> list[SpeechNews]:
        """End what goes on: the sound has ended, or has a hole."""
        news: list[SpeechNews] = []
        if self._length_s is not None and self._end_s is not None:
            news.append(SpeechEnded(self._end_s - self._silence_s, is_cut=True))
        self._reset()
        return news

    def _wait(self, chunk: AudioChunk, probability: float) -> list[SpeechNews]:
        self._before.append(chunk)
        is_likely = probability >= self._settings.start_probability
        self._speech_s = self._speech_s + chunk.duration_s if is_likely else 0.0
        if self._speech_s < self._settings.min_speech_s:
            kept_s = sum(other.duration_s for other in self._before)
            while kept_s > self._settings.pre_roll_s + self._speech_s:
                kept_s -= self._before.popleft().duration_s
            return []
        began_s = chunk.start_s + chunk.duration_s - self._speech_s
        parts = [SpeechPart(other) for other in self._before]
        self._length_s = sum(part.chunk.duration_s for part in parts)
        self._silence_s = 0.0
        self._before.clear()
        return [SpeechStarted(began_s), *parts]

    def _go_on(self, chunk: AudioChunk, probability: float) -> list[SpeechNews]:
        settings = self._settings
        is_silent = probability < settings.end_probability
        self._silence_s = self._silence_s + chunk.duration_s if is_silent else 0.0
        self._wanted_s = self._wanted_s if is_silent else None
        self._length_s = (self._length_s or 0.0) + chunk.duration_s
        news: list[SpeechNews] = [SpeechPart(chunk)]
        is_over = self._silence_s >= (self._wanted_s or settings.hangover_s)
        is_cut = self._length_s + chunk.duration_s > settings.max_utterance_s
        if is_over or is_cut:
            end_s = chunk.start_s + chunk.duration_s
            news.append(SpeechEnded(end_s - self._silence_s, is_cut=not is_over))
            self._reset()
        return news

    def _reset(self) -> None:
        self._before.clear()
        self._speech_s = self._silence_s = 0.0
        self._length_s = self._wanted_s = None

"""Where everything that reaches a session waits for the next tick. Newest wins."""

from __future__ import annotations

from collections import deque
from typing import TypeVar

from onlooker.core.media import AudioChunk, Media, VideoFrame
from onlooker.core.moment import Answer, Instruction, Observation, Tick, Utterance

MAX_SOUND_S = 10.0  # of each stream: sound outlasts a slow model, but not for ever
CANDIDATES = 4  # frames that wait for each one that a tick takes, so that they can lie apart
MAX_WORDS = 64  # utterances, instruction changes and answers of one tick, each


T = TypeVar("T")


class Intake:
    """Short deques, never queues: live video is skipped, never late."""

    def __init__(self, streams: tuple[str, ...], frames_per_tick: int) -> None:
        self._frames_per_tick = frames_per_tick
        self._num_waiting = 1 if frames_per_tick == 1 else CANDIDATES * frames_per_tick
        self._frames: dict[str, deque[VideoFrame]] = {}
        self._sounds: dict[str, deque[AudioChunk]] = {}
        for stream in streams:
            self.add_stream(stream)
        self._heard: deque[Utterance] = deque(maxlen=MAX_WORDS)
        self._instructed: deque[Instruction] = deque(maxlen=MAX_WORDS)
        self._answers: deque[Answer] = deque(maxlen=MAX_WORDS)

    def add_stream(self, stream: str) -> None:
        self._frames[stream] = deque(maxlen=self._num_waiting)
        self._sounds[stream] = deque()

    def remove_stream(self, stream: str) -> None:
        del self._frames[stream], self._sounds[stream]

    def put_media(self, media: Media) -> None:
        if isinstance(media, VideoFrame):
            self._frames[media.stream].append(media)
            return
        sounds = self._sounds[media.stream]
        sounds.append(media)
        while media.start_s + media.duration_s - sounds[0].start_s > MAX_SOUND_S:
            sounds.popleft()

    def put_words(self, words: Utterance | Instruction | Answer) -> None:
        match words:
            case Utterance():
                self._heard.append(words)
            case Instruction():
                self._instructed.append(words)
            case Answer():
                self._answers.append(words)

    @property
    def has_frames(self) -> bool:
        return any(self._frames.values())

    def take(self, tick: Tick) -> Observation:
        """Hand over all that came since the tick before."""
        frames = [
            frame
            for waiting in self._frames.values()
            for frame in _spread(_emptied(waiting), self._frames_per_tick)
        ]
        sounds = [sound for waiting in self._sounds.values() for sound in _emptied(waiting)]
        return Observation(
            tick,
            frames=tuple(sorted(frames, key=lambda frame: frame.time_s)),
            sounds=tuple(sorted(sounds, key=lambda sound: sound.start_s)),
            heard=_emptied(self._heard),
            instructed=_emptied(self._instructed),
            answers=_emptied(self._answers),
        )


def _spread(frames: tuple[VideoFrame, ...], number: int) -> tuple[VideoFrame, ...]:
    """Choose the newest frame, and others as far apart as they come."""
    step = max(1.0, len(frames) / number)
    chosen = {round(len(frames) - 1 - step * index) for index in range(number)}
    return tuple(frame for index, frame in enumerate(frames) if index in chosen)


def _emptied(waiting: deque[T]) -> tuple[T, ...]:
    taken = tuple(waiting)
    waiting.clear()
    return taken

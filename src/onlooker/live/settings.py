"""How a session lives. Read by the configuration, which adds types and refuses unknown keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time

from onlooker.core.moment import Delivery
from onlooker.core.ports import ModelTraits
from onlooker.core.prompt import Persona


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How often to decide, and on how much."""

    # For the configuration, which reads the sentences below each field as its help.
    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012

    period_s: float = 1.0
    """seconds from one decision to the next"""
    window_ticks: int = 100
    """seconds of video that a prompt holds at most; older ones are memory's"""
    carry_ticks: int = 10
    """ticks that stay when a full window is turned over"""
    frames_per_tick: int = 1
    """pictures of each stream in a tick, the newest ones"""
    persona: Persona = "default"
    """silent: speaks only when asked to; default: when it matters; talkative: comments freely"""
    gate: bool = False
    """skip the model while no picture changes and nobody says anything; not for timed tasks"""
    gate_difference: float = 6.0
    """what counts as a change: luma levels from 0 to 255, see core/difference.py"""
    num_exchanges: int = 20
    """things said that are kept in the prompt after their pictures are gone"""
    max_instructions: int = 32
    """standing instructions at once"""
    mid_summaries: int = 5
    """summaries of windows that memory holds before it merges them into a block"""
    long_blocks: int = 15
    """blocks that memory holds; the oldest is only found by search after that"""
    memory_tokens: int = 6000
    """of all that memory writes at the head of a prompt"""
    recall_tokens: int = 300
    """of the evidence that is found for one question"""
    language: str = ""
    """of summaries and of the brain's answers, such as 'zh'; empty: that of who asks"""
    lost_after_s: float = 3.0
    """a live stream without a frame for so long is lost"""
    frozen_after_s: float = 3.0
    """a camera that shows exactly the same picture for so long is frozen"""
    dark_after_s: float = 2.0
    """a camera that sees nothing but dark for so long is blind"""

    def __post_init__(self) -> None:
        for name in ("period_s", "lost_after_s", "frozen_after_s", "dark_after_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} must be above 0")
        if self.frames_per_tick < 1 or self.max_instructions < 1 or self.num_exchanges < 0:
            raise ValueError("frames_per_tick and max_instructions start at 1, num_exchanges at 0")
        if self.mid_summaries < 1 or self.long_blocks < 1 or self.recall_tokens < 50:
            raise ValueError("mid_summaries and long_blocks start at 1, recall_tokens at 50")
        if (least := 100 * (self.mid_summaries + self.long_blocks)) > self.memory_tokens:
            raise ValueError(
                f"memory_tokens={self.memory_tokens} is too little for mid_summaries and "
                f"long_blocks: at least {least}"
            )
        if not 0 <= self.carry_ticks < self.window_ticks:
            raise ValueError(
                f"carry_ticks={self.carry_ticks} must be at least 0 and below "
                f"window_ticks={self.window_ticks}"
            )


def fitted(settings: LiveSettings, traits: ModelTraits) -> LiveSettings:
    """Shorten the window to what a model was made for; a shorter one stays as it is."""
    if not 0 < traits.window_ticks < settings.window_ticks:
        return settings
    return replace(settings, window_ticks=traits.window_ticks, carry_ticks=traits.carry_ticks)


@dataclass(frozen=True, slots=True)
class TaskSettings:
    """What a session may ask of its brain. 0 means no limit where a limit says so."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012

    timeout_s: float = 600.0
    """seconds for one task, after which nobody waits for it any more"""
    max_running: int = 2
    """tasks that are worked on at once"""
    max_waiting: int = 8
    """tasks that wait for their turn; more are refused"""
    max_tasks: int = 1000
    """tasks of one session; 0: no limit"""
    max_tokens: int = 0
    """tokens of one session, as far as the brain counts them; 0: no limit"""
    max_cost: float = 0.0
    """cost of one session, in the currency of the brain's prices; 0: no limit"""
    num_pictures: int = 8
    """newest pictures of each stream that go with a task; 0: none"""
    max_picture_bytes: int = 8_000_000
    """of all pictures of a task; the oldest are left out"""
    num_said: int = 20
    """newest things said that go with a task"""
    language: str = ""
    """of answers, such as 'en'; empty: that of the question"""
    delivery: Delivery = "when_idle"
    """interrupt: told at once; when_idle: at a fitting moment; silent: only if somebody asks"""
    max_digest: int = 3500
    """characters of an answer that the model reads; the whole is stored"""
    max_answer_bytes: int = 8_388_608
    """of a whole answer; a brain that sends more has failed"""
    folder: str = ""
    """for what is too long to be said; empty: onlooker/artefacts in the user's state folder"""
    max_folder_bytes: int = 1_000_000_000
    """size of that folder; the oldest files make room"""

    def __post_init__(self) -> None:
        for name in ("timeout_s", "max_running", "max_digest", "max_answer_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)} must be above 0")
        for name in ("max_waiting", "max_tasks", "max_tokens", "max_cost", "num_pictures"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 0")
        for name in ("max_picture_bytes", "num_said", "max_folder_bytes"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 0")


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """What is heard of whom, and when to be quiet."""

    __pydantic_config__ = {"extra": "forbid", "use_attribute_docstrings": True}  # noqa: RUF012

    scene: bool = True
    """understand speech in the streams' own sound: overheard, never obeyed"""
    wake_words: tuple[str, ...] = ()
    """only what begins with one of them is meant for us; none: everything the microphone hears"""
    guess_pause_s: float = 0.2
    """pause after which an utterance is understood, in case it ends there; 0: not before its end"""
    understand_s: float = 10.0
    """seconds after its end in which an utterance must be understood"""
    quiet_from: str = ""
    """local time at which quiet hours begin, such as 22:00; empty: there are none"""
    quiet_to: str = ""
    """local time at which they end"""

    def __post_init__(self) -> None:
        if self.guess_pause_s < 0 or self.understand_s <= 0:
            raise ValueError("guess_pause_s must be at least 0, understand_s above 0")
        if bool(self.quiet_from) != bool(self.quiet_to):
            raise ValueError("quiet hours need quiet_from and quiet_to, such as 22:00 and 07:00")
        if self.quiet_hours and self.quiet_from == self.quiet_to:
            raise ValueError(f"quiet_from and quiet_to are both {self.quiet_from}")

    @property
    def quiet_hours(self) -> tuple[time, time] | None:
        """When to be quiet, as times of day."""
        if not self.quiet_from:
            return None
        return time.fromisoformat(self.quiet_from), time.fromisoformat(self.quiet_to)

"""Errors that are ours to explain. Anything else is a bug and keeps its traceback."""

from __future__ import annotations

from collections.abc import Iterable


class OnlookerError(Exception):
    """Says what happened, the value, what was expected and what to do, in one line."""


class MalformedDecision(OnlookerError, ValueError):
    """A model wrote something that is none of the three decisions. Never spoken."""

    def __init__(self, output: str, why: str) -> None:
        shown = output if len(output) <= 120 else f"{output[:117]}..."
        super().__init__(
            f"the model wrote {shown!r}: {why}; expected '</silence>', '</response> TEXT' "
            f"or '</response> NOTE </delegation> QUESTION'"
        )
        self.output = output
        self.why = why


class ModelUnavailable(OnlookerError):
    """A model gave no decision in time. Costs one tick."""


class PerceptionFailed(OnlookerError):
    """A tick's pictures could not be encoded or looked at. Costs one tick."""


class SourceFailed(OnlookerError):
    """A source cannot be opened or read, and trying again will not help."""


class SourceRefused(OnlookerError):
    """A source lies outside what the settings allow."""


class BadRecording(OnlookerError):
    """A recording on disk cannot be read."""


class SinkFailed(OnlookerError):
    """An event could not be handed on. Costs that event."""


class BadSettings(OnlookerError):
    """The settings do not fit each other, or not what is installed."""


class UnknownInstruction(OnlookerError, KeyError):
    """No standing instruction has this id."""

    def __init__(self, instruction_id: str, known: Iterable[str]) -> None:
        self.message = (
            f"no standing instruction has the id {instruction_id!r}; "
            f"known: {', '.join(known) or 'none'}"
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        # KeyError would show the repr of the sentence.
        return self.message


class BrainFailed(OnlookerError):
    """A task came to no answer. `spoken` is what may be said of it: no address, no details."""

    def __init__(self, message: str, spoken: str = "the background brain failed") -> None:
        super().__init__(message)
        self.spoken = spoken


class MemoryFailed(OnlookerError):
    """Something could not be remembered, summarised or found. Never costs a tick."""


class VoiceFailed(OnlookerError):
    """Something could not be spoken. Costs that line; its caption stays."""


class TranscriberFailed(OnlookerError):
    """Something that was said could not be understood. Costs that utterance."""


class JudgeUnavailable(OnlookerError):
    """A judge gave no grade. Costs that grade: it is counted and listed."""


class UnknownTask(OnlookerError, KeyError):
    """No task of this id is pending."""

    def __init__(self, task_id: str, pending: Iterable[str]) -> None:
        self.message = (
            f"no task with the id {task_id!r} is pending; pending: {', '.join(pending) or 'none'}"
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class UnknownPlugin(OnlookerError):
    """The settings name a plug-in that is not installed."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        installed = ", ".join(sorted(known)) or "none"
        super().__init__(
            f"no {kind} plug-in is called {name!r}; installed: {installed}. "
            f"Install one, or name its class as 'package.module:Class'."
        )

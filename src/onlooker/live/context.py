"""Turns in, prompt out. It grows at its end only, until the window turns over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

from onlooker.core.decision import Decision, Delegate, Silent, Speak
from onlooker.core.moment import CutShort, Instruction
from onlooker.core.prompt import (
    Exchange,
    PendingTask,
    Persona,
    Prompt,
    Turn,
    exchanges_of,
    fold,
    still_pending,
)
from onlooker.live.settings import LiveSettings
from onlooker.live.tally import Tally

MAX_POSTPONED = 64  # utterances and answers that wait for a model that is down, each


class Context:
    """What one session's model may know. Bounded: window, exchanges, instructions.

    Each turn goes `ask`, then `settle` with its decision, or `postpone` after a failure.
    """

    def __init__(self, settings: LiveSettings) -> None:
        self._settings = settings
        self.persona: Persona = settings.persona  # a change costs the caches, and acts at once
        self._turns: list[Turn] = []
        self._digests: list[bytes] = []  # of the turns, each made once
        self._exchanges: deque[Exchange] = deque(maxlen=settings.num_exchanges)
        self._standing: dict[str, Instruction] = {}  # when the window began
        self._pending: dict[str, PendingTask] = {}  # when the window began
        self._memory: tuple[str, ...] = ()
        self._num_closed = 0  # turns of this window that were taken for a summary
        self._unheard: Turn | None = None  # a failed turn, whose words must not be lost
        self._tally = Tally()

    @property
    def is_full(self) -> bool:
        """Whether the next turn turns the window over."""
        return len(self._turns) >= self._settings.window_ticks

    @property
    def start_s(self) -> float:
        """When the window begins; infinity while it holds nothing."""
        return self._turns[0].tick.start_s if self._turns else float("inf")

    def take_leaving(self, *, is_last: bool = False) -> tuple[Turn, ...]:
        """Give the turns that leave with the next turnover, once each, when they are complete.

        `is_last`: there will be no turnover any more; give all that were not given.
        """
        end = len(self._turns) if is_last else self._num_leaving
        if len(self._turns) < end or self._num_closed >= end:
            return ()
        taken = tuple(self._turns[self._num_closed : end])
        self._num_closed = end
        return taken

    def ask(self, turn: Turn, memory: tuple[str, ...] | None = None) -> Prompt:
        """Append an undecided turn and give the prompt that asks for its decision.

        The words of postponed turns come back in this one. `memory` takes the place of what was
        remembered so far; give it on the first turn or on a turnover, for the sake of caches.
        """
        turn = self._with_unheard(turn)
        turn = replace(turn, noted=self._tally.note(turn))
        self._unheard = None
        if self.is_full:
            self._turn_over()
        if memory is not None:
            self._memory = memory
        self._turns.append(turn)
        return Prompt(
            persona=self.persona,
            turns=tuple(self._turns),
            standing=tuple(self._standing.values()),
            memory=self._memory,
            exchanges=tuple(self._exchanges),
            pending=tuple(self._pending.values()),
        )

    def settle(self, decision: Decision) -> None:
        """Write the decision into the last turn."""
        self._turns[-1] = replace(self._turns[-1], decision=decision)
        del self._digests[len(self._turns) - 1 :]

    def amend(self, cuts: Iterable[CutShort]) -> None:
        """Leave of what was said only what was heard; what nobody heard was not said."""
        known = {turn.tick.index: index for index, turn in enumerate(self._turns)}
        for cut in cuts:
            if (index := known.get(cut.tick)) is None:
                continue  # its turn has gone
            turn = self._turns[index]
            match turn.decision:
                case Speak():
                    decision: Decision = Speak(cut.heard) if cut.heard else Silent()
                case Delegate(text, question):
                    decision = Delegate(cut.heard or text, question)
                case _:
                    continue
            self._turns[index] = replace(turn, decision=decision)
            del self._digests[index:]

    def postpone(self, turn: Turn) -> None:
        """Keep the words of a turn that came to no decision for the next one; drop the rest.

        No turn stays in the prompt without its decision, and nothing said is lost.
        """
        if self._turns and self._turns[-1].decision is None:
            self._unheard = self._turns.pop()
            del self._digests[len(self._turns) :]
        else:
            self._unheard = self._with_unheard(turn)

    def digest(self) -> str:
        """Name the whole prompt by its content: 32 hexadecimal digits."""
        known = (self._standing.values(), self._exchanges, self._pending.values())
        head = repr((self.persona, *map(list, known), *self._memory))
        self._digests += [turn.digest for turn in self._turns[len(self._digests) :]]
        return blake2b(b"".join([head.encode(), *self._digests]), digest_size=16).hexdigest()

    def _with_unheard(self, turn: Turn) -> Turn:
        """Put the words of postponed turns before a turn's own; the newest, if many failed."""
        lost = self._unheard
        if lost is None:
            return turn
        latest = {change.id: change for change in (*lost.instructed, *turn.instructed)}
        return replace(
            turn,
            heard=(*lost.heard, *turn.heard)[-MAX_POSTPONED:],
            instructed=tuple(latest.values()),
            answers=(*lost.answers, *turn.answers)[-MAX_POSTPONED:],
            recalled=(*lost.recalled, *turn.recalled)[-MAX_POSTPONED:],
        )

    @property
    def _num_leaving(self) -> int:
        return self._settings.window_ticks - self._settings.carry_ticks

    def _turn_over(self) -> None:
        """Keep the newest turns; what was said in the others stays as words."""
        cut = self._num_leaving
        self._num_closed = 0
        gone, self._turns = self._turns[:cut], self._turns[cut:]
        self._digests = self._digests[cut:]
        for turn in gone:
            self._standing = fold(self._standing, turn.instructed)
            self._exchanges.extend(exchanges_of(turn))
            self._pending = still_pending(self._pending, turn)

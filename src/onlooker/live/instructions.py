"""The standing instructions of a session: several at once, each with its id, time and state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from onlooker.core.errors import BadSettings, UnknownInstruction
from onlooker.core.moment import Instruction, InstructionState


class Instructions:
    """Knows what stands now; every change goes to the next tick through `tell`."""

    def __init__(self, max_instructions: int, tell: Callable[[Instruction], None]) -> None:
        self._max = max_instructions
        self._tell = tell
        self._known: dict[str, Instruction] = {}
        self._num_named = 0

    @property
    def known(self) -> tuple[Instruction, ...]:
        """All that stand or are paused, in the order in which they were given."""
        return tuple(self._known.values())

    @property
    def standing(self) -> tuple[Instruction, ...]:
        return tuple(known for known in self._known.values() if known.state == "standing")

    def put(self, text: str, since_s: float, instruction_id: str | None = None) -> Instruction:
        """Add an instruction, or replace the one with this id.

        Raises:
            BadSettings: too many stand already.
        """
        instruction_id = instruction_id or self._free_id()
        if instruction_id not in self._known and len(self._known) >= self._max:
            raise BadSettings(
                f"{len(self._known)} instructions stand already, which is max_instructions: "
                f"remove one first, or raise it"
            )
        return self._change(Instruction(instruction_id, text, since_s))

    def restore(self, instruction: Instruction) -> None:
        """Take up an instruction that stood or was paused in an earlier session."""
        if len(self._known) < self._max:
            self._change(instruction)

    def set_state(self, instruction_id: str, state: InstructionState) -> Instruction:
        """Pause an instruction, let it stand again, or remove it.

        Raises:
            UnknownInstruction: no instruction has this id.
        """
        if instruction_id not in self._known:
            raise UnknownInstruction(instruction_id, self._known)
        return self._change(replace(self._known[instruction_id], state=state))

    def _change(self, instruction: Instruction) -> Instruction:
        if instruction.state == "removed":
            del self._known[instruction.id]
        else:
            self._known[instruction.id] = instruction
        self._tell(instruction)
        return instruction

    def _free_id(self) -> str:
        while True:
            self._num_named += 1
            if (name := f"i{self._num_named}") not in self._known:
                return name

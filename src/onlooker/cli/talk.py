"""What a person types while a session runs."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING

from onlooker.core.errors import OnlookerError
from onlooker.core.moment import Delivery, InstructionState

if TYPE_CHECKING:
    from onlooker.live.session import Session

HELP = """type a question, or:
  /add TEXT         a standing instruction
  /replace ID TEXT  another text for an instruction
  /pause ID, /resume ID, /remove ID
  /list             the instructions, with their ids
  /tasks            what the background brain still works on
  /cancel ID        withdraw a question from it
  /deliver ID HOW   how its answer is told: interrupt, when_idle, silent
  /quit"""


DELIVERIES: dict[str, Delivery] = {
    "interrupt": "interrupt",
    "when_idle": "when_idle",
    "silent": "silent",
}
STATES: dict[str, InstructionState] = {
    "/pause": "paused",
    "/resume": "standing",
    "/remove": "removed",
}


def listen(session: Session, running: asyncio.AbstractEventLoop) -> None:
    """Obey standard input, line by line, from a thread that ends with the process."""

    def read() -> None:
        for line in sys.stdin:
            running.call_soon_threadsafe(_obey_and_print, session, line)

    threading.Thread(target=read, name="talk", daemon=True).start()


def obey(session: Session, line: str) -> str:
    """Do what a line says, and give what there is to say about it."""
    line = line.strip()
    command, _, rest = line.partition(" ")
    instruction_id, _, text = rest.strip().partition(" ")
    reply = ""
    match command:
        case "/add" if instruction_id:
            reply = f"{session.instruct(rest.strip()).id} stands"
        case "/replace" if text.strip():
            reply = f"{session.instruct(text.strip(), instruction_id).id} is replaced"
        case "/pause" | "/resume" | "/remove" if instruction_id:
            changed = session.set_instruction(instruction_id, STATES[command])
            reply = f"{changed.id} is {changed.state}"
        case "/list":
            known = [f"{known.id} ({known.state}): {known.text}" for known in session.instructions]
            reply = "\n".join(known) or "no instructions"
        case "/tasks" | "/cancel" | "/deliver":
            reply = _obey_about_tasks(session, command, instruction_id, text.strip())
        case "/quit":
            session.stop("you said /quit")
        case _ if line.startswith("/"):
            reply = HELP
        case _ if line:
            session.hear(line)
    return reply


def _obey_about_tasks(session: Session, command: str, task_id: str, how: str) -> str:
    if command == "/cancel" and task_id:
        session.cancel_task(task_id)
        return f"{task_id} is withdrawn"
    if command == "/deliver" and how in DELIVERIES:
        session.deliver_task(task_id, DELIVERIES[how])
        return f"{task_id} will be told: {how}"
    pending = [
        f"{task.id} ({task.state}): {task.question} {task.progress}".rstrip()
        for task in session.tasks
    ]
    return "\n".join(pending) or "no tasks"


def _obey_and_print(session: Session, line: str) -> None:
    try:
        reply = obey(session, line)
    except OnlookerError as error:
        reply = str(error)
    if reply:
        print(reply, file=sys.stderr)  # noqa: T201

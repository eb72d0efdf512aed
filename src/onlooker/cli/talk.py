"""What a person types while a session runs."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING

from onlooker.core.errors import OnlookerError

if TYPE_CHECKING:
    from onlooker.live.session import Session

HELP = """type a question, or:
  /add TEXT         a standing instruction
  /replace ID TEXT  another text for an instruction
  /pause ID, /resume ID, /remove ID
  /list             the instructions, with their ids
  /quit"""


def listen(session: Session, running: asyncio.AbstractEventLoop) -> None:
    """Obey standard input, line by line, from a thread that ends with the process."""

    def read() -> None:
        for line in sys.stdin:
            running.call_soon_threadsafe(_obey_and_print, session, line)

    threading.Thread(target=read, name="talk", daemon=True).start()


def obey(session: Session, line: str) -> str:
    """Do what a line says, and give what there is to say about it."""
    line = line.strip()
    if not line.startswith("/"):
        if line:
            session.hear(line)
        return ""
    command, _, rest = line.partition(" ")
    first, _, text = rest.strip().partition(" ")
    match command:
        case "/add" if rest.strip():
            return f"{session.instruct(rest.strip()).id} stands"
        case "/replace" if first and text.strip():
            return f"{session.instruct(text.strip(), first).id} is replaced"
        case "/pause" if first:
            return f"{session.set_instruction(first, 'paused').id} is paused"
        case "/resume" if first:
            return f"{session.set_instruction(first, 'standing').id} stands again"
        case "/remove" if first:
            return f"{session.set_instruction(first, 'removed').id} is removed"
        case "/list":
            known = [f"{known.id} ({known.state}): {known.text}" for known in session.instructions]
            return "\n".join(known) or "no instructions"
        case "/quit":
            session.stop("you said /quit")
            return ""
    return HELP


def _obey_and_print(session: Session, line: str) -> None:
    try:
        reply = obey(session, line)
    except OnlookerError as error:
        reply = str(error)
    if reply:
        print(reply, file=sys.stderr)  # noqa: T201

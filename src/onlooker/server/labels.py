"""What people think of a second: kept for training, beside the recording if there is one."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from onlooker.server.held import Held

Label = Literal["useful", "false_alarm", "missed"]
FILE = "labels.jsonl"


async def keep_label(folder: Path, held: Held, tick: int, label: Label, note: str = "") -> None:
    """Keep a person's judgement of a second, as a line of JSON.

    `folder` is the server's; without a recording the line goes to `labels/SESSION` in it.
    """
    second = next((second for second in held.kept.seconds if second.tick == tick), None)
    line = {
        "session": held.id,
        "tick": tick,
        "time_s": second.time_s if second else None,
        "label": label,
        "note": note,
        "decided": second.what if second else None,
        "text": second.text if second else None,
        "labelled": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    await asyncio.to_thread(_append, held.recording or folder / "labels" / held.id, line)


def _append(folder: Path, line: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")

"""Which parts can work together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from onlooker.core.clock import SessionClock
from onlooker.core.errors import BadSettings
from onlooker.core.ports import Source

if TYPE_CHECKING:
    from onlooker.live.session import Parts


def check_fit(parts: Parts, clock: SessionClock) -> None:
    """Refuse parts that cannot work together.

    Raises:
        BadSettings: says in a sentence which ones, and what to change.
    """
    made = {"pictures": parts.codec is not None, "scene": parts.perception is not None}
    reads = parts.model.traits.reads
    if not any(made[kind] for kind in reads):
        raise BadSettings(
            f"the model {parts.model.traits.name!r} reads {' or '.join(reads)}, and nothing here "
            f"makes that: choose a {'perception' if 'scene' in reads else 'codec'}"
        )
    check_pace(parts.sources, clock)


def check_pace(sources: Mapping[str, Source], clock: SessionClock) -> None:
    """Refuse live sources at another speed than the world's.

    Raises:
        BadSettings: says which ones.
    """
    live = [stream for stream, source in sources.items() if source.traits.is_live]
    if live and clock.speed != 1:
        raise BadSettings(
            f"{', '.join(live)} is live and happens at speed 1, not at "
            f"{clock.speed or 'max'}: use speed 1, or a file"
        )

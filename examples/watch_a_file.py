"""Watch a file from Python, and act on what is said.

python examples/watch_a_file.py clip.mp4 http://127.0.0.1:8000/v1
"""

import asyncio
import sys

from onlooker.core.clock import MediaClock
from onlooker.core.decision import Speak
from onlooker.core.event import Decided, Event
from onlooker.live.session import Parts, Session
from onlooker.live.settings import LiveSettings
from onlooker.plugins.codec.jpeg import JpegCodec
from onlooker.plugins.model.openai import OpenAIModel
from onlooker.plugins.source.file import FileSource


class Print:
    """A sink: everything that happens comes here, as an event."""

    async def accept(self, event: Event) -> None:
        if isinstance(event, Decided) and isinstance(event.decision, Speak):
            print(f"{event.time_s:6.1f} s  {event.decision.text}")

    async def close(self) -> None:
        pass


async def main(path: str, url: str) -> None:
    parts = Parts(
        sources={"file": FileSource(path, FileSource.Settings())},
        codec=JpegCodec(JpegCodec.Settings()),
        model=OpenAIModel(OpenAIModel.Settings(url=url)),
        sinks={"print": Print()},
    )
    # A media clock reads as fast as decisions come; WallClock() plays at the file's own pace.
    session = Session(parts, LiveSettings(), MediaClock())
    session.instruct("tell me when the scene changes")
    closed = await session.run()
    print(f"{closed.num_decided} decisions")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))

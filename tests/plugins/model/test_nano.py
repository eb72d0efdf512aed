import asyncio
import sys
from pathlib import Path

import pytest

from onlooker.assemble import model_of
from onlooker.config import load_settings
from onlooker.core.errors import BadSettings
from onlooker.core.event import Decided, Speaking
from onlooker.core.prompt import Prompt
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.evaluate.replay import play
from onlooker.plugins.loader import load
from onlooker.plugins.model.nano import NanoModel, NanoSettings
from tests.model.nano_weights import write_nano


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_nano(tmp_path_factory.mktemp("nano")))


async def test_it_plays_a_stream_and_says_how_likely_speech_was(weights: str) -> None:
    model = NanoModel(NanoSettings(weights=weights, max_tokens=16))
    turns = make_stream(Recipe("several", "train", 0, 0)).turns[:30]
    played = await play(turns, model)
    decided = [event for event in played.events if isinstance(event, Decided)]
    assert decided
    assert all(event.speak_probability is not None for event in decided)
    assert all(0 <= (event.speak_probability or 0) <= 1 for event in decided)
    said = [event.text for event in played.events if isinstance(event, Speaking)]
    texts = [getattr(event.decision, "text", "") for event in decided]
    assert said == [text for text in texts if text]


async def test_two_sessions_share_weights_and_nothing_else(weights: str) -> None:
    model = NanoModel(NanoSettings(weights=weights, max_tokens=16))
    turns = make_stream(Recipe("chat", "train", 0, 0)).turns[:10]
    alone = await play(turns, model)
    async with asyncio.TaskGroup() as group:
        both = [group.create_task(play(turns, model)) for _ in range(2)]
    for one in both:
        found, expected = (
            [event.decision for event in played.events if isinstance(event, Decided)]
            for played in (one.result(), alone)
        )
        assert found == expected


async def test_a_cancelled_decision_stops_and_harms_no_later_one(weights: str) -> None:
    session = await NanoModel(NanoSettings(weights=weights, talkativeness=0)).open()
    prompt = Prompt("default", make_stream(Recipe("time", "train", 0, 0)).turns[:20])

    async def say(text: str) -> None:
        raise AssertionError(text)

    async with asyncio.TaskGroup() as group:
        deciding = group.create_task(session.decide(prompt, say))
        await asyncio.sleep(0)
        deciding.cancel()
    assert (await session.decide(prompt, say)).usage.prompt_tokens
    await session.close()


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith("onlooker.model.nano"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(BadSettings, match=r"needs tokenizers: pip install 'onlooker\[scenes\]'"):
        NanoModel(NanoSettings())


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    settings = load_settings(None, ["model.use=nano", f'model.nano.weights="{tmp_path}"'])
    with pytest.raises(BadSettings, match=r"config\.json cannot be read"):
        model_of(settings)


def test_it_is_installed_under_its_name() -> None:
    assert load("model", "nano") is NanoModel

"""`motion` tells what is true of the pictures: scenes are drawn with known movement."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from onlooker.core.decision import Delegate, Speak, parse_decision
from onlooker.testing.server import PictureServer
from tests.testing.chat_requests import Client, Pixels, talk, user

SPEECH = "</response> "
Scene = Callable[[int], Pixels]


def room(seed: int = 3, level: float = 1.0) -> Pixels:
    """A still picture with some detail."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 160, (6, 8, 3)).repeat(40, axis=0).repeat(40, axis=1)
    return np.asarray(np.clip(coarse * level, 0, 255), np.uint8)


def with_box(background_HWC: Pixels, left_px: int, top_px: int, side_px: int = 50) -> Pixels:
    drawn = background_HWC.copy()
    drawn[top_px : top_px + side_px, left_px : left_px + side_px] = (250, 250, 250)
    return drawn


async def told(scene: Scene, num_seconds: int, *first: str) -> list[tuple[int, str]]:
    """Play a scene, a picture a second, and list what is said, and when."""
    noise = np.random.default_rng(1)
    turns: list[dict[str, Any] | str] = []
    spoken = []
    async with PictureServer("motion") as server, Client(server) as client:
        for second in range(num_seconds):
            sensor = noise.normal(0, 3, (240, 320, 3))
            pixels_HWC = np.clip(scene(second) + sensor, 0, 255).astype(np.uint8)
            turns.append(user(*(first if second == 0 else ()), pixels_HWC))
            answer = await client.ask(talk(*turns))
            turns.append(answer)
            if answer != "</silence>":
                spoken.append((second, answer.removeprefix(SPEECH)))
    assert server.violations == []
    return spoken


async def test_a_still_picture_with_sensor_noise_is_passed_over_in_silence() -> None:
    assert await told(lambda _: room(), 12) == []


@pytest.mark.parametrize(
    ("left_px", "top_px", "place"),
    [
        (10, 95, "on the left"),
        (240, 95, "on the right"),
        (135, 95, "in the middle"),
        (135, 5, "at the top"),
        (240, 180, "at the bottom right"),
    ],
)
async def test_a_movement_is_told_when_it_begins_where_it_is_and_when_it_ends(
    left_px: int, top_px: int, place: str
) -> None:
    def scene(second: int) -> Pixels:
        shift = 8 * (second % 2) if 5 <= second < 10 else 0
        return with_box(room(), left_px + shift, top_px + shift // 2, 56)

    assert await told(scene, 16) == [
        (5, f"Something starts to move {place}."),
        (12, "The movement has stopped."),
    ]


async def test_a_movement_that_crosses_the_picture_is_followed_at_a_sensible_rate() -> None:
    spoken = await told(lambda second: with_box(room(), 12 * second, 95), 20)
    assert spoken[0] == (1, "Something is moving on the left.")
    assert spoken[-1][1] == "The movement is now on the right."
    gaps = [later - before for (before, _), (later, _) in pairwise(spoken)]
    assert min(gaps) >= 4


async def test_a_cut_is_told_with_the_new_colour() -> None:
    green = np.zeros((240, 320, 3), np.uint8) + np.asarray([20, 160, 30], np.uint8)
    assert await told(lambda second: room() if second < 5 else with_box(green, 60, 60), 9) == [
        (5, "The whole picture has changed; it is mostly green now.")
    ]


async def test_the_light_is_told_and_is_no_movement() -> None:
    def scene(second: int) -> Pixels:
        return room(level=1.0 if second < 3 or second >= 8 else 0.6)

    assert await told(scene, 12) == [(3, "It has become darker."), (8, "It has become brighter.")]


async def test_an_instruction_limits_what_is_told() -> None:
    def scene(second: int) -> Pixels:
        return with_box(room(level=0.6 if second >= 8 else 1.0), 8 * (second % 2), 95)

    assert await told(scene, 12, "Instruction a, from now on: tell me when it gets dark") == [
        (8, "It has become darker.")
    ]


async def test_a_question_of_the_eye_is_answered_and_another_delegated() -> None:
    blue = np.zeros((240, 320, 3), np.uint8) + np.asarray([20, 30, 200], np.uint8)
    async with PictureServer("motion") as server, Client(server) as client:
        seen = await client.ask(talk(user("The user says: what do you see?", blue)))
        hard = await client.ask(talk(user("The user says: who won in 1966?", blue)))
    assert parse_decision(seen) == Speak("I see a plain picture of dark light, mostly blue.")
    assert parse_decision(hard) == Delegate(
        "I cannot tell that by looking, so I pass it on.", "who won in 1966?"
    )


async def test_a_question_about_the_past_is_answered_with_what_was_recalled() -> None:
    blue = np.zeros((240, 320, 3), np.uint8) + np.asarray([20, 30, 200], np.uint8)
    recalled = "You recall: <4.0 seconds> a dog ran by\nYou recall: <9.0 seconds> a van left"
    asked = f"{recalled}\nThe user says: when did the van leave?"
    async with PictureServer("motion") as server, Client(server) as client:
        told = await client.ask(talk(user(asked, blue)))
        nothing = await client.ask(talk(user("The user says: when did the van leave?", blue)))
    assert parse_decision(told) == Speak("I remember: 9.0 seconds a van left")
    assert isinstance(parse_decision(nothing), Delegate)


async def test_probability_grows_with_the_movement() -> None:
    shares = []
    async with PictureServer("motion") as server, Client(server) as client:
        for side_px in (0, 12, 30, 80):
            await client.ask(talk(user(room()), user(with_box(room(), 100, 80, side_px))))
        for received in server.received:
            assert received.verdict is not None
            shares.append(received.verdict.speak_probability)
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert shares[-1] > 0.9

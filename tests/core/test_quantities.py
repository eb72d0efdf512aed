import pytest

from onlooker.core.quantities import count_named, duration_named


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Tell me every 7 seconds.", 7),
        ("ping every 10s", 10),
        ("timer 90 sec", 90),
        ("Wake me in half an hour.", 1800),
        ("every two minutes, please", 120),
        ("a 30-second timer", 30),
        ("Every minute, look.", 60),
        ("if he stays twenty-five seconds", 25),
        ("in 1.5 minutes", 90),
        ("wait a second", 1),
        ("as soon as a dog stays 20 s", 20),
        ("in 20 secnods", 20),
        ("every 5 minuts", 300),
        ("2 sections further", None),
        ("Tell me when 3 dogs have come.", None),
        ("the second car", None),
        ("", None),
    ],
)
def test_the_first_duration_is_read_in_seconds(text: str, seconds: float | None) -> None:
    assert duration_named(text) == seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Tell me when 3 dogs have come.", 3),
        ("at the 4th car", 4),
        ("the third person", 3),
        ("after five forks", 5),
        ("the second 3 forks are there", 3),
        ("when a dog comes", None),
        ("if one comes", None),
        ("count 12 cars within 30 seconds", 12),
        ("every 30 seconds", None),
    ],
)
def test_the_first_number_that_is_no_duration_is_a_count(text: str, number: int | None) -> None:
    assert count_named(text) == number

from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.memory import Evidence, estimate_tokens
from onlooker.live.tiers import Paragraph, Tiers, span


def closed(number: int, text: str = "", *, is_final: bool = True) -> Paragraph:
    return Paragraph(number * 90, number * 90 + 90, text or f"part {number}", is_final)


def merge_due(tiers: Tiers, text: str = "merged") -> None:
    while merged := tiers.due():
        tiers.merge(Paragraph(merged.start_s, merged.end_s, text))


def test_five_summaries_become_a_block_and_the_sixteenth_block_goes() -> None:
    tiers = Tiers(5, 15, 3000)
    for number in range(5 * 16 + 2):
        tiers.add(closed(number))
        merge_due(tiers, f"block of {number}")
    assert [known.text for known in tiers.mid] == ["part 80", "part 81"]
    assert len(tiers.long) == 15
    assert tiers.long[0].start_s == 5 * 90
    assert tiers.paragraphs()[0] == "<450.0-900.0 seconds> block of 9"


def test_a_better_summary_takes_the_place_of_the_extract() -> None:
    tiers = Tiers(5, 15, 3000)
    tiers.add(closed(0, "extract", is_final=False))
    tiers.add(closed(1))
    tiers.add(closed(0, "told"))
    assert [known.text for known in tiers.mid] == ["told", "part 1"]


def test_extracts_wait_for_their_summary_but_not_for_ever() -> None:
    tiers = Tiers(2, 3, 3000)
    for number in range(3):
        tiers.add(closed(number, is_final=False))
        assert tiers.due() is None
    tiers.add(closed(3, is_final=False))
    merge_due(tiers)
    assert [known.text for known in tiers.mid] == ["part 2", "part 3"]
    tiers.add(closed(0, "told too late"))
    assert "told too late" not in " ".join(tiers.paragraphs())


@given(
    st.integers(1, 6),
    st.integers(1, 16),
    st.lists(st.text(min_size=1, max_size=4000), min_size=1, max_size=40),
)
def test_the_budget_holds_whatever_is_told(num_mid: int, num_long: int, texts: list[str]) -> None:
    budget = 120 * (num_mid + num_long)
    tiers = Tiers(num_mid, num_long, budget)
    tiers.restore([Evidence(1, "heard", "s", -9, -9, 0, text) for text in texts])
    for number, text in enumerate(texts):
        tiers.add(closed(number, text, is_final=number % 3 > 0))
        merge_due(tiers, text)
        assert sum(map(estimate_tokens, tiers.paragraphs())) <= budget


def test_what_was_before_the_session_is_named_so() -> None:
    tiers = Tiers(5, 15, 3000)
    tiers.restore(
        [
            Evidence(1, "summary", "s", -600, -510, 0, "a van came"),
            Evidence(2, "heard", "s", -60, -60, 0, "user: watch the van"),
            Evidence(3, "said", "s", -50, -50, 0, "I do."),
        ]
    )
    said, summary = tiers.paragraphs()
    assert "user: watch the van" in said
    assert "onlooker: I do." in said
    assert summary == "<10 minutes before this session> a van came"
    assert span(-90_000 * 3) == "3 days before this session"

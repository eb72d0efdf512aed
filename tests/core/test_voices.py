import pytest

from onlooker.core.errors import BadSettings
from onlooker.core.voices import OfferedVoice, VoiceOffer, changed, offer_of
from onlooker.plugins.fallback import FallbackVoice
from onlooker.testing.speaking import ChoirVoice, HummingVoice
from onlooker.testing.voices import check_choices


def test_a_voice_that_cannot_be_changed_offers_itself_alone() -> None:
    voice = HummingVoice()
    assert offer_of(voice) == VoiceOffer((OfferedVoice("humming", "humming", "en"),), "humming")
    assert changed(voice, "humming", 1.0) is voice
    with pytest.raises(BadSettings, match="cannot sound like 'bass'; it offers humming"):
        changed(voice, "bass", None)
    with pytest.raises(BadSettings, match="expected 1 to 1"):
        changed(voice, None, 2.0)


async def test_stand_ins_offer_what_the_first_offers_and_stay_as_they_are() -> None:
    first, second = ChoirVoice(), HummingVoice()
    both = FallbackVoice([first, second])
    await check_choices(both)
    assert offer_of(both) == first.offer()
    bass = changed(both, "bass", 2.0)
    chunks = [chunk async for chunk in bass.say("two words")]
    assert {chunk.rate_hz for chunk in chunks} == {8000}
    assert first.said[-1] == "two words"

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.endpoint import bearer, check_url, read_key
from onlooker.core.errors import BadSettings


def test_a_url_is_taken_as_it_is() -> None:
    assert check_url("http://127.0.0.1:8000/v1/") == "http://127.0.0.1:8000/v1/"
    assert check_url("wss://host/x", ("ws", "wss")) == "wss://host/x"


@pytest.mark.parametrize(
    "url",
    ["", "host:8000", "ftp://host", "http://", "http://u:p@host/", "http://[::1", "http://h:x"],
)
def test_what_is_no_url_or_holds_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"expected|no URL|password"):
        check_url(url)


@given(st.text(max_size=30))
def test_any_text_is_taken_or_refused_in_words(text: str) -> None:
    try:
        assert check_url(text).startswith(("http://", "https://"))
    except ValueError as error:
        assert str(error)  # noqa: PT017


def test_a_key_comes_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_KEY", raising=False)
    assert bearer(read_key("SOME_KEY")) == {}
    monkeypatch.setenv("SOME_KEY", " sesame\n")
    assert bearer(read_key("SOME_KEY")) == {"Authorization": "Bearer sesame"}
    monkeypatch.setenv("SOME_KEY", "schlüssel")
    with pytest.raises(BadSettings, match="SOME_KEY holds no key"):
        read_key("SOME_KEY")

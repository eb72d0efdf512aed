from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.errors import SourceRefused
from onlooker.plugins.source.address import (
    Address,
    parse_address,
    path_of,
    refuse_unless_allowed,
    shown,
)


@pytest.mark.parametrize(
    ("typed", "stream", "scheme", "location"),
    [
        ("clip.mp4", "clip", "file", "clip.mp4"),
        ("door=clip.mp4", "door", "file", "clip.mp4"),
        ("/videos/a day.2.mp4", "a-day-2", "file", "/videos/a day.2.mp4"),
        ("./a:b.mp4", "a-b", "file", "./a:b.mp4"),
        ("file:///videos/a%20day.mp4", "a-day", "file", "file:///videos/a%20day.mp4"),
        ("/dev/video0", "video0", "v4l2", "/dev/video0"),
        ("v4l2:/dev/video2", "video2", "v4l2", "v4l2:/dev/video2"),
        (
            "rtsp://ada:pw@cam-1.lan:554/live",
            "cam-1-lan",
            "rtsp",
            "rtsp://ada:pw@cam-1.lan:554/live",
        ),
        ("http://host/live.m3u8?id=7", "host", "http", "http://host/live.m3u8?id=7"),
        ("porch=http://host/video?id=7", "porch", "http", "http://host/video?id=7"),
        ("HTTPS://[::1]:80/x", "1", "https", "HTTPS://[::1]:80/x"),
        ("screen::0.0", "0-0", "screen", "screen::0.0"),
        ("screen:", "screen", "screen", "screen:"),
        ("images:shots/today/", "today", "images", "images:shots/today/"),
        ("synthetic:ball?seconds=3", "ball", "synthetic", "synthetic:ball?seconds=3"),
    ],
)
def test_an_address_says_what_to_read_and_what_to_call_it(
    typed: str, stream: str, scheme: str, location: str
) -> None:
    assert parse_address(typed) == Address(stream, scheme, location)


@pytest.mark.parametrize("typed", ["", "  "])
def test_an_empty_address_is_refused(typed: str) -> None:
    with pytest.raises(SourceRefused, match="names no source"):
        parse_address(typed)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_is_refused(typed: str) -> None:
    try:
        address = parse_address(typed)
    except SourceRefused:
        return
    assert address.stream
    assert address.scheme
    assert typed.strip().endswith(address.location)
    assert "\n" not in address.stream


@given(
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,10}", fullmatch=True),
    st.from_regex(r"(rtsp|https?)://[a-z]{1,8}(\.[a-z]{2})?(/[a-z=&?]{0,9})?", fullmatch=True),
)
def test_a_name_before_an_address_is_the_streams_name(name: str, location: str) -> None:
    assert parse_address(f"{name}={location}") == Address(
        name, parse_address(location).scheme, location
    )


@given(
    user=st.from_regex(r"user[a-zA-Z0-9:@%!]{0,10}", fullmatch=True),
    path=st.sampled_from(["", "/", "/live", "/a/b.m3u8"]),
    query=st.sampled_from(["", "?token=hidden", "?a=b&key=hidden"]),
)
def test_what_is_shown_of_an_address_holds_no_secret(user: str, path: str, query: str) -> None:
    assert shown(f"rtsp://{user}@host:554{path}{query}") == f"rtsp://host:554{path}"


def test_a_scheme_that_is_not_allowed_is_refused_without_its_password() -> None:
    address = parse_address("rtsp://ada:secret@host/live")
    with pytest.raises(SourceRefused, match="'rtsp' is not allowed; allowed: file") as refused:
        refuse_unless_allowed(address, ["file"], [Path("/")])
    assert "secret" not in str(refused.value)


def test_files_lie_under_the_roots_wherever_links_lead(tmp_path: Path) -> None:
    inside, outside = tmp_path / "videos", tmp_path / "private"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "clip.mp4").touch()
    (inside / "link.mp4").symlink_to(outside / "clip.mp4")
    allowed = [f"{inside}/clip.mp4", f"file://{inside}/clip.mp4", f"images:{inside}"]
    refused = [
        f"{outside}/clip.mp4",
        f"file:{outside}/clip.mp4",
        f"{inside}/../private/clip.mp4",
        f"{inside}/link.mp4",
        f"images:{outside}",
        f"images:{tmp_path}",
        f"file://{inside}/%2e%2e/private/clip.mp4",
    ]
    for typed in allowed:
        refuse_unless_allowed(parse_address(typed), ["file", "images"], [inside])
    for typed in refused:
        with pytest.raises(SourceRefused, match=r"Add its folder to source\.roots"):
            refuse_unless_allowed(parse_address(typed), ["file", "images"], [inside])


def test_a_path_is_found_in_every_spelling() -> None:
    for location in ("file:///a/b%20c.mp4", "file:/a/b c.mp4", "/a/b c.mp4", "FILE:/a/b c.mp4"):
        assert path_of(location) == Path("/a/b c.mp4")
    assert path_of("~/clip.mp4") == Path.home() / "clip.mp4"

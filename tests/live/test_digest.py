"""What of an answer the model reads, and what is set aside for people."""

import base64
import html
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.task import Artefact
from onlooker.live.artefacts import ArtefactStore
from onlooker.live.digest import MAX_ARTEFACTS, digest

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
CODE = "print('hello')\n" * 40


def test_plain_words_are_read_as_they_are() -> None:
    assert digest("It is\n a robin.", 100) == ("It is a robin.", ())


def test_long_code_tables_and_pages_are_kept_beside() -> None:
    page = "<p>" + "robin " * 100
    text = f"Here.\n```python\n{CODE}```\n```csv\na,b\n1,2\n```\n```html\n{page}\n```\nBye."
    words, aside = digest(text, 1000)
    assert words == "Here. (code, kept beside) (a table, kept beside) (a page, kept beside) Bye."
    assert [artefact.kind for artefact in aside] == ["code", "table", "html"]
    assert aside[0].content.decode() == CODE


def test_short_code_is_read() -> None:
    assert digest("Type:\n```\nls -l\n```", 100) == ("Type: ls -l", ())


def test_a_page_is_never_read_out() -> None:
    page = "<!DOCTYPE html><script>alert(1)</script>"
    words, aside = digest(page, 1000)
    assert "script" not in words
    assert aside == (Artefact("html", page.encode()),)


def test_an_answer_that_is_a_picture_is_kept_beside() -> None:
    words, aside = digest(
        f"![chart](data:image/png;base64,{base64.b64encode(PNG).decode()}) done", 99
    )
    assert words == "(a picture, kept beside) done"
    assert aside == (Artefact("picture", PNG),)
    assert digest("data:image/png;base64,AAA", 99)[0] == "(a broken picture)"


def test_escape_sequences_are_left_out() -> None:
    assert digest("\x1b[2Jred\x07", 100)[0] == "[2Jred"


@given(st.text(max_size=400), st.integers(10, 60))
def test_a_digest_is_one_line_of_bounded_length_whatever_comes(text: str, limit: int) -> None:
    words, aside = digest(text, limit)
    assert len(words) <= limit + len(" ... (the whole is kept beside)")
    assert words == " ".join(words.split())
    assert len(aside) <= MAX_ARTEFACTS


def test_a_hundred_pieces_of_code_are_not_a_hundred_files() -> None:
    words, aside = digest(f"```\n{CODE}```\n" * 100, 5000)
    assert len(aside) == MAX_ARTEFACTS
    assert "left out" in words


def test_names_are_ours_and_a_page_runs_nothing(tmp_path: Path) -> None:
    page = '<script>alert(1)</script><meta http-equiv="refresh" content="0;url=http://evil">"'
    store = ArtefactStore(tmp_path, 10_000)
    (link,) = store.keep("task-1", [Artefact("html", page.encode(), "../../etc/passwd\n")])
    assert Path(link.path) == tmp_path / "task-1-1.html"
    assert link.title == "../../etc/passwd"
    written = Path(link.path).read_text()
    assert "<script" not in written
    assert "<iframe sandbox srcdoc=" in written
    assert "default-src 'none'" in written
    assert html.escape(page, quote=True) in written


@pytest.mark.parametrize(
    ("content", "ending", "kind"),
    [
        (PNG, ".png", "picture"),
        (b"\xff\xd8\xff\xe0", ".jpg", "picture"),
        (b"RIFF1234WEBPVP8", ".webp", "picture"),
        (b"<svg onload='alert(1)'>", ".bin", "file"),
    ],
)
def test_a_picture_is_what_its_bytes_say(
    tmp_path: Path, content: bytes, ending: str, kind: str
) -> None:
    (link,) = ArtefactStore(tmp_path, 1000).keep("t", [Artefact("picture", content)])
    assert (Path(link.path).suffix, link.kind) == (ending, kind)


def test_the_folder_stays_below_its_size_and_the_oldest_make_room(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path / "new", 1000)
    for number in range(20):
        store.keep(f"task-{number}", [Artefact("text", bytes(300))])
    left = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert left == ["task-17-1.txt", "task-18-1.txt", "task-19-1.txt"]
    assert store.keep("huge", [Artefact("text", bytes(2000))]) == ()

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from onlooker.cli import app, main
from tests.plugins.memory.entries import seen, site

ENTRIES = (
    seen(10, "a red cup on the table", jpeg=b"\xff\xd8cup"),
    seen(20, "a van left\x1b[2J", "street"),
    seen(30, "a dog ran by", "street", jpeg=b"\xff\xd8dog"),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with site(tmp_path, *ENTRIES):
        pass
    return tmp_path


def run(*arguments: str, typed: str = "") -> str:
    result = CliRunner().invoke(app, ["memory", *arguments], input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_search_tells_when_where_and_what(folder: Path) -> None:
    told = run("search", "red cup", "--folder", str(folder))
    assert "2023-11-14" in told
    assert "door  a red cup on the table  [key frame]" in told


def test_search_without_words_lists_the_newest_and_stays_off_the_terminal(folder: Path) -> None:
    told = run("search", "--stream", "street", "--folder", str(folder))
    assert told.index("a dog ran by") < told.index("a van left")
    assert "\x1b" not in told


def test_search_as_json(folder: Path) -> None:
    line = run("search", "dog", "--json", "--folder", str(folder)).splitlines()[0]
    plain = json.loads(line)
    assert (plain["text"], plain["stream"], plain["wall_s"]) == (
        "a dog ran by",
        "street",
        1_700_000_030.0,
    )


def test_show_hands_out_a_key_frame(folder: Path, tmp_path: Path) -> None:
    told = run("show", "1", "--folder", str(folder), "--picture", str(tmp_path / "cup.jpg"))
    assert "text:       a red cup on the table" in told
    assert (tmp_path / "cup.jpg").read_bytes() == b"\xff\xd8cup"


def test_export_can_be_read_by_anything(folder: Path, tmp_path: Path) -> None:
    to = tmp_path / "copy"
    run("export", str(to), "--folder", str(folder))
    lines = [json.loads(line) for line in (to / "entries.jsonl").read_text().splitlines()]
    assert [line["text"].split()[1] for line in lines] == ["red", "van", "dog"]
    assert (to / lines[0]["picture"]).read_bytes() == b"\xff\xd8cup"


def test_forget_asks_first_and_then_leaves_no_trace(folder: Path) -> None:
    run("forget", "--topic", "dog", "--folder", str(folder), typed="n\n")
    assert "a dog" in run("search", "dog", "--folder", str(folder))
    told = run("forget", "--topic", "dog", "--yes", "--folder", str(folder))
    assert "1 entries, 1 key frames" in told
    left = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"a dog ran by" not in left
    assert b"\xff\xd8dog" not in left
    assert b"a red cup" in left


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["forget", "--yes"], "say what to forget", 2),
        (["search", "--since", "tuesday"], "'tuesday' is no time", 2),
        (["search"], "nothing is remembered there", 1),
        (["forget", "--topic", "x", "--yes"], "nothing is remembered there", 1),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str],
    words: str,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "none"
    monkeypatch.setattr("sys.argv", ["onlooker", "memory", *arguments, "--folder", str(folder)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not folder.exists()

from pathlib import Path

import pytest

from onlooker.core.decision import Silent
from onlooker.core.moment import Tick
from onlooker.core.percept import Picture, Pictures
from onlooker.core.prompt import Turn
from onlooker.data.rows import from_row, to_row
from onlooker.data.shards import (
    DataWriter,
    check,
    read_card,
    read_streams,
    shards_of,
    stats_of,
)
from onlooker.data.stream import BadData, LabelledStream, Video
from onlooker.data.world.compose import Recipe, make_stream
from onlooker.data.world.families import FAMILIES
from onlooker.evaluate.truth import Truth

MADE_BY = {"how": "test"}


def stream(number: int, family: str = "several") -> LabelledStream:
    return make_stream(Recipe(family, "train", 0, number))


def data_set(folder: Path, num_streams: int = 5, streams_per_shard: int = 2) -> DataWriter:
    writer = DataWriter(folder, MADE_BY, streams_per_shard)
    for number in range(num_streams):
        writer.write(stream(number))
    writer.close()
    return writer


@pytest.mark.parametrize("family", FAMILIES)
def test_a_row_brings_back_the_stream(family: str) -> None:
    for number in range(5):
        made = stream(number, family)
        row = to_row(made)
        assert to_row(from_row(row)) == row
        back = from_row(row)
        assert back.truth == made.truth
        assert back.memory == made.memory
        assert [turn.decision for turn in back.turns] == [turn.decision for turn in made.turns]
        assert [turn.heard for turn in back.turns] == [turn.heard for turn in made.turns]
        assert [turn.answers for turn in back.turns] == [turn.answers for turn in made.turns]


def test_what_is_written_is_read_in_order_and_counted(tmp_path: Path) -> None:
    data_set(tmp_path)
    read = list(read_streams(tmp_path))
    assert [one.item for one in read] == [stream(number).item for number in range(5)]
    card = read_card(tmp_path)
    assert card["is_complete"]
    assert card["num_streams"] == 5
    assert card["num_seconds"] == sum(len(one.turns) for one in read)
    assert card["num_spoken"] == sum(one.num_spoken for one in read)
    assert card["by_family"]["several"]["num_streams"] == 5
    assert "| several | 5 |" in (tmp_path / "card.md").read_text()
    assert len(shards_of(tmp_path)) == 3
    assert list(check(tmp_path)) == []


def test_families_and_splits_can_be_chosen(tmp_path: Path) -> None:
    writer = DataWriter(tmp_path, MADE_BY)
    for family in ("quiet", "chat"):
        writer.write(stream(0, family))
    writer.close()
    assert [one.family for one in read_streams(tmp_path, families=["chat"])] == ["chat"]
    assert list(read_streams(tmp_path, splits=["heldout"])) == []


def test_making_goes_on_after_the_last_complete_shard(tmp_path: Path) -> None:
    killed = DataWriter(tmp_path, MADE_BY, streams_per_shard=2)
    for number in range(3):
        killed.write(stream(number))
    (tmp_path / "shard-00001.part").write_bytes(b"half a shard")
    again = DataWriter(tmp_path, MADE_BY, streams_per_shard=2)
    assert again.num_written == 2
    assert not list(tmp_path.glob("*.part"))
    for number in range(again.num_written, 4):
        again.write(stream(number))
    again.close()
    assert [one.item for one in read_streams(tmp_path)] == [stream(n).item for n in range(4)]


def test_a_data_set_that_was_made_otherwise_is_not_continued(tmp_path: Path) -> None:
    data_set(tmp_path)
    with pytest.raises(BadData, match="name another folder"):
        DataWriter(tmp_path, {"how": "otherwise"}, 2)
    with pytest.raises(BadData, match="name another folder"):
        DataWriter(tmp_path, MADE_BY, 3)


def test_a_corrupt_shard_is_named_and_the_others_are_counted(tmp_path: Path) -> None:
    data_set(tmp_path)
    shard = shards_of(tmp_path)[1]
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    with pytest.raises(BadData, match=shard.name):
        list(read_streams(tmp_path))
    assert any(shard.name in problem.where for problem in check(tmp_path))
    stats, problems = stats_of(tmp_path)
    assert stats.num_streams == 3
    assert [problem.where for problem in problems] == [shard.name]


def test_an_empty_data_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="is no data set"):
        list(read_streams(tmp_path))
    DataWriter(tmp_path, MADE_BY).close()
    with pytest.raises(BadData, match="holds no shard"):
        list(read_streams(tmp_path))
    assert [problem.why for problem in check(tmp_path)] == ["it holds no stream: make it again"]


def test_two_streams_of_one_name_are_found(tmp_path: Path) -> None:
    writer = DataWriter(tmp_path, MADE_BY)
    writer.write(stream(0))
    writer.write(stream(0))
    writer.close()
    assert any("a second stream" in problem.why for problem in check(tmp_path))


def test_another_version_is_refused(tmp_path: Path) -> None:
    data_set(tmp_path)
    card = tmp_path / "data.json"
    card.write_text(card.read_text().replace('"version": 1', '"version": 99'))
    with pytest.raises(BadData, match="version 99"):
        list(read_streams(tmp_path))


def test_a_broken_row_names_its_stream() -> None:
    row = to_row(stream(0))
    with pytest.raises(BadData, match="world-several"):
        from_row({**row, "truth": "{"})
    row["turns"][3]["decision"] = "</nothing>"
    with pytest.raises(BadData, match="world-several"):
        from_row(row)


def test_pictures_stay_where_they_are() -> None:
    seen = Pictures((Picture("cam", 0.5, 8, 8, b"jpeg"),))
    turn = Turn(Tick(0, 0.0, 1.0), (seen,), decision=Silent())
    with pytest.raises(BadData, match="pictures"):
        to_row(LabelledStream(Truth("a", 1.0), (turn,)))


def test_a_video_is_named_with_its_pictures_a_second() -> None:
    turn = Turn(Tick(0, 0.0, 1.0), decision=Silent())
    made = LabelledStream(Truth("a", 1.0), (turn,), video=Video("a/b.mp4", 4))
    assert from_row(to_row(made)) == made


def test_every_second_must_be_labelled_and_in_order() -> None:
    silent = Turn(Tick(0, 0.0, 1.0), decision=Silent())
    with pytest.raises(BadData, match="no turns"):
        LabelledStream(Truth("a", 1.0), ())
    with pytest.raises(BadData, match="without a decision"):
        LabelledStream(Truth("a", 1.0), (Turn(Tick(0, 0.0, 1.0)),))
    with pytest.raises(BadData, match="do not grow"):
        LabelledStream(Truth("a", 1.0), (silent, silent))


def test_a_full_disk_loses_no_complete_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = DataWriter(tmp_path, MADE_BY, streams_per_shard=2)
    writer.write(stream(0))
    writer.write(stream(1))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    writer.write(stream(2))
    with monkeypatch.context() as patch:
        patch.setattr("pyarrow.parquet.write_table", full)
        with pytest.raises(OSError, match="No space"):
            writer.write(stream(3))
    assert [one.item for one in read_streams(tmp_path)] == [stream(n).item for n in range(2)]
    assert DataWriter(tmp_path, MADE_BY, streams_per_shard=2).num_written == 2

import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from onlooker.train.curves import draw_curves
from onlooker.train.examples import Batches, Encoding, world
from onlooker.train.network import BadModel, Shape, load_model, new_network
from onlooker.train.sft import Sft, SftPlan, TrainingFailed, save_model

SMALL = Shape(hidden=64, layers=2, heads=2, kv_heads=1, inner=128)


def run_of(words: Tokenizer, folder: Path, num_steps: int, report_every: int = 2) -> Sft:
    network = new_network(SMALL, words.get_vocab_size(), seed=0)
    plan = SftPlan(num_steps=num_steps, report_every=report_every, num_warmup=1)
    return Sft(network, words, folder, plan)


@pytest.fixture(scope="module")
def batches(words: Tokenizer) -> Batches:
    return Batches(world(("chat",), "train", 0), Encoding(words), 1024)


def test_a_killed_run_goes_on_to_the_same_weights(
    words: Tokenizer, batches: Batches, tmp_path: Path
) -> None:
    whole = run_of(words, tmp_path / "whole", 4)
    list(whole.run(batches, [batches[0]]))
    first = run_of(words, tmp_path / "parts", 4)
    next(iter(first.run(batches, [batches[0]])))  # killed after its first report
    second = run_of(words, tmp_path / "parts", 4)
    assert second.step == 2
    list(second.run(batches, [batches[0]]))
    one, _ = load_model(tmp_path / "whole")
    other, _ = load_model(tmp_path / "parts")
    for name, weights in one.state_dict().items():
        assert torch.equal(weights, other.state_dict()[name]), name


def test_a_run_learns_and_says_so(words: Tokenizer, batches: Batches, tmp_path: Path) -> None:
    run = run_of(words, tmp_path, 12, report_every=4)
    reports = list(run.run(batches, [batches[0], batches[1]]))
    assert [report.step for report in reports] == [4, 8, 12]
    assert reports[-1].loss < reports[0].loss * 0.9
    assert 0 < reports[0].true_speak_rate < 0.5
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 3
    assert draw_curves(tmp_path).stat().st_size > 1000


def test_a_batch_too_large_for_memory_is_learned_from_in_parts(
    words: Tokenizer, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = run_of(words, tmp_path / "whole", 1, 1).run(batches, [batches[0]])
    assert len(list(batches[0].parts(256))) > 1
    monkeypatch.setattr("onlooker.train.sft.MOST_TOKENS", {"cpu": 256})
    (parts,) = run_of(words, tmp_path / "parts", 1, 1).run(batches, [batches[0]])
    assert parts.loss == pytest.approx(whole.loss, rel=0.02)


def test_a_loss_that_is_no_number_ends_the_run(
    words: Tokenizer, batches: Batches, tmp_path: Path
) -> None:
    run = run_of(words, tmp_path, 4)
    with torch.no_grad():
        next(iter(run._network.parameters())).fill_(float("nan"))
    with pytest.raises(TrainingFailed, match="lower learning rate"):
        list(run.run(batches, [batches[0]]))


def test_a_full_disk_is_said_and_the_report_before_stays(
    words: Tokenizer, batches: Batches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(words, tmp_path, 4)
    reports = run.run(batches, [batches[0]])
    next(reports)
    kept = (tmp_path / "state.pt").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(TrainingFailed, match="No space left on device; make room"):
        next(reports)
    assert (tmp_path / "state.pt").read_bytes() == kept


def test_a_broken_state_is_refused(words: Tokenizer, batches: Batches, tmp_path: Path) -> None:
    (tmp_path / "state.pt").write_bytes(b"not weights")
    with pytest.raises(TrainingFailed, match="train in another folder"):
        run_of(words, tmp_path, 4)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="holds no model"):
        load_model(tmp_path)


def test_weights_that_do_not_fit_their_shape_are_refused(words: Tokenizer, tmp_path: Path) -> None:
    save_model(new_network(SMALL, words.get_vocab_size(), seed=0), words, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "intermediate_size": 96}))
    with pytest.raises(BadModel, match="size mismatch"):
        load_model(tmp_path)

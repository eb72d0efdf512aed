import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from onlooker.train.network import Shape, new_network
from onlooker.train.rl import Rl, RlPlan, advantages, divergence
from onlooker.train.sft import TrainingFailed

SMALL = Shape(hidden=64, layers=1, heads=2, kv_heads=1, inner=128)


def test_advantages_are_of_the_group_and_equal_rewards_teach_nothing() -> None:
    gains, spread = advantages([1.0, 0.0, 5.0, 5.0], 2)
    assert gains[0] == pytest.approx(1, rel=1e-3)
    assert gains[1] == pytest.approx(-1, rel=1e-3)
    assert gains[2:] == [0.0, 0.0]
    assert spread == 0.25
    with pytest.raises(ValueError, match="3 rewards are not groups of 2"):
        advantages([1.0, 2.0, 3.0], 2)


def test_the_divergence_is_never_below_zero_and_zero_where_nothing_changed() -> None:
    now = torch.tensor([-1.0, -2.0, -0.1])
    assert torch.equal(divergence(now, now), torch.zeros(3))
    assert bool((divergence(now, torch.tensor([-3.0, -1.0, -0.2])) > 0).all())


def plan(**changes: float) -> RlPlan:
    given = {
        "num_steps": 2,
        "num_streams": 1,
        "group_size": 3,
        "max_seconds": 30,
        "temperature": 1.0,
        **changes,
    }
    return RlPlan(families=("quiet", "chat"), **given)  # type: ignore[arg-type]


def test_a_step_reports_all_parts_of_the_reward(words: Tokenizer, tmp_path: Path) -> None:
    network = new_network(SMALL, words.get_vocab_size(), seed=0)
    before = next(iter(network.parameters())).detach().clone()
    reports = list(Rl(network, words, tmp_path, plan(collapse_share=0.0)).run())
    assert [report.step for report in reports] == [0, 1]
    assert set(reports[0].rewards) >= {"timing", "content", "delegation", "false_alarms", "total"}
    assert not torch.equal(before, next(iter(network.parameters())))
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert logged[1]["speak_rate"] == reports[1].speak_rate
    assert (tmp_path / "model.safetensors").exists()


def test_a_policy_that_falls_silent_is_stopped(words: Tokenizer, tmp_path: Path) -> None:
    network = new_network(SMALL, words.get_vocab_size(), seed=0)
    run = Rl(network, words, tmp_path, plan(collapse_share=50.0))
    with pytest.raises(TrainingFailed, match="lower the learning rate"):
        list(run.run())

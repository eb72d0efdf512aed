import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onlooker.core.errors import BadSettings
from onlooker.model.nano.checkpoint import read_tensors, read_weights
from onlooker.model.nano.network import MAX_TOKENS, Cache, Network
from tests.model.nano_weights import CONFIG, tensors, write_nano, write_tensors

SHAPES: dict[str, dict[str, Any]] = {
    "grouped heads": {},
    "one key for all": {"num_key_value_heads": 1, "num_hidden_layers": 3},
    "a key for each": {"num_key_value_heads": 4, "rope_parameters": {"rope_theta": 1e6}},
    "a head of its own": {"tie_word_embeddings": False},
}


def network(folder: Path) -> Network:
    return Network(read_weights(folder))


def some_ids(number: int, seed: int = 0) -> list[int]:
    ids: list[int] = np.random.default_rng(seed).integers(0, CONFIG["vocab_size"], number).tolist()
    return ids


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("shape", SHAPES)
def test_numpy_computes_what_torch_does(shape: str, dtype: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="the extra `train` is not installed")
    from transformers import Qwen3ForCausalLM  # type: ignore[attr-defined, unused-ignore]

    write_nano(tmp_path, dtype=dtype, **SHAPES[shape])
    model: Any = Qwen3ForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    model.eval()
    ids = some_ids(300)
    with torch.inference_mode():
        expected_TV = model(torch.tensor([ids])).logits[0].numpy()
    ours, cached = network(tmp_path), 0
    cache = Cache(ours.weights)
    for num_now in (1, 90, 2, MAX_TOKENS, 79):
        logits_V = ours.read(cache, ids[cached : cached + num_now])
        cached += num_now
        np.testing.assert_allclose(logits_V, expected_TV[cached - 1], atol=1e-4)
    assert np.abs(expected_TV).max() > 0.5  # or equality would say little


def test_what_is_kept_and_read_on_is_as_if_read_at_once(tmp_path: Path) -> None:
    ours, first, other = network(write_nano(tmp_path)), some_ids(100), some_ids(60, seed=1)
    changed, fresh = Cache(ours.weights), Cache(ours.weights)
    ours.read(changed, first)
    wanted = first[:50] + other
    assert changed.keep(wanted) == 50
    logits_V = ours.read(changed, wanted[50:])
    np.testing.assert_allclose(logits_V, ours.read(fresh, wanted), atol=1e-5)
    assert changed.ids == fresh.ids == wanted


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3), min_size=1))
def test_a_cache_keeps_what_is_the_same_and_leaves_one_to_read(
    held: list[int], wanted: list[int]
) -> None:
    cache = Cache.__new__(Cache)
    cache.ids = list(held)
    num_kept = cache.keep(wanted)
    assert cache.ids == held[:num_kept] == wanted[:num_kept]
    assert num_kept < len(wanted)
    is_all = num_kept in (len(held), len(wanted) - 1)
    assert is_all or held[num_kept] != wanted[num_kept]


def test_more_than_fits_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    ours = network(write_nano(tmp_path, max_position_embeddings=64))
    cache = Cache(ours.weights)
    ours.read(cache, some_ids(60))
    for ids in ([], some_ids(5), some_ids(MAX_TOKENS + 1)):
        with pytest.raises(ValueError, match="expected 1 to"):
            ours.read(cache, ids)
    assert cache.num_tokens == 60


@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(file: str, tmp_path: Path) -> None:
    (write_nano(tmp_path) / file).unlink()
    with pytest.raises(BadSettings, match=file):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model_type": "llama"}, "llama"),
        ({"attention_bias": True}, "bias"),
        ({"rope_parameters": {"rope_theta": 1e4, "rope_type": "yarn"}}, "scaled"),
        ({"use_sliding_window": True}, "slides"),
        ({"num_key_value_heads": 3}, "evenly"),
        ({"hidden_size": "many"}, "many"),
        ({"hidden_size": 64}, "shape"),
        ({"num_hidden_layers": 3}, r"layers\.2"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(
    changes: dict[str, Any], why: str, tmp_path: Path
) -> None:
    write_nano(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG, **changes}))
    with pytest.raises(BadSettings, match=why):
        read_weights(tmp_path)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_damaged_weights_are_a_sentence_and_no_crash(noise: bytes, at: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        write_tensors(path, {"a": np.ones((3, 4), np.float32)}, "F32")
        whole = path.read_bytes()
        path.write_bytes(whole[:at] + noise + whole[at + len(noise) :])
        with suppress(BadSettings):
            read_tensors(path)


def test_every_kind_of_float_is_read(tmp_path: Path) -> None:
    drawn = tensors(CONFIG, 0)
    for dtype, tolerance in (("F32", 0.0), ("F16", 1e-3), ("BF16", 1e-2)):
        path = tmp_path / dtype
        write_tensors(path, drawn, dtype)
        for name, tensor in read_tensors(path).items():
            np.testing.assert_allclose(tensor, drawn[name], atol=1e-6, rtol=tolerance)

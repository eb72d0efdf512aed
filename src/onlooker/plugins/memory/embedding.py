"""Texts as directions: near each other if they mean nearly the same.

D = 384 numbers of one text.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from onlooker.core.errors import BadSettings

ASSETS = Path(__file__).parent / "assets"
MODEL, TOKENIZER = "minilm_l6_v2_int8.onnx", "minilm_tokenizer.json"
MAX_TOKENS = 128  # of a text; the rest does not count towards its meaning
SCALE = 127 / 0.25  # no number of a text's direction was seen beyond 0.25

Vector = npt.NDArray[np.float32]


class Embedder:
    """MiniLM-L6, int8, one thread: about 2 ms a text. Several threads may share it."""

    def __init__(self) -> None:
        """Load the model.

        Raises:
            BadSettings: a package is missing, or a file is not what it should be.
        """
        try:
            import onnxruntime as ort
            from tokenizers import Tokenizer
        except ImportError as error:
            raise BadSettings(
                f"search by meaning needs {error.name}: pip install 'onlooker[memory]', "
                "or set memory.sqlite.meaning=off"
            ) from None
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False  # texts of every length would make it grow
        options.log_severity_level = 4
        self._network: Any = ort.InferenceSession(
            _checked(MODEL), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer: Any = Tokenizer.from_str(_checked(TOKENIZER).decode())
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def embed(self, text: str) -> Vector:
        """Give the direction of a text: `D` numbers of length 1."""
        ids = self._tokenizer.encode(text).ids
        (rows,) = self._network.run(None, {"ids": np.asarray([ids], np.int64)})
        vector_D = np.asarray(rows[0], np.float32)
        return np.asarray(vector_D / max(float(np.linalg.norm(vector_D)), 1e-9), np.float32)


def packed(vector_D: Vector) -> tuple[bytes, bytes]:
    """Give a direction in short: its signs as bits, and its numbers as int8."""
    exact = np.clip(np.rint(vector_D * SCALE), -127, 127).astype(np.int8)
    return np.packbits(vector_D > 0).tobytes(), exact.tobytes()


def similarity(vector_D: Vector, exact: bytes) -> float:
    """Give the cosine of a direction and one that was packed."""
    return float(vector_D @ (np.frombuffer(exact, np.int8).astype(np.float32) / SCALE))


def _checked(name: str) -> bytes:
    lines = (ASSETS / "SHA256SUMS").read_text().splitlines()
    sums = {file: sha256 for sha256, file in (line.split() for line in lines)}
    try:
        data = (ASSETS / name).read_bytes()
    except OSError as error:
        raise BadSettings(f"{ASSETS / name} cannot be read: {error.strerror}") from None
    if hashlib.sha256(data).hexdigest() != sums[name]:
        raise BadSettings(f"{ASSETS / name} is damaged: install onlooker again")
    return data

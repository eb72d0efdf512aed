"""ONNX models: checked before use, one thread each, no spinning.

Two runtimes with two threads each on two shared cores were seen to slow down a hundredfold.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from onlooker.core.errors import BadSettings, PerceptionFailed

ASSETS = Path(__file__).parent / "assets"

Floats = npt.NDArray[np.floating[Any]]


class Network(Protocol):
    """The part of an ONNX session that is used here."""

    def get_inputs(self) -> list[Any]: ...

    def get_modelmeta(self) -> Any: ...

    def run(self, names: None, feeds: dict[str, Floats]) -> list[Any]: ...


def open_asset(name: str) -> Network:
    """Open one of the models that ship with the package."""
    return open_model(ASSETS / name, asset_sums()[name])


def open_model(path: Path, sha256: str = "") -> Network:
    """Open an ONNX model.

    Raises:
        BadSettings: the runtime is not installed, or the file is missing, damaged or no model.
    """
    try:
        import onnxruntime as ort
    except ImportError:
        raise BadSettings(
            "perception needs onnxruntime: pip install 'onlooker[perception]'"
        ) from None
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # text lines of every width would make it grow
    options.log_severity_level = 4  # what matters is raised
    model = checked_bytes(path, sha256)
    try:
        network: Network = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - the runtime raises classes of its own for each case
        raise BadSettings(f"{path} is no ONNX model that can be run: {first_line(error)}") from None
    return network


def checked_bytes(path: Path, sha256: str = "") -> bytes:
    """Read a file that must have this sha256, if one is given.

    Raises:
        BadSettings: it is not there, or not what it should be.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadSettings(f"the model {path} cannot be read: {error.strerror}") from None
    found = hashlib.sha256(data).hexdigest()
    if sha256 and found != sha256.lower():
        remedy = (
            "install onlooker again"
            if path.parent == ASSETS
            else "fetch it again, or correct detector_sha256"
        )
        raise BadSettings(f"{path} has the sha256 {found}, expected {sha256}: {remedy}")
    return data


def run(network: Network, batch: Floats) -> list[Floats]:
    """Run a model on its one input.

    Raises:
        PerceptionFailed: it did not take it.
    """
    try:
        return [np.asarray(out, np.float32) for out in network.run(None, _fed(network, batch))]
    except Exception as error:  # noqa: BLE001 - see above
        raise PerceptionFailed(
            f"a model could not run on an input of shape {batch.shape}: {first_line(error)}"
        ) from None


@cache
def asset_sums() -> dict[str, str]:
    """Read the sha256 of every asset."""
    lines = (ASSETS / "SHA256SUMS").read_text().splitlines()
    return {name: sha256 for sha256, name in (line.split() for line in lines)}


def _fed(network: Network, batch: Floats) -> dict[str, Floats]:
    return {network.get_inputs()[0].name: np.ascontiguousarray(batch, np.float32)}


def first_line(error: Exception) -> str:
    """Cut what a library says down to what fits into a sentence of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]

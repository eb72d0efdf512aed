from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.engine import running_engine


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real engine, started once for all tests that ask for it."""
    with running_engine(tmp_path_factory.mktemp("engine")) as url:
        yield url

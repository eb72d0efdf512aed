"""Each threat of docs/security.md names tests, and they are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "security.md").read_text()
FOLDERS = (TESTS / "server", TESTS / "plugins" / "source", TESTS.parent)


def test_every_threat_has_its_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    for row in rows:
        threat, _, tests = (cell.strip() for cell in row.strip("|").split(" | "))
        named = re.findall(r"`([\w/]*\.py)?(?:::(\w+))?`", tests)
        assert named, f"{threat}: no test"
        file = ""
        for given, test in named:
            file = given or file
            found = [folder / file for folder in FOLDERS if (folder / file).is_file()]
            assert found, f"{threat}: there is no {file}"
            assert f"def {test}" in found[0].read_text(), f"{threat}: {file} has no {test}"

"""What the audit of dependencies makes of what PyPI, OSV and npm say; see .ci/audit.py."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

AUDIT = runpy.run_path(str(Path(__file__).parent.parent / ".ci" / "audit.py"))

HOLE = {"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"], "aliases": [], "description": "..."}
CLEAN = {"name": "httpx", "version": "0.28.1", "vulns": []}
HOLED = {"name": "requests", "version": "2.19.0", "vulns": [HOLE]}
SKIPPED = {"name": "onlooker", "skip_reason": "not found on PyPI"}


def pip_says(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def npm_says(severity: str = "") -> str:
    via = [
        "a-name-of-another",
        {
            "source": 1,
            "name": "minimist",
            "title": "Prototype Pollution",
            "url": "https://github.com/advisories/GHSA-xvch-5gv4-984h",
            "severity": severity,
            "range": "<0.2.4",
        },
    ]
    found = {"minimist": {"name": "minimist", "severity": severity, "via": via}}
    return json.dumps(
        {
            "vulnerabilities": found if severity else {},
            "metadata": {"dependencies": {"total": 120}},
        }
    )


NPM_REFUSES = json.dumps({"message": "405 Method Not Allowed - POST", "statusCode": 405})


def answering(pypi: str, osv: str, npm: str) -> Callable[[Sequence[str], Path], str]:
    def run(command: Sequence[str], _folder: Path) -> str:
        if "pip_audit" not in command:
            return npm
        return pypi if command[-1] == "pypi" else osv

    return run


@pytest.fixture(autouse=True)
def _npm_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")


@pytest.mark.parametrize(
    ("pypi", "osv", "npm", "status", "said"),
    [
        (pip_says(CLEAN), "", npm_says(), 0, ["Python: 1 packages looked up at PyPI"]),
        (pip_says(CLEAN, HOLED), "", npm_says(), 1, ["FOUND requests 2.19.0: PYSEC-2018-28"]),
        (pip_says(CLEAN), "", npm_says("critical"), 1, ["FOUND minimist <0.2.4: GHSA-xvch"]),
        (pip_says(CLEAN), "", npm_says("high"), 1, ["1 to be mended"]),
        (pip_says(CLEAN), "", npm_says("moderate"), 0, ["known minimist"]),
        # A source that cannot be asked is said, and fails nothing; the next one is asked.
        ("", pip_says(HOLED), npm_says(), 1, ["looked up at OSV", "FOUND requests"]),
        (pip_says(SKIPPED), pip_says(CLEAN), npm_says(), 0, ["looked up at OSV"]),
        (
            pip_says(SKIPPED),
            "no connection",
            NPM_REFUSES,
            0,
            [
                "Python: NOT AUDITED: PyPI answers for none of 1 packages; OSV could not be asked",
                "page: NOT AUDITED: npm's registry does not answer: 405 Method Not Allowed",
            ],
        ),
        (pip_says(CLEAN, SKIPPED), "", "", 0, ["NOT AUDITED, unknown there: onlooker"]),
        # What one source cannot say does not hide what another says.
        ("", "", npm_says("high"), 1, ["Python: NOT AUDITED", "FOUND minimist"]),
    ],
)
def test_what_is_grave_fails_and_what_cannot_be_asked_is_said(
    pypi: str, osv: str, npm: str, status: int, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert AUDIT["main"](answering(pypi, osv, npm)) == status
    written = capsys.readouterr().out
    for words in said:
        assert words in written


def test_what_is_accepted_is_shown_with_its_reason_and_fails_nothing() -> None:
    accepted = AUDIT["accepted_of"]('[[accepted]]\nid = "PYSEC-2018-28"\nwhy = "never redirected"')
    report = AUDIT["read_pip_audit"](pip_says(HOLED), "PyPI")
    lines, grave = AUDIT["tell"]("Python", report, accepted)
    assert grave == []
    assert "known requests 2.19.0" in lines[-1]
    assert "never redirected" in lines[-1]
    assert AUDIT["tell"]("Python", report, {})[1] == list(report.findings)

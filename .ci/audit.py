"""Look up what we install, and what the page is built with, among the holes that are known.

    python .ci/audit.py          # exit status 1: something of high severity is known

A source of advisories that cannot be asked is said in so many words and fails nothing: no change
is to blame for it. What is known and accepted stands in `.ci/audit.toml`, each with its reason.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATIENCE_S = 25  # for one source; two of Python's and one of npm's make less than a minute
GRAVE = ("high", "critical", "unknown")  # PyPI's advisories say no severity: each may be grave

Run = Callable[[Sequence[str], Path], str]


class NotAudited(Exception):
    """A source of advisories could not be asked. Says why."""


@dataclass(frozen=True)
class Finding:
    """A known hole in something that we use."""

    package: str
    version: str
    id: str
    severity: str
    advice: str

    def __str__(self) -> str:
        return f"{self.package} {self.version}: {self.id} ({self.severity}); {self.advice}"


@dataclass(frozen=True)
class Report:
    """What one source says."""

    source: str
    num_checked: int
    not_checked: tuple[str, ...]
    findings: tuple[Finding, ...]


def read_pip_audit(text: str, source: str) -> Report:
    """Read what `pip-audit --format json` wrote.

    Raises:
        NotAudited: it is no report, or the source knows none of the packages: then it was not
            asked at all, whatever pip-audit says.
    """
    try:
        packages = json.loads(text)["dependencies"]
    except (ValueError, KeyError, TypeError):
        raise NotAudited(f"{source} could not be asked") from None
    checked = [package for package in packages if "skip_reason" not in package]
    skipped = tuple(package["name"] for package in packages if "skip_reason" in package)
    if not checked:
        raise NotAudited(f"{source} answers for none of {len(packages)} packages")
    findings = tuple(
        Finding(
            package["name"],
            package["version"],
            hole["id"],
            "unknown",
            f"mended in {', '.join(hole['fix_versions']) or 'no version yet'}",
        )
        for package in checked
        for hole in package["vulns"]
    )
    return Report(source, len(checked), skipped, findings)


def read_npm_audit(text: str, source: str) -> Report:
    """Read what `npm audit --json` wrote.

    Raises:
        NotAudited: the registry did not answer.
    """
    try:
        said = json.loads(text)
        packages = said["vulnerabilities"]
        num = said["metadata"]["dependencies"]["total"]
    except (ValueError, KeyError, TypeError):
        raise NotAudited(f"{source} does not answer: {_first_line(text)}") from None
    findings = {
        Finding(
            name,
            hole.get("range", ""),
            str(hole.get("url", hole.get("source", "?"))).rpartition("/")[2],
            hole.get("severity", "unknown"),
            hole.get("title", ""),
        )
        for name, package in packages.items()
        for hole in package["via"]
        if isinstance(hole, dict)  # a name is a package that is listed by itself
    }
    return Report(source, num, (), tuple(sorted(findings, key=str)))


def audit_python(run: Run) -> Report:
    """Ask for all that is installed beside us: PyPI, and if it does not answer, OSV."""
    trouble = []
    for service, source in (("pypi", "PyPI"), ("osv", "OSV")):
        command = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "-f", "json"]
        command += ["--progress-spinner", "off", "--timeout", "5", "-s", service]
        try:
            return read_pip_audit(run(command, ROOT), source)
        except NotAudited as error:
            trouble.append(str(error))
    raise NotAudited("; ".join(trouble))


def audit_page(run: Run) -> Report:
    """Ask for all that the page's lock file names."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotAudited("npm is not there: make web brings it")
    return read_npm_audit(run([npm, "audit", "--json"], ROOT / "web"), "npm's registry")


def accepted_of(text: str) -> dict[str, str]:
    """Read which findings are accepted, and why."""
    return {entry["id"]: entry["why"] for entry in tomllib.loads(text).get("accepted", [])}


def tell(name: str, report: Report, accepted: Mapping[str, str]) -> tuple[list[str], list[Finding]]:
    """Write a report for people, and give what must not be."""
    lines = [f"  {name}: {report.num_checked} packages looked up at {report.source}"]
    if report.not_checked:
        shown = ", ".join(report.not_checked[:5])
        more = len(report.not_checked) - 5
        lines.append(
            f"  {name}: NOT AUDITED, unknown there: {shown}" + (f" and {more} more" * (more > 0))
        )
    grave = []
    for finding in report.findings:
        why = accepted.get(finding.id)
        is_grave = finding.severity in GRAVE and why is None
        grave += [finding] if is_grave else []
        lines.append(f"  {'FOUND' if is_grave else 'known'} {finding}" + (f": {why}" * bool(why)))
    return lines, grave


def main(run: Run | None = None) -> int:
    """Audit both; 1 if anything of high severity is known."""
    asked = run or _run
    accepted = accepted_of((ROOT / ".ci" / "audit.toml").read_text())
    grave: list[Finding] = []
    with ThreadPoolExecutor(2) as both:
        for name, audit in [
            ("Python", both.submit(audit_python, asked)),
            ("page", both.submit(audit_page, asked)),
        ]:
            try:
                lines, found = tell(name, audit.result(), accepted)
            except NotAudited as error:
                lines, found = [f"  {name}: NOT AUDITED: {error}"], []
            grave += found
            print(*lines, sep="\n")
    if grave:
        print(f"  {len(grave)} to be mended: raise the version, or accept it in .ci/audit.toml")
    return int(bool(grave))


def _run(command: Sequence[str], folder: Path) -> str:
    """Run a command that exits with 1 where it finds something; give what it wrote."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def _first_line(text: str) -> str:
    """Give npm's own message, if it wrote one."""
    try:
        return str(json.loads(text)["message"])[:200]
    except (ValueError, KeyError, TypeError):
        return "no report"


if __name__ == "__main__":
    sys.exit(main())

"""Known vulnerabilities of what is installed here: `pip-audit` over requirements.txt and all that it brings along."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SECONDS = 30.0
# How pip-audit ends where the network, or the service that knows vulnerabilities, is not there.
UNREACHABLE = re.compile(
    r"requests\.exceptions\.(?:ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError|JSONDecodeError)"
    r"|pip_audit\._service\.interface\.(?:ConnectionError|ServiceError)"
    r"|Could not connect to PyPI's vulnerability feed|PyPI is not redirecting properly"
)


@dataclass(frozen=True)
class Outcome:
    """``findings`` are vulnerabilities, a sentence each; ``not_audited`` says why some or all packages were not."""

    findings: tuple[str, ...]
    not_audited: str = ""


def installed(requirements: Path) -> dict[str, str]:
    """Name → version of what the requirements name and of what that needs in turn, as it is installed."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    waiting = [Requirement(line) for line in lines if line]
    out: dict[str, str] = {}
    done: set[tuple[str, str]] = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        try:
            out[name] = version(name)
        except PackageNotFoundError:  # needed on other systems only
            continue
        for extra in {"", *wanted.extras}:
            if (name, extra) not in done:
                done.add((name, extra))
                waiting += _needs(name, extra)
    return dict(sorted(out.items()))


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    for line in requires(name) or ():
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield needed


def audit(packages: dict[str, str], seconds: float = SECONDS) -> Outcome:
    """Ask pip-audit about these versions.

    Raises
    ------
    RuntimeError
        pip-audit failed in another way than without a network or service.
    """
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder) / "installed.txt"
        pinned.write_text("".join(f"{n}=={v}\n" for n, v in packages.items()), encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(pinned), "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off", "--timeout", "5"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return Outcome((), f"no answer within {seconds:.0f} seconds")
    return read_answer(done.returncode, done.stdout, done.stderr)


def read_answer(status: int, out: str, errors: str) -> Outcome:
    """What pip-audit said, see :func:`audit`."""
    try:
        packages = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (errors.strip().splitlines() or ["it said nothing"])[-1]
        if status and UNREACHABLE.search(errors):
            return Outcome((), f"the service of known vulnerabilities cannot be reached ({last[:200]})")
        raise RuntimeError(f"pip-audit ended with status {status}: {last}") from None
    findings = tuple(
        f"{p['name']} {p['version']}: {v['id']} ({', '.join(v['aliases'])}), "
        f"repaired in {', '.join(v['fix_versions']) or 'no version yet'}"
        for p in packages
        for v in p.get("vulns", ())
    )
    if status and not findings:
        raise RuntimeError(f"pip-audit ended with status {status} and named no vulnerability: {errors.strip()}")
    skipped = [p["name"] for p in packages if "skip_reason" in p]
    if not skipped:
        return Outcome(findings)
    return Outcome(
        findings,
        f"the service knows nothing of {len(skipped)} of {len(packages)} packages: {', '.join(skipped[:5])}"
        + (", …" if len(skipped) > 5 else ""),
    )

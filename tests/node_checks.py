"""What the checks of the JavaScript need: Node.js, npm and the packages of ``package-lock.json``."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES, LOCK = ROOT / "node_modules", ROOT / "package-lock.json"


def packages() -> Path:
    """The folder of the packages; where they cannot be had, the test is skipped and says why."""
    npm = shutil.which("npm")
    if not shutil.which("node") or not npm:
        pytest.skip("the JavaScript is not checked: Node.js (18 or newer) and npm are not installed")
    with open(LOCK, "r+") as lock:  # tests run in several processes
        fcntl.lockf(lock, fcntl.LOCK_EX)
        if _versions(PACKAGES / ".package-lock.json") != _versions(LOCK):
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
            if done.returncode:
                reason = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[0]
                pytest.skip(f"the JavaScript is not checked: npm ci failed: {reason}")
    return PACKAGES


def _versions(lock: Path) -> dict[str, str]:
    if not lock.exists():
        return {}
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return {name: content["version"] for name, content in packages.items() if name}

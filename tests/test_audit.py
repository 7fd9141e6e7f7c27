"""Known vulnerabilities: what the answers of `pip-audit` mean."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from audit import audit, installed, read_answer
from conftest import ROOT

CLEAN = {"name": "numpy", "version": "2.3.0", "vulns": []}
SKIPPED = {"name": "torch", "skip_reason": "Dependency not found on PyPI and could not be audited: torch (2.11.0)"}
BAD = {"name": "pillow", "version": "9.0", "vulns": [
    {"id": "PYSEC-1", "aliases": ["CVE-2023-1"], "fix_versions": ["10.0"], "description": ""},
    {"id": "PYSEC-2", "aliases": [], "fix_versions": [], "description": ""},
]}  # fmt: skip


def answer(*packages: object) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_nothing_is_known() -> None:
    outcome = read_answer(0, answer(CLEAN), "No known vulnerabilities found")
    assert (outcome.findings, outcome.not_audited) == ((), "")


def test_a_vulnerability_is_a_finding_also_where_other_packages_are_not_audited() -> None:
    outcome = read_answer(1, answer(CLEAN, SKIPPED, BAD), "Found 2 known vulnerabilities in 1 package")
    assert outcome.findings == (
        "pillow 9.0: PYSEC-1 (CVE-2023-1), repaired in 10.0",
        "pillow 9.0: PYSEC-2 (), repaired in no version yet",
    )
    assert outcome.not_audited == "the service knows nothing of 1 of 3 packages: torch"


@pytest.mark.parametrize(
    "error",
    [
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='advisories.example.org', port=443): Max retries exceeded",
        "requests.exceptions.ProxyError: …",
        "requests.exceptions.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        "pip_audit._service.interface.ServiceError",
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed",
    ],
)
def test_without_a_service_it_says_so(error: str) -> None:
    outcome = read_answer(1, "", f"Traceback …\n{error}")
    assert outcome.findings == () and error[:60] in outcome.not_audited


@pytest.mark.parametrize(
    ("status", "out", "errors"),
    [
        (1, "", "ImportError: cannot import name 'x'"),
        (2, "", "pip_audit: error: unrecognized arguments"),
        (1, answer(CLEAN), "ConnectionError"),
        (0, "", ""),
    ],
)
def test_another_failure_is_none_to_skip(status: int, out: str, errors: str) -> None:
    with pytest.raises(RuntimeError, match=f"pip-audit ended with status {status}"):
        read_answer(status, out, errors)


def test_a_network_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    outcome = audit({"numpy": "2.3.0"})
    assert outcome.findings == () and "ProxyError" in outcome.not_audited


def test_no_answer_in_time_is_told() -> None:
    assert audit({"numpy": "2.3.0"}, seconds=0.01).not_audited == "no answer within 0 seconds"


def test_what_requirements_bring_along_is_audited_too() -> None:
    packages = installed(ROOT / "requirements.txt")
    assert {"streamlit", "torch", "starlette", "uvicorn", "tornado", "markupsafe", "requests"} & set(packages) >= {
        "streamlit", "torch", "markupsafe",
    }  # fmt: skip
    assert all(packages.values()) and len(packages) > 25

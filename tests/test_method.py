"""A training method is one file: what is there can be chosen, on the command line and from Python."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from ltnet_core import IPA2LT, load_dataset
from ltnet_core.errors import OptionError
from ltnet_core.learning import methods
from ltnet_core.method import METHODS, Method
from ui.wording import method_name, stage_name

TOY = '''
"""One network on the labels of the first coder."""

from ltnet_core.method import Method


def learn(trainer):
    from ltnet_core.learning.one_network import learn_target

    def first_coder(trainer):
        table = trainer.plan.table
        return (table.votes(table.coders[:1]) > 0).astype(float)

    return learn_target(trainer, first_coder)


METHOD = Method(name="first", title="first coder alone", text="One network on the first coder.", learn=learn)
'''


def test_a_new_method_is_one_file_on_the_command_line(tmp_path: Path, demo: Path) -> None:
    shutil.copytree(ROOT / "ltnet_core", tmp_path / "ltnet_core", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "ltnet_core" / "learning" / "methods" / "first.py").write_text(TOY)

    def ltnet(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        command = [sys.executable, "-m", "ltnet_core", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)

    run, quick = tmp_path / "run", ("--preset", "quick", "--epochs", "1", "--device", "cpu")
    assert "first: One network on the first coder." in " ".join(ltnet("fit", "--help").stdout.split())
    refused = ltnet("fit", str(demo), "--run", str(run), "--method", "first", "--no-machine-coders", *quick)
    assert refused.returncode == 2
    assert "--no-machine-coders has no meaning for --method first" in refused.stderr
    done = ltnet("fit", str(demo), "--run", str(run), "--method", "first", *quick)
    assert done.returncode == 0, done.stderr
    shown = ltnet("evaluate", str(run)).stdout
    assert "first" in shown


def test_a_method_can_be_registered_from_python(tmp_path: Path, demo: Path) -> None:
    (tmp_path / "first.py").write_text(TOY)
    spec = importlib.util.spec_from_file_location("first", tmp_path / "first.py")
    assert spec is not None
    assert spec.loader is not None
    toy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toy)
    METHODS.register(toy.METHOD)
    try:
        assert (method_name("first"), stage_name("first")) == ("first coder alone", "Train: first coder alone")
        model = IPA2LT("quick", method="first", epochs=1, device="cpu").fit(load_dataset(demo), tmp_path / "run")
        assert "first" in model.evaluation_["truth"]["methods"]
        with pytest.raises(OptionError, match="two methods with the name 'first'"):
            METHODS.register(Method(name="first", title="", text="", learn=toy.learn))
    finally:
        del METHODS["first"]


def test_every_module_of_methods_is_registered_in_order() -> None:
    files = {p.stem.replace("_", "-") for p in Path(next(iter(methods.__path__))).glob("[!_]*.py")}
    assert set(METHODS) == files
    assert next(iter(METHODS)) == "ltnet"
    for method in METHODS.values():
        assert method.text.endswith(".")
        assert method.title

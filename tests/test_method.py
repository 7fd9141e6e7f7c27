"""A training method is one file, see ``test_registries.py``, or comes from Python."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from ltnet_core import make_settings
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


def test_a_method_can_be_registered_from_python(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(TOY)
    spec = importlib.util.spec_from_file_location("first", tmp_path / "first.py")
    assert spec is not None
    assert spec.loader is not None
    toy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(toy)
    METHODS.register(toy.METHOD)
    try:
        assert (method_name("first"), stage_name("first")) == ("first coder alone", "Train: first coder alone")
        assert make_settings("quick", method="first").method == "first"
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

"""Do the tests notice when the code is wrong? A seeded sample of small faults, each put in alone, and who finds it.

``pip install cosmic-ray`` first, then ``python benchmarks/mutation.py --sample 200``. A fault (a mutant) is one change
to one place of a module: another operator, another number, a condition turned round. It is killed when the fast tests
of that module fail or need too long, in seconds of the processor, so that other work on the machine kills none. Places
are drawn evenly, then one of the faults that the place can have; type annotations are left out, since nothing evaluates
them. Every survivor is printed with its number in the sample, and ``--only`` tries those numbers again.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import importlib.util
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

import pandas  # noqa: F401  (what the tests import of others is imported once, before the processes are forked)
import parso  # noqa: F401  (cosmic-ray's plug-ins cannot be loaded before it)
import pyarrow.parquet  # noqa: F401
import pytest
import torch
from cosmic_ray import plugins
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).resolve().parent.parent
CORE = "ltnet_core"
AGGREGATION = ("test_aggregation_by_hand.py", "test_choice.py", "test_aggregation.py", "test_crowds.py")
TESTS = {
    "learning/ltnet.py": ("test_transition.py", "test_ltnet.py", "test_steps.py", "test_recipe.py"),
    "learning/transition.py": ("test_transition.py", "test_ltnet.py", "test_recipe.py"),
    "learning/training.py": (
        "test_recipe.py",
        "test_steps.py",
        "test_weight_average.py",
        "test_training.py",
        "test_ltnet.py",
        "test_recovery.py",
        "test_side_by_side.py",
    ),
    "learning/weight_average.py": ("test_weight_average.py",),
    "learning/turns.py": ("test_side_by_side.py",),
    "learning/side_by_side.py": ("test_side_by_side.py",),
    "learning/class_prior.py": ("test_class_prior.py",),
    "learning/lapse_rate.py": ("test_lapse_rate.py", "test_trust.py"),
    "learning/trust.py": ("test_trust.py",),
    "learning/ipa2lt.py": ("test_ipa2lt.py", "test_labels_alone.py"),
    "labels/reference.py": ("test_reference.py",),
    "labels/truth.py": ("test_truth.py", "test_shared_errors.py"),
    "learning/calibration.py": ("test_calibration.py", "test_shared_errors.py"),
    "labels/aggregation/choice.py": AGGREGATION,
    "labels/aggregation/confusion.py": AGGREGATION,
    "labels/aggregation/dawid_skene.py": AGGREGATION,
    "labels/aggregation/few_parameters.py": AGGREGATION,
    "labels/aggregation/guessing.py": AGGREGATION,
    "labels/aggregation/held_out.py": AGGREGATION,
    "labels/aggregation/majority_vote.py": AGGREGATION,
    "labels/aggregation/shrinkage.py": AGGREGATION,
    "labels/aggregation/unclear_items.py": AGGREGATION,
}
# Of a module that is not named here, all. The others drive whole runs, which no fast test does.
FUNCTIONS = {
    "learning/ipa2lt.py": (
        "_plan_longer",
        "_rest",
        "calibration_annotations",
        "first_matrices",
        "row_prior",
        "class_shares",
        "nearly_right",
        "total_mass",
        "sharpened",
    )
}
KILLED, SURVIVED, SLOW = "killed", "survived", "too slow"
FAST = "not test_a_run_ and not says_what_it_chose and not stay_bounded and not every_network"  # no whole programs
WALL = 20  # seconds of the clock for each second of the processor: for mutants that wait and do not work


@dataclass(frozen=True)
class Mutant:
    """One fault: the ``occurrence``-th place of ``module`` that ``operator`` can change."""

    module: str
    operator: str
    occurrence: int
    line: int


class _Places(Visitor):  # type: ignore[misc]  # cosmic-ray has no types
    """Where an operator can change a module, in the order in which cosmic-ray counts."""

    def __init__(self, operator: object) -> None:
        self.operator = operator
        self.found: list[tuple[int, int]] = []

    def visit(self, node: object) -> object:
        self.found += [start for start, _ in self.operator.mutation_positions(node)]  # type: ignore[attr-defined]
        return node


def annotation_lines(source: str) -> set[tuple[int, int]]:
    """Positions inside type annotations."""
    out: set[tuple[int, int]] = set()
    for node in ast.walk(ast.parse(source)):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        for part in (p for p in parts if isinstance(p, ast.expr)):
            out |= {
                (n.lineno, c)
                for n in ast.walk(part)
                if isinstance(n, ast.expr)
                for c in range(n.col_offset, (n.end_col_offset or n.col_offset) + 1)
            }
    return out


def lines_of(source: str, functions: tuple[str, ...]) -> set[int]:
    """Lines of these functions."""
    nodes = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name in functions]
    if len(nodes) != len(functions):
        raise SystemExit(f"not all of these functions are there: {', '.join(functions)}")
    return {line for n in nodes for line in range(n.lineno, (n.end_lineno or n.lineno) + 1)}


def mutants(module: str) -> dict[tuple[int, int], list[Mutant]]:
    """The possible faults of a module by their place."""
    source = (ROOT / CORE / module).read_text(encoding="utf-8")
    unevaluated, tree = annotation_lines(source), get_ast(source)
    lines = lines_of(source, FUNCTIONS[module]) if module in FUNCTIONS else None
    out: dict[tuple[int, int], list[Mutant]] = defaultdict(list)
    for name in plugins.operator_names():
        if name.endswith(("VariableReplacer", "VariableInserter")):  # these ask for names of variables
            continue
        places = _Places(plugins.get_operator(name)())
        places.walk(tree)
        for occurrence, folder in enumerate(places.found):
            if folder not in unevaluated and (lines is None or folder[0] in lines):
                out[folder].append(Mutant(module, name, occurrence, folder[0]))
    return out


def drawn(sample: int, seed: int) -> list[Mutant]:
    """The mutants to try."""
    rng = random.Random(seed)
    places = [faults for module in TESTS for _, faults in sorted(mutants(module).items())]
    return [rng.choice(faults) for faults in rng.sample(places, min(sample, len(places)))]


def _child(copy: Path, tests: tuple[str, ...], seconds: int | None) -> None:
    """What a forked process does: the tests of a copy, within its limit of processor time."""
    if seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    os.chdir(copy)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.path[:] = [p for p in sys.path if p and Path(p) != Path(__file__).resolve().parent]
    # Without a fault everything is compiled, then no more: two faults of equal length may be written within a second.
    sys.dont_write_bytecode = seconds is not None
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    torch.set_num_threads(1)
    how = ["-n", "0", "-x", "-q", "-p", "no:cacheprovider", "--timeout=0", "-k", FAST]
    status = pytest.main([*how, *(f"tests/{t}" for t in tests)])
    os._exit(int(status))


def run_tests(copy: Path, tests: tuple[str, ...], seconds: int | None) -> str:
    """Whether the tests of a copy of the repository notice; ``seconds`` of the processor are the limit."""
    process = multiprocessing.get_context("fork").Process(target=_child, args=(copy, tests, seconds))
    process.start()
    process.join(None if seconds is None else WALL * seconds)
    if process.is_alive():
        process.kill()
        process.join()
        return SLOW
    if process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL):
        return SLOW
    return KILLED if process.exitcode else SURVIVED


def tried(mutant: Mutant, copy: Path, seconds: int) -> tuple[str, str]:
    """What became of a mutant, and its change as a diff."""
    path = copy / CORE / mutant.module
    before = path.read_text(encoding="utf-8")
    after = mutate_code(before, plugins.get_operator(mutant.operator)(), mutant.occurrence)
    Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
    try:
        path.write_text(after, encoding="utf-8")
        outcome = run_tests(copy, TESTS[mutant.module], seconds)
    finally:
        path.write_text(before, encoding="utf-8")
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return outcome, "\n".join(line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---"))


def limits(copy: Path, groups: set[tuple[str, ...]]) -> dict[tuple[str, ...], int]:
    """Seconds of the processor that the tests of a module may need: twice what they need without a fault."""
    out = {}
    for tests in groups:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if run_tests(copy, tests, None) != SURVIVED:
            raise SystemExit(f"{', '.join(tests)} fail without any fault")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        out[tests] = int(2 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)) + 15
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the mutants of the sample to try; all of them")
    arguments = parser.parse_args()
    sample = list(enumerate(drawn(arguments.sample, arguments.seed), 1))
    if arguments.only:
        sample = [(number, mutant) for number, mutant in sample if number in arguments.only]
    counts: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        names = shutil.ignore_patterns(".git", ".venv", "__pycache__", "node_modules")
        copy = shutil.copytree(ROOT, Path(folder) / "copy", ignore=names, symlinks=True)
        seconds = limits(copy, {TESTS[mutant.module] for _, mutant in sample})
        for tested, (number, mutant) in enumerate(sample, 1):
            outcome, change = tried(mutant, copy, seconds[TESTS[mutant.module]])
            counts[mutant.module, outcome] += 1
            print(f"{tested} of {len(sample)}", end="\r", file=sys.stderr, flush=True)
            if outcome != KILLED:
                operator = mutant.operator.removeprefix("core/")
                print(f"{outcome}: {number} `{mutant.module}:{mutant.line}` {operator}\n{change}\n", flush=True)
    print("| module | mutants | killed | too slow | survived |\n|---|---|---|---|---|")
    for module in TESTS:
        row = [counts[module, outcome] for outcome in (KILLED, SLOW, SURVIVED)]
        print(f"| `{module}` | {sum(row)} | {row[0]} | {row[1]} | {row[2]} |")
    lived = sum(number for (_, outcome), number in counts.items() if outcome == SURVIVED)
    print(f"\n{len(sample) - lived} of {len(sample)} ({1 - lived / len(sample):.1%}) killed")


if __name__ == "__main__":
    main()

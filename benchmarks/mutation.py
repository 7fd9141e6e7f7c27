"""Do the tests notice when the code is wrong? A seeded sample of small faults, each put in alone, and who finds it.

``pip install cosmic-ray`` first, then ``python benchmarks/mutation.py --sample 200``. A fault (a mutant) is one change
to one place of a module: another operator, another number, a condition turned round. It is killed when the fast tests
of that module fail or take too long. Places are drawn evenly, then one of the faults that the place can have; type
annotations are left out, since nothing evaluates them. The table ends with every mutant that survived.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import parso  # noqa: F401  (cosmic-ray's plug-ins cannot be loaded before it)
from cosmic_ray import plugins
from cosmic_ray.ast import Visitor, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).resolve().parent.parent
CORE = "ltnet_core"
AGGREGATION = ("test_aggregation.py", "test_crowds.py")
TESTS = {
    "learning/ltnet.py": ("test_ltnet.py", "test_recipe.py"),
    "learning/transition.py": ("test_ltnet.py", "test_recipe.py"),
    "learning/training.py": ("test_recipe.py", "test_steps.py", "test_ltnet.py"),
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
KILLED, SURVIVED, SLOW = "killed", "survived", "too slow"


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


def mutants(module: str) -> dict[tuple[int, int], list[Mutant]]:
    """The possible faults of a module by their place."""
    source = (ROOT / CORE / module).read_text(encoding="utf-8")
    unevaluated = annotation_lines(source)
    out: dict[tuple[int, int], list[Mutant]] = defaultdict(list)
    for name in plugins.operator_names():
        if name.endswith(("VariableReplacer", "VariableInserter")):  # these ask for names of variables
            continue
        places = _Places(plugins.get_operator(name)())
        places.walk(get_ast(source))
        for occurrence, place in enumerate(places.found):
            if place not in unevaluated:
                out[place].append(Mutant(module, name, occurrence, place[0]))
    return out


def drawn(sample: int, seed: int) -> list[Mutant]:
    """The mutants to try."""
    rng = random.Random(seed)
    places = [faults for module in TESTS for _, faults in sorted(mutants(module).items())]
    return [rng.choice(faults) for faults in rng.sample(places, min(sample, len(places)))]


def run_tests(place: Path, tests: tuple[str, ...], seconds: float | None) -> str:
    """Whether the tests of a copy of the repository notice."""
    command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, *(f"tests/{t}" for t in tests)], cwd=place, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return SLOW
    return KILLED if done.returncode else SURVIVED


def tried(mutant: Mutant, copies: Queue[Path], seconds: float) -> tuple[str, str]:
    """What became of a mutant, and its change as a diff."""
    copy = copies.get()
    path = copy / CORE / mutant.module
    before = path.read_text(encoding="utf-8")
    try:
        after = mutate_code(before, plugins.get_operator(mutant.operator)(), mutant.occurrence)
        path.write_text(after, encoding="utf-8")
        outcome = run_tests(copy, TESTS[mutant.module], seconds)
    finally:
        path.write_text(before, encoding="utf-8")
        copies.put(copy)
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return outcome, "\n".join(line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2, help="copies of the repository that are tested side by side")
    arguments = parser.parse_args()
    sample = drawn(arguments.sample, arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for n in range(arguments.jobs):
            names = shutil.ignore_patterns(".git", ".venv", "__pycache__", "node_modules")
            copies.put(shutil.copytree(ROOT, Path(folder) / str(n), ignore=names, symlinks=True))
        first = copies.get()
        seconds = {}
        for tests in set(TESTS.values()):
            began = time.monotonic()
            if run_tests(first, tests, None) != SURVIVED:
                raise SystemExit(f"{', '.join(tests)} fail without any fault")
            seconds[tests] = 5 * (time.monotonic() - began) + 30
        copies.put(first)
        with ThreadPoolExecutor(arguments.jobs) as pool:
            futures = [pool.submit(tried, m, copies, seconds[TESTS[m.module]]) for m in sample]
            outcomes = []
            for n, future in enumerate(futures, 1):
                outcomes.append(future.result())
                print(f"{n} of {len(futures)}", end="\r", file=sys.stderr, flush=True)
    counts = Counter((m.module, outcome) for m, (outcome, _) in zip(sample, outcomes, strict=True))
    print("| module | mutants | killed | too slow | survived |\n|---|---|---|---|---|")
    for module in TESTS:
        row = [counts[module, outcome] for outcome in (KILLED, SLOW, SURVIVED)]
        print(f"| `{module}` | {sum(row)} | {row[0]} | {row[1]} | {row[2]} |")
    lived = sum(outcome == SURVIVED for outcome, _ in outcomes)
    print(f"\n{len(sample) - lived} of {len(sample)} ({1 - lived / len(sample):.1%}) killed; survivors:\n")
    for mutant, (outcome, change) in zip(sample, outcomes, strict=True):
        if outcome == SURVIVED:
            print(f"`{mutant.module}:{mutant.line}` {mutant.operator.removeprefix('core/')}\n{change}\n")


if __name__ == "__main__":
    main()

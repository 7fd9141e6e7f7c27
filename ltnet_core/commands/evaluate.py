"""Accuracy, calibration and recovery of T of a finished run."""

from __future__ import annotations

import argparse
from typing import Any

from ..files.printing import counted, say, say_json
from ..files.reading import read_json
from ..runs.run import Run
from .command import Command, run_and_json_flags


def _evaluate(arguments: argparse.Namespace) -> None:
    result = read_json(Run.open(arguments.run).result("evaluation.json"))
    if arguments.json:
        say_json(result)
        return
    for name, test in result["tests"].items():
        say(f"test set {name}, {counted(test['items'], 'item')}")
        _print_scores(test["methods"])
    if not result["tests"]:
        say("no test set with known truth")
    truth = result["truth"]
    if truth["items"]:
        say(f"labelled training items with known truth: {truth['items']:,}")
        labels = truth["human_labels_accuracy"]
        text = "no human label of them" if labels is None else f"human labels right {labels:.1%}"
        right = "unknown" if truth["accuracy"] is None else f"right {truth['accuracy']:.1%}"
        say(f"  learned truth {right}, {text}")
        _print_scores(truth.get("methods", {}))
    for coder, recovery in result["transitions"].items():
        if recovery["mae"] is not None:
            say(f"T of {coder}: mean absolute error {recovery['mae']:.3f}")


def _print_scores(methods: dict[str, Any]) -> None:
    width = max(map(len, methods), default=0)
    say(f"  {'method':<{width}}  accuracy  macro F1  calibration error")
    for method, s in methods.items():
        if s.get("accuracy") is None:
            say(f"  {method:<{width}}  (labels none of these items)")
        else:
            f1, ece = ("–" if s.get(key) is None else f"{s[key]:.3f}" for key in ("macro_f1", "ece"))
            say(f"  {method:<{width}}  {s['accuracy']:8.1%}  {f1:>8}  {ece:>17}")


COMMANDS = (Command("evaluate", "Show how right each method is on the test sets.", run_and_json_flags, _evaluate),)

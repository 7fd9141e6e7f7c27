"""A finished run on new images."""

from __future__ import annotations

import argparse

from ..files.printing import say, say_json
from ..runs.run import Run
from .command import Command, json_flag, run_flag


def _flags(parser: argparse.ArgumentParser) -> None:
    run_flag(parser)
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    json_flag(parser)


def _predict(arguments: argparse.Namespace) -> None:
    from ..learning.predict import predict_images

    answers = predict_images(Run.open(arguments.run), arguments.images, arguments.device)
    if arguments.json:
        say_json(answers)
        return
    for answer in answers:
        said = ", ".join(f"{c} would say {max(q, key=q.get)}" for c, q in answer["coders"].items())
        say(f"{answer['image']}: {answer['truth']} ({answer['confidence']:.0%}); {said}")


COMMANDS = (Command("predict", "Latent truth of new images, and what each coder would say.", _flags, _predict),)

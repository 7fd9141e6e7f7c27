"""A finished run on new images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..files.printing import say, say_json
from ..files.writing import behind_link
from ..runs.run import Run
from .command import Command, json_flag, run_flag


def _flags(parser: argparse.ArgumentParser) -> None:
    run_flag(parser)
    text = "image, or a folder, .zip or .tar of images; with --features a name in it (default: all)"
    images = parser.add_argument("images", nargs="+", metavar="IMAGE", help=text)

    class Features(argparse.Action):
        """Makes the images optional, which ``nargs="*"`` would only be before all flags."""

        def __call__(self, parser: Any, namespace: argparse.Namespace, value: Any, option: str | None = None) -> None:
            images.required = False
            setattr(namespace, self.dest, value)

    text = "features of the images, for a run that was trained on features: .parquet, .npz or .npy"
    parser.add_argument("--features", type=Path, action=Features, metavar="FILE", help=text)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    text = "write a table with a row per image, .csv or .parquet"
    parser.add_argument("--out", type=behind_link, metavar="FILE", help=text)
    json_flag(parser)


def _predict(arguments: argparse.Namespace) -> None:
    if arguments.out and arguments.json:
        raise OptionError("--out writes a table and --json prints; leave out one of them.")
    run = Run.open(arguments.run)
    if arguments.out:
        from ..export.predictions import write_predictions

        images = arguments.images or ()
        run.require_output(arguments.out, arguments.features, *(i for i in images if Path(i).is_file()))
        rows, broken = write_predictions(run, images, arguments.out, arguments.device, arguments.features)
        unread = f"; {broken:,} could not be read, see the column error" if broken else ""
        say(f"Wrote {rows:,} predictions to {arguments.out}{unread}.")
        return
    from ..learning.predict import predicted

    answers = predicted(run, arguments.images or (), arguments.device, features=arguments.features)
    if arguments.json:
        say_json(list(answers))
        return
    for answer in answers:
        say(_sentence(answer))


def _sentence(answer: dict[str, Any]) -> str:
    if answer["truth"] is None:
        return f"{answer['image']}: {answer['error']}"
    answers = ", ".join(f"{c} would say {max(q, key=q.get)}" for c, q in answer["coders"].items())
    return f"{answer['image']}: {answer['truth']} ({answer['confidence']:.0%}); {answers}"


COMMANDS = (Command("predict", "Latent truth of new images, and what each coder would say.", _flags, _predict),)

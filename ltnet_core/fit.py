"""Make a run, train or resume it; the estimator :class:`IPA2LT`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from .annotations import ADJUDICATOR
from .arguments import (
    device_name,
    features_file,
    image_names,
    process_count,
    require_settings,
    require_study,
    seed_number,
    settled_rows,
    temporary_folder,
)
from .datasets import Study
from .errors import (
    Cancelled,
    DamageError,
    DatasetError,
    LTNetError,
    OptionError,
    ProcessLost,
    RunError,
    TrainingError,
    did_you_mean,
)
from .explore.adjudications import COLUMNS, adjudicated, decisions_csv, given_coders, read_decisions
from .explore.set_aside import read_set_aside, with_set_aside, without
from .files.printing import counted
from .files.reading import read_json
from .files.writing import naming, remove_abandoned
from .learning.coder_weights import human_table, require_coders
from .learning.devices import choose_device, is_out_of_memory, processor_name, reserve
from .learning.group import ALONE, Group
from .learning.networks import require_network
from .learning.pixel_cache import pixels_limit
from .learning.plan import make_plan
from .learning.results import write_results
from .learning.study_features import survey_features
from .learning.trainer import Trainer
from .learning.usual_numbers import usual_numbers
from .method import METHODS
from .runs.manifest import write_manifest
from .runs.run import OWN_ADJUDICATIONS, STALL_SECONDS, Run
from .settings import VERSION, Settings, make_settings

_training = threading.RLock()


def new_run(
    study: Study,
    run_dir: str | Path,
    settings: Settings,
    *,
    seed: int = 0,
    device: str = "auto",
    adjudications: pd.DataFrame | None = None,
    left_out: Sequence[str] = (),
    like: str | None = None,
    processes: int | None = None,
) -> Run:
    """Check everything that can be checked before training, then make the run's folder.

    ``adjudications`` are rows ``image, label`` that people settled, ``left_out`` names of images that they set aside;
    the run keeps a copy of both and goes on with that. Nothing is learned from what is left out; images of test sets
    are measured all the same. ``like`` names the run whose settings these are, ``processes``
    how many shall train it together.

    Raises
    ------
    DatasetError, OptionError, RunError
    """
    require_study(study)
    require_settings(settings)
    seed, device, processes = seed_number(seed), device_name(device), process_count(processes)
    adjudications, left_out = settled_rows(adjudications), image_names(left_out)
    study.require_sound(settings.data.set_aside)
    features = settings.network.features
    if features is None:
        study.require_images()
    choose_device(device)
    pixels_limit()
    require_network(settings, len(study.table.classes))
    require_coders(study, settings)
    if adjudications is None:
        _require_no_adjudicator(study, settings)
    study, notes = _leave_out(study, left_out)
    if adjudications is not None:
        study, strangers = adjudicated(study, adjudications)
        if strangers:
            notes.append(f"{strangers:,} adjudications are of images that are not in the dataset to learn from.")
    make_plan(study, human_table(study, settings.coders.coders), settings, seed)
    surveyed = None if features is None else survey_features(features, [str(n) for n in study.table.items])
    run = Run.create(
        run_dir,
        {
            "version": VERSION,
            "dataset": str(study.files.location.resolve()),
            "dataset_name": study.name,
            "format": study.format,
            "corrections": study.corrections.to_json(),
            "fingerprint": study.table.fingerprint(),
            "preset": settings.preset,
            "settings": json.loads(json.dumps(settings.to_json())),
            "seed": seed,
            "device": device,
            "processes": processes,
            "features": surveyed,
            "adjudications": 0 if adjudications is None else len(adjudications) - strangers,
            "left_out": len(study.left_out),
            "like": None if like is None else os.fspath(like),
            "classes": list(study.table.classes),
            "codes": list(study.codes),
            "created": time.time(),
        },
        _own_adjudications(adjudications, study.left_out),
    )
    _emit_notes(run, notes)
    return run


def _leave_out(study: Study, images: Sequence[str]) -> tuple[Study, list[str]]:
    """The study with nothing to learn from these images, and what to tell about it."""
    strange = set(images) - {str(name) for name in study.table.items} if images else ()
    study = without(study, images)
    aside = len(study.left_out)
    notes = [f"{counted(aside, 'image')} set aside {'is' if aside == 1 else 'are'} left out."] if aside else []
    if strange:
        notes.append(f"{counted(len(strange), 'image')} to be left out: there is no such image in the dataset.")
    return study, notes


def _require_no_adjudicator(study: Study, settings: Settings) -> None:
    """Raise unless nothing speaks of what people settled, where no adjudications are passed."""
    if ADJUDICATOR in study.table.coders:
        why = f"has a coder called {ADJUDICATOR!r}, which is the name of what people settle here"
        raise DatasetError(f"{study.name} {why}: rename it, or pass its labels as adjudications.")
    if ADJUDICATOR in settings.coders.given:
        raise OptionError("the adjudications are to be taken as the truth, but there are none; pass adjudications.")


def _own_adjudications(adjudications: pd.DataFrame | None, left_out: Sequence[str]) -> dict[str, bytes]:
    """What people settled and set aside, as the file that the run keeps; none where they did neither."""
    if adjudications is None and not left_out:
        return {}
    settled = pd.DataFrame(columns=list(COLUMNS), dtype=str) if adjudications is None else adjudications
    return {OWN_ADJUDICATIONS: decisions_csv(with_set_aside(settled, left_out))}


def _emit_notes(run: Run, notes: list[str]) -> None:
    """Tell what is unusual about a run that was just made; where that fails the run is not made."""
    try:
        for note in notes:
            run.emit("note", message=note)
    except BaseException:
        run.discard()
        raise


def train_run(study: Study, run: Run, *, on_trainer: Any = None, group: Group = ALONE) -> None:
    """Train a run to its end, or go on with it. ``on_trainer`` gets the trainer, to be able to stop it.

    Of the processes of a ``group`` the leader calls this.

    Raises
    ------
    RunError
        the run is finished, at work elsewhere, or was made from other data.
    Cancelled, TrainingError, StorageError
    ProcessLost
        another process of the group is gone.
    """
    require_study(study)
    if not isinstance(run, Run):
        raise OptionError(f"a run is needed, as new_run or Run.open(FOLDER) returns, got {type(run).__name__}.")
    with run.lock(), usual_numbers():
        if run.is_complete():
            raise RunError(f"run {str(run.folder)!r} is finished; choose another folder.")
        study = _as_it_began(study, run)
        trainer: Trainer | None = None
        try:
            _clear_folders(run)
            trainer = Trainer(study, run, group)
            if on_trainer is not None:
                on_trainer(trainer)
            name = processor_name() if trainer.device.type == "cpu" else torch.cuda.get_device_name(trainer.device)
            resumed = any(e["event"] == "start" for e in run.events())
            run.emit(
                "start",
                pid=os.getpid(),
                device=f"{trainer.device}: {name}",
                device_memory_total=trainer.device_use.memory,
                resumed=resumed,
                processes=group.size,
            )

            def waiting(what: str = name) -> None:
                tell_waiting(run, what)
                if (trainer and trainer.progress.stop_signal) or run.asked_to_stop():
                    raise Cancelled(f"the run was cancelled while it waited for {what}.")

            with contextlib.ExitStack() as reserved:
                reserved.enter_context(_alone(lambda: waiting("another training of this process")))
                for device in group.machine if not group.alone else [trainer.device]:
                    reserved.enter_context(reserve(device, waiting))
                _train(trainer)
            run.emit("done", message="finished")
        except Cancelled as e:
            run.emit("cancelled", message=str(e))
            raise
        except ProcessLost as e:
            run.emit("note", message=str(e))
            raise
        except Exception as e:
            error = _in_words(e, trainer)
            with contextlib.suppress(LTNetError):  # where the disk is full, the event may find no room either
                run.emit("failed", message=f"{error}" if isinstance(error, LTNetError) else f"{type(e).__name__}: {e}")
            if error is e:
                raise
            raise error from e
        with naming(run.checkpoint):
            shutil.rmtree(run.checkpoint)


def _as_it_began(study: Study, run: Run) -> Study:
    """The study with what had been settled and set aside when the run began.

    Raises
    ------
    RunError
        its annotations are others now.
    """
    spec, settled = run.spec(), run.folder / OWN_ADJUDICATIONS
    if (spec.get("adjudications") or spec.get("left_out")) and not settled.is_file():
        raise DamageError(str(settled), "missing")
    if settled.exists():
        study = without(study, read_set_aside(settled))
        decisions = read_decisions(settled)
        study = adjudicated(study, decisions, OWN_ADJUDICATIONS)[0] if len(decisions) else study
    if spec["fingerprint"] != study.table.fingerprint():
        raise RunError(
            f"run {str(run.folder)!r} was made from other annotations than {study.name!r} has now; start a new run."
        )
    return study


def tell_waiting(run: Run, what: str) -> None:
    """Say what a run waits for, and again after some time: one without a sign of life is told as stalled."""
    last = next(reversed(run.events()), None)
    if last is None or last["event"] != "queued" or time.time() - float(last["time"]) > STALL_SECONDS / 2:
        run.emit("queued", message=f"waiting for {what}")


@contextlib.contextmanager
def _alone(waiting: Callable[[], None]) -> Iterator[None]:
    """Let no other thread of this process train meanwhile: PyTorch's generators of random numbers are the process's."""
    while not _training.acquire(timeout=1):
        waiting()
    try:
        yield
    finally:
        _training.release()


def _clear_folders(run: Run) -> None:
    """The checkpoint's folder, made anew where it is lost; without what a killed writer left anywhere in the run."""
    with naming(run.checkpoint):
        run.checkpoint.mkdir(exist_ok=True)
    for folder in (run.folder, run.checkpoint, run.results, run.results / "networks"):
        remove_abandoned(folder)


def _in_words(e: Exception, trainer: Trainer | None) -> Exception:
    """The error as a sentence that says what to do, where it is of a kind that one can say it of."""
    if not is_out_of_memory(e) or trainer is None:
        return e
    settings = trainer.settings
    if settings.network.features is not None:
        lower = f"lower the batch size (now {settings.schedule.batch_size}) or the hidden units"
        return TrainingError(f"there is not enough memory for the stage {trainer.progress.stage!r}: {lower}.")
    size = f"the image size (now {trainer.size})" if trainer.size else "the image size"
    lower = (
        f"lower {size}, or set the pixel budget to 0"
        if trainer.progress.stage == "images"
        else f"lower {size}, or take a smaller network (now {settings.network.network})"
    )
    return TrainingError(f"there is not enough memory for the stage {trainer.progress.stage!r}: {lower}.")


def _train(trainer: Trainer) -> None:
    trainer.prepare()
    learned = METHODS.named(trainer.settings.method).learn(trainer)
    trainer.progress.enter("results")
    for note in write_results(trainer.run, trainer.study, trainer.human, learned):
        trainer.progress.note(note)
    trainer.progress.stop_if_asked()
    trainer.keep_networks(learned)
    write_manifest(trainer.run.folder)  # from now on the run is done


OWN_ARGUMENTS = ("preset", "seed", "device", "adjudications", "adjudicator", "left_out")
FITTED = ("run_", "truth_", "transitions_", "evaluation_")


class IPA2LT:
    """Learn the latent truth of a study, in five lines of Python.

    Parameters are those of :func:`ltnet_core.make_settings` (``preset``, ``network``, ``epochs``, ``coders``, …, every
    option of :mod:`ltnet_core.settings.groups`), ``seed``, ``device``, and ``adjudications``, rows ``image, label``
    that people settled (see :func:`~ltnet_core.explore.adjudications.read_decisions`), which are trusted fully unless
    ``adjudicator`` is ``learn``, and ``left_out``, names of images to leave out (see
    :func:`~ltnet_core.explore.set_aside.read_set_aside`). They are stored as given; ``get_params`` and ``set_params``
    are scikit-learn's, whose ``clone`` copies the estimator.

    Attributes (after ``fit``)
    --------------------------
    transitions_ : coder → DataFrame (K,K), truth × what the coder says.
    truth_ : DataFrame, the rows of ``truth.csv``.
    evaluation_ : dict, what ``evaluate --json`` prints.
    run_ : the :class:`~ltnet_core.runs.run.Run` with everything else.
    """

    def __init__(
        self,
        preset: str = "default",
        *,
        seed: int = 0,
        device: str = "auto",
        adjudications: pd.DataFrame | None = None,
        adjudicator: Literal["trust", "learn"] = "trust",
        left_out: Sequence[str] = (),
        **settings: Any,
    ):
        self.preset, self.seed, self.device, self.settings = preset, seed, device, settings
        self.adjudications, self.adjudicator, self.left_out = adjudications, adjudicator, left_out

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments that the estimator was made with, and settings by name; ``deep`` changes nothing."""
        return {name: getattr(self, name) for name in OWN_ARGUMENTS} | self.settings

    def set_params(self, **changes: Any) -> IPA2LT:
        """Change arguments and settings for the next fit.

        Raises
        ------
        OptionError
            there is no such argument or setting.
        """
        known = (*OWN_ARGUMENTS, "method", *Settings.options())
        for name in changes:
            if name not in known:
                raise OptionError(f"unknown setting {name!r}." + did_you_mean(name, known))
        for name in OWN_ARGUMENTS:
            if name in changes:
                setattr(self, name, changes[name])
        self.settings = self.settings | {k: v for k, v in changes.items() if k not in OWN_ARGUMENTS}
        return self

    def fit(
        self,
        study: Study,
        run: str | Path | None = None,
        *,
        features: str | os.PathLike[str] | NDArray[np.floating[Any]] | None = None,
    ) -> IPA2LT:
        """Train. ``run`` is the run's folder, a temporary one by default.

        ``features`` take the place of the images: a file (see :mod:`ltnet_core.datasets.feature_file`), or (N,D) in
        the order of ``study.table.items``, which are written to a temporary file; it stays, since runs that are started
        from this one read it.

        Raises
        ------
        InputError, TrainingError
        """
        from .export.finished_run import load_transitions, load_truth

        require_study(study)
        if "given" in self.settings:
            raise OptionError("given follows from adjudications and adjudicator; leave it out.")
        certain = given_coders(self.adjudications is not None, self.adjudicator)
        options = {**self.settings, "given": certain}
        with contextlib.ExitStack() as undo:
            if features is not None:
                options["features"] = features_file(features, study, undo)
            settings = make_settings(self.preset, **options)
            made = new_run(
                study,
                run if run is not None else temporary_folder("ltnet-run-", undo),
                settings,
                seed=self.seed,
                device=self.device,
                adjudications=self.adjudications,
                left_out=self.left_out,
            )
            undo.pop_all()  # the run keeps its folder and reads its features
        for name in FITTED:
            self.__dict__.pop(name, None)  # of an earlier fit, should this one fail
        self.run_ = made
        train_run(study, self.run_)
        self.truth_ = load_truth(self.run_)
        self.transitions_ = load_transitions(self.run_)
        self.evaluation_ = read_json(self.run_.result("evaluation.json"))
        return self

"""IPA2LT: train machine coders, let them label everything, train LTNet. In that order, in a run's folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from .aggregation import dawid_skene
from .annotations import AnnotationTable, FloatArray, is_machine
from .coders import add_pseudo_labels, machine_name
from .datasets import Study
from .devices import choose_device, processor_name, reserve
from .errors import Cancelled, DatasetError, OptionError, RunError, TrainingError, did_you_mean
from .images import Pixels, decode_all, survey
from .ltnet import LTNet
from .networks import build_network, read_weights
from .plan import DECODE_COST, PREDICT_COST, Plan, make_plan
from .results import Learned, finish, write_results
from .runs import Run, read_json, write_json
from .settings import Settings, make_settings
from .training import Record, Schedule, TrainingData, Watch, fit, predict
from .transition import ClampedTransitions, SoftmaxTransitions, near_identity

HEARTBEAT = 1.0
START_SMOOTHING = 1.0  # pseudo counts per cell when T is first estimated


class Trainer:
    """The road from a study to a finished run. Every stage leaves its result in the checkpoint folder."""

    def __init__(self, study: Study, run: Run):
        self.study, self.run = study, run
        spec = run.spec()
        self.settings = Settings.from_json(spec["settings"])
        self.seed = int(spec["seed"])
        self.human = study.table if spec["coders"] is None else study.table.keep_coders(spec["coders"])
        self.device = choose_device(spec["device"])
        self.stage = "images"
        self.done = self.total = 0.0
        self._began = self._beat = time.monotonic()
        self._done_at_start: float | None = None
        self.stop_signal = False

    # ---- progress

    def advance(self, work: float) -> None:
        """Count finished work, tell the world now and then, and stop when asked to."""
        self.done += work
        now = time.monotonic()
        if now - self._beat < HEARTBEAT:
            return
        self._beat = now
        self.run.emit("progress", stage=self.stage, **self._where())
        if self.stop_signal or self.run.asked_to_stop():
            raise Cancelled("the run was cancelled; --resume goes on from its last checkpoint.")

    def skip(self, work: float) -> None:
        """Count work that an earlier process did; it says nothing about today's speed."""
        self.done += work
        self._done_at_start = (self._done_at_start or 0.0) + work

    def _where(self) -> dict[str, Any]:
        progress = min(self.done / self.total, 1.0) if self.total else 0.0
        eta = None
        if self._done_at_start is not None and self.done > self._done_at_start:
            elapsed = time.monotonic() - self._began
            eta = elapsed * max(self.total - self.done, 0.0) / (self.done - self._done_at_start)
        return {"progress": progress, "eta_seconds": eta}

    def enter(self, stage: str, epochs: int | None = None) -> None:
        self.stage = stage
        self.run.emit("stage", stage=stage, epochs=epochs, **self._where())
        print(f"[{time.strftime('%H:%M:%S')}] {stage}" + (f", {epochs} epochs" if epochs else ""), flush=True)

    def note(self, message: str) -> None:
        """Tell the user something about this run, once."""
        if not any(e["event"] == "note" and e.get("message") == message for e in self.run.events()):
            self.run.emit("note", message=message)
            print(f"note: {message}", flush=True)

    # ---- the stages

    def train(self) -> None:
        """Run every stage that is not there yet, then write the results."""
        self.total = make_plan(self.study, self.human, self.settings, self.seed).work(self.settings)
        pixels = self.images()
        plan = make_plan(self.study, self.human, self.settings, self.seed, self.broken)
        for note in plan.notes:
            self.note(note)
        stages = [*(f"coder:{c}" for c in plan.coders), "mixture", *(["pseudo"] if plan.coders else []), "ltnet"]
        self.run.emit("plan", stages=["images", *stages, "results"])
        self.total, self.done = plan.work(self.settings), DECODE_COST * len(plan.usable)
        self._began, self._done_at_start = time.monotonic(), self.done
        mean, std = _statistics(pixels, plan.pooled)
        self._context = (pixels, mean, std)

        predictions: dict[str, FloatArray] = {}
        for name in plan.coders:
            own = plan.table.keep_coders([name])
            predictions[name] = self.network(f"coder:{name}", own, plan)
        humans = plan.table
        mixture = self.network("mixture", humans, plan)

        table = humans
        if predictions:
            self.enter("pseudo")
            table = add_pseudo_labels(humans, predictions, self.settings.pseudo, plan.usable & ~self.study.is_test)
        start = self.start(table, mixture)
        p = self.network("ltnet", table, plan, start=start)
        self.enter("results")
        networks = {**{f"coder:{c}": q for c, q in predictions.items()}, "mixture": mixture, "ltnet": p}
        transitions = self._learned_transitions(table, start)
        weights = coder_weights(table, self.settings)
        write_results(
            self.run,
            self.study,
            self.human,
            Learned(table, transitions, start, weights, networks, plan.usable, plan.pooled),
        )
        self._keep_networks(list(networks), plan.table.classes, table.coders)
        finish(self.run)

    def images(self) -> Pixels:
        """Decode the images once; note those that cannot be read."""
        self.enter("images")
        path, facts_path = self.run.checkpoint / "pixels.npy", self.run.checkpoint / "images.json"
        if not (path.exists() and facts_path.exists()):
            side, channels = survey(self.study.files, self.study.table.items.tolist())
            size = self.settings.image_size or max(8, min(side, self.settings.largest_image))
            names = self.study.table.items.tolist()

            def progress(done: int, total: int) -> None:
                self.advance(DECODE_COST * done - self.done)

            broken = decode_all(self.study.files, names, size, channels, path, progress)
            write_json(facts_path, {"size": size, "channels": channels, "broken": broken})
        facts = read_json(facts_path)
        self.size, self.channels, self.broken = facts["size"], facts["channels"], facts["broken"]
        if self.broken:
            first = next(iter(self.broken.values()))
            self.note(f"unreadable images set aside: {len(self.broken):,}; the first: {first}")
        return cast(Pixels, np.load(path, mmap_mode="r", allow_pickle=False))

    def _epochs(self, items: int, *, ltnet: bool = False) -> int:
        return self.settings.epochs_for(items, ltnet=ltnet)

    def network(self, stage: str, table: AnnotationTable, plan: Plan, *, start: FloatArray | None = None) -> FloatArray:
        """Train one network, or load it when it is there; returns (N,K) p of every item."""
        folder, name = self.run.checkpoint, file_stem(stage)
        weights, said, told = (folder / f"{name}{end}" for end in (".safetensors", ".npy", ".json"))
        settings, ltnet = self.settings, start is not None
        train, validation = plan.split(table)
        if ltnet:
            # The items that only machine coders labelled take part: they are the bridge between the datasets. An item
            # held out for validation may carry machine labels; it must stay unseen all the same.
            train = np.setdiff1d(np.flatnonzero(table.annotated()), validation)
        epochs = self._epochs(len(plan.train) if ltnet else len(train), ltnet=ltnet)
        cost = epochs * (len(train) + len(validation)) + PREDICT_COST * len(plan.usable)
        if told.exists():
            self.skip(cost)
            return cast(FloatArray, np.load(said, allow_pickle=False))

        self.enter(stage, epochs)
        model = self._model(stage, table, start)
        data = self._data(table)
        schedule = Schedule(
            epochs=epochs,
            batch_size=settings.batch_size,
            lr=settings.ltnet_lr if ltnet else settings.lr,
            decay=settings.decay,
            optimizer=settings.optimizer,
            weight_decay=settings.weight_decay,
            transition_lr=settings.transition_lr if ltnet else 0.0,
            transition_delay=settings.transition_delay,
        )

        def epoch(record: Record) -> None:
            self.run.emit("epoch", stage=stage, epochs=epochs, **record)
            said = f"  epoch {record['epoch']}/{epochs}  loss {record['train_loss']:.3f}"
            if record["validation_loss"] is not None:
                said += f"  validation {record['validation_loss']:.3f} ({record['validation_agreement']:.1%} agree)"
            print(said + f"  {record['seconds']:.1f} s", flush=True)

        history = fit(
            model,
            data,
            train,
            validation,
            schedule,
            seed=stage_seed(self.seed, stage, plan.table),
            checkpoint=folder / f"{name}.epochs.pt",
            watch=Watch(step=self.advance, epoch=epoch, skip=self.skip),
        )
        p = predict(
            model, data, np.arange(len(plan.usable)), watch=Watch(step=lambda n: self.advance(PREDICT_COST * n))
        )
        save_file({k: v.contiguous().cpu() for k, v in model.state_dict().items()}, weights)
        with open(said.with_suffix(".npy.partial"), "wb") as f:
            np.save(f, p)
        said.with_suffix(".npy.partial").rename(said)
        write_json(told, {"history": history})  # last: the stage is complete
        (folder / f"{name}.epochs.pt").unlink(missing_ok=True)
        return p

    def _model(self, stage: str, table: AnnotationTable, start: FloatArray | None) -> LTNet:
        settings = self.settings
        base = build_network(
            settings.network,
            classes=len(table.classes),
            channels=self.channels,
            image_size=self.size,
            seed=stage_seed(self.seed, stage, table) % 2**31,
            weights=settings.weights,
            last_relu=settings.last_relu,
        )
        if start is None:
            return self._place(LTNet(base))
        transitions = (
            SoftmaxTransitions(start)
            if settings.transition_floor is None
            else ClampedTransitions(start, settings.transition_floor)
        )
        model = LTNet(base, transitions, settings.double_softmax)
        # LTNet starts from the mixture's weights, as the authors' does: a poor p would drag T along.
        state = load_file(self.run.checkpoint / f"{file_stem('mixture')}.safetensors")
        model.load_state_dict(state, strict=False)
        return self._place(model)

    def _place(self, model: LTNet) -> LTNet:
        placed: LTNet = model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return placed

    def _data(self, table: AnnotationTable) -> TrainingData:
        pixels, mean, std = self._context
        weights = coder_weights(table, self.settings)
        return TrainingData(pixels, table, weights, mean, std, self.device, self.settings.augment)

    def start(self, table: AnnotationTable, mixture: FloatArray) -> FloatArray:
        """(C,K,K) T before LTNet trains."""
        settings = self.settings
        _, c, k = table.shape
        if settings.transition_start == "identity":
            return near_identity(c, k, settings.start_diagonal)
        extra = np.full((c, k, k), START_SMOOTHING / k) + START_SMOOTHING * np.eye(k)
        if settings.transition_start == "dawid-skene":
            return dawid_skene(table, pseudo_counts=extra).transitions
        return start_from_network(table, mixture, extra)

    def _learned_transitions(self, table: AnnotationTable, start: FloatArray) -> FloatArray:
        """(C,K,K) T as LTNet ended with it."""
        model = self._model("ltnet", table, start)
        model.load_state_dict(load_file(self.run.checkpoint / f"{file_stem('ltnet')}.safetensors"))
        assert model.transitions is not None
        t: FloatArray = model.transitions.log_t().exp().detach().double().cpu().numpy()
        t /= t.sum(2, keepdims=True)
        return t

    def _keep_networks(self, names: list[str], classes: tuple[str, ...], coders: tuple[str, ...]) -> None:
        """Copy every network and its history from the checkpoint to the results."""
        folder = self.run.results / "networks"
        folder.mkdir(exist_ok=True)
        _, mean, std = self._context
        histories = {}
        for name in names:
            stem = file_stem(name)
            shutil.copyfile(self.run.checkpoint / f"{stem}.safetensors", folder / f"{stem}.safetensors")
            histories[name] = read_json(self.run.checkpoint / f"{stem}.json")["history"]
        write_json(self.run.results / "history.json", histories)
        write_json(
            folder / "index.json",
            {
                "network": self.settings.network,
                "last_relu": self.settings.last_relu,
                "image_size": self.size,
                "channels": self.channels,
                "mean": mean.tolist(),
                "std": std.tolist(),
                "trained_classes": list(classes),  # the order of the networks' outputs
                "trained_coders": list(coders),  # the order of T in the weights
                "files": {name: f"{file_stem(name)}.safetensors" for name in names},
                "mirror": self.settings.augment,
            },
        )


def start_from_network(table: AnnotationTable, p: FloatArray, pseudo_counts: FloatArray) -> FloatArray:
    """(C,K,K) T from Dawid–Skene whose prior for each item is what a network sees in it.

    ``p`` (N,K) is sharpened to its most probable class first: a network trained on the
    coders' labels spreads p the way the coders err, and T would explain nothing.
    """
    k = p.shape[1]
    sharp = np.full(p.shape, 0.1 / k)
    sharp[np.arange(len(p)), p.argmax(1)] += 0.9
    return dawid_skene(table, item_prior=sharp, pseudo_counts=pseudo_counts).transitions


def coder_weights(table: AnnotationTable, settings: Settings) -> FloatArray:
    """(C,) weight of each coder's annotations."""
    usual = [settings.machine_weight if is_machine(c) else settings.human_weight for c in table.coders]
    return np.asarray([settings.coder_weights.get(c, w) for c, w in zip(table.coders, usual, strict=True)])


def file_stem(stage: str) -> str:
    """A file name for a stage; coders' names may hold anything."""
    kind, _, name = stage.partition(":")
    return f"{kind}-{hashlib.sha256(name.encode()).hexdigest()[:12]}" if name else kind


def stage_seed(seed: int, stage: str, table: AnnotationTable) -> int:
    """A seed of its own for each stage; coders count by their place, so that their names do not matter."""
    kind, _, name = stage.partition(":")
    place = table.coders.index(name) if name else 0
    number = {"coder": 1, "mixture": 2, "ltnet": 3}[kind]
    return int(np.random.SeedSequence([seed, number, place]).generate_state(1, np.uint32)[0])


def _statistics(pixels: Pixels, items: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """(channels,) mean and standard deviation of the training pixels (a sample of at most 4,000 images)."""
    sample = np.asarray(pixels[items[:: max(len(items) // 4000, 1)]], dtype=np.float64)
    return sample.mean((0, 2, 3)), np.maximum(sample.std((0, 2, 3)), 1.0)


# ---- starting, resuming


def new_run(
    study: Study,
    run_dir: str | Path,
    settings: Settings,
    *,
    seed: int = 0,
    device: str = "auto",
    coders: list[str] | None = None,
) -> Run:
    """Check everything that can be checked before training, then make the run's folder.

    Raises
    ------
    DatasetError, OptionError, RunError
    """
    study.require_sound()
    choose_device(device)
    if settings.weights is not None:
        read_weights(settings.weights)
    known = [*study.human_coders, *map(machine_name, study.human_coders)]
    for name in settings.coder_weights:
        if name not in known:
            raise OptionError(
                f"a weight is given for {name!r}, but there is no such coder." + did_you_mean(name, known)
            )
    if seed < 0:
        raise OptionError(f"seed must not be negative, got {seed}.")
    if coders is not None:
        if not coders or len(set(coders)) < len(coders):
            raise OptionError("coders must be one or more different names.")
        for coder in coders:
            study.table.coder_index(coder)
    return Run.create(
        run_dir,
        {
            "dataset": str(study.files.location.resolve()),
            "dataset_name": study.name,
            "format": study.format,
            "fingerprint": study.table.fingerprint(),
            "preset": settings.preset,
            "settings": json.loads(json.dumps(settings.to_json())),
            "seed": seed,
            "device": device,
            "coders": coders,
            "classes": list(study.table.classes),
            "codes": list(study.codes),
            "created": time.time(),
        },
    )


def train_run(study: Study, run: Run, *, on_trainer: Any = None) -> None:
    """Train a run to its end, or go on with it. ``on_trainer`` gets the trainer, to be able to stop it.

    Raises
    ------
    RunError
        the run is finished, at work elsewhere, or was made from other data.
    Cancelled, TrainingError
    """
    with run.lock():
        if run.is_complete():
            raise RunError(f"run {str(run.folder)!r} is finished; choose another folder.")
        if run.spec()["fingerprint"] != study.table.fingerprint():
            raise RunError(
                f"run {str(run.folder)!r} was made from other annotations than {study.name!r} has now; start a new run."
            )
        try:
            trainer = Trainer(study, run)
            if on_trainer is not None:
                on_trainer(trainer)
            name = processor_name() if trainer.device.type == "cpu" else torch.cuda.get_device_name(trainer.device)
            resumed = any(e["event"] == "start" for e in run.events())
            run.emit("start", pid=os.getpid(), device=f"{trainer.device}: {name}", resumed=resumed)

            def waiting() -> None:
                if run.events()[-1]["event"] != "queued":
                    run.emit("queued", message=f"waiting for {name}")
                if trainer.stop_signal or run.asked_to_stop():
                    raise Cancelled("the run was cancelled while it waited for a GPU.")

            with reserve(trainer.device, waiting):
                trainer.train()
            run.emit("done", message="finished")
        except Cancelled as e:
            run.emit("cancelled", message=str(e))
            raise
        except Exception as e:
            run.emit(
                "failed", message=f"{e}" if isinstance(e, (TrainingError, DatasetError)) else f"{type(e).__name__}: {e}"
            )
            raise
        for left in run.checkpoint.iterdir():
            left.unlink()
        run.checkpoint.rmdir()


class IPA2LT:
    """Learn the latent truth of a study, in five lines of Python.

    Parameters are those of :func:`ltnet_core.make_settings` (``preset``, ``network``,
    ``epochs``, …) and ``seed``, ``device``, ``coders``. They are stored as given.

    Attributes (after ``fit``)
    --------------------------
    transitions_ : coder → DataFrame (K,K), truth × what the coder says.
    truth_ : DataFrame, the rows of ``truth.csv``.
    evaluation_ : dict, what ``evaluate --json`` prints.
    run_ : the :class:`~ltnet_core.runs.Run` with everything else.
    """

    def __init__(
        self,
        preset: str = "default",
        *,
        seed: int = 0,
        device: str = "auto",
        coders: list[str] | None = None,
        **settings: Any,
    ):
        self.preset, self.seed, self.device, self.coders, self.settings = preset, seed, device, coders, settings

    def fit(self, study: Study, run: str | Path | None = None) -> IPA2LT:
        """Train. ``run`` is the run's folder, a temporary one by default.

        Raises
        ------
        InputError, TrainingError
        """
        from .export import load_transitions, load_truth

        folder = Path(run) if run is not None else Path(tempfile.mkdtemp(prefix="ltnet-run-"))
        settings = make_settings(self.preset, **self.settings)
        self.run_ = new_run(study, folder, settings, seed=self.seed, device=self.device, coders=self.coders)
        train_run(study, self.run_)
        self.truth_ = load_truth(self.run_)
        self.transitions_ = load_transitions(self.run_)
        self.evaluation_ = read_json(self.run_.result("evaluation.json"))
        return self

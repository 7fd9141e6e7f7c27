"""The road of a run: decoded images, networks, results.

Every stage leaves its result in the run's checkpoint folder, so that a run can go on where it was stopped. A method
(:mod:`method`) says which stages there are, and drives this one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..annotations import FloatArray
from ..datasets import Study
from ..runs.run import Run
from ..settings import Settings
from .coder_weights import human_table
from .device_use import DeviceUse
from .group import ALONE, Group
from .item_features import item_features
from .network_files import write_networks
from .network_stage import NetworkStages
from .networks import default_size
from .plan import Plan, make_plan
from .progress import Progress, images_of
from .results import Learned
from .stages import Task
from .study_features import study_features
from .study_pixels import PixelSource, StudyPixels


class Trainer:
    """What a method needs to train the networks of a run.

    Attributes
    ----------
    study, run, settings, seed, device : of the run. group : the processes that train it.
    human : annotations of the coders that take part. progress : how far the run is.
    plan : which network trains on what; there after :meth:`prepare`.
    """

    plan: Plan
    _networks: NetworkStages

    def __init__(self, study: Study, run: Run, group: Group = ALONE):
        self.study, self.run, self.group = study, run, group
        spec = run.spec()
        self.settings = Settings.of_spec(spec)
        self.seed = int(spec["seed"])
        self.human = human_table(study, self.settings.coders.coders)
        self.device = group.begin(spec["device"])
        self.device_use = DeviceUse(self.device)
        self.progress = Progress(run, self.device_use.now)
        self.size: int | None = None  # of the images, once it is known

    def prepare(self) -> Plan:
        """Decode the images and plan the work."""
        self.progress.begin(images_of(make_plan(self.study, self.human, self.settings, self.seed)))
        self.progress.enter("images")
        images = self._images = self._see()
        self.plan = plan = make_plan(self.study, self.human, self.settings, self.seed, images.broken)
        for note in plan.notes:
            self.progress.note(note)
        *first, last = plan.fits
        self.run.emit("plan", stages=["images", *first, *(["pseudo"] if plan.coders else []), last, "results"])
        self.progress.begin(images_of(plan), {"decode": len(plan.usable)})
        self._networks = NetworkStages(
            self.run, self.settings, self.seed, self.device, plan, images, self.progress, self.group
        )
        return plan

    def _see(self) -> StudyPixels:
        """The images' pixels, or the features that take their place."""
        options, data = self.settings.network, self.settings.data
        if options.features is not None:
            return study_features([str(n) for n in self.study.table.items], self.run, options.features, self.progress)
        source = PixelSource(
            self.study,
            self.run,
            data,
            self.progress,
            lambda side: default_size(options.network, side, data.largest_image),
            self.group,
        )
        images = source.get()
        self.size = images.size
        return images

    def network(self, task: Task) -> FloatArray:
        """Train one network, or load it when it is there; returns (N,K) p of every item."""
        return self.networks([task])[task.stage]

    def networks(self, tasks: Sequence[Task]) -> dict[str, FloatArray]:
        """The same of networks that do not need each other; returns stage → p."""
        return self._networks.networks(tasks)

    def matrices(self, task: Task) -> FloatArray | None:
        """(C,K,K) that a trained network ended with; None for a method without."""
        return self._networks.trained(task).matrices()

    def features(self, task: Task) -> NDArray[np.float32]:
        """(N, dimensions) what a trained network sees of every item, see :mod:`item_features`."""
        networks = self._networks
        return item_features(
            self.run.checkpoint,
            len(self.plan.usable),
            lambda: (networks.trained(task), networks.data(task)),
            self.progress,
            self.group,
        )

    def keep_networks(self, learned: Learned) -> None:
        """Copy every network from the checkpoint to the results."""
        images, networks = self._images, self._networks
        write_networks(
            self.run,
            self.settings,
            learned,
            networks.whole_weights,
            images.size,
            images.channels,
            networks.mean,
            networks.std,
        )

"""What a finished run sees in new images, and what each coder would call them."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from ltnet_core.annotations import is_machine
from ltnet_core.datasets import Study
from ltnet_core.datasets.feature_file import open_features
from ltnet_core.datasets.sources.files import MAX_IMAGE_BYTES, is_image_name, suffix
from ltnet_core.datasets.sources.image_sources import SourceImage, images_of
from ltnet_core.errors import DatasetError, LTNetError
from ltnet_core.images.image import open_image
from ltnet_core.runs.run import Run
from ltnet_core.settings import Settings
from ui import commands, reads, thumbnails, uploads
from ui.charts import WHITE_FROM
from ui.markup import esc
from ui.server_files import file_of, path_of
from ui.wording import coder_name, listing, name, percent
from ui.workspace import Dataset

SAMPLES = 6
SHOWN = 60  # images that are shown; the table has all
MOST_COLUMNS = 10


@dataclass(frozen=True)
class PredictedImage:
    """One image: an ``answer`` as ``predict --json`` gives it, or the ``error`` why there is none.

    ``file`` is a copy of it while it was looked at, ``picture`` a ``data:`` URI of a small JPEG.
    """

    image: str
    file: Path
    picture: str | None = None
    answer: dict[str, Any] | None = None
    error: str = ""


@dataclass(frozen=True)
class Predictions:
    """The first of the images, and how many there are."""

    shown: list[PredictedImage]
    images: int


def sources_of_upload(upload: str) -> tuple[Path, list[str]]:
    """The folder of an upload of images, and what in it `predict` is to look at: the folder itself, and archives.

    Raises
    ------
    LTNetError
        the images were removed after an hour.
    """
    names = uploads.images(upload)
    if not names:
        raise LTNetError("these images were removed from the server, as nobody had looked at them for an hour.")
    folder = uploads.images_folder(upload)
    archives = [str(n.relative_to(folder)) for n in names if not is_image_name(n.name)]
    return folder, [*(["."] if len(archives) < len(names) else []), *archives]


def require_path(text: str) -> Path:
    """The image, folder or archive that somebody named by its path.

    Raises
    ------
    DatasetError
        it lies where this page may not look, is not there, or holds no image.
    """
    path = path_of(text)
    next(images_of([path]))
    return path


@st.cache_data(max_entries=6, ttl=3600, show_spinner="Looking at the images …")
def look_at_uploaded(folder: str, version: str, upload: str) -> Predictions:
    """What the run in ``folder`` sees in the images of an upload; a broken one does not stop the others.

    ``version`` is that of the run's results.

    Raises
    ------
    LTNetError
        the images were removed after an hour, or the prediction failed; says why.
    """
    folder_of_upload, sources = sources_of_upload(upload)
    sources_images = [i for source in sources for i in images_of([folder_of_upload / source])]
    images = [replace(i, shown=i.shown.removeprefix(f"{folder_of_upload}/")) for i in sources_images]
    return Predictions(look(Run(folder), images[:SHOWN]), len(images))


@st.cache_data(max_entries=6, ttl=3600, show_spinner="Looking at the images …")
def look_at_path(folder: str, version: str, path: str, changed: int) -> Predictions:
    """The same of a folder, an archive or an image on this machine, which was ``changed`` then.

    Raises
    ------
    LTNetError
    """
    images = list(images_of([require_path(path)]))
    return Predictions(look(Run(folder), images[:SHOWN]), len(images))


@st.cache_data(max_entries=6, ttl=3600, show_spinner="Looking at the images …")
def look_at_samples(folder: str, version: str, dataset: Dataset, content: str) -> Predictions:
    """The same of a few images of a dataset; ``content`` is its version.

    Raises
    ------
    LTNetError
    """
    study = reads.study(dataset)
    images = [SourceImage(study.files, name, name, one_of_many=True) for name in samples(study)]
    return Predictions(look(Run(folder), images), len(images))


def features_of(run: Run) -> str | None:
    """The file of features that a run was trained on; None where it was trained on images."""
    return Settings.of_spec(reads.spec(run)).network.features


@st.cache_data(max_entries=6, ttl=3600, show_spinner="Looking at the features …")
def look_at_features(folder: str, version: str, path: str, changed: int, dataset: Dataset, content: str) -> Predictions:
    """What a run that was trained on features sees in those of a file, which was ``changed`` then.

    An image of the dataset, whose version is ``content``, is shown beside its answer.

    Raises
    ------
    LTNetError
    """
    file = file_of(path)
    names = open_features(file).names
    return Predictions(_look_at_vectors(Run(folder), file, names[:SHOWN], dataset), len(names))


@st.cache_data(max_entries=6, ttl=3600, show_spinner="Looking at the features …")
def look_at_own_features(folder: str, version: str, dataset: Dataset, content: str) -> Predictions:
    """The same of a few images of a dataset, by the file that the run was trained on.

    Raises
    ------
    LTNetError
    """
    run = Run(folder)
    names = samples(reads.study(dataset))
    return Predictions(_look_at_vectors(run, Path(str(features_of(run))), names, dataset), len(names))


def _look_at_vectors(run: Run, file: Path, names: Sequence[str], dataset: Dataset) -> list[PredictedImage]:
    answers = commands.predict(run, names, file)
    thumbnail = reads.thumbnail_maker(dataset)
    return [PredictedImage(n, file, thumbnail(n), answer) for n, answer in zip(names, answers, strict=True)]


def look(run: Run, images: Sequence[SourceImage]) -> list[PredictedImage]:
    """What a run sees in each image; those that can be read are copied for the process that looks at them.

    Raises
    ------
    LTNetError
        the prediction failed; says why.
    """
    with tempfile.TemporaryDirectory(prefix="ltnet-") as folder:
        opened = [_open(image, Path(folder) / f"{i}{suffix(image.name)}") for i, image in enumerate(images)]
        sound = [shown.file for shown in opened if not shown.error]
        answers = iter(commands.predict(run, sound) if sound else [])
        return [s if s.error else replace(s, answer={**next(answers), "image": s.image}) for s in opened]


def _open(image: SourceImage, copy: Path) -> PredictedImage:
    try:
        open_image(image.files, image.name)
        copy.write_bytes(image.files.read(image.name, MAX_IMAGE_BYTES))
    except DatasetError as e:
        return PredictedImage(image.shown, copy, error=str(e).removeprefix(f"{image.name}: "))
    return PredictedImage(image.shown, copy, thumbnails.small_uri(image.files, image.name))


def samples(study: Study, most: int = SAMPLES) -> list[str]:
    """A few images of a dataset, those that nobody labelled for training first."""
    unseen = np.flatnonzero(study.is_test | ~study.table.annotated())
    items = unseen if len(unseen) else np.arange(len(study.table.items))
    chosen = items[np.unique(np.linspace(0, len(items) - 1, min(most, len(items))).astype(int))] if len(items) else []
    return [str(study.table.items[item]) for item in chosen]


def sentence(answer: Mapping[str, Any], coders: Sequence[str]) -> str:
    """What each coder would most probably call the image: who agrees with the truth, who would say something else."""
    agree, others = [], []
    for coder in coders:
        shares = answer["coders"][coder]
        best = max(shares, key=shares.__getitem__)
        if best == answer["truth"]:
            agree.append(coder_name(coder))
        else:
            others.append(f"{coder_name(coder)} would rather say {name(best)} ({percent(shares[best], 0)}).")
    alike = f"{listing(agree)} would say so too." if agree else ""
    return " ".join([alike, *others]).strip()


def card(image: PredictedImage, codes: Mapping[str, str], machines: bool) -> str:
    """The image, its latent truth, and a row of shaded cells for the truth and for each coder."""
    face = f'<img src="{image.picture}" alt="">' if image.picture else '<span class="none">no image</span>'
    figure = f"<figure>{face}<figcaption>{esc(image.image.rsplit('/', 1)[-1])}</figcaption></figure>"
    if image.answer is None:
        return f'<article class="lt-seen">{figure}<div><p class="no">{esc(image.error)}</p></div></article>'
    answer = image.answer
    coders = [c for c in answer["coders"] if machines or not is_machine(c)]
    rows = [("truth", answer["p"]), *((coder_name(c), answer["coders"][c]) for c in coders)]
    top = {c: max(float(row[c]) for _, row in rows) for c in codes}
    shown = sorted(codes, key=lambda c: -top[c])[:MOST_COLUMNS]
    columns = [c for c in codes if c in shown]
    head = "".join(f'<th scope="col">{esc(codes[c])}</th>' for c in columns)
    body = "".join(
        f'<tr><th scope="row" title="{html.escape(who)}">{esc(who)}</th>'
        f"{''.join(_cell(float(row[c])) for c in columns)}</tr>"
        for who, row in rows
    )
    left_out = f'<p class="rest">{len(codes) - len(columns)} less probable classes are left out.</p>'
    return (
        f'<article class="lt-seen">{figure}<div>'
        f'<p class="is"><b>{esc(answer["truth"])}</b> {percent(answer["confidence"], 0)}</p>'
        f"<p>{esc(sentence(answer, coders))}</p>"
        f'<div class="lt-scroll"><table><tr><td></td>{head}</tr>{body}</table></div>'
        f"{left_out if len(columns) < len(codes) else ''}</div></article>"
    )


def _cell(p: float) -> str:
    strong = ' class="strong"' if p > WHITE_FROM else ""
    return f'<td{strong} style="--v:{100 * p:.0f}%">{f"{100 * p:.0f}" if p >= 0.005 else ""}</td>'

"""An array of vote counts (images × classes) with a list of its images, the form of CIFAR-10H."""

from __future__ import annotations

from ...errors import DatasetError
from ..reading import Match, Reading
from ..sources.array_file import read_array
from ..sources.files import Files, is_image_name, suffix
from ..sources.text_files import read_lines
from ..tables.classes_file import read_classes
from .cifar10 import votes_of

FORMAT = "counts-array"
RANK = 380
TITLE = "Array of vote counts with an image list"
LAYOUT = """\
counts.npy         one row per image, one column per class
images.txt         the images in the order of the rows, one name per line
images/…           optional
classes.csv        class[,code]                names of the columns"""
NOTE = """\
The array's name is the coder's."""


def _arrays(files: Files) -> list[str]:
    return [n for n in files.names if suffix(n) == ".npy" and "/" not in n]


def _image_list(files: Files) -> str | None:
    lists = [n for n in files.names if suffix(n) in (".txt", ".lst", ".list") and "/" not in n]
    return next(
        (n for n in lists if is_image_name(files.head(n, 1024).decode("utf-8", "replace").split("\n")[0].strip())), None
    )


def match(files: Files) -> Match:
    """Recognised by one array and a list of image names."""
    arrays, listed = _arrays(files), _image_list(files)
    if len(arrays) == 1 and listed is not None:
        return Match(True, f"{arrays[0]} with the images of {listed}")
    text = "no list of image names beside " + arrays[0] if arrays else "no .npy array of counts"
    return Match(False, text, 0.5 if arrays else 0.0)


def read(files: Files, name: str) -> Reading:
    """Read the counts; the coder has the name of the array.

    Raises
    ------
    DatasetError
        another shape than the lists', or something that is no count.
    """
    arrays, listed = _arrays(files), _image_list(files)
    if not arrays or listed is None:
        raise DatasetError("there is no array of counts with a list of image names.", file=name)
    file = arrays[0]
    counts = read_array(files, file)
    names = [n.strip() for n in read_lines(files, listed) if n.strip()]
    classes, codes = read_classes(files)
    if classes is None:
        width = counts.shape[1] if counts.ndim == 2 else 0
        if not 2 <= width <= 10_000:
            raise DatasetError(f"has the shape {counts.shape}, expected images × classes.", file=file)
        classes = [str(k) for k in range(width)]
    rows = votes_of(file, counts, names, tuple(classes), file.rsplit(".", 1)[0])
    return Reading(files, files.images, [rows], [], classes, codes)

"""CK+ (extended Cohn-Kanade): the emotion of a sequence in a text file of its own, folders by subject and sequence.

Lucey et al., *The extended Cohn-Kanade dataset (CK+)*, CVPR workshops 2010.
"""

from __future__ import annotations

import re

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections
from ..reading import Match, Reading
from ..sources.files import Files
from .answers import Answers

FORMAT = "ckplus"
RANK = 110
CHOOSES = True
TITLE = "CK+ (extended Cohn-Kanade)"
LAYOUT = """\
Emotion/S005/001/S005_001_00000011_emotion.txt         the emotion of a sequence, codes 0–7
cohn-kanade-images/S005/001/S005_001_00000011.png      its frames; the emotion is that of the last one"""
NOTE = """\
Codes: 0 neutral, 1 anger, 2 contempt, 3 disgust, 4 fear, 5 happy, 6 sadness, 7 surprise. The frame that the file
names, else the last one of its sequence, has the label; the frames before it, which begin neutral, have none. Folders
of subjects and sequences are no coders and no classes."""

CLASSES = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
FRAME = re.compile(
    r"(?:^|/)(?P<subject>[A-Z]\d{2,4})/(?P<sequence>\d{3})/(?P<stem>(?P=subject)_(?P=sequence)_\d{6,10})\.\w+$"
)
EMOTION = re.compile(r"(?:^|/)(?P<stem>(?P<key>[A-Z]\d{2,4}_\d{3})_\d{6,10})_emotion\.txt$")
SMALL = 1024


def match(files: Files) -> Match:
    """Recognised by the names of its files."""
    first = next((n for n in files.others if EMOTION.search(n)), None)
    if first is not None:
        return Match(True, f"emotions such as {first}")
    if files.images and all(FRAME.search(n) for n in files.images):  # taken as CK+, to be refused in its own words
        return Match(True, f"{len(files.images):,} frames in folders of subjects and sequences")
    return Match(False, "no *_emotion.txt", 0.0)


def read(files: Files, name: str, corrections: Corrections = NOTHING) -> Reading:
    """Read the emotion of every sequence.

    Raises
    ------
    DatasetError
        there is none, or a file holds no code from 0 to 7.
    """
    answers = Answers("CK+", corrections)
    last: dict[str, str] = {}
    stems: dict[str, str] = {}
    for image in files.images:
        stem = image.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        stems[stem] = image
        last[stem.rpartition("_")[0]] = image  # sorted, so the last frame stays
    emotions = [(n, parsed) for n in files.others if (parsed := EMOTION.search(n))]
    if not emotions:
        raise DatasetError(
            "there are no labels: subjects and sequences are no classes, and the folder Emotion of CK+ is missing.",
            file=name,
        )
    for file, parsed in emotions:
        content = files.read(file, SMALL).decode("utf-8-sig", "replace").strip()
        if not content:
            continue  # CK+ gives an emotion to a third of its sequences
        try:
            code = float(content)
        except ValueError:
            code = -1.0
        if code not in range(8):
            raise DatasetError(f"expected a code from 0 to 7, found {content[:40]!r}.", file=file, row=1)
        image = stems.get(parsed["stem"]) or last.get(parsed["key"], parsed["stem"] + ".png")
        answers.add(file, 1, image, CLASSES[int(code)], coder="CK+")
    return answers.reading(files, name, classes=CLASSES)

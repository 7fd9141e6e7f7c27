"""What the folders above an image mean: source, part, class, person shown, or nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..corrections import Corrections
from .class_names import WORDS
from .splits import PIECE, TEST, TRAIN, UNLABELLED, are_splits, part_of, words

WRAPPERS = frozenset(
    {"images", "image", "imgs", "img", "data", "dataset", "faces", "photos", "pictures", "jpg", "png", "jpeg"}
)
MASKS = frozenset(
    {"mask", "masks", "segmentation", "segmentations", "labels", "annotations", "groundtruthmasks", "depth"}
)
# subject0, S001, person_12: who is shown, no class and no coder.
SUBJECT = re.compile(
    r"(?:subject|subj|sub|person|actor|participant|patient|pat|model|identity|id|video|clip|seq)[_\- ]?\d+|[a-z]\d{2,}"
)


@dataclass(frozen=True)
class ImageRole:
    """What the folders of an image mean.

    Its source ("" for the only one), its part (train, test, unlabelled), its class ("" for none), its test set.
    """

    source: str
    part: str
    label: str
    mark: str = ""


@dataclass(frozen=True)
class Layout:
    """Roles of all images by name, and why the folders are no classes, "" where they are.

    ``stray`` are images in no class folder, ``sources`` whether folders of sources stand above the classes, ``parts``
    folder → part, ``note`` what was left out.
    """

    roles: dict[str, ImageRole]
    stray: list[str]
    sources: bool
    parts: dict[str, str]
    wrong: str = ""
    note: str = ""


def lay_out(images: Sequence[str], corrections: Corrections) -> Layout:
    """Find what the folders of images mean. It looks at each folder once, and not at every image."""
    by_folder: dict[str, list[str]] = {}
    for name in images:
        by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    children: dict[str, set[str]] = {}
    for folder in by_folder:
        parts = folder.split("/") if folder else []
        for i, part in enumerate(parts):
            children.setdefault("/".join(parts[:i]), set()).add(part)
    tops = {t for t in children.get("", set()) if t.lower() not in UNLABELLED}
    elsewhere = {
        n
        for above, names in children.items()
        if _is_split(names, above, corrections)
        for n in names - _sources_beside_parts(names, corrections)
    }
    levels: dict[str, tuple[list[str], str, str, str]] = {}
    split_names: dict[str, str] = {}
    for folder in by_folder:
        parts = folder.split("/") if folder else []
        if parts and parts[0].lower() in UNLABELLED:
            levels[folder] = ([], "unlabelled", "", parts[0])
            continue
        levels[folder] = (*_reduced(parts, children, by_folder, tops, split_names, corrections, elsewhere), "")
    return _as_layout(by_folder, levels, split_names)


def _reduced(
    parts: Sequence[str],
    children: dict[str, set[str]],
    by_folder: dict[str, list[str]],
    tops: set[str],
    split_names: dict[str, str],
    corrections: Corrections,
    elsewhere: set[str],
) -> tuple[list[str], str, str]:
    """A folder's path without parts of a split and folders that only hold another one; its part and the part's name.

    ``elsewhere`` are the parts in any folder: a class may have images of one of them alone.
    """
    remaining, part, mark = [], "train", ""
    for i, name in enumerate(parts):
        above = "/".join(parts[:i])
        beside = tops if not above else children.get(above, set())
        sources = _sources_beside_parts(beside, corrections)
        if name in sources:
            remaining.append(name)
        elif _is_split(beside, above, corrections) or (above and len(beside) == 1 and name in elsewhere):
            remaining += [""] if sources else []  # the images of this part are of no source
            chosen = corrections.part(name) or part_of(name) or "train"
            split_names[name] = chosen
            part, mark = (chosen, name) if chosen == "test" else (part, mark)
        elif not (len(beside) == 1 and above not in by_folder and name.lower() in WRAPPERS):
            remaining.append(name)
    return remaining, part, mark


def _sources_beside_parts(names: Iterable[str], corrections: Corrections) -> set[str]:
    """Several folders that are sources, where a person says that others beside them are parts: RAF, AffectNet, unseen.

    One folder more is the rest of the images, and pieces of one dataset are for training.
    """
    names = set(names)
    rest = {n for n in names if not (corrections.part(n) or part_of(n) or PIECE.fullmatch(" ".join(words(n))))}
    return rest if len(rest) > 1 and any(corrections.part(n) for n in names) else set()


def _is_split(names: Iterable[str], above: str, corrections: Corrections) -> bool:
    """Whether folders beside each other are parts; below a source a single ``train/`` or ``test/`` is enough."""
    names = list(names)
    if any(corrections.part(n) for n in names) or (len(names) > 1 and are_splits(names, corrections)):
        return True
    return (
        bool(names)
        and (above != "" or len(names) > 1)
        and all("".join(words(n)) in TRAIN | TEST for n in names)
        and (above != "" or any(part_of(n) == "train" for n in names))
    )


def _as_layout(
    by_folder: dict[str, list[str]], levels: dict[str, tuple[list[str], str, str, str]], split_names: dict[str, str]
) -> Layout:
    note, wrong = "", ""
    paths = [f[0] for f in levels.values() if f[0]]
    longest = sorted(paths, key=len)[-1] if paths else []
    deepest = len(longest)
    if deepest >= 2:
        level = [{p[i].lower() for p in paths if len(p) > i} for i in range(deepest)]
        people = [i for i, names in enumerate(level) if len(names) > 1 and all(SUBJECT.fullmatch(n) for n in names)]
        below = level[people[0] + 1] if people and people[0] < deepest - 1 else set()
        if below and all(n.isdigit() or SUBJECT.fullmatch(n) for n in below):
            wrong = f"folders such as {'/'.join(longest)} are subjects and sequences, no classes, so there is no label"
        elif people:
            note = f"folders such as {sorted(level[people[0]])[0]} are taken for the persons shown, no classes."
            out = people[0]
            levels = {f: (p[:out] + p[out + 1 :], part, mark, un) for f, (p, part, mark, un) in levels.items()}
        elif deepest == 2 and _words(level[0]) and not _words(level[1]):
            note = f"folders such as {sorted(level[1])[0]} below the classes are taken for no classes."
            levels = {f: (p[:1], part, mark, un) for f, (p, part, mark, un) in levels.items()}
    paths = [f[0] for f in levels.values() if f[0]]
    longest = sorted(paths, key=len)[-1] if paths else []
    deepest = len(longest)
    sources = deepest == 2
    if deepest > 2:
        wrong = wrong or f"folders lie {deepest} deep, such as {'/'.join(longest)}; expected source/class/image"
    names = {p[-1].lower() for p in paths if len(p) == deepest}
    if not wrong and deepest == 1 and names & MASKS and (names & WRAPPERS or names <= MASKS):
        wrong = f"the folders {', '.join(sorted(names)[:4])} hold images and their masks, no labels of images"
    roles: dict[str, ImageRole] = {}
    stray: list[str] = []
    for folder, (path, part, mark, unlabelled) in levels.items():
        if part == "unlabelled":
            roles.update(dict.fromkeys(by_folder[folder], ImageRole(unlabelled, part, "")))
        elif len(path) == deepest and deepest:
            role = ImageRole(path[0] if sources else "", part, path[-1], mark)
            roles.update(dict.fromkeys(by_folder[folder], role))
        elif part == "test" and (not path or (sources and len(path) == 1)):
            roles.update(dict.fromkeys(by_folder[folder], ImageRole(path[0] if path else "", part, "", mark)))
        else:
            stray += by_folder[folder]
    return Layout(roles, stray, sources, split_names, wrong, note)


def _words(names: set[str]) -> bool:
    """Whether most of these names are expressions of faces."""
    return 2 * sum(n in WORDS for n in names) >= len(names)

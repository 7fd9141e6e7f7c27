"""Shared by formats whose labels may be in any table: the tables that hold labels, and the roles of their columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from ...errors import DatasetError
from ..corrections import NOTHING, Corrections, key_of
from ..dataset_reading import TableReading
from ..names.image_names import match_names
from ..names.splits import are_splits, is_agreed, is_form, is_truth, part_of, read_split, set_name
from ..questions import Answer, Question, flag, listed
from ..reading import Match, Reading, Rows
from ..sources.files import Files
from ..study import Problem
from ..tables.classes_file import lists_classes, read_classes
from ..tables.columns import WEAK_CODERS, named, short
from ..tables.columns import labels as label_columns
from ..tables.table import Table, header, is_table, read_table
from .code_legends import find_legend
from .column_roles import Roles
from .listed_parts import images_of_tests
from .roles import find_roles
from .table_rows import TableRows, known_truth, renamed_images, rows_of, stem, truth_of, without_column
from .table_versions import pieces, versions_question
from .vote_columns import PEOPLE

OWN = ("classes.csv", "truth.csv")
DEEPEST = 3
LEAST_ROWS, FIRST_BYTES = 0.5, 64


@dataclass(frozen=True)
class LabelTable:
    """A table with the roles of its columns; ``part`` is the part of the whole file: train, test, test:NAME."""

    table: Table
    roles: Roles
    part: str | None = None


def tables(files: Files) -> list[str]:
    """Tables at the top of the dataset, without those of other meaning; if there are none, those in folders."""
    own = OWN if "classes.csv" not in files or lists_classes(files) else ("truth.csv",)
    every = [n for n in files.others if is_table(n) and n.rsplit("/", 1)[-1] not in own]
    top = [n for n in every if "/" not in n]
    if top or not every or len({n.split("/", 1)[0] for n in files.names}) == 1:
        return top  # a single folder is looked into by itself
    return [n for n in every if n.count("/") <= DEEPEST]


_understood: WeakKeyDictionary[Files, dict[tuple[str, str | None], list[LabelTable]]] = WeakKeyDictionary()


def understand(files: Files, corrections: Corrections = NOTHING, shape: str | None = None) -> list[LabelTable]:
    """Every table that can be read, with the roles of its columns.

    ``shape`` is the shape that a format chosen by hand asks for. The result is kept as long as the files are in use:
    else each format that asks would read all tables.

    Raises
    ------
    DatasetError
        a table is broken.
    """
    cached = _understood.setdefault(files, {})
    key = (corrections.fingerprint(), shape)
    if key not in cached:
        understood = []
        for file in tables(files):
            if len(header(files, file)) < 2:
                continue
            table = read_table(files, file)
            understood.append(LabelTable(table, find_roles(table, files.images, corrections, shape)))
        legend = find_legend([(f.table, f.roles) for f in understood])
        if legend is not None:
            understood = [_as_legend(f) if f.table.file == legend.file else f for f in understood]
        cached[key] = _with_parts(understood, corrections)
    return cached[key]


def understand_beside(files: Files, corrections: Corrections) -> list[LabelTable]:
    """The tables beside labels that were read; none where one is broken, which holds nothing of these labels."""
    try:
        return understand(files, corrections)
    except DatasetError:
        return []


def _as_legend(f: LabelTable) -> LabelTable:
    return replace(f, roles=Roles(f.table.file, columns=f.roles.columns, missing="the meaning of codes"))


def unread_tables(files: Files, corrections: Corrections = NOTHING, folders: Collection[str] = ()) -> dict[str, str]:
    """Table → why it is not read, of those that cannot be read or whose columns are called like labels or people.

    Beside class ``folders`` that is not enough: a column must hold their classes, or several columns be people's.
    A table of much fewer rows than there are images, such as the counts of the classes, holds no labels.

    Raises
    ------
    DatasetError
        another table is broken.
    """
    out: dict[str, str] = {}
    for file in tables(files):
        if not header(files, file) and files.head(file, FIRST_BYTES).strip():
            try:
                read_table(files, file)
            except DatasetError as e:
                out[file] = str(e).removeprefix(file).removeprefix(": ").rstrip(".")
    every = understand(files, corrections)
    legend = find_legend([(f.table, f.roles) for f in every])
    for f in every:
        many = len(f.table.row) >= LEAST_ROWS * len(files.images)
        own = legend is not None and f.table.file == legend.file
        if (
            f.roles.shape == "none"
            and many
            and not own
            and not is_form(f.table.file)
            and _speaks_of_labels(f.table, folders)
        ):
            out[f.table.file] = f"it has {f.roles.missing}"
    return out


def _speaks_of_labels(table: Table, folders: Collection[str]) -> bool:
    columns = list(table.frame.columns)
    if folders:
        classes = {c.casefold() for c in folders}
        cells = [{str(v).casefold() for v in table.frame[c].cat.categories} for c in columns]
        return (
            any(2 * len(classes & held) >= len(classes) for held in cells)
            or len(list(filter(PEOPLE.search, columns))) > 1
        )
    people = [c for c in named(columns, "coder") if short(c) not in WEAK_CODERS]
    return bool(label_columns(columns) or people or any(PEOPLE.search(c) for c in columns))


def _with_parts(tables: list[LabelTable], corrections: Corrections) -> list[LabelTable]:
    """The tables, with the part of each that is named train or test or lies in a folder of that name."""
    usable = [f for f in tables if f.roles.shape != "none" and not is_truth(f.table.file)]
    for name in (stem, _folder):
        names = {name(f.table.file) for f in usable}
        if (len(names) > 1 and are_splits(names, corrections)) or any(corrections.part(n) for n in names if n):
            parts = {n: corrections.part(n) or part_of(n) for n in names}
            return [
                replace(f, part=set_name(p, name(f.table.file)) if (p := parts.get(name(f.table.file))) else None)
                for f in tables
            ]
    return tables


def _folder(file: str) -> str:
    return file.split("/", 1)[0] if "/" in file else ""


def match_shape(
    files: Files, shapes: Sequence[str], corrections: Corrections, none: str
) -> tuple[LabelTable | None, Match]:
    """The first table of one of these shapes; else what the nearest one lacks."""
    best = Match(False, none, 0.1 if tables(files) else 0.0)
    for understood in understand(files, corrections):
        if understood.roles.shape in shapes:
            return understood, Match(True, understood.table.file)
        likeness = 0.6 if understood.roles.image is not None else 0.4
        if likeness > best.likeness and len(understood.table.frame.columns) > 1:
            names = ", ".join(map(repr, list(understood.table.titles.values())[:12]))
            best = Match(
                False,
                f"{understood.table.file} has {understood.roles.missing or none}; its columns are {names}",
                likeness,
            )
    return None, best


def read_tables(
    files: Files, name: str, corrections: Corrections = NOTHING, shape: str | None = None, none: str = "no labels."
) -> Reading:
    """Read the labels of every table, with ``classes.csv`` and ``truth.csv``.

    Raises
    ------
    DatasetError
        a table is broken, or none has annotations; ``none`` is the message then.
    """
    every = _each_of_a_coder(understand(files, corrections, shape), corrections)
    aside = unread_tables(files, corrections)
    _understood.pop(files, None)
    speaking = [f for f in every if f.roles.shape != "none"]
    beside = [f for f in speaking if is_truth(f.table.file) and f.roles.shape in ("single", "wide", "votes")]
    truths = beside if len(beside) < len(speaking) else []
    known = known_truth(files, corrections)
    labels, truth, questions = [], [known.truth] if known.truth is not None else [], list(known.questions)
    readings: list[TableReading] = []
    splits = dict(known.splits)
    missing: Counter[str] = Counter()
    stems = Counter(stem(f.table.file) for f in speaking)
    one = pieces([f.table.file for f in speaking if f.roles.shape == "single"], corrections)
    of_parts: list[LabelTable] = []
    for f in every:
        roles = f.roles
        if f in truths:
            roles = _as_truth(f)
        readings.append(roles.reading(f.table.titles))
        if roles.shape == "none":
            if _is_of_parts(f, corrections):
                of_parts.append(f)
            continue
        whole = stem(name) if len(one) > 1 and f.table.file in one else ""
        rows = _rows(files, replace(f, roles=roles), corrections, stems, whole)
        if rows.labels is not None and len(rows.labels):
            labels.append(rows.labels)
        if rows.truth is not None and len(rows.truth):
            truth.append(rows.truth)
        questions += rows.questions
        splits.update(rows.splits)
        missing.update(rows.missing)
        if f.part is not None:
            splits[f.table.file] = f.part.partition(":")[0]
    labels = [r for r in labels if "label" in r.frame]
    if not labels:
        raise _no_labels(every, none, name)
    parts: dict[str, str] = {}
    if not any("split" in r.frame for r in (*labels, *truth)):
        parts = _listed_in(of_parts, files, corrections, splits, questions)
    questions += _agreed(speaking, labels, corrections)
    alone = {f.table.file: _images_of(f) for f in speaking if f.roles.shape == "single" and f.part is None}
    questions += versions_question(alone, labels, corrections)
    classes, codes = read_classes(files)
    legend = find_legend([(f.table, f.roles) for f in every])
    if legend is not None and classes is None and not corrections.classes:
        questions.append(legend.question())
    forms = [f.table.file for f in every if is_form(f.table.file)]
    problems = [Problem("table left out", 1, (f"{n}: is a form to be filled in, no labels.",), "note") for n in forms]
    problems += [Problem("table left out", 1, (f"{n}: is not read: {why}.",)) for n, why in aside.items()]
    return Reading(
        files, files.images, labels, truth, classes, codes, problems=problems, tables=readings, splits=splits,
        missing=missing, questions=questions, parts=parts,
    )  # fmt: skip


def _each_of_a_coder(every: Sequence[LabelTable], corrections: Corrections) -> list[LabelTable]:
    """The tables, where several have one column of one name for the same images as the labels of a coder each."""
    alone: dict[str, list[LabelTable]] = {}
    people = {key_of(a) for a in corrections.annotators}
    for f in every:
        column = f.roles.coders[0] if f.roles.shape == "wide" and len(f.roles.coders) == 1 else ""
        if column and not PEOPLE.search(f.table.titles[column]) and key_of(column) not in people:
            alone.setdefault(column, []).append(f)
    groups = [g for g in alone.values() if len(g) > 1 and not _images_of(g[0]).isdisjoint(_images_of(g[1]))]
    whole = {f.table.file for g in groups for f in g}
    return [
        replace(f, roles=replace(f.roles, shape="single", label=f.roles.coders[0], coders=()))
        if f.table.file in whole
        else f
        for f in every
    ]


def parts_beside(files: Files, read: Collection[str], corrections: Corrections) -> Parts:
    """What tables ``image,split`` say that no format has read; ``read`` are the tables that one has."""
    splits: dict[str, str] = {}
    questions: list[Question] = []
    if set(tables(files)) <= set(read):
        return Parts({}, splits, questions)
    every = [f for f in understand_beside(files, corrections) if f.table.file not in read]
    of_parts = [f for f in every if f.roles.shape == "none" and _is_of_parts(f, corrections)]
    return Parts(_listed_in(of_parts, files, corrections, splits, questions), splits, questions)


@dataclass(frozen=True)
class Parts:
    """Image → test or test:NAME; value of a split column → part; the open questions."""

    images: dict[str, str]
    splits: dict[str, str]
    questions: list[Question]


def _is_of_parts(f: LabelTable, corrections: Corrections) -> bool:
    """Whether a table says the part of each image: in a column called so, or of both train and test.

    A column of other things may hold such a word: *public* and *private* gardens.
    """
    if f.roles.image is None or f.roles.split is None:
        return False
    parts = {part_of(str(v)) for v in f.table.frame[f.roles.split].cat.categories if v}
    return bool(corrections.columns.get("split") or named([f.roles.split], "split")) or parts == {"train", "test"}


def _listed_in(
    of_parts: Sequence[LabelTable],
    files: Files,
    corrections: Corrections,
    splits: dict[str, str],
    questions: list[Question],
) -> dict[str, str]:
    """Image → test or test:NAME, by tables of images and their parts; what they say is added to the last two."""
    parts: dict[str, str] = {}
    for f in of_parts:
        column, image = f.table.frame[str(f.roles.split)], f.table.frame[str(f.roles.image)]
        known = set(match_names([str(n) for n in image.cat.categories if n], files.images).images)
        others = not known.issuperset(files.images)
        split = read_split(column, f.table.titles[str(f.roles.split)], f.table.file, corrections, others)
        splits.update(split.values)
        questions += [] if split.question is None else [split.question]
        parts |= images_of_tests([str(n) for n in image], [str(m) for m in split.rows], files.images)
    return parts


def _agreed(speaking: Sequence[LabelTable], labels: Sequence[Rows], corrections: Corrections) -> list[Question]:
    """Whether a table named consensus, beside others, holds a coder's labels."""
    called = [f for f in speaking if is_agreed(f.table.file) and f.roles.shape == "single"]
    others = {i for f in speaking if f not in called for i in _images_of(f)} if called else set()
    agreed = [f.table.file for f in called if not others.isdisjoint(_images_of(f))]
    if not agreed or len(agreed) == len(speaking) or corrections.annotators:
        return []
    coders = sorted({str(c) for r in labels for c in r.frame["coder"].unique()})
    sentence = f"{agreed[0]} is called like what the coders agreed on, which is no coder of its own."
    ways = (
        Answer(flag("--ignore", listed(agreed)), "it is left out"),
        Answer(flag("--annotators", listed(coders)), "it is a coder like the others"),
    )
    return [Question("table of agreed labels", sentence, tuple(agreed), ways)]


def _images_of(f: LabelTable) -> set[str]:
    return {str(n) for n in f.table.frame[str(f.roles.image)].cat.categories if n}


def _rows(files: Files, f: LabelTable, corrections: Corrections, stems: Counter[str], whole: str) -> TableRows:
    table, roles = f.table, f.roles
    folder = table.file.rsplit("/", 1)[0] if "/" in table.file else ""
    if folder:
        names = [str(c) for c in table.frame[str(roles.image)].cat.categories]
        known = [f"{folder}/{n}" if n and f"{folder}/{n}" in files else n for n in names]
        table = renamed_images(table, str(roles.image), known)
    if roles.shape == "truth":
        return truth_of(table, str(roles.image), str(roles.truth), roles, corrections)
    own = whole or stem(table.file)
    if stems[own] > 1 and folder and f.part is None:
        own = folder.rsplit("/", 1)[-1]
    return rows_of(table, roles, corrections, own, f.part)


def _as_truth(f: LabelTable) -> Roles:
    """A table named truth beside a table of labels, as known truth."""
    label = f.roles.truth or f.roles.label or (f.roles.coders[0] if f.roles.coders else None)
    if label is None:
        return f.roles
    return replace(f.roles, shape="truth", truth=label, label=None, coders=(), questions=())


def _no_labels(every: Sequence[LabelTable], none: str, name: str) -> DatasetError:
    for f in every:
        if f.roles.shape == "none" and f.roles.missing:
            names = ", ".join(map(repr, list(f.table.titles.values())[:12]))
            why = f"{f.table.file} has {f.roles.missing}; its columns are {names}"
            advice = "--columns image=…,coder=…,label=… says which is which."
            return DatasetError(f"{none[:-1]}: {why}.", file=name, advice=advice)
    return DatasetError(none, file=name)


__all__ = ["LabelTable", "match_shape", "read_tables", "tables", "understand", "without_column"]

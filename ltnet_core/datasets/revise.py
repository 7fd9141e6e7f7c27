"""Changes to every reading before it is checked: spelling of classes, missing labels, parts, questions."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..errors import DatasetError
from .coded_columns import mapped
from .corrections import Corrections, key_of
from .label_tables.coder_questions import called_like_parts, called_like_truth, other_base, strangers
from .label_tables.label_table import parts_beside
from .label_tables.listed_parts import listed_parts
from .label_tables.table_rows import stem
from .names.class_numbers import UNSEEN, all_numbers, mixed, number, one_spelling, places
from .names.class_questions import one_meaning, several_labels, spelled_alike
from .names.missing import doubtful, plain
from .names.missing import question as missing_question
from .names.splits import are_splits, part_of, set_name
from .questions import Question
from .reading import Reading, Rows

DEEPEST = 3
LONGEST, MOST_NUMBERS, ONCE = 100, 20, 0.9
OF_THE_LABEL = frozenset({"which column is the label", "who labelled", "annotators or classes"})
# {"answer": "happy"}, ["happy", "sad"], [1, 2, 2], Ann:happy;Ben:sad; [20, 30] may be a range
LIST = r"\[\s*['\"].*,.*\]|\[[^,]+(?:,[^,]+){2,}\]"
RECORD = re.compile(r"\{.*:.*\}|" + LIST + r"|[^;,|:=]+[:=][^;,|:=]+(?:[;,|][^;,|:=]+[:=][^;,|:=]+)+", re.DOTALL)


def revise(reading: Reading, corrections: Corrections) -> Reading:
    """A reading with one spelling for each class and without absent labels; its questions about classes are added."""
    in_use, known = _same_people([_in_use(r) for r in reading.labels]), [_in_use(r) for r in reading.truth]
    reading = replace(reading, labels=in_use, truth=known)
    spelling, unclear = _spelling(reading, corrections)
    labels = [_renamed(r, spelling) for r in reading.labels if "label" in r.frame]
    truth = [_renamed(r, spelling) for r in reading.truth]
    missing = Counter(reading.missing)
    if corrections.missing is not None:
        labels = [_without(r, corrections, missing) for r in labels]
        truth = [_without(r, corrections, missing) for r in truth]
    splits = dict(reading.splits)
    # A class of which nothing is left is no class of the study.
    columns = {key_of(c) for t in reading.tables for c, role in t.columns.items() if role == "annotator"}
    everyone = set() if columns & set(map(key_of, corrections.annotators)) else _coders(labels)
    labels = [_in_use(_only_coders(r, corrections, everyone, splits)) for r in labels]
    truth = [_in_use(r) for r in truth]
    written = frozenset(str(n) for r in (*reading.labels, *reading.truth) for n in _categories(r))
    written |= set(one_spelling(sorted(written)).values()) | set(reading.classes or ())
    classes, codes = reading.classes, reading.codes
    if classes is not None and corrections.classes and not unclear:  # numbers are places in the list as it stands
        renamed = [corrections.classes.get(c, c) for c in classes]
        if renamed != list(classes):
            classes, codes = list(dict.fromkeys(c for c in renamed if c)), None
    by_coder = _counts(labels)
    questions = list(reading.questions)
    if not any(q.kind in OF_THE_LABEL for q in questions):  # what the classes are depends on the answer
        questions += _class_questions(by_coder, labels, truth, classes, corrections)
    own = {stem(t.file) for t in reading.tables if t.shape in ("single", "votes")}
    if any(t.shape in ("long", "wide", "single") for t in reading.tables):
        questions += called_like_truth(by_coder, own, corrections)
    if own or not any(t.shape in ("long", "wide") for t in reading.tables):
        questions += called_like_parts(labels, own, corrections)
    parts = dict(reading.parts)
    if not parts and not any("split" in r.frame for r in (*labels, *truth)):
        parts, by_folder = folder_parts(reading.images, corrections)
        splits.update(by_folder)
        if "test" not in by_folder.values():
            images = reading.images or sorted({str(n) for r in labels for n in r.frame["image"].cat.categories})
            parts, by_list = listed_parts(reading.files, images, corrections)
            beside = parts_beside(reading.files, [t.file for t in reading.tables], corrections)
            parts, questions = {**beside.images, **parts}, [*questions, *beside.questions]
            splits.update({**by_list, **beside.splits})
    return replace(
        reading, labels=labels, truth=truth, missing=missing, classes=classes, codes=codes, questions=questions,
        parts=parts, splits=splits, written=written,
    )  # fmt: skip


# ---- spelling


def _spelling(reading: Reading, corrections: Corrections) -> tuple[dict[str, str], bool]:
    """Each label as it is written → the name of its class, "" for one that is left out; whether places are unclear."""
    names = dict.fromkeys(str(n) for r in (*reading.labels, *reading.truth) for n in _categories(r) if n)
    listed_classes = {b: c for c, b in one_spelling(list(reading.classes or ())).items()}
    own = {n: listed_classes.get(s, s) for n, s in one_spelling(list(names)).items()}
    own.update(_of_codes(reading, own))
    absent = {plain(m) for m in corrections.missing or ()}
    numbered = {n: s for n, s in own.items() if plain(n) not in absent}
    placed, unclear = places(list(numbered.values()), reading.classes or ())
    own.update({n: placed[s] for n, s in numbered.items() if unclear is None and s in placed})
    own.update({c: c for c in reading.classes or ()})
    return {n: corrections.classes.get(n, corrections.classes.get(s, s)) for n, s in own.items()}, unclear is not None


def _of_codes(reading: Reading, spelled: Mapping[str, str]) -> dict[str, str]:
    """Each label that is a code of ``classes.csv`` → its class; none where the codes are numbers and labels others."""
    if not reading.codes or not reading.classes:
        return {}
    codes = one_spelling(list(reading.codes))
    of = {codes[code]: name for code, name in zip(reading.codes, reading.classes, strict=True)}
    numbers = {s for s in spelled.values() if number(s) is not None}
    if len(of) < len(reading.codes) or (all_numbers(list(of)) and not numbers <= set(of)):
        return {}
    return {n: of[s] for n, s in spelled.items() if s in of and s not in reading.classes}


def _in_use(rows: Rows) -> Rows:
    """The rows, with a categorical column of labels that has no unused category."""
    if "label" not in rows.frame:
        return rows
    cells = rows.frame["label"].cat
    used = np.bincount(cells.codes, minlength=len(cells.categories)) > 0
    return rows if used.all() else replace(rows, frame=rows.frame.assign(label=cells.remove_unused_categories()))


def _same_people(parts: list[Rows]) -> list[Rows]:
    """The rows with one name for each coder: composed and decomposed letters are equal, and so are 1 and 1.0."""
    columns = [r.frame["coder"].cat.categories for r in parts if "coder" in r.frame]
    names = list(dict.fromkeys(str(c) for cells in columns for c in cells if c))
    new = {n: " ".join(unicodedata.normalize("NFC", n).strip(UNSEEN).split()) or n for n in names}
    if all_numbers(names):
        new = one_spelling(names)
    if all(a == b for a, b in new.items()):
        return parts

    def renamed(rows: Rows) -> Rows:
        column = rows.frame["coder"]
        called = [new.get(str(c), str(c)) for c in column.cat.categories]
        return replace(rows, frame=rows.frame.assign(coder=mapped(column, called)))

    return [renamed(r) if "coder" in r.frame else r for r in parts]


def _categories(rows: Rows) -> Iterable[str]:
    return rows.frame["label"].cat.categories if "label" in rows.frame else ()


def _renamed(rows: Rows, spelling: Mapping[str, str]) -> Rows:
    """The rows with the names of the classes, without classes that are left out; votes for one class are added up."""
    names = [str(n) for n in _categories(rows)]
    new = [spelling.get(n, n) for n in names]
    if new == names:
        return rows
    gone = np.asarray([bool(a) and not b for a, b in zip(names, new, strict=True)], dtype=np.bool_)
    frame, row = rows.frame, rows.row
    frame = frame.assign(label=mapped(frame["label"], new))
    if gone.any():
        keep = ~gone[rows.frame["label"].cat.codes]
        frame, row = frame[keep].reset_index(drop=True), row[keep]
    if "count" in frame and len(set(new)) < len(new):
        key = [c for c in ("image", "coder", "label") if c in frame]
        first = ~frame.duplicated(key)
        total = frame.groupby(key, observed=True, sort=False)["count"].transform("sum")
        frame, row = frame.assign(count=total)[first].reset_index(drop=True), row[first.to_numpy()]
    return replace(rows, frame=frame, row=row)


def _without(rows: Rows, corrections: Corrections, missing: Counter[str]) -> Rows:
    """The rows without the labels that a person named as "no label"."""
    wanted = {plain(m) for m in corrections.missing or ()}
    labels = rows.frame["label"].cat
    gone = np.asarray([bool(c) and plain(str(c)) in wanted for c in labels.categories], dtype=np.bool_)
    if not gone.any():
        return rows
    away = gone[labels.codes]
    for code, n in zip(*np.unique(labels.codes[away], return_counts=True), strict=True):
        missing[str(labels.categories[code])] += int(n)
    return replace(rows, frame=rows.frame[~away].reset_index(drop=True), row=rows.row[~away])


def _coders(labels: Iterable[Rows]) -> set[str]:
    return {key_of(str(c)) for r in labels if "coder" in r.frame for c in r.frame["coder"].cat.categories}


def _only_coders(rows: Rows, corrections: Corrections, everyone: set[str], splits: dict[str, str]) -> Rows:
    """The rows without coders to ignore, or not among the annotators that were named; ``splits`` notes these coders.

    ``everyone`` are the coders of all files; none where the annotators are columns of a table, which say nothing of
    other files.
    """
    if "coder" not in rows.frame:
        return rows
    names = [str(c) for c in rows.frame["coder"].cat.categories]
    gone = [bool(n) and corrections.ignores(n) for n in names]
    wanted = {key_of(a) for a in corrections.annotators}
    if wanted & (everyone | {key_of(n) for n in names}):
        gone = [bool(n) and key_of(n) not in wanted for n in names]
    if not any(gone):
        return rows
    splits.update((n, "ignore") for n, g in zip(names, gone, strict=True) if g)
    away = np.asarray(gone, dtype=np.bool_)[rows.frame["coder"].cat.codes]
    return replace(rows, frame=rows.frame[~away].reset_index(drop=True), row=rows.row[~away])


# ---- questions about classes


def _counts(labels: Sequence[Rows]) -> dict[str, dict[str, float]]:
    """Coder → class → how many annotations."""
    out: dict[str, dict[str, float]] = {}
    for rows in labels:
        if "coder" not in rows.frame or not len(rows):
            continue
        coder, label = rows.frame["coder"].cat, rows.frame["label"].cat
        key = coder.codes.to_numpy().astype(np.int64) * (len(label.categories) + 1) + label.codes.to_numpy()
        for k, n in zip(*np.unique(key, return_counts=True), strict=True):
            c, v = divmod(int(k), len(label.categories) + 1)
            name = str(label.categories[v])
            if name:
                of = out.setdefault(str(coder.categories[c]), {})
                of[name] = of.get(name, 0) + int(n)
    return out


def _used(truth: Sequence[Rows]) -> Counter[str]:
    """Class → how often the known truth has it."""
    used: Counter[str] = Counter()
    for rows in truth:
        labels = rows.frame["label"].cat
        numbers = np.bincount(labels.codes[labels.codes >= 0], minlength=len(labels.categories))
        used.update({str(c): int(n) for c, n in zip(labels.categories, numbers, strict=True) if c and n})
    return used


def _class_questions(
    by_coder: Mapping[str, Mapping[str, float]],
    labels: Sequence[Rows],
    truth: Sequence[Rows],
    classes: Sequence[str] | None,
    corrections: Corrections,
) -> list[Question]:
    counts: Counter[str] = Counter()
    for labels_of_coder in by_coder.values():
        counts.update(labels_of_coder)
    if classes is None:
        _require_classes(labels, counts)
    questions: list[Question] = []
    known = {c.casefold() for c in classes or ()}
    doubt = [v for v in doubtful(counts, corrections) if v.casefold() not in known and v not in corrections.classes]
    if doubt:
        questions.append(missing_question(counts, doubt))
    if classes is None:
        words = {c: [v for v in used if v not in doubt] for c, used in by_coder.items()}
        if truth_used := list(_used(truth)):
            words["the known truth"] = truth_used
        both = mixed(words, by_coder) if not corrections.classes and not corrections.annotators else None
        if both is not None:
            return [*questions, both]
        questions += several_labels(counts, corrections)
        spelled = spelled_alike(counts + _used(truth), corrections)
        if spelled:
            return [*questions, *spelled]
        questions += other_base(by_coder, corrections)
        known_words = {"": list(_used(truth))} if truth else {}
        if same := one_meaning({**by_coder, **known_words}, corrections):
            return [*questions, *same]
    return questions + strangers(by_coder, corrections)


def _require_classes(labels: Sequence[Rows], counts: Mapping[str, float]) -> None:
    """Raise where most labels are no names of classes: records or lists, measured numbers, or never the same twice."""
    records = [c for c in counts if RECORD.fullmatch(c)]
    measured = [c for c in counts if isinstance(number(c), float)]
    if 2 * len(records) > len(counts):
        first, why = records[0], "is a record or a list, no class; write one class into each cell"
    elif len(counts) > MOST_NUMBERS and 2 * len(measured) > len(counts):
        first, why = measured[0], f"is one of {len(counts):,} measured numbers; name a column of classes"
    elif len(counts) > MOST_NUMBERS and sum(n == 1 for n in counts.values()) >= ONCE * len(counts):
        first = next(iter(counts))
        why = (
            f"is one of {len(counts):,} that occur once: these are no classes; name a column of classes, or list them "
            "in classes.csv"
        )
    else:
        return
    rows = next(r for r in labels if first in _categories(r))
    raise DatasetError(f"the label {first[:LONGEST]!r} {why}.", file=rows.file)


# ---- parts by folder


def folder_parts(images: Sequence[str], corrections: Corrections) -> tuple[dict[str, str], dict[str, str]]:
    """Image → test or test:NAME where images lie in folders called train and test; and folder → part."""
    folders = {n.rsplit("/", 1)[0] for n in images if "/" in n}
    for depth in range(DEEPEST):
        names = {parts[depth] for f in folders if len(parts := f.split("/")) > depth}
        everywhere = all(f.count("/") >= depth for f in folders)
        corrected = any(corrections.part(n) for n in names)
        if names and everywhere and ((len(names) > 1 and are_splits(names, corrections)) or corrected):
            of = {n: corrections.part(n) or part_of(n) or "train" for n in sorted(names)}
            marks = {n: set_name(p, n) for n, p in of.items() if p == "test"}
            held = {i: marks[top] for i in images if i.count("/") > depth and (top := i.split("/")[depth]) in marks}
            return held, of
    return {}, {}

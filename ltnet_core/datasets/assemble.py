"""The text that a format's reader returns becomes a checked :class:`Study`, for every format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..annotation_rows import find_problems
from ..annotations import AnnotationTable
from ..errors import DatasetError, did_you_mean
from .coded_columns import coded, mapped, united
from .dataset_reading import DatasetReading
from .derived_coders import derived_coders
from .names.class_codes import short_codes
from .names.class_names import near_misses
from .names.class_numbers import places
from .names.image_names import Names, match_names, nearest
from .names.image_names import question as ambiguity
from .names.splits import part_of
from .questions import Question, unique
from .reading import Reading, Rows
from .study import EXAMPLES, Level, Problem, Study
from .tables.columns import short
from .unread_files import archives_inside, unread_images, unread_parts


def assemble(reading: Reading, name: str, format: str, why: str) -> Study:
    """Check all rows; a row that cannot be used is left out and becomes a problem.

    Raises
    ------
    DatasetError
        fewer than two classes, or no usable annotation.
    """
    labels, truth = _joined(reading.labels), _joined(reading.truth)
    source = reading.labels[0].file if reading.labels else name
    problems = [*(p for r in (*reading.labels, *reading.truth) for p in r.remarks), *reading.problems]
    if labels is None:
        if problems:
            raise DatasetError(f"no annotation is usable; the first: {problems[0].examples[0]}", file=source)
        raise DatasetError("has a header but no annotations.", file=source)
    if reading.files.passed_over:
        odd = reading.files.passed_over
        problems.append(Problem("entry passed over", len(odd), odd[:EXAMPLES]))
    problems += archives_inside(reading) + unread_images(reading) + unread_parts(reading)
    images = list(reading.images)
    both = [r for r in (labels, truth) if r is not None]
    questions, rules = list(reading.questions), dict[str, int]()
    if images:
        both, names = _with_image_names(both, images)
        rules = names.rules
        problems += [Problem("image names matched", 1, (text,)) for text in names.notes]
        if names.ambiguous:
            questions.append(ambiguity(names.ambiguous, len(names.ambiguous)))
    else:
        images = sorted({n for r in both for n in r.frame["image"].cat.categories} - {""})
    classes = _classes(reading, both, source)
    if reading.classes is not None:
        both, unclear = _numbered(both, classes)
        questions += unclear
    labels, truth = both[0], both[1] if truth is not None else None
    labels, held = held_out(labels, reading.parts)
    if not len(labels.frame):
        raise DatasetError(
            "every label belongs to a test part, so there is nothing to learn from.",
            file=source,
            advice="--split train=NAMES says which parts are trained on.",
        )
    table, problems_of_rows = _table(labels, images, classes)
    problems += problems_of_rows
    known = np.full(len(images), -1, dtype=np.int32)
    test_set = np.full(len(images), "", dtype=object)
    if truth is not None:
        problems += _apply_truth(truth, images, classes, known, test_set)
    problems += _apply_held(held, reading.parts, images, classes, known, test_set)
    if not reading.images:
        text = "no image is in the dataset; the labels can be aggregated, but training needs images."
        problems.append(Problem("missing image", len(images), (text,)))
    problems = [*merge(problems), *_about_classes(table, classes, known), *_about_coders(table)]
    problems += derived_coders(table)
    return Study(
        name,
        format,
        reading.files,
        table,
        tuple(reading.codes) if reading.codes else short_codes(tuple(classes)),
        known,
        test_set,
        {c: np.asarray(cells, dtype=np.float64) for c, cells in reading.planted.items()},
        tuple(problems),
        why,
        bool(reading.images),
        DatasetReading(reading.tables, reading.splits, rules, reading.missing, unique(questions)),
    )


def _about_classes(table: AnnotationTable, classes: list[str], known: NDArray[np.int32]) -> list[Problem]:
    """Problems: classes that are listed and unused, and classes that may be another one, misspelled."""
    problems = []
    counts = table.class_counts().sum(0)
    used = counts + np.bincount(known[known >= 0], minlength=len(classes))
    unused = [c for c, n in zip(classes, used, strict=True) if n == 0]
    if unused:
        idle = tuple(f"class {c!r} is listed but nobody used it." for c in unused[:EXAMPLES])
        problems.append(Problem("unused class", len(unused), idle))
    unsaid = [c for c, n, m in zip(classes, counts, used, strict=True) if n == 0 and m > 0]
    if unsaid:
        texts = tuple(f"class {c!r} is only in the known truth: no coder used it." for c in unsaid[:EXAMPLES])
        problems.append(Problem("class of the truth alone", len(unsaid), texts))
    alike = near_misses(classes, counts)
    if alike:
        texts = tuple(f"class {a!r} ({int(n):,}) looks like {b!r}; one may be a misspelling." for a, b, n in alike)
        problems.append(Problem("similar class names", len(alike), texts[:EXAMPLES]))
    return problems


def _about_coders(table: AnnotationTable) -> list[Problem]:
    """Problems: coders whose names differ only in case and blanks, and coders with the same labels."""
    alike: dict[str, list[str]] = {}
    for coder in table.coders:
        alike.setdefault(short(coder), []).append(coder)
    similar = [names for names in alike.values() if len(names) > 1]
    texts = [f"coders {', '.join(map(repr, n))} may be one person in another spelling." for n in similar[:EXAMPLES]]
    problems = [Problem("similar coder names", len(similar), tuple(texts))] if similar else []
    same = [[table.coders[c] for c in group] for group in table.equal_coders(MANY)]
    texts = [
        f"coders {', '.join(map(repr, n[:EXAMPLES]))}{' …' if len(n) > EXAMPLES else ''} gave the same labels to the "
        "same images: leave out all but one if they are copies, which make the truth look surer than it is."
        for n in same[:EXAMPLES]
    ]
    return [*problems, Problem("coders with the same labels", len(same), tuple(texts))] if same else problems


def merge(problems: Sequence[Problem]) -> list[Problem]:
    """One problem per kind and level; counts are rows, of all files together."""
    out: dict[tuple[str, str], Problem] = {}
    for p in problems:
        before = out.get((p.kind, p.level))
        if before is not None:
            parts = [x.listing for x in (before, p) if x.listing is not None]
            p = replace(
                p,
                count=before.count + p.count,
                examples=(before.examples + p.examples)[: 2 * EXAMPLES],
                listing=pd.concat([x.astype(object) for x in parts], ignore_index=True) if parts else None,
            )
        out[p.kind, p.level] = p
    return list(out.values())


MANY = 20  # items of coders who hardly agree on all of them by chance


class _All:
    """Rows of all files, one after the other."""

    def __init__(self, frame: pd.DataFrame, file: NDArray[np.int16], names: Sequence[str], row: NDArray[np.int32]):
        self.frame, self.file, self.names, self.row = frame, file, names, row

    def where(self, position: int) -> str:
        return f"{self.names[self.file[position]]}, row {int(self.row[position])}"

    def problem(self, kind: str, rows: NDArray[np.int64], texts: Sequence[str], level: Level = "warning") -> Problem:
        """A problem of the rows at these positions, with a sentence about each of the first."""
        listing = pd.DataFrame(
            {
                "file": coded(self.file[rows], self.names),
                "row": self.row[rows],
                "image": self.frame["image"].iloc[rows].array,
                "detail": self.frame["label"].iloc[rows].array,
            }
        )
        examples = tuple(f"{self.where(int(r))}: {t}" for r, t in zip(rows[:EXAMPLES], texts, strict=False))
        return Problem(kind, len(rows), examples, level, listing)

    def with_column(self, column: str, values: Any) -> _All:
        """The same rows with one more column."""
        return _All(self.frame.assign(**{column: values}), self.file, self.names, self.row)

    def rows(self, mask: NDArray[np.bool_]) -> _All:
        """The rows where ``mask`` (rows,) is true."""
        frame = self.frame[mask].reset_index(drop=True)
        frame["coder"] = frame["coder"].cat.remove_unused_categories()
        return _All(frame, self.file[mask], self.names, self.row[mask])

    def changed(self, column: str, names: Sequence[str]) -> _All:
        """The same rows, with the values of a column renamed."""
        return _All(self.frame.assign(**{column: mapped(self.frame[column], names)}), self.file, self.names, self.row)


def _joined(parts: Sequence[Rows]) -> _All | None:
    parts = [p for p in parts if len(p)]
    if not parts:
        return None
    names = list(dict.fromkeys(p.file for p in parts))
    file = np.concatenate([np.full(len(p), names.index(p.file), dtype=np.int16) for p in parts])
    row = np.concatenate([p.row for p in parts])
    columns = list(dict.fromkeys(c for p in parts for c in p.frame.columns))
    if len(parts) == 1:
        return _All(parts[0].frame.reset_index(drop=True), file, names, row)
    frame: dict[str, Any] = {}
    for column in columns:
        if column == "count":
            frame[column] = np.concatenate([p.frame[column] if column in p.frame else np.ones(len(p)) for p in parts])
        else:
            blank = [coded(np.zeros(len(p), dtype=np.int8), [""]) for p in parts]
            frame[column] = united(
                [p.frame[column].array if column in p.frame else b for p, b in zip(parts, blank, strict=True)]
            )
    return _All(pd.DataFrame(frame), file, names, row)


def _with_image_names(rows: Sequence[_All], images: Sequence[str]) -> tuple[list[_All], Names]:
    """The rows with the dataset's own names of images; where a name fits several images, the first."""
    names_written = list(dict.fromkeys(str(n) for r in rows for n in r.frame["image"].cat.categories))
    names = match_names(names_written, images)
    new = {
        n: names.ambiguous[m][0] if m in names.ambiguous else m
        for n, m in zip(names_written, names.images, strict=True)
    }
    return [r.changed("image", [new[str(n)] for n in r.frame["image"].cat.categories]) for r in rows], names


def resolve(names: Sequence[str], images: Sequence[str]) -> list[str]:
    """Each name as the dataset lists it, or as it stands where that is not clear."""
    return match_names(names, images).images


def _classes(reading: Reading, rows: Sequence[_All], source: str) -> list[str]:
    if reading.classes is not None:
        classes = list(reading.classes)
    else:
        # A row about an image that is not there, such as the total below a table, brings no class.
        classes = _used(rows, reading.images)
        classes = classes if len(classes) > 1 else _used(rows, ())
    if len(classes) < 2:
        raise DatasetError(
            f"only the class {classes[0]!r} occurs; at least two are needed." if classes else "no class is named.",
            file=source,
        )
    return classes


def _used(rows: Sequence[_All], images: Sequence[str]) -> list[str]:
    """The labels of these images, of all where none are named."""
    used: set[str] = set()
    for r in rows:
        label = r.frame["label"].cat
        known = r.frame["image"].isin(images).to_numpy() if images else slice(None)
        used.update(str(label.categories[c]) for c in np.unique(label.codes.to_numpy()[known]) if c >= 0)
    return sorted(used - {""})


def _numbered(rows: Sequence[_All], classes: Sequence[str]) -> tuple[list[_All], list[Question]]:
    """Rows whose numbers became classes by position in the list, unless a class has that name; open questions."""
    used = list(dict.fromkeys(str(n) for r in rows for n in r.frame["label"].cat.categories))
    named, unclear = places(used, classes)
    questions = [] if unclear is None else [unclear]
    if not named:
        return list(rows), questions
    return [
        r.changed("label", [named.get(str(n), str(n)) for n in r.frame["label"].cat.categories]) for r in rows
    ], questions


def _table(rows: _All, images: list[str], classes: list[str]) -> tuple[AnnotationTable, list[Problem]]:
    """The annotation table of the usable rows, and what was wrong with the others."""
    frame, problems = rows.frame, []
    aside = np.zeros(len(frame), dtype=np.bool_)
    there = frame["image"].isin(images).to_numpy()
    for kind, at, message in find_problems(frame, items=images, classes=classes):
        if kind == "unknown class":
            at = at[there[at]]  # of an image that is not there, only that is said
            if not len(at):
                continue
            message = _unknown_class(str(frame["label"].iloc[at[0]]), classes)
        if kind == "unknown image":
            kind = "missing image"
            # An empty name is a problem already.
            at = at[(frame["image"].iloc[at] != "").to_numpy()]
            if not len(at):
                continue
            names = [str(frame["image"].iloc[r]) for r in at[:EXAMPLES]]
            texts = [f"image {n!r} is listed but not in the dataset." + nearest(n, images) for n in names]
            problems.append(rows.problem(kind, at, texts))
        else:
            if kind == "duplicate annotation":
                message = _duplicate(rows, int(at[0]))
            shown = [c for c in ("image", "coder", "label", "count") if c in frame]
            texts = [message, *(f"{kind}: {dict(frame[shown].iloc[r])}" for r in at[1:EXAMPLES])]
            problems.append(rows.problem(kind, at, texts, "error"))
        aside[at] = True
    coders = sorted({str(c) for c in frame["coder"].cat.categories} - {""})
    good = frame[~aside] if aside.any() else frame
    speaking = set(good["coder"].cat.categories[np.unique(good["coder"].cat.codes)])
    source = rows.names[0]
    for coder in [c for c in coders if c not in speaking]:
        problems.append(Problem("empty coder", 1, (f"{source}: coder {coder!r} has no usable annotation.",)))
    coders = [c for c in coders if c in speaking]
    if not coders:
        first = problems[0].examples[0] if problems else ""
        raise DatasetError(f"no annotation is usable; the first: {first}", file=source)
    return AnnotationTable.checked(good, items=images, classes=classes, coders=coders), problems


def _unknown_class(label: str, classes: list[str]) -> str:
    return f"unknown class {label!r}; known are {', '.join(classes)}." + did_you_mean(label, classes)


def _duplicate(rows: _All, position: int) -> str:
    """The sentence about an annotation that repeats an earlier one."""
    frame = rows.frame
    key = ["image", "coder", "label"] if "count" in frame else ["image", "coder"]
    same = np.logical_and.reduce([(frame[c] == frame[c].iloc[position]).to_numpy() for c in key])
    first = int(np.flatnonzero(same)[0])
    where = f"row {int(rows.row[first])}" if rows.file[first] == rows.file[position] else rows.where(first)
    return (
        f"duplicate annotation: coder {frame['coder'].iloc[position]!r} annotated {frame['image'].iloc[position]!r} in "
        f"{where}; keep one, or use a count column."
    )


def _apply_truth(
    rows: _All, images: list[str], classes: list[str], truth: NDArray[np.int32], test_set: NDArray[np.object_]
) -> list[Problem]:
    """Fill ``truth`` and ``test_set`` (both (N,)) from the known truth; return what was wrong with it."""
    problems, frame = [], rows.frame

    def places(column: str, names: Sequence[str]) -> NDArray[np.int64]:
        cells = frame[column].cat
        position = pd.Index(np.asarray(names, dtype=object), dtype=object).get_indexer(cells.categories)
        return np.asarray(position[cells.codes], dtype=np.int64)

    item, label = places("image", images), places("label", classes)
    at = np.flatnonzero(item < 0)
    if len(at):
        texts = [f"image {frame['image'].iloc[r]!r} is listed but not in the dataset." for r in at[:EXAMPLES]]
        problems.append(rows.problem("missing image", at, texts))
    blank = (frame["label"] == "").to_numpy()  # of a test part, whose truth nobody knows
    at = np.flatnonzero((label < 0) & (item >= 0) & ~blank)
    if len(at):
        texts = [_unknown_class(str(frame["label"].iloc[r]), classes) for r in at[:EXAMPLES]]
        problems.append(rows.problem("unknown class", at, texts, "error"))
    at = np.flatnonzero((item >= 0) & ~blank)
    at = at[pd.Series(item[at]).duplicated().to_numpy()]
    if len(at):
        texts = [f"the truth of {frame['image'].iloc[r]!r} is given twice." for r in at[:EXAMPLES]]
        problems.append(rows.problem("duplicate truth", at, texts, "error"))
    good = (item >= 0) & (label >= 0)
    truth[item[good]] = label[good]
    if "split" in frame:
        marks = [_test_name(str(s)) for s in frame["split"].cat.categories]
        named = np.asarray(marks, dtype=object)[frame["split"].cat.codes]
        held = (good | (blank & (item >= 0))) & (named != "")
        test_set[item[held]] = named[held]
    return problems


def _test_name(mark: str) -> str:
    """Name of the test set for a value of ``split``; "" for items to train on."""
    if mark.lower() == "test":
        return "test"
    if mark.startswith("test:"):
        return mark.partition(":")[2] or "test"
    return mark if part_of(mark) == "test" else ""


def held_out(labels: _All, parts: Mapping[str, str]) -> tuple[_All, _All | None]:
    """The annotations to learn from, and those of test parts; rows to ignore are in neither.

    A row belongs to a test part if its split or a folder of its image names one.
    """
    test = np.zeros(len(labels.frame), dtype=np.bool_)
    gone = test.copy()
    frame = labels.frame
    if "split" in frame:
        cells = frame["split"].cat
        test |= np.asarray([bool(_test_name(str(s))) for s in cells.categories], dtype=np.bool_)[cells.codes]
        gone |= np.asarray([str(s) == "ignore" for s in cells.categories], dtype=np.bool_)[cells.codes]
    if parts:
        cells = frame["image"].cat
        by_folder = np.asarray([parts.get(str(s), "") for s in cells.categories], dtype=object)
        test |= (by_folder != "")[cells.codes]
        if "split" not in frame:
            labels = labels.with_column("split", mapped(frame["image"], list(by_folder)))
    if not (test | gone).any():
        return labels, None
    return labels.rows(~test & ~gone), labels.rows(test & ~gone)


def _apply_held(
    held: _All | None,
    parts: Mapping[str, str],
    images: Sequence[str],
    classes: Sequence[str],
    known: NDArray[np.int32],
    test_set: NDArray[np.object_],
) -> list[Problem]:
    """Hold out images of test parts; the plurality of their labels is their truth, where it has one winner."""
    if parts:
        for i, image in enumerate(images):
            if image in parts and not test_set[i]:
                test_set[i] = _test_name(parts[image])
    if held is None:
        return []
    frame = held.frame
    places = {
        c: pd.Index(np.asarray(n, dtype=object), dtype=object) for c, n in (("image", images), ("label", classes))
    }
    at = {c: index.get_indexer(frame[c].cat.categories)[frame[c].cat.codes] for c, index in places.items()}
    good = (at["image"] >= 0) & (at["label"] >= 0)
    item, label = at["image"][good], at["label"][good]
    marks = np.asarray([_test_name(str(s)) for s in frame["split"].cat.categories], dtype=object)
    test_set[item] = marks[frame["split"].cat.codes[good]]
    weight = frame["count"].to_numpy()[good] if "count" in frame else np.ones(len(item))
    key, where = np.unique(item.astype(np.int64) * len(classes) + label, return_inverse=True)
    votes = np.bincount(where, weights=np.nan_to_num(weight), minlength=len(key))
    best = np.zeros(len(images))
    np.maximum.at(best, key // len(classes), votes)
    winners = votes == best[key // len(classes)]
    single = np.bincount(key[winners] // len(classes), minlength=len(images)) == 1
    at_item, of_class = np.divmod(key[winners], len(classes))
    clear = single[at_item] & (known[at_item] < 0)
    known[at_item[clear]] = of_class[clear]
    open_ones = np.unique(item)[known[np.unique(item)] < 0]
    problems = []
    kinds: tuple[tuple[str, str, Level], ...] = (
        ("missing image", "image", "warning"),
        ("unknown class", "label", "error"),
    )
    for kind, column, level in kinds:
        wrong = np.flatnonzero((at[column] < 0) & ((at["image"] >= 0) | (column == "image")))
        if len(wrong):
            cells = frame[column].iloc[wrong[:EXAMPLES]]
            texts = [f"{column} {c!r} is not in the dataset; it stands in a test part." for c in cells]
            problems.append(held.problem(kind, wrong, texts, level))
    if not len(open_ones):
        return problems
    text = f"{len(open_ones):,} test images have labels without a single winner; nothing is known of their truth."
    return [*problems, Problem("test image without a winner", len(open_ones), (text,), "note")]

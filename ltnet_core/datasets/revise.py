"""Changes to every reading before it is checked: spelling of classes, missing labels, parts, questions."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..errors import DatasetError
from .class_numbers import all_numbers, mixed, number, one_spelling
from .corrections import Corrections, key_of
from .missing import doubtful, plain
from .missing import question as missing_question
from .questions import Answer, Question, flag, listed
from .reading import Reading, Rows
from .splits import are_splits, part_of, set_name
from .table_rows import stem
from .tables import mapped

SEPARATORS = (";", "|", "/", "+", "&", ",")
WORDS_BETWEEN = (" and ", " und ", " et ", " y ", " e ", " ")
SHOWN, FEWEST, DEEPEST = 8, 5, 3
LONGEST, MOST_NUMBERS, ONCE = 100, 20, 0.9
# {"answer": "happy"}, ["happy", "sad"], [1, 2, 2], Ann:happy;Ben:sad; [20, 30] may be a range
LIST = r"\[\s*['\"].*,.*\]|\[[^,]+(?:,[^,]+){2,}\]"
RECORD = re.compile(r"\{.*:.*\}|" + LIST + r"|[^;,|:=]+[:=][^;,|:=]+(?:[;,|][^;,|:=]+[:=][^;,|:=]+)+", re.DOTALL)


def revise(reading: Reading, corrections: Corrections) -> Reading:
    """A reading with one spelling for each class and without absent labels; its questions about classes are added."""
    in_use, known = _same_people([_in_use(r) for r in reading.labels]), [_in_use(r) for r in reading.truth]
    reading = replace(reading, labels=in_use, truth=known)
    spelling = _spelling(reading, corrections)
    labels = [_renamed(r, spelling) for r in reading.labels if "label" in r.frame]
    truth = [_renamed(r, spelling) for r in reading.truth]
    missing = Counter(reading.missing)
    if corrections.missing is not None:
        labels = [_without(r, corrections, missing) for r in labels]
        truth = [_without(r, corrections, missing) for r in truth]
    splits = dict(reading.splits)
    # A class of which nothing is left is no class of the study.
    labels = [_in_use(_only_coders(r, corrections, splits)) for r in labels]
    truth = [_in_use(r) for r in truth]
    written = frozenset(str(n) for r in (*reading.labels, *reading.truth) for n in _categories(r))
    written |= set(one_spelling(sorted(written)).values()) | set(reading.classes or ())
    classes, codes = reading.classes, reading.codes
    if classes is not None and corrections.classes:
        renamed = [corrections.classes.get(c, c) for c in classes]
        if renamed != list(classes):
            classes, codes = list(dict.fromkeys(c for c in renamed if c)), None
    questions = [*reading.questions, *_class_questions(labels, truth, classes, corrections)]
    own = {stem(t.file) for t in reading.tables if t.shape in ("single", "votes")}
    if own or not any(t.shape in ("long", "wide") for t in reading.tables):
        questions += _called_like_parts(labels, own, corrections)
    parts = dict(reading.parts)
    if not parts and not any("split" in r.frame for r in (*labels, *truth)):
        parts, by_folder = folder_parts(reading.images, corrections)
        splits.update(by_folder)
    return replace(
        reading, labels=labels, truth=truth, missing=missing, classes=classes, codes=codes, questions=questions,
        parts=parts, splits=splits, written=written,
    )  # fmt: skip


# ---- spelling


def _spelling(reading: Reading, corrections: Corrections) -> dict[str, str]:
    """Each label as it is written → the name of its class; "" for one that is left out."""
    names = dict.fromkeys(str(n) for r in (*reading.labels, *reading.truth) for n in _categories(r) if n)
    listed_classes = {b: c for c, b in one_spelling(list(reading.classes or ())).items()}
    own = {n: listed_classes.get(s, s) for n, s in one_spelling(list(names)).items()}
    own.update({c: c for c in reading.classes or ()})
    return {n: corrections.classes.get(n, corrections.classes.get(s, s)) for n, s in own.items()}


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
    new = {n: " ".join(unicodedata.normalize("NFC", n).split()) for n in names}
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


def _only_coders(rows: Rows, corrections: Corrections, splits: dict[str, str]) -> Rows:
    """The rows without coders to ignore, or not among the annotators that were named; ``splits`` notes these coders."""
    if "coder" not in rows.frame:
        return rows
    names = [str(c) for c in rows.frame["coder"].cat.categories]
    gone = [bool(n) and corrections.ignores(n) for n in names]
    wanted = {key_of(a) for a in corrections.annotators}
    if wanted & {key_of(n) for n in names}:
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
    labels: Sequence[Rows], truth: Sequence[Rows], classes: Sequence[str] | None, corrections: Corrections
) -> list[Question]:
    by_coder = _counts(labels)
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
        both = mixed(words) if not corrections.classes and not corrections.annotators else None
        if both is not None:
            return [*questions, both]
        questions += _several(counts, corrections)
        spelled = _case(counts + _used(truth), corrections)
        if spelled:
            return [*questions, *spelled]
        questions += _other_base(by_coder, corrections)
    return questions + _strangers(by_coder, corrections)


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


def _several(counts: Mapping[str, float], corrections: Corrections) -> list[Question]:
    """The question about cells that hold several labels."""
    for separator in (*SEPARATORS, *WORDS_BETWEEN):
        joined = [v for v in counts if separator in v and v not in corrections.classes.values()]
        parts = {v: [p.strip(" []'\"") for p in v.split(separator)] for v in joined}
        alone = {v.casefold() for v in counts if v not in joined}
        several = [v for v in joined if all(parts[v]) and sum(p.casefold() in alone for p in parts[v]) >= 1]
        several = [v for v in several if corrections.missing is None or v not in corrections.missing]
        if separator in WORDS_BETWEEN:
            several = [v for v in several if all(p.casefold() in alone for p in parts[v])]
        if several and (2 * len(several) >= len(joined) or len(alone) >= 2):
            n = sum(counts[v] for v in several)
            sentence = (
                f"{n:,.0f} cells hold more than one label with {separator!r} between them, such as {several[0]!r}: "
                "a label is one class."
            )
            ways = (
                Answer(
                    " ".join(flag("--class", f"{v}={parts[v][0]}") for v in several), "the first of the labels counts"
                ),
                Answer(" ".join(flag("--class", f"{v}=") for v in several), "such cells are left out"),
                Answer(
                    " ".join(flag("--class", f"{v}={v}") for v in several), "such a combination is a class of its own"
                ),
            )
            return [Question("several labels in one cell", sentence, tuple(several[:SHOWN]), ways)]
    return []


def _case(counts: Mapping[str, float], corrections: Corrections) -> list[Question]:
    """The question whether classes that differ only in case, blanks, hyphens and underscores are the same."""
    groups: dict[str, list[str]] = {}
    for name in counts:
        key = " ".join(name.casefold().replace("-", " ").replace("_", " ").split())
        groups.setdefault(name if number(name) is not None else key or name, []).append(name)
    alike = [g for g in groups.values() if len(g) > 1 and not all(v in corrections.classes.values() for v in g)]
    if not alike:
        return []
    names = [v for g in alike for v in g]
    one, own = [], []
    for group in alike:
        usual = max(group, key=lambda v: (counts[v], v))
        one += [flag("--class", f"{v}={usual}") for v in group]
        own += [flag("--class", f"{v}={v}") for v in group]
    sentence = (
        f"the classes {', '.join(map(repr, names[:SHOWN]))} look like the same class in another spelling: capital "
        "letters, blanks or hyphens."
    )
    ways = (Answer(" ".join(one), "they are the same class"), Answer(" ".join(own), "each is a class of its own"))
    return [Question("classes that differ by spelling", sentence, tuple(names[:SHOWN]), ways)]


def _called_like_parts(labels: Sequence[Rows], own: set[str], corrections: Corrections) -> list[Question]:
    """The question whether coders are parts of one dataset: their folders or files are named test, val or similar.

    ``own`` are coders that have the name of their table; where there are some, other names come from the cells.
    """
    rows = [r.frame["coder"] for r in labels if "coder" in r.frame and "split" not in r.frame]
    names = sorted({str(c) for coder in rows for c in coder.unique()})
    held = [n for n in names if part_of(n) == "test" and (not own or n in own)]
    if len(names) < 2 or not held or corrections.annotators or any(corrections.part(n) for n in names):
        return []
    ways = [Answer(flag("--annotators", listed(names)), "each is a coder")]
    if len(held) < len(names):
        ways.insert(
            0, Answer(flag("--split", f"test={listed(held)}"), f"{', '.join(held)} is evaluated, not learned from")
        )
    else:
        for train in names[:4]:
            out = [n for n in names if n != train]
            flags = f"{flag('--split', 'train=' + listed([train]))} {flag('--split', 'test=' + listed(out))}"
            ways.append(Answer(flags, f"{train} is trained on, {', '.join(out)} is evaluated"))
    sentence = (
        f"{', '.join(map(repr, names[:SHOWN]))} are read as coders, but {', '.join(map(repr, held[:SHOWN]))} is called "
        "like the test part of a dataset."
    )
    return [Question("coder called like a part", sentence, tuple(held), tuple(ways))]


def _other_base(by_coder: Mapping[str, Mapping[str, float]], corrections: Corrections) -> list[Question]:
    """The question whether some coders counted classes from 0 and others from 1: as many numbers, from 0 and from 1."""
    if len(by_coder) < 2 or corrections.annotators or corrections.classes:
        return []
    used = {c: sorted({int(v) for v in counts}) for c, counts in by_coder.items() if all_numbers(list(counts))}
    many = max((len(v) for v in used.values()), default=0)
    zero = [c for c, v in used.items() if v == list(range(many))]
    one = [c for c, v in used.items() if v == list(range(1, many + 1))]
    if many < 3 or not zero or not one or len(zero) + len(one) < len(by_coder):
        return []
    a, b = ", ".join(map(repr, zero[:3])), ", ".join(map(repr, one[:3]))
    sentence = (
        f"the numbers of {a} run from 0 to {many - 1} and those of {b} from 1 to {many}: counted from 0 and from 1?"
    )
    ways = (
        Answer(flag("--annotators", listed(by_coder)), "a number is the same class for everybody"),
        Answer(flag("--ignore", listed(one)), f"{', '.join(one[:3])} is left out"),
    )
    return [Question("base of class numbers", sentence, tuple([*zero, *one][:SHOWN]), ways)]


def _strangers(by_coder: Mapping[str, Mapping[str, float]], corrections: Corrections) -> list[Question]:
    """The question whether coders who share no class with any other are coders."""
    if len(by_coder) < 2 or corrections.annotators or corrections.classes:
        return []
    used: Counter[str] = Counter(v for counts in by_coder.values() for v in counts)
    alone = [
        c
        for c, counts in by_coder.items()
        if all(used[v] == 1 for v in counts) and sum(counts.values()) >= FEWEST and len(counts) > 1
    ]
    others = [c for c in by_coder if c not in alone]
    if not alone or (not others and len(alone) < 2):
        return []
    if others and sum(sum(by_coder[c].values()) for c in others) < FEWEST:
        return []
    shown = "; ".join(f"{c!r} says {', '.join(list(by_coder[c])[:4])}" for c in alone[:3])
    sentence = f"{shown}: such a coder shares no class with any other and may be no annotator, or use other names."
    ways = [Answer(flag("--annotators", listed(by_coder)), "all are coders, and the classes are different")]
    if len({v for c in others for v in by_coder[c]}) > 1:
        ways.insert(0, Answer(flag("--ignore", listed(alone)), f"{', '.join(alone[:3])} is left out"))
    elif not others:
        ways += [Answer(flag("--annotators", listed([c])), f"only {c} is a coder") for c in alone[:4]]
    return [Question("coder that shares no class", sentence, tuple(alone[:SHOWN]), tuple(ways))]


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

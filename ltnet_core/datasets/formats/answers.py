"""The answers in a tool's export become a reading: questions, repeated answers, parts and names of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ...errors import DatasetError, OptionError
from ..coded_columns import categorical
from ..corrections import NOTHING, Corrections, key_of
from ..dataset_reading import TableReading
from ..names.listed_names import as_listed
from ..names.missing import absent
from ..names.parts import part_of_file, part_of_image
from ..questions import Answer, Question, flag, listed
from ..reading import Reading, Rows
from ..sources.files import Files
from ..sources.json_files import real
from ..study import Problem
from ..tables.classes_file import read_classes
from ..tables.columns import WEAK_CODERS, named, short

COLUMNS = ("image", "coder", "label", "question", "count", "when", "part", "file", "row")
LISTED = 4
FEW = 20
BOXES = "boxes and outlines are no label of a whole image"
BY_MODEL = "a model gave the label, not a person"
SEVERAL = "more than one class was chosen for the image"


@dataclass
class Answers:
    """The answers of one export.

    Attributes
    ----------
    tool : name of the export in messages.
    corrections : a person's choice of the question that holds the labels and of the parts to train on.
    image, coder, label : names of the export's fields for image, person and answer; "" where there is none.
        Without ``image`` there is no table to show.
    split : name of the field whose value names the part; "" where the part is named by files alone.
    """

    tool: str
    corrections: Corrections = NOTHING
    image: str = ""
    coder: str = ""
    label: str = "label"
    split: str = ""
    _rows: list[tuple[str, str, str, str, float, float, str, str, int]] = field(default_factory=list)
    _first: dict[str, str] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        file: str,
        row: int,
        image: str,
        label: str,
        *,
        coder: str = "",
        question: str = "",
        when: float = np.nan,
        part: str = "",
        count: float = 1.0,
    ) -> None:
        """Add one answer.

        ``coder`` is "" where the export names nobody; ``part`` is a file or value that may name a part.
        """
        if label and image:
            self._rows.append((image, coder, label, question, count, when, part, file, row))
        elif label:
            self.set_aside("it names no image", file, row)

    def set_aside(self, reason: str, file: str, row: int, count: int = 1) -> None:
        """Leave out an answer that is no label of an image; the problems give its reason."""
        self._counts[reason] += count
        self._first.setdefault(reason, f"{file}, row {row}")

    def separate(self, classes: Mapping[str, set[str]]) -> None:
        """Take coders that are columns or jobs as questions, where they share no class with the first."""
        first = next(iter(classes.values()), set())
        if any(not used & first for used in classes.values()):
            self._rows = [(*row[:3], row[1], *row[4:]) for row in self._rows]

    def problems(self) -> list[Problem]:
        """The answers that were left out, one sentence for each reason."""
        if not self._counts:
            return []
        examples = tuple(f"{self._first[r]}: {r} ({n:,} such)." for r, n in self._counts.most_common())
        return [Problem("annotation set aside", sum(self._counts.values()), examples)]

    def reading(
        self,
        files: Files,
        name: str,
        *,
        classes: Sequence[str] | None = None,
        images: Sequence[str] | None = None,
        truth: Mapping[str, str] | None = None,
        problems: Sequence[Problem] = (),
        beside: Files | None = None,
    ) -> Reading:
        """The reading of all answers.

        ``classes`` is the order of the classes, where the export has one. ``images`` are the images beside the export,
        by default all of ``files.images``. ``truth`` is the known class of images, by their names in the export.
        ``beside`` are the files that may hold ``classes.csv``, by default ``files``.

        Raises
        ------
        DatasetError
            there is no usable answer, or nothing but test parts.
        """
        if not self._rows:
            reason = f"; {self._counts.most_common(1)[0][0]}" if self._counts else ""
            raise DatasetError(f"{self.tool}: no label of a whole image was found{reason}.", file=name)
        own = list(files.images if images is None else images)
        frame = pd.DataFrame(self._rows, columns=list(COLUMNS))
        tables = self._tables(frame)
        frame, questions = self._one_question(frame)
        frame, splits = self._in_parts(frame, questions)
        frame, missing = self._present(frame)
        if frame.empty:
            raise DatasetError(f"{self.tool}: no label is left of what is not missing or ignored.", file=name)
        names = as_listed([*dict.fromkeys(frame["image"]), *(truth or {})], own)
        frame["image"] = frame["image"].map(names)
        frame = self._latest(_with_coders(frame, Path(name).stem if files.location.is_file() else name))
        held_out = frame["part"].eq("test") | frame["image"].map(
            {i: part_of_image(i, self.corrections) == "test" for i in frame["image"].unique()}
        )
        if held_out.all():
            places = set(frame.loc[frame["part"].eq("test"), "file"]) or {i.rpartition("/")[0] for i in frame["image"]}
            raise DatasetError(
                f"every answer belongs to a part that is held out for tests ({', '.join(sorted(places)[:LISTED])}); "
                "there is nothing to learn from, add the part to train on or rename it.",
                file=name,
            )
        class_list, codes = read_classes(beside or files)
        if class_list is None and classes is not None:
            used = set(frame["label"]) | set((truth or {}).values())
            class_list = [c for c in dict.fromkeys(classes) if c in used]
            class_list += sorted(used - set(class_list))
        tests, unclear = _truth_of_tests(frame[held_out])
        labels = _rows_of(frame[~held_out], ("image", "coder", "label", "count"))
        known = _rows_of(tests, ("image", "label", "split"))
        if truth:
            rows = range(1, len(truth) + 1)
            golden = pd.DataFrame({"image": [names[i] for i in truth], "label": list(truth.values()), "row": rows})
            golden = golden[~golden["image"].isin(set(tests["image"]))].drop_duplicates(["image", "label"])
            known += _rows_of(golden.assign(split="", file=labels[0].file), ("image", "label", "split"))
        issues = [*self.problems(), *problems]
        if unclear:
            text = "no class has the most answers; nothing is known of its truth."
            issues.append(
                Problem("test image without a winner", len(unclear), (f"{sorted(unclear)[0]}: {text}",), "note")
            )
        parts = dict.fromkeys(unclear, "test")
        return Reading(
            files, own, labels, known, class_list, codes, problems=issues, parts=parts, tables=tables, splits=splits,
            missing=missing, questions=questions,
        )  # fmt: skip

    def _tables(self, frame: pd.DataFrame) -> list[TableReading]:
        """Roles of each file's fields."""
        out = []
        chosen = self._chosen(frame)
        for file, rows in frame.groupby("file", sort=False) if self.image else ():
            columns = {self.image: "image"} | ({self.coder: "coder"} if self.coder else {})
            columns |= {q or self.label: "label" if q in chosen[:1] else "ignored" for q in rows["question"].unique()}
            out.append(TableReading(str(file), "long", columns))
        return out

    def _chosen(self, frame: pd.DataFrame) -> list[str]:
        """The questions that may hold the labels; only the one that a person chose, if so."""
        sizes = (
            frame.groupby("question")["label"]
            .agg(["nunique", "size"])
            .sort_values(["nunique", "size"], ascending=False)
        )
        questions = [str(q) for q in sizes.index]
        wanted = key_of(self.corrections.columns.get("label", ""))
        named = [q for q in questions if q and key_of(q) == wanted]
        return named or [q for q in questions if not q or not self.corrections.ignores(q)]

    def _one_question(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Question]]:
        """The answers to one question, and which one that is, where several were asked.

        Raises
        ------
        DatasetError
            a person left all questions out, or named another field than the export's.
        """
        for role, column in self.corrections.columns.items():
            own = {"image": self.image, "coder": self.coder}.get(role)
            if role != "label" and key_of(column) != key_of(own or ""):
                text = f"--columns names {column!r} for {role}; in {self.tool} only label can be chosen: a question."
                raise OptionError(text + " --format long-table reads a table by its columns.")
        chosen = self._chosen(frame)
        if not chosen:
            raise DatasetError(f"{self.tool}: all questions were left out; keep one.", file=str(frame["file"].iloc[0]))
        to_it = frame[frame["question"] == chosen[0]].reset_index(drop=True)
        if len(chosen) == 1:
            return to_it, []
        texts = []
        for question in chosen[:FEW]:
            answers = frame.loc[frame["question"] == question, "label"].value_counts().index[:LISTED]
            texts.append(f"{question!r} ({', '.join(map(str, answers))})")
        sentence = (
            f"{self.tool}: {len(chosen)} questions were asked, and the answers to one are no classes of another: "
            f"{', '.join(texts)}."
        )
        ways = []
        varied = [q for q in chosen if frame.loc[frame["question"] == q, "label"].nunique() > 1]  # two classes at least
        for question in (varied or chosen)[:FEW]:
            others = listed([q for q in chosen if q != question])
            ways.append(Answer(flag("--ignore", others), f"the labels are the answers to {question!r}"))
        return to_it, [Question("several questions", sentence, tuple(chosen), tuple(ways))]

    def _present(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
        """The answers that are labels, and the count of each value that a person named as "no label"."""
        values = [str(v) for v in frame["label"].unique()]
        gone = [v for v in values if self.corrections.missing is not None and absent(v, self.corrections)]
        away = frame["label"].isin(gone)
        return frame[~away].reset_index(drop=True), {v: int((frame["label"] == v).sum()) for v in gone}

    def _in_parts(self, frame: pd.DataFrame, questions: list[Question]) -> tuple[pd.DataFrame, dict[str, str]]:
        """The answers with ``part`` as train, test or "", without those to ignore; and the part of each name.

        The question about values that name none is added to ``questions``.
        """
        names = [str(n) for n in frame["part"].unique()]
        parts = {n: part_of_file(n, self.corrections) for n in names}
        own = {
            n.rsplit("/", 1)[-1]: parts[n] for n in map(str, frame.loc[frame["part"] != frame["file"], "part"].unique())
        }
        frame = frame.assign(part=frame["part"].map(parts))
        splits = {n.strip("/").rsplit("/", 1)[-1]: p for n, p in parts.items() if p}
        questions += self._unclear_parts(own)
        return frame[frame["part"] != "ignore"].reset_index(drop=True), splits

    def _unclear_parts(self, parts: Mapping[str, str]) -> list[Question]:
        """The question what values of the field of parts are that name none, beside others that do."""
        unclear = [v for v, part in parts.items() if v and not part]
        named = any(self.corrections.part(v) for v in parts)
        if not self.split or not unclear or named or not any(parts.values()):
            return []
        shown = ", ".join(map(repr, unclear[:LISTED]))
        sentence = f"{self.tool}: {self.split!r} holds {shown} beside parts: to train on, or held out?"
        ways = (
            Answer(flag("--split", f"test={listed(unclear)}"), "they are evaluated and never trained on"),
            Answer(flag("--split", f"train={listed(unclear)}"), "they are trained on"),
        )
        return [Question("split values", sentence, (self.split,), ways)]

    def _latest(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Of several answers of one person for one image: the latest, where each has a time; else all that differ."""
        key = ["image", "coder"]
        if (frame["count"] != 1).any():
            return frame
        again = frame.duplicated(key, keep=False)
        if not again.any():
            return frame
        part = frame[again]
        groups = part.groupby(key, sort=False)["when"]
        timed = groups.transform("count") == groups.transform("size")
        late = part["when"].eq(groups.transform("max"))
        latest = part[~timed | late].drop_duplicates([*key, "label"])
        lost = part.drop(latest.index)
        if len(lost):
            first = lost.iloc[0]
            self.set_aside("the same person answered again", str(first["file"]), int(first["row"]), len(lost))
        return pd.concat([frame[~again], latest]).sort_index()


def _with_coders(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Names of coders where the export has none: one per file if files share images, else one for all."""
    nobody = frame["coder"].eq("") & frame["part"].ne("test")
    if not frame["coder"].eq("").any():
        return frame
    files = frame.loc[nobody].groupby("image", sort=False)["file"].nunique()
    each = len(files) > 0 and int(files.max()) > 1
    stems = frame["file"].map({f: f.rsplit("/", 1)[-1].rsplit(".", 1)[0] for f in frame["file"].unique()})
    if each and stems.nunique() < frame["file"].nunique():
        stems = frame["file"].map({f: f.rsplit(".", 1)[0] for f in frame["file"].unique()})
    own = stems if each else pd.Series(name, index=frame.index)
    return frame.assign(coder=frame["coder"].where(frame["coder"].ne(""), own))


def _rows_of(frame: pd.DataFrame, columns: Sequence[str]) -> list[Rows]:
    """The rows file by file, as an assembled study takes them."""
    out = []
    for file, part in frame.groupby("file", sort=False):
        cells: dict[str, Any] = {c: categorical(part[c]) for c in columns if c != "count"}
        if "count" in columns and (part["count"] != 1).any():
            cells["count"] = part["count"].to_numpy(np.float64)
        out.append(Rows(str(file), pd.DataFrame(cells), part["row"].to_numpy(np.int32)))
    return out


def _truth_of_tests(frame: pd.DataFrame) -> tuple[pd.DataFrame, set[str]]:
    """The most frequent answer for each image of a test part, and the images without a single such class."""
    votes = frame.groupby(["image", "label"], sort=False).agg(
        count=("count", "sum"), file=("file", "first"), row=("row", "first")
    )
    votes = votes.reset_index()
    best = votes["count"].eq(votes.groupby("image")["count"].transform("max"))
    first = votes[best]
    single = ~first["image"].duplicated(keep=False)
    return first[single].assign(split="test"), set(first.loc[~single, "image"])


@lru_cache(maxsize=1024)
def _people_of(fields: tuple[str, ...]) -> tuple[str, ...]:
    of = {f.lower(): f for f in fields}
    return tuple(of[f] for f in named(list(of), "coder") if f in ("user", "user_id") or short(f) not in WEAK_CODERS)


def people_in(fields: Iterable[str]) -> tuple[str, ...]:
    """The fields that are called as a column of coders is, the most usual names first."""
    return _people_of(tuple(fields))


def seconds(value: object) -> float:
    """A time as a tool writes it, in seconds since 1970; NaN for what is none."""
    if value is None or isinstance(value, int | float):
        return _finite(real(value))
    plain = str(value).strip().removesuffix(" UTC")
    words = plain.split()
    if len(words) == 6 and words[3].count(":") == 2:  # Mechanical Turk: Mon Jan 08 01:00:00 PST 2024
        plain = " ".join((*words[:4], words[5]))
        known = ["%a %b %d %H:%M:%S %Y"]
    else:
        known = []
    try:
        when = datetime.strptime(plain, known[0]) if known else datetime.fromisoformat(plain)
    except ValueError:
        try:
            return _finite(float(plain))
        except ValueError:
            return np.nan
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _finite(number: float) -> float:
    return number if np.isfinite(number) else np.nan


def one_of(values: Iterable[str]) -> str | None:
    """The only class among those chosen, "" where there is none, None where there are several."""
    chosen = sorted({v for v in values if v})
    return (chosen[0] if chosen else "") if len(chosen) <= 1 else None


def are_choices(values: Sequence[str]) -> bool:
    """Whether answers were chosen from a few and not written freely."""
    different = {v for v in values if v}
    return 0 < len(different) <= max(FEW, min(200, len(values) // 2))

"""A person's corrections of how a dataset is read, where the files alone leave it open."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import OptionError, did_you_mean
from ..settings.flags import names
from .questions import before_equals, listed

COLUMN_ROLES = ("image", "label", "coder", "count", "split", "truth", "confidence")
PARTS = ("train", "test", "ignore")
QUOTED = re.compile(r'\s*"((?:[^"]|"")*)"\s*=(.*)', re.DOTALL)


def key_of(name: str) -> str:
    """The form in which names of columns, files, folders and values are compared.

    Lower case, letters composed, single blanks.

    >>> key_of("Reader  1\\n(senior)"), key_of("images/")
    ('reader 1 (senior)', 'images')
    """
    return " ".join(unicodedata.normalize("NFC", name).split()).strip("/").casefold()


@dataclass(frozen=True)
class Corrections:
    """How a dataset is to be read; the files decide about each field that is empty.

    Attributes
    ----------
    columns : role → column of a table: image, label, coder, count, split, truth, confidence.
    annotators : all columns that are one annotator each.
    classes_are : columns that hold the votes for one class each.
    ignore : columns, tables, files or folders that hold no labels.
    split : name of a folder, a file or a value of a split column → train, test or ignore.
    missing : values that mean "no label"; None lets the files decide, empty for none.
    classes : class as it is written → the name to use; "" leaves its labels out.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    annotators: tuple[str, ...] = ()
    classes_are: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    split: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] | None = None
    classes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role in self.columns:
            if role not in COLUMN_ROLES:
                known = ", ".join(COLUMN_ROLES)
                near = did_you_mean(role, COLUMN_ROLES)
                raise OptionError(f"unknown role {role!r} of a column; known are {known}.{near}")
        for name, part in self.split.items():
            if part not in PARTS:
                raise OptionError(f"{name!r} is to be {part!r}; a split is train, test or ignore.")
        if self.annotators and self.classes_are:
            raise OptionError("the columns are annotators or classes, not both; leave one of the two out.")

    def __bool__(self) -> bool:
        return any(getattr(self, f.name) for f in fields(self)) or self.missing is not None

    def part(self, name: str) -> str | None:
        """The part that a correction assigns to a name: train, test, ignore; None where there is no correction."""
        wanted = key_of(name)
        return next((p for n, p in self.split.items() if key_of(n) == wanted), None)

    def ignores(self, name: str) -> bool:
        """Whether a column, a table or a folder of that name is left out."""
        wanted = key_of(name)
        return any(wanted == key_of(i) for i in self.ignore)

    def updated(self, other: Corrections) -> Corrections:
        """These corrections, overridden by the fields of ``other``."""
        if not other:
            return self
        return Corrections(
            {**self.columns, **other.columns},
            other.annotators or (() if other.classes_are else self.annotators),
            other.classes_are or (() if other.annotators else self.classes_are),
            tuple(dict.fromkeys([*self.ignore, *other.ignore])),
            {**self.split, **other.split},
            self.missing if other.missing is None else other.missing,
            {**self.classes, **other.classes},
        )

    def to_json(self) -> dict[str, Any]:
        """The corrections as JSON, without those that are empty."""
        content: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if value or (f.name == "missing" and value is not None):
                content[f.name] = dict(value) if isinstance(value, Mapping) else list(value)
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any] | None) -> Corrections:
        """The corrections that :meth:`to_json` returned.

        Raises
        ------
        OptionError
        """
        if not isinstance(content or {}, Mapping):
            raise OptionError("corrections of a reading are an object of names and what they are.")
        values = dict(content or {})
        odd = set(values) - {f.name for f in fields(cls)}
        if odd:
            raise OptionError(f"corrections of a reading have no {sorted(odd)[0]!r}.")
        for name in ("columns", "split", "classes"):
            value = values.get(name, {})
            if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
                raise OptionError(f"corrections of a reading: {name!r} is names and what they are.")
        for name in ("annotators", "classes_are", "ignore", "missing"):
            value = values.get(name, [])
            if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
                raise OptionError(f"corrections of a reading: {name!r} is a list of names.")
            if name in values:
                values[name] = tuple(value)
        return cls(**values)

    def flags(self) -> list[str]:
        """The corrections as arguments of a command."""
        out: list[str] = []
        if self.columns:
            out += ["--columns", listed(f"{r}={c}" for r, c in self.columns.items())]
        for name, values in (("--annotators", self.annotators), ("--classes-are", self.classes_are)):
            out += [f"{name}={listed(values)}"] if values else []
        out += [f"--ignore={listed(self.ignore)}"] if self.ignore else []
        for part in PARTS:
            names = [n for n, p in self.split.items() if p == part]
            out += [f"--split={part}={listed(names)}"] if names else []
        out += [] if self.missing is None else [f"--missing={listed(self.missing)}"]
        return out + [f"--class={before_equals(a)}={b}" for a, b in self.classes.items()]

    def fingerprint(self) -> str:
        """A digest, equal for equal corrections; "" for none."""
        if not self:
            return ""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:16]


NOTHING = Corrections()


def parse(
    columns: Sequence[str] = (),
    annotators: Sequence[str] = (),
    classes_are: Sequence[str] = (),
    ignore: Sequence[str] = (),
    split: Sequence[str] = (),
    missing: Sequence[str] | None = None,
    classes: Sequence[str] = (),
) -> Corrections:
    """Corrections from the texts of the flags, each of which may be given several times.

    >>> parse(columns=["image=FILENAME,label=EMOTION"], split=["test=PublicTest,private"]).split
    {'PublicTest': 'test', 'private': 'test'}

    Raises
    ------
    OptionError
    """
    parts: dict[str, str] = {}
    for text in split:
        part, equals, names = text.partition("=")
        if not equals or part.strip() not in PARTS or not _names(names):
            raise OptionError(f"--split takes train=NAMES, test=NAMES or ignore=NAMES; {text!r} is none.")
        for name in _names(names):
            if parts.setdefault(name, part.strip()) != part.strip():
                raise OptionError(f"--split says that {name!r} is {parts[name]} and {part.strip()}; choose one.")
    return Corrections(
        _pairs("--columns", "ROLE=COLUMN", _names_of("--columns", columns)),
        _names_of("--annotators", annotators),
        _names_of("--classes-are", classes_are),
        _names_of("--ignore", ignore),
        parts,
        None if missing is None else tuple(n for text in missing for n in _names(text)),
        _pairs("--class", "FROM=TO", classes),
    )


def from_roles(before: Mapping[str, str], after: Mapping[str, str]) -> Corrections:
    """Corrections from the roles chosen for the columns of a table; ``before`` are those it was read with."""
    by_role: dict[str, list[str]] = {}
    for column, role in after.items():
        by_role.setdefault(role, []).append(column)
    columns = {r: by_role[r][0] for r in COLUMN_ROLES if r in by_role}
    for role in columns:
        if len(by_role[role]) > 1 and role != "confidence":
            raise OptionError(f"{', '.join(by_role[role])} cannot all be the {role}; choose one.")
    ignored = tuple(c for c in by_role.get("ignored", ()) if before.get(c) != "ignored")
    return Corrections(columns, tuple(by_role.get("annotator", ())), tuple(by_role.get("votes", ())), ignored)


def _names_of(option: str, texts: Iterable[str]) -> tuple[str, ...]:
    found = []
    for text in texts:
        if not _names(text):
            raise OptionError(f"{option} names nothing: {text!r}.")
        found += _names(text)
    return tuple(found)


def _names(text: str) -> list[str]:
    """Names separated by commas, read like a row of CSV, so that a name with a comma can be quoted."""
    return [n for n in names(text) if n]


def _pairs(option: str, form: str, texts: Iterable[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, value = pair(option, form, text)
        if pairs.get(name, value) != value:
            raise OptionError(f"{option} names {name!r} twice; give it once.")
        pairs[name] = value
    return pairs


def pair(option: str, form: str, text: str) -> tuple[str, str]:
    """What stands before and after the first ``=`` of a flag's text; a name that holds one itself is quoted.

    Raises
    ------
    OptionError
        there is none, or nothing before it.
    """
    quoted = QUOTED.fullmatch(text)
    name, equals, value = text.partition("=") if quoted is None else (quoted[1].replace('""', '"'), "=", quoted[2])
    if not equals or not name.strip():
        raise OptionError(f"{option} takes {form}; {text!r} is none.")
    return name.strip(), value.strip()

"""What an option is: a field of a dataclass with its range, its choices, its help and the methods it concerns.

The command line, the page's form, the validation and the documentation are made from these declarations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from ..errors import OptionError
from ..method import METHODS, Part

KEY = "option"


@dataclass(frozen=True)
class Option:
    """One option of a run.

    Attributes
    ----------
    name : of the field; also the keyword argument in Python and the key in spec.json.
    help : one sentence for the command line, the form and the documentation.
    kind : ``bool``, ``int``, ``float``, ``str``, ``tuple`` (of names or numbers) or ``dict`` (name → number).
    default : the value of the preset ``default``. optional : whether None is a value.
    low, high : ends of the range of a number, both allowed. words : what may stand for a number.
    choices : the values a text may have.
    part : the part of a method that it concerns (see :class:`~ltnet_core.method.Method`); None for every method.
    flag : on the command line; None where it cannot be set there.
    names : whose name the value is: ``coder``, ``coders``, ``file`` or empty.
    known : names to choose from, where others are possible too. placeholder : what the flag takes, in the help.
    label : its name for people.
    needs : other options, each with its values with which this one has a meaning.
    """

    name: str
    help: str
    kind: type
    default: Any
    optional: bool = False
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    part: Part | None = None
    flag: str | None = None
    names: str = ""
    known: tuple[str, ...] = ()
    placeholder: str | None = None
    label: str = ""
    needs: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def check(self, value: Any) -> None:
        """Raise OptionError unless the option can have this value."""
        if (value is None and self.optional) or (isinstance(value, str) and value in self.words):
            return
        if not self._is_kind(value):
            kinds = " or ".join([_KINDS[self.kind], *map(repr, self.words)])
            raise OptionError(f"{self.name} must be {kinds}, got {value!r}.")
        if self.choices and value not in self.choices:
            raise OptionError(f"{self.name} must be one of {', '.join(self.choices)}, got {value!r}.")
        if self.low is not None and self.high is not None and not self.low <= value <= self.high:
            raise OptionError(f"{self.name} must lie between {self.low} and {self.high}, got {value}.")

    def _is_kind(self, value: Any) -> bool:
        if self.kind is float:
            return _is_number(value)
        if self.kind is dict:
            return isinstance(value, dict) and all(isinstance(k, str) and _is_number(v) for k, v in value.items())
        if self.kind is tuple:
            return isinstance(value, tuple) and all(isinstance(v, str | int) for v in value)
        return isinstance(value, self.kind) and (self.kind is bool or not isinstance(value, bool))

    def spelled(self, value: Any) -> str:
        """The flag that asks for a value, or the option's name where it has none."""
        if self.flag is None:
            return self.name
        return (
            self.flag.replace("--", "--no-", 1) if value is False and not self.flag.startswith("--no-") else self.flag
        )

    def ignored_because(self, method: str, value_of: Callable[[str], Any]) -> str | None:
        """Why the option has no meaning with a method and the other options' values; None where it has one."""
        if self.part is not None and self.part not in METHODS.named(method).parts:
            return f"for --method {method}"
        odd = next((name for name, values in self.needs.items() if value_of(name) not in values), None)
        return None if odd is None else f"where {odd} is {value_of(odd)!r}"


_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list",
    dict: "an object of names and numbers",
}


def _is_number(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False


def option(
    default: Any,
    help: str,
    *,
    range: tuple[float, float] | None = None,
    part: Part | None = None,
    flag: str | None = "",
    names: str = "",
    known: tuple[str, ...] = (),
    placeholder: str | None = None,
    label: str = "",
    needs: Mapping[str, tuple[Any, ...]] | None = None,
) -> Any:
    """A dataclass field that declares an option.

    ``flag`` is the field's name with dashes and ``label`` with spaces unless another is set. A ``flag`` of None is for
    an option that only a preset, the library itself or Python sets. ``default`` may be a function that makes the value.
    """
    low, high = range if range is not None else (None, None)
    about = {
        "help": help,
        "low": low,
        "high": high,
        "part": part,
        "flag": flag,
        "names": names,
        "known": known,
        "placeholder": placeholder,
        "label": label,
        "needs": needs or {},
    }
    if callable(default):
        return field(default_factory=default, metadata={KEY: about})
    return field(default=default, metadata={KEY: about})


def options_of(group: type) -> dict[str, Option]:
    """The options that a dataclass declares, by name, in their order."""
    hints = get_type_hints(group)
    return {f.name: _declared(f, hints[f.name]) for f in fields(group) if KEY in f.metadata}


def _declared(f: Field[Any], hint: Any) -> Option:
    about = dict(f.metadata[KEY])
    optional, choices, words = False, (), ()
    if get_origin(hint) in (Union, UnionType):
        inner = [a for a in get_args(hint) if a is not NoneType]
        optional, hint = len(inner) < len(get_args(hint)), inner[0]
        words = tuple(word for other in inner[1:] for word in get_args(other))
    if get_origin(hint) is Literal:
        hint, choices = str, get_args(hint)
    about["label"] = about["label"] or f.name.replace("_", " ").capitalize()
    if about["flag"] == "":
        about["flag"] = "--" + f.name.replace("_", "-")
    default = f.default_factory() if f.default_factory is not MISSING else f.default
    return Option(
        name=f.name,
        kind=get_origin(hint) or hint,
        default=default,
        optional=optional,
        words=words,
        choices=choices,
        **about,
    )

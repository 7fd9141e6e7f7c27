"""What a user can choose by name, and what new modules add to: dataset formats, methods, exports."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter, UserDict
from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import TypeVar

from .errors import OptionError, did_you_mean

Entry = TypeVar("Entry")


class Registry(UserDict[str, Entry]):
    """Entries by name, in the order of their ranks: those of the modules of a package, and what is registered besides.

    Parameters
    ----------
    noun : what an entry is called in messages.
    package : its modules are imported when an entry is first asked for.
    entry : of a module; None where the module is for the others.
    name, rank : of an entry.
    """

    def __init__(
        self,
        noun: str,
        package: str,
        entry: Callable[[ModuleType], Entry | None],
        name: Callable[[Entry], str],
        rank: Callable[[Entry], int],
    ):
        self._noun, self._package, self._entry, self._name, self._rank = noun, package, entry, name, rank

    @cached_property
    def data(self) -> dict[str, Entry]:  # type: ignore[override]  # it can be assigned to
        package = importlib.import_module(self._package)
        modules = [importlib.import_module(f"{self._package}.{m.name}") for m in pkgutil.iter_modules(package.__path__)]
        return self._in_order([entry for entry in map(self._entry, modules) if entry is not None])

    def register(self, entry: Entry) -> None:
        """Add an entry.

        Raises
        ------
        OptionError
            there is another one of that name.
        """
        self.data = self._in_order([*(e for e in self.values() if e is not entry), entry])

    def _in_order(self, entries: list[Entry]) -> dict[str, Entry]:
        named = {self._name(e): e for e in sorted(entries, key=lambda e: (self._rank(e), self._name(e)))}
        if len(named) < len(entries):
            name, _ = Counter(map(self._name, entries)).most_common(1)[0]
            raise OptionError(f"there are two {self._noun}s with the name {name!r}.")
        return named

    def named(self, name: str) -> Entry:
        """The entry of a name.

        Raises
        ------
        OptionError
            there is none.
        """
        if name not in self:
            raise OptionError(
                f"unknown {self._noun} {name!r}; choose from {', '.join(self)}." + did_you_mean(name, self)
            )
        return self[name]

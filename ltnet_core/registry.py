"""What a user can choose by name, and what new modules add to: dataset formats, methods, exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from .errors import OptionError, did_you_mean

Entry = TypeVar("Entry")


class Registry(dict[str, Entry], Generic[Entry]):
    """Entries by name, in the order of their ranks.

    Parameters
    ----------
    noun : what an entry is called in messages.
    name, rank : of an entry.
    """

    def __init__(self, noun: str, name: Callable[[Entry], str], rank: Callable[[Entry], int]):
        super().__init__()
        self._noun, self._name, self._rank = noun, name, rank

    def register(self, entry: Entry) -> None:
        """Add an entry.

        Raises
        ------
        OptionError
            there is another one of that name.
        """
        name = self._name(entry)
        if self.get(name, entry) is not entry:
            raise OptionError(f"there are two {self._noun}s with the name {name!r}.")
        self[name] = entry
        in_order = sorted(self.values(), key=lambda e: (self._rank(e), self._name(e)))
        self.clear()
        self.update({self._name(e): e for e in in_order})

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

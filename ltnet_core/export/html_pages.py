"""The HTML pages of the package, filled in: every value is shown as text."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..annotations import in_words
from ..files.printing import counted, in_percent, isolated

if TYPE_CHECKING:
    from jinja2 import Environment


def html_page(name: str, **values: Any) -> str:
    """A page of this package with its values; a value that the page asks for and is not there is an error."""
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # a tenth of a second that only pages need

    loader = PackageLoader("ltnet_core.export", "")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"in_words": in_words, "in_percent": in_percent, "counted": counted}
    environment.filters["isolated"] = isolated
    return environment

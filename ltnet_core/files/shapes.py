"""Whether parsed JSON has the form that a type describes: ``dict``, ``list``, ``TypedDict``, unions and literals."""

from __future__ import annotations

import types
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


def mismatch(value: Any, kind: Any, at: str = "") -> str | None:
    """Where and how ``value`` differs from the type; None where it fits. ``at`` is the path so far."""
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return None
    if is_typeddict(kind):
        return _of_keys(value, kind, at)
    if origin in (Union, types.UnionType):
        wrong = [mismatch(value, one, at) for one in arguments]
        return None if None in wrong else wrong[0]
    if origin is Literal:
        return None if value in arguments else _expected(at, f"one of {', '.join(map(str, arguments))}")
    if origin is dict:
        if not isinstance(value, dict):
            return _expected(at, "an object")
        return next((m for k, v in value.items() if (m := mismatch(v, arguments[1], f"{at}.{k}"))), None)
    if origin in (list, tuple):
        return _of_items(value, origin, arguments, at)
    return None if _is(value, kind) else _expected(at, NAMES[kind])


def _is(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _of_items(value: Any, origin: Any, arguments: tuple[Any, ...], at: str) -> str | None:
    if not isinstance(value, origin):
        return _expected(at, "a list")
    if origin is tuple and Ellipsis not in arguments:
        if len(value) != len(arguments):
            return _expected(at, f"{len(arguments)} values")
        kinds = list(arguments)
    else:
        kinds = [arguments[0]] * len(value)
    pairs = enumerate(zip(value, kinds, strict=True))
    return next((m for i, (v, one) in pairs if (m := mismatch(v, one, f"{at}[{i}]"))), None)


def _of_keys(value: Any, kind: Any, at: str) -> str | None:
    if not isinstance(value, dict):
        return _expected(at, "an object")
    missing = sorted(kind.__required_keys__ - set(value))
    if missing:
        return f"{at.removeprefix('.') or 'it'} has no {missing[0]!r}"
    hints = _hints(kind)
    return next((m for k, one in hints.items() if k in value and (m := mismatch(value[k], one, f"{at}.{k}"))), None)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _expected(at: str, expected: str) -> str:
    return f"{at.removeprefix('.') or 'it'} must be {expected}"

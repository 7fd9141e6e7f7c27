"""Arrays and plain values out of pickled files, without an unpickler.

CIFAR-10 and CIFAR-10N are published as pickles. An unpickler calls whatever a file names, and a damaged array type
can make NumPy follow pointers out of the file. This reader goes through the instructions itself: it makes plain
values, and arrays of plain numbers by the few names under which NumPy stores them. It refuses everything else, and
bounds the instructions, the bytes and what the result would unfold to.
"""

from __future__ import annotations

import io
import itertools
import pickletools
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from ...errors import DatasetError
from ...files.printing import is_text
from .files import Files
from .zip_files import BAD_ZIP

MAX_BYTES = 1024**3
MAX_STEPS = 5_000_000
MAX_UNFOLDED = 2 * 1024**3
PER_VALUE = 32
DEEPEST = 50
DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|[SU]\d{1,4})")

# Errors that the instructions of a damaged file raise.
DAMAGED = (*BAD_ZIP, AttributeError)

_DICT, _ARRAY, _DTYPE, _RECONSTRUCT, _SCALAR, _ENCODE = "dict", "ndarray", "dtype", "_reconstruct", "scalar", "encode"
KNOWN = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _RECONSTRUCT for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _SCALAR for core in ("core", "_core")},
    ("numpy", "ndarray"): _ARRAY,
    ("numpy", "dtype"): _DTYPE,
    ("_codecs", "encode"): _ENCODE,
    ("collections", "OrderedDict"): _DICT,
}


class _NotPlain(Exception):
    """The pickle holds something else than plain values."""


class _Name:
    """An object that the file refers to by name, one of the values of ``KNOWN``."""

    def __init__(self, what: str):
        self.what = what


class _Unfinished:
    """An array's type, or an array whose type and content follow.

    Attributes
    ----------
    what : ``dtype`` or ``ndarray``. code : the type in NumPy's letters. places : its numbers in the pickle's memo.
    """

    def __init__(self, what: str, code: str = ""):
        self.what, self.code = what, code
        self.places: list[int] = []


class _Reader:
    """The instructions of a pickle, carried out on plain values."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.bytes_left = 0

    def run(self, data: bytes) -> Any:
        self.bytes_left = 2 * len(data)  # the bytes of an array are made at most twice: out of text, and as an array
        for number, (opcode, argument, _) in enumerate(pickletools.genops(io.BytesIO(data))):
            name = opcode.name
            if number > MAX_STEPS:
                raise _NotPlain(f"it has more than {MAX_STEPS:,} instructions")
            if name == "STOP":
                value = self.stack.pop()
                _require_bounded(value)
                return value
            if name in _VALUES:
                self.stack.append(argument)
            elif name in _TEXT_OF_BYTES:
                self.stack.append(str(argument).encode("latin-1"))
            elif name in _STEPS:
                _STEPS[name](self, argument)
            elif name not in ("PROTO", "FRAME"):
                raise _NotPlain("it holds tensors, expected NumPy arrays" if "PERSID" in name else f"it uses {name}")
        raise _NotPlain("it has no end")

    def pop_mark(self) -> list[Any]:
        at = self.marks.pop()
        values = self.stack[at:]
        del self.stack[at:]
        return values

    def make_tuple(self, count: int) -> None:
        values = tuple(self.stack[-count:])
        if len(values) < count:
            raise _NotPlain("a tuple in it is torn")
        self.stack[-count:] = [values]

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise _NotPlain("it appends to something else than a list")
        target.extend(values)

    def make_dict(self) -> None:
        values = self.pop_mark()
        self.stack.append({})
        self.set_items(values)

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict):
            raise _NotPlain("it sets items of something else than a dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str | bytes | int):  # the hash of a deep tuple would run out of stack
                raise _NotPlain("a key in it is no text and no number")
            target[key] = value

    def put(self, index: int) -> None:
        value = self.stack[-1]
        if isinstance(value, _Unfinished):
            value.places.append(index)
        self.memo[index] = value

    def name(self, module: Any, name: Any) -> None:
        if (module, name) not in KNOWN:
            raise _NotPlain(f"it names {module}.{name}"[:200])
        self.stack.append(_Name(KNOWN[module, name]))

    def stack_name(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise _NotPlain("a name in it is no text")
        self.name(module, name)

    def reduce(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        name = called.what if isinstance(called, _Name) and isinstance(arguments, tuple) else None
        if name == _DICT and not arguments:
            self.stack.append({})
        elif name == _ENCODE:
            text, encoding = arguments
            if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
                raise _NotPlain("it holds bytes in an unknown encoding")
            self.take(len(text))
            self.stack.append(text.encode("latin-1"))
        elif name == _DTYPE:
            self.stack.append(_Unfinished(_DTYPE, _code(arguments[0])))
        elif name == _RECONSTRUCT:
            self.stack.append(_Unfinished(_ARRAY))
        elif name == _SCALAR:
            self.stack.append(self.array((), *arguments).item())
        else:
            raise _NotPlain("it calls something that makes no array")

    def build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if not isinstance(made, _Unfinished) or not isinstance(state, tuple):
            raise _NotPlain("it sets the state of something else than an array")
        if made.what == _DTYPE:
            order, *parts = state[1:5]
            order = order.decode("latin-1") if isinstance(order, bytes) else order
            if order not in ("<", ">", "|", "=") or any(p is not None for p in parts):
                raise _NotPlain("it holds arrays of something else than plain numbers")
            made.code = order + made.code.lstrip("<>|=")
            return
        _, shape, kind, by_columns, content = state
        array = self.array(shape, kind, content, bool(by_columns))
        self.stack[-1] = array
        for index in made.places:
            self.memo[index] = array

    def take(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise _NotPlain("it makes more bytes than it has")

    def array(self, shape: Any, kind: Any, content: Any, by_columns: bool = False) -> np.ndarray[Any, Any]:
        if isinstance(content, str):  # what Python 2 wrote
            content = content.encode("latin-1")
        if not isinstance(kind, _Unfinished) or kind.what != _DTYPE or not isinstance(content, bytes):
            raise _NotPlain("it holds arrays of objects")
        if not isinstance(shape, tuple) or len(shape) > 8 or not all(type(n) is int and n >= 0 for n in shape):
            raise _NotPlain("an array in it has no shape")
        self.take(len(content))
        return np.frombuffer(content, dtype=np.dtype(kind.code)).reshape(shape, order="F" if by_columns else "C")


def _code(text: Any) -> str:
    text = text.decode("latin-1") if isinstance(text, bytes) else text
    if not isinstance(text, str) or not DTYPE.fullmatch(text):
        raise _NotPlain(f"it holds arrays of {text!r}"[:100])
    return text


def _require_bounded(root: Any) -> None:
    """Refuse a value that is unfinished, endless, too deep, or too large once all of it is looked at.

    A list that holds another one ten times, which holds another one ten times, is small in a file and in memory, but a
    loop over all of its content does not end.
    """
    sizes: dict[int, int] = {}
    path: set[int] = set()
    pending = [(root, False)]
    while pending:
        value, children_known = pending.pop()
        if not isinstance(value, list | tuple | dict):
            _size(value, sizes)
        elif children_known:
            path.discard(id(value))
            sizes[id(value)] = PER_VALUE + sum(_size(c, sizes) for c in _children(value))
            if sizes[id(value)] > MAX_UNFOLDED:
                raise _NotPlain(f"it unfolds to more than {MAX_UNFOLDED:,} bytes")
        elif id(value) in path:
            raise _NotPlain("it holds itself")
        elif id(value) not in sizes:
            path.add(id(value))
            if len(path) > DEEPEST:
                raise _NotPlain(f"it is nested more than {DEEPEST} deep")
            pending.append((value, True))
            pending += [(c, False) for c in _children(value) if isinstance(c, list | tuple | dict)]


def _children(value: Any) -> Iterator[Any]:
    return itertools.chain(value, value.values()) if isinstance(value, dict) else iter(value)


def _size(value: Any, sizes: Mapping[int, int]) -> int:
    """About how many bytes a value takes, those of a list as found before."""
    if isinstance(value, list | tuple | dict):
        return sizes[id(value)]
    if isinstance(value, np.ndarray):
        return PER_VALUE + value.nbytes
    if isinstance(value, str) and not is_text(value):
        raise _NotPlain("a text in it is no Unicode")
    if isinstance(value, str | bytes):
        return PER_VALUE + len(value)
    if value is None or isinstance(value, bool | int | float):
        return PER_VALUE
    raise _NotPlain("an array in it is torn")


_Step = Callable[[_Reader, Any], None]

# Instructions whose argument is the value itself.
_VALUES = frozenset(
    (
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    )
)
# What Python 2 wrote as text is bytes.
_TEXT_OF_BYTES = frozenset(("STRING", "BINSTRING", "SHORT_BINSTRING"))
_STEPS: dict[str, _Step] = {
    "NONE": lambda r, _: r.stack.append(None),
    "NEWTRUE": lambda r, _: r.stack.append(True),
    "NEWFALSE": lambda r, _: r.stack.append(False),
    "MARK": lambda r, _: r.marks.append(len(r.stack)),
    "EMPTY_LIST": lambda r, _: r.stack.append([]),
    "EMPTY_DICT": lambda r, _: r.stack.append({}),
    "EMPTY_TUPLE": lambda r, _: r.stack.append(()),
    "LIST": lambda r, _: r.stack.append(r.pop_mark()),
    "TUPLE": lambda r, _: r.stack.append(tuple(r.pop_mark())),
    "TUPLE1": lambda r, _: r.make_tuple(1),
    "TUPLE2": lambda r, _: r.make_tuple(2),
    "TUPLE3": lambda r, _: r.make_tuple(3),
    "DICT": lambda r, _: r.make_dict(),
    "APPEND": lambda r, _: r.append([r.stack.pop()]),
    "APPENDS": lambda r, _: r.append(r.pop_mark()),
    "SETITEM": lambda r, _: r.set_items([r.stack.pop(-2), r.stack.pop()]),
    "SETITEMS": lambda r, _: r.set_items(r.pop_mark()),
    "MEMOIZE": lambda r, _: r.put(len(r.memo)),
    "PUT": lambda r, index: r.put(index),
    "BINPUT": lambda r, index: r.put(index),
    "LONG_BINPUT": lambda r, index: r.put(index),
    "GET": lambda r, index: r.stack.append(r.memo[index]),
    "BINGET": lambda r, index: r.stack.append(r.memo[index]),
    "LONG_BINGET": lambda r, index: r.stack.append(r.memo[index]),
    "GLOBAL": lambda r, names: r.name(*names.split(" ", 1)),
    "STACK_GLOBAL": lambda r, _: r.stack_name(),
    "REDUCE": lambda r, _: r.reduce(),
    "BUILD": lambda r, _: r.build(),
}


def read_pickle(files: Files, name: str) -> Any:
    """The content of a pickle or of a file that ``torch.save`` wrote: plain values and arrays of numbers.

    Raises
    ------
    DatasetError
        it is damaged, too large, or holds anything but arrays and plain values.
    """
    data = files.read(name, MAX_BYTES)
    try:
        if data[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                inner = next((i for i in archive.infolist() if i.filename.endswith("data.pkl")), None)
                if inner is None:
                    raise _NotPlain("data.pkl is missing in it")
                if inner.file_size > MAX_BYTES:
                    raise DatasetError("unpacks to more than a gigabyte.", file=name)
                data = archive.read(inner)
        return _Reader().run(data)
    except DatasetError:
        raise
    except _NotPlain as e:
        raise DatasetError(f"cannot be read as plain arrays: {e}.", file=name) from e
    except DAMAGED as e:
        text = str(e).split("\n")[0][:200] or type(e).__name__
        raise DatasetError(f"cannot be read as plain arrays; it is damaged ({text}).", file=name) from e

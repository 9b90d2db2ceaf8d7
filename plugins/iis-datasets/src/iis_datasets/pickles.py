"""Reading pickles of plain data, as in a published dataset, and no others: a pickle can run any code."""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from iis_core import UserError
from iis_core.errors import first_line
from iis_core.files.reading import read_bytes

_OPCODES = (
    *("PROTO", "STOP", "FRAME", "MARK", "POP", "POP_MARK", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT"),
    *("BINFLOAT", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES"),
    *("BINBYTES8", "STRING", "BINSTRING", "SHORT_BINSTRING", "EMPTY_LIST", "APPEND", "APPENDS", "LIST"),
    *("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS"),
    *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "GET", "BINGET", "LONG_BINGET"),
)


class _DType:
    """Stands in for `numpy.dtype`: of numbers only."""

    def __init__(self, name: str, *_: Any) -> None:
        self.dtype = np.dtype(str(name))
        if self.dtype.kind not in "buif":
            raise pickle.UnpicklingError(f"it asks for an array of {self.dtype}")

    def __setstate__(self, state: Any) -> None:
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands in for `numpy.ndarray`: a view of the bytes in the pickle, for `numpy.asarray`."""

    def __init__(self, *_: Any) -> None:
        self.values = np.empty(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, in_columns, content = state
        self.values = _view(content, dtype, shape, "F" if in_columns else "C")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values if dtype is None else self.values.astype(dtype)


def _view(content: Any, dtype: Any, shape: Any, order: Any = "C") -> np.ndarray:
    if not (isinstance(content, bytes) and isinstance(dtype, _DType) and len(shape) <= 8):
        raise pickle.UnpicklingError("it holds an array that is not made of bytes")
    if math.prod(shape) * dtype.dtype.itemsize != len(content):
        raise pickle.UnpicklingError(f"it holds an array of shape {shape} with {len(content)} bytes")
    return np.frombuffer(content, dtype.dtype).reshape(shape, order=order)


def _scalar(dtype: Any, content: Any) -> Any:
    return _view(content, dtype, ()).item()


class _PlainUnpickler(pickle._Unpickler):
    """Python's own unpickler, since that in C can be made to crash, with the operations that plain data need."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = {
        code[0]: pickle._Unpickler.dispatch[code[0]] for code in (getattr(pickle, name) for name in _OPCODES)
    }

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.left = len(content)
        core = {"_reconstruct": _Array, "scalar": _scalar, "_frombuffer": _view}
        self.known = {
            ("numpy", "ndarray"): _Array,
            ("numpy", "dtype"): _DType,
            ("_codecs", "encode"): self.encode,
            ("collections", "OrderedDict"): self.make_dict,
            **{
                (f"numpy.{place}.{module}", name): core[name]
                for place in ("core", "_core")
                for module, names in (("multiarray", ("_reconstruct", "scalar")), ("numeric", ("_frombuffer",)))
                for name in names
            },
        }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.known:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return self.known[module, name]

    def spend(self, size: int) -> None:
        """Refuse to build more than the file is long, by building the same thing over and over."""
        self.left -= size
        if self.left < 0:
            raise pickle.UnpicklingError("it unpacks to more than it holds")

    def encode(self, text: str, encoding: str) -> bytes:
        """Encode bytes that were pickled as text."""
        self.spend(len(text))
        if encoding not in ("latin1", "latin-1"):
            raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}")
        return text.encode("latin1")

    def make_dict(self, items: Any = ()) -> dict[Any, Any]:
        self.spend(len(items))
        return dict(items)

    def load_build(self) -> None:
        """Set the state of a stand-in, and of nothing else."""
        state = self.stack.pop()
        if type(self.stack[-1]) not in (_Array, _DType):
            raise pickle.UnpicklingError("it sets the state of something that has none")
        self.stack[-1].__setstate__(state)

    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.BYTEARRAY8[0]] = dispatch[pickle.BINBYTES8[0]]  # without making room before there are bytes


def read_pickle(path: Path, largest: int) -> Any:
    """Read a pickle of numbers, text, containers and arrays of numbers, which come as what `numpy.asarray` takes.

    Args:
        path: the file.
        largest: the number of bytes that such a file has at most.

    Raises:
        UserError: the file is unreadable, too large, or holds anything else, which is not run.
    """
    content = read_bytes(path, largest)
    try:
        return _PlainUnpickler(content).load()
    except Exception as error:
        cause = first_line(error)[:200]
        raise UserError(f"{path} is refused, it holds more than arrays and containers or is damaged: {cause}") from None

"""Reading pickles of plain data, as in a published dataset, and no others: a pickle can run any code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from iis_core import UserError

_ALLOWED = {
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
    ("collections", "OrderedDict"),
}


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_pickle(path: Path) -> Any:
    """Read a pickle of numbers, text, containers and numpy arrays.

    Args:
        path: the file.

    Raises:
        UserError: the file is unreadable or holds anything else, which is not run.
    """
    try:
        with path.open("rb") as file:
            return _PlainUnpickler(file).load()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:
        raise UserError(
            f"{path} is refused, it holds more than arrays and containers or is damaged: {error}"
        ) from error

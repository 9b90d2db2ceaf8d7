"""Reading tensors from files that somebody else wrote: no code is run, and memory stays near the file's own size."""

from __future__ import annotations

import codecs
import itertools
import pickle
import pickletools
import re
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from iis_core.errors import UserError, first_line
from iis_core.files.reading import require_file
from iis_core.files.stand_ins import find_stand_in

_MOST_VALUES = 1 << 20
"""Values beside tensors; each may take 200 times its bytes in a file."""
_PICKLES = 5
"""A file of torch.save before version 1.6 begins with so many pickles."""
_UNSUPPORTED = re.compile(r"[Uu]nsupported (?:(?:global: )?GLOBAL|class|operand) (\S+)")
_DAMAGED = (
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
    *(OverflowError, MemoryError, zipfile.BadZipFile),
)


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        UserError: it is none, or damaged.
    """
    _require_weights_file(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as safetensors ({first_line(error)[:200]}): get it anew") from error


def read_torch_file(path: Path) -> Any:
    """Read a file of `torch.save` that holds tensors and plain values.

    Raises:
        UserError: it is none, is damaged, holds anything else, or would become much larger in memory than it is.
    """
    _require_weights_file(path)
    try:
        with torch.serialization.safe_globals(_stand_in_for(_check_content(path))):
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        unsupported = _UNSUPPORTED.search(str(error))
        cause = unsupported[1] if unsupported else first_line(error)[:200]
        raise UserError(f"{path} is refused, it holds more than tensors and plain values: {cause}") from error
    except _DAMAGED as error:
        if isinstance(error, UserError):
            raise
        cause = first_line(error)[:200]
        raise UserError(f"{path} is damaged or no file of torch.save ({cause}): get it anew") from error


def check_tensors(path: Path, tensors: Iterable[Tensor]) -> None:
    """Check that tensors hold no more values than the file that they were read from.

    Raises:
        UserError: they claim more, or are none of a network's: quantised, sparse, or without values.
    """
    largest, stored = path.stat().st_size, dict[int, int]()
    for tensor in tensors:
        if tensor.layout is not torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise UserError(f"{path} is refused, it holds a tensor that is sparse, quantised or without values")
        storage = tensor.untyped_storage()
        stored[storage.data_ptr()] = storage.nbytes()
        if max(sum(stored.values()), tensor.numel() * tensor.element_size()) > largest:
            raise UserError(f"{path} is refused, its tensors claim more bytes than the file has")


def _require_weights_file(path: Path) -> None:
    try:
        stand_in = find_stand_in(path) if path.is_symlink() and not path.exists() else None
        if stand_in is None:
            require_file(path)
            stand_in = find_stand_in(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    if stand_in is not None:
        raise UserError(f"{path} {stand_in}")


class _Inert:
    """Stands for an object whose class is not at hand; nothing of it is kept."""

    def __init__(self, *arguments: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        pass


def _stand_in_for(names: Iterable[str]) -> list[Any]:
    """Classes in place of those of `isegm`, by whose losses some published configs are pickled, and of their sets."""
    places = [name.rpartition(" ") for name in sorted(names) if name.startswith("isegm.")]
    stand_ins = [type(name, (_Inert,), {"__module__": module}) for module, _, name in places]
    return [*stand_ins, set] if stand_ins else []


def _check_content(path: Path) -> set[str]:
    """Refuse what would become larger in memory than the file is; `torch.load` only refuses what runs code.

    Returns:
        The classes and functions that the file names, as "module name".
    """
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return _check_pickles(path, file, _PICKLES)
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        if any(entry.filename.endswith("constants.pkl") for entry in entries):
            raise UserError(f"{path} is a program of TorchScript: give its state dict, saved by torch.save")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise UserError(f"{path} is refused, torch.save does not compress: unpack it and save it anew")
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise UserError(f"{path} is refused, its entries claim more bytes than the file has")
        named: set[str] = set()
        for entry in entries:
            if entry.filename.endswith("data.pkl"):
                with archive.open(entry) as file:
                    named |= _check_pickles(path, file, 1)
    return named


def _check_pickles(path: Path, file: IO[bytes], count: int) -> set[str]:
    """Refuse the calls that make much from little.

    Returns:
        The classes and functions that are named, as "module name".

    Raises:
        UserError: there is one, or there are too many values.
        ValueError: these are no pickles.
    """
    named: set[str] = set()
    texts: set[str] = set()
    opcodes = itertools.chain.from_iterable(pickletools.genops(file) for _ in range(count))
    for number, (opcode, argument, _) in enumerate(opcodes):
        if number > _MOST_VALUES:
            raise UserError(f"{path} is refused, it holds more than {_MOST_VALUES} values beside tensors")
        if opcode.name == "GLOBAL":
            named.add(str(argument))
        elif isinstance(argument, str):
            texts.add(argument)
    calls = {name.rpartition(" ")[2] for name in named}
    if "bytearray" in calls or ("encode" in calls and any(map(_is_transform, texts))):
        raise UserError(f"{path} is refused, it holds more than tensors and plain values: a call that fills memory")
    return named


def _is_transform(name: str) -> bool:
    """Whether a text names a codec from bytes to bytes, such as hex."""
    try:
        return len(name) < 40 and not codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False

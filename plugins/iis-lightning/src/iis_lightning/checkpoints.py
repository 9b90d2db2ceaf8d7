"""Checkpoints: written whole beside the one before, with a checksum, and read only where every byte is right."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any, BinaryIO

import torch
from lightning.fabric.plugins.io.checkpoint_io import CheckpointIO

from iis_core import UserError
from iis_core.files.reading import require_file
from iis_core.files.stand_ins import find_stand_in
from iis_core.files.writing import replace_whole
from iis_lightning.folder import REMEDY

_MARK = b"\niis checkpoint sha256 "
_END = len(_MARK) + 64
_NEEDED = ("state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", "epoch", "global_step", "training")


class CheckpointFiles(CheckpointIO):
    """Writes and reads checkpoints for Lightning.

    Attributes:
        loaded: the checkpoint that was read already, which Lightning is given; None where it has to be read.
    """

    def __init__(self) -> None:
        self.loaded: dict[str, Any] | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        write_checkpoint(Path(path), checkpoint)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        content, self.loaded = self.loaded, None
        return read_checkpoint(Path(path)) if content is None else content

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def write_checkpoint(path: Path, checkpoint: dict[str, Any]) -> None:
    """Write a checkpoint as `torch.save` does, with a checksum at its end; the one before stays until it is written.

    Args:
        path: the file.
        checkpoint: tensors and plain values.

    Raises:
        UserError: the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    content = buffer.getbuffer()
    with replace_whole(path, REMEDY) as partial, partial.open("wb") as stream:
        stream.write(content)
        stream.write(_MARK + hashlib.sha256(content).hexdigest().encode())


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint that `write_checkpoint` wrote; no code in it is run.

    Args:
        path: the file.

    Raises:
        UserError: the file cannot be read, or is not as it was written; the message says what it seems to be.
    """
    remedy = f"remove {path} to begin anew, put a good copy in its place, or choose another out"
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} is a link to nowhere: {remedy}")
    try:
        require_file(path)
        with path.open("rb") as stream:
            _check_sum(path, stream)
            stream.seek(0)
            content = torch.load(stream, map_location="cpu", weights_only=True)
    except UserError as error:
        raise UserError(f"{error}: {remedy}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; {remedy}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError) as error:
        raise UserError(f"{path} is no checkpoint of iis train: {remedy}") from error
    missing = [key for key in _NEEDED if key not in content] if isinstance(content, dict) else [*_NEEDED]
    if missing:
        raise UserError(f"{path} is no checkpoint of iis train, it has no {', '.join(missing)}: {remedy}")
    return dict(content)


def _check_sum(path: Path, stream: BinaryIO) -> None:
    """Check that a file is as it was written."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(size - _END, 0))
    end = stream.read()
    stream.seek(0)
    begin = stream.read(4)
    if not end.startswith(_MARK):
        stand_in = find_stand_in(path)
        is_cut = begin == b"PK\x03\x04"
        otherwise = "cut short or of another program" if is_cut else "no checkpoint of iis train"
        raise UserError(f"{path} is {otherwise if stand_in is None else stand_in.what}")
    stream.seek(0)
    digest, left = hashlib.sha256(), size - _END
    while part := stream.read(min(left, 1 << 20)):
        digest.update(part)
        left -= len(part)
    if digest.hexdigest().encode() != end[len(_MARK) :]:
        raise UserError(f"{path} is damaged: its checksum differs")

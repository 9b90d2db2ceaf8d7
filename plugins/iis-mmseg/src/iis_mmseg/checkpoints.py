"""Starting from checkpoints of mmsegmentation."""

from __future__ import annotations

import hashlib
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from torch import nn

from iis_core.files.config import read_user_config
from iis_core.files.downloads import fetch
from iis_core.models.weights import StoredWeights, put_weights, read_weights
from iis_core.plugins import Download

_HASH = re.compile(r"-([0-9a-f]{8})\.pth$")
"""Published files end with the beginning of their SHA-256."""

_AUXILIARY = ("auxiliary_head.", "data_preprocessor.")


def start_from(network: nn.Module, checkpoint: str) -> None:
    """Load a checkpoint into a segmentor of one class, except for the last layer of its head.

    The file is read without running code.

    Args:
        network: the segmentor.
        checkpoint: a path, or a URL that is fetched into the folder of weights.

    Raises:
        UserError: the file cannot be fetched or read, or belongs to another network.
    """
    file = _fetch_checkpoint(checkpoint) if urlsplit(checkpoint).scheme in ("http", "https") else Path(checkpoint)
    with _allow_curves():
        stored = read_weights(file)
    own = network.state_dict()
    given = {name: value for name, value in stored.state.items() if not name.startswith(_AUXILIARY)}
    # Layers with one output per class cannot be loaded, since the classes differ.
    kept = {
        name: own[name]
        for name, value in own.items()
        if name.startswith("decode_head.") and 1 in value.shape and name in given and given[name].shape != value.shape
    }
    # The library draws these anew for every answer and does not store them.
    drawn = {name: value for name, value in own.items() if name.endswith(".ham.bases") and name not in given}
    put_weights(network, StoredWeights(stored.path, {**given, **kept, **drawn}))


def _fetch_checkpoint(url: str) -> Path:
    claimed = _HASH.search(urlsplit(url).path)
    name = Download(url=url).file_name
    # Many files share a name without a hash, such as iter_160000.pth.
    own = name if claimed else f"{hashlib.sha256(url.encode()).hexdigest()[:8]}-{name}"
    config = read_user_config()
    download = Download(url=url, file=own, sha256=claimed[1] if claimed else None)
    return fetch(download, config.weights, mirrors=config.mirrors)


def _allow_curves() -> AbstractContextManager[object]:
    """Allow curves of losses beside tensors: their contents are read as arrays, their methods as nothing."""
    rebuild: Any = np.empty(0).__reduce__()[0]
    known: list[Any] = [
        *(np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64))),
        *((rebuild, f"numpy.{core}.multiarray._reconstruct") for core in ("core", "_core")),
        (_Curve, "mmengine.logging.history_buffer.HistoryBuffer"),
        (_do_nothing, "builtins.getattr"),
    ]
    return torch.serialization.safe_globals(known)


class _Curve:
    """Stands in for the library's class, which would look up its methods by name."""


def _do_nothing(*_: object) -> None:
    """Stands in for such a look-up."""

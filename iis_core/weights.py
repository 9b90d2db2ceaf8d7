"""Weights of networks: read from any file without running code, put into a network without a gap, kept in folders.

A model folder holds `model.safetensors` and `model.json` (name, config, versions).
"""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import importlib_metadata
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from iis_core.config import read_config
from iis_core.errors import UserError
from iis_core.files import is_web_page, sha256
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import Download, ModelSpec

_TENSORS, _DESCRIPTION = "model.safetensors", "model.json"
_SHOWN = 5
_UNSUPPORTED = re.compile(r"Unsupported (?:global: GLOBAL|class|operand) (\S+)")


@dataclass(frozen=True, eq=False)
class StoredWeights:
    """What a file holds: tensors by name, and the network's config where it says it."""

    path: Path
    state: Mapping[str, Tensor]
    config: Any = None

    @property
    def sha256(self) -> str:
        """The hash of the file, of a model folder that of its tensors."""
        return sha256(self.path / _TENSORS if self.path.is_dir() else self.path)


def find_weights(name: str, weights: str | None) -> StoredWeights:
    """What the factory of a model is given as `weights`, read.

    name: catalog name of the model. weights: a path, or "published", also None, for what its spec says.

    Raises UserError, with the remedy, where they are not at hand.
    """
    if weights not in (None, "published"):
        return read_weights(weights)
    spec = find("models", name).spec
    assert isinstance(spec, ModelSpec)
    return read_weights(published_file(name, spec.weights))


def read_weights(path: str | Path) -> StoredWeights:
    """Read a model folder, a safetensors file, or a file of `torch.save`, of which no code is run.

    Of a checkpoint `{"state_dict": ..., "config": ...}` both are taken; a file that is a state dict has no config.
    Raises UserError, with what the file seems to be, where it is none of these.
    """
    place = Path(path)
    if place.is_dir():
        if not (place / _TENSORS).is_file():
            raise UserError(f"{place} is not a model folder: it has no {_TENSORS}")
        return StoredWeights(place, _read_safetensors(place / _TENSORS), _read_description(place).get("config"))
    if place.suffix == ".safetensors":
        return StoredWeights(place, _read_safetensors(place))
    content = _read_pickle(place)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        state, config = content["state_dict"], content.get("config")
    else:
        state, config = content, None
    is_state = isinstance(state, Mapping) and state and all(isinstance(value, Tensor) for value in state.values())
    if not is_state:
        holds = f"the keys {_some(list(content))}" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise UserError(f"{place} holds no state dict but {holds}: give a checkpoint with `state_dict`")
    return StoredWeights(place, dict(state), config)


def put_weights(network: nn.Module, stored: StoredWeights) -> None:
    """Give a network its weights. Raises UserError with every kind of mismatch, the network being unchanged."""
    wanted, found = network.state_dict(), stored.state
    missing = [name for name in wanted if name not in found]
    unexpected = [name for name in found if name not in wanted]
    misshaped = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": misshaped}
    wrong = [f"{len(names)} {kind}: {_some(names)}" for kind, names in kinds.items() if names]
    if wrong:
        hint = _recognised(found)
        raise UserError(f"{stored.path} does not fit the network{hint}; parameters {'; '.join(wrong)}")
    network.load_state_dict(dict(found))


def save_weights(folder: str | Path, network: nn.Module, *, name: str, config: Any) -> None:
    """Write a model folder. Raises UserError where it holds files already or cannot be written.

    name: catalog name of the model. config: from which its network can be built, as JSON can hold it.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        if any(place.iterdir()):
            raise UserError(f"{place} holds files already: choose another folder")
        state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
        save_file(state, place / _TENSORS)
        versions = {package: importlib_metadata.version(package) for package in ("iis-core", "torch")}
        content = {"name": name, "config": config, "versions": versions}
        (place / _DESCRIPTION).write_text(json.dumps(content, indent=2) + "\n")
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror or error}") from error


def save_model(folder: str | Path, model: Any, *, name: str) -> None:
    """Write the model folder of a model whose `network` says its `config`. Raises UserError for any other model."""
    network = getattr(model, "network", None)
    if network is None or getattr(network, "config", None) is None:
        raise UserError(f"{name} cannot be written as a model folder: its network has no config")
    save_weights(folder, network, name=name, config=network.config)


def published_file(name: str, weights: Download | None) -> Path:
    """Where the published weights of a model are kept. Raises UserError, with the remedy, where they are not."""
    if weights is None:
        raise UserError(f"{name} has no published weights: give weights=PATH, or weights='random' to run it untrained")
    file = read_config().weights / weights.file_name
    if not file.is_file():
        get = f"`iis weights {name}` says how to get them" if weights.by_hand else f"run `iis weights {name} --get`"
        raise UserError(
            f"the published weights of {name} are not at hand: {get}, give weights=PATH, or weights='random' to run it "
            "untrained"
        )
    return file


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} cannot be read as safetensors: {error}") from error


def _read_description(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / _DESCRIPTION).read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / _DESCRIPTION} cannot be read: {error}") from error
    return content if isinstance(content, dict) else {}


def _read_pickle(path: Path) -> Any:
    try:
        if is_web_page(path):
            raise UserError(f"{path} is a web page, saved in place of the file: download the file itself")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        unsupported = _UNSUPPORTED.search(str(error))
        cause = unsupported[1] if unsupported else str(error).split("\n", 1)[0][:200]
        raise UserError(f"{path} is refused, it holds more than tensors and plain values: {cause}") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is damaged or no file of torch.save ({str(error)[:200]}): fetch it again") from error


def _recognised(state: Mapping[str, Tensor]) -> str:
    """What a state dict seems to be, by its names."""
    if any(name.startswith("module.") for name in state):
        return " (it was saved from DataParallel: take `module.` off its names)"
    if any(name.startswith(("fc.", "classifier.", "head.fc.", "incre_modules.", "layer1.")) for name in state):
        return " (it looks like a backbone trained to classify ImageNet, not like a segmentation model)"
    return ""


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(str, names[:_SHOWN])) + more

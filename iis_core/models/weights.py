"""Weights: read from files without running code, put into networks completely or not at all, kept in model folders.

A model folder holds `model.safetensors` and `model.json` (name, config, versions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import importlib_metadata
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from iis_core.errors import UserError, name_of
from iis_core.files.config import expand, read_user_config
from iis_core.files.hashing import sha256
from iis_core.files.hub import find_in_hub_cache, is_hub_name
from iis_core.files.plain import to_plain
from iis_core.files.reading import read_json
from iis_core.files.writing import explain_write_errors, replace_whole, write_json
from iis_core.models.weight_files import check_tensors, read_safetensors, read_torch_file
from iis_core.plugins.model_folders import DESCRIPTION, TENSORS, explain_no_model_folder, read_description
from iis_core.plugins.offers import ModelOrigin, origin_of
from iis_core.plugins.specs import ModelSpec

_LIGHTNING = "pytorch-lightning_version"
_STATES = ("state_dict", "model")
_TRANSFORMERS = "config.json"
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class StoredWeights:
    """The content of a weights file or a model folder.

    Args:
        path: the file or folder.
        state: tensors by parameter name.
        config: what the network was built from, or what a folder of transformers has in its `config.json`; None where
            the file does not say.
    """

    path: Path
    state: Mapping[str, Tensor]
    config: Mapping[str, Any] | None = None

    @property
    def sha256(self) -> str:
        """The hash of the file, or of the tensors in a model folder."""
        return sha256(self.path / TENSORS if self.path.is_dir() else self.path)


def read_weights(path: str | Path) -> StoredWeights:
    """Read weights without running code.

    Args:
        path: a model folder, a folder as transformers saves it (`model.safetensors` and `config.json`), a safetensors
            file, or a file of `torch.save` that holds a state dict or a checkpoint `{"state_dict": ..., "config": ...}`
            or `{"model": ...}`.

    Returns:
        The weights, with the config where a model folder or a checkpoint has one.

    Raises:
        UserError: the file is none of these; the message says what it seems to be.
    """
    place = expand(path)
    if place.is_dir():
        config = _read_config(place)
        return StoredWeights(place, read_safetensors(place / TENSORS), config)
    if place.suffix == ".safetensors":
        return StoredWeights(place, read_safetensors(place))
    content = read_torch_file(place)
    if isinstance(content, Mapping) and _LIGHTNING in content:
        raise UserError(f"{place} is a checkpoint of training: {explain_no_model_folder(place)}")
    key = next((key for key in _STATES if isinstance(content, Mapping) and isinstance(content.get(key), Mapping)), None)
    state, config = (content, None) if key is None else (content[key], content.get("config"))
    is_state = isinstance(state, Mapping) and state and all(isinstance(value, Tensor) for value in state.values())
    if not is_state or not all(isinstance(name, str) for name in state):
        holds = f"the keys {_show(list(content))}" if isinstance(content, Mapping) else f"a {type(content).__name__}"
        raise UserError(f"{place} holds no state dict but {holds}: give a checkpoint with `state_dict`")
    check_tensors(place, state.values())
    return StoredWeights(place, dict(state), config if isinstance(config, Mapping) else None)


def put_weights(network: nn.Module, stored: StoredWeights) -> None:
    """Put weights into a network.

    Args:
        network: the network; it stays unchanged where the weights do not fit.
        stored: the weights.

    Raises:
        UserError: names or shapes of parameters differ; the message lists every kind of mismatch.
    """
    wanted, found = network.state_dict(), stored.state
    missing = [name for name in wanted if name not in found]
    unexpected = [name for name in found if name not in wanted]
    misshaped = [
        f"{name} {tuple(found[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in found and found[name].shape != wanted[name].shape
    ]
    kinds = {"missing": missing, "unexpected": unexpected, "of another shape": misshaped}
    wrong = [f"{len(names)} {kind}: {_show(names)}" for kind, names in kinds.items() if names]
    if wrong:
        hint = _guess_kind(found)
        raise UserError(f"{stored.path} does not fit the network{hint}; parameters {'; '.join(wrong)}")
    network.load_state_dict(dict(found))


def save_model(folder: str | Path, model: object) -> None:
    """Write the model folder of a loaded model.

    Args:
        folder: a new or empty folder.
        model: a model from `load_model`; the name and config in its `origin` are written beside the weights.

    Raises:
        UserError: the model was not made by `load_model` or has no weights, or the folder holds files or cannot be
            written.
    """
    origin, network = origin_of(model), network_of(model)
    if not isinstance(origin, ModelOrigin) or network is None:
        raise UserError(f"{name_of(model)} has no model folder: it has no weights, or was not made by load_model")
    place = expand(folder)
    with explain_write_errors(place):
        if place.exists() and not (place.is_dir() and not any(place.iterdir())):
            raise UserError(
                f"{place} {'holds files already' if place.is_dir() else 'is a file'}: choose another folder"
            )
        place.mkdir(parents=True, exist_ok=True)
    versions = {package: importlib_metadata.version(package) for package in ("iis-core", "torch")}
    content = {"name": origin.name, "config": to_plain(origin.config), "versions": versions}
    with replace_whole(place / TENSORS) as partial:
        _write_tensors(partial, network.state_dict())
        write_json(place / DESCRIPTION, content)


def _write_tensors(file: Path, state: Mapping[str, Tensor]) -> None:
    """Write safetensors; parameters that share memory are written each for itself."""
    written: set[int] = set()
    tensors = {}
    for name, value in state.items():
        tensor = value.detach().cpu().contiguous()
        tensors[name] = tensor.clone() if tensor.data_ptr() in written else tensor
        written.add(tensor.data_ptr())
    try:
        save_file(tensors, file)
    except SafetensorError as error:
        cause = str(error).rpartition("Error: ")[2]
        raise UserError(f"{file.parent} cannot be written: {cause}; make room, or choose another place") from error


def network_of(model: object) -> nn.Module | None:
    """Return the module that holds a model's weights, None where there is none.

    It is the model's attribute `network`, or the model itself where it has no such attribute.
    """
    network = getattr(model, "network", model)
    return network if isinstance(network, nn.Module) else None


def find_weights(spec: ModelSpec, weights: str | None) -> Path:
    """Return where the weights that were asked for are kept.

    Args:
        spec: the model.
        weights: a file or folder, "published" or None for the published ones, or, where these are on the Hugging Face
            hub, the name of another repository there.

    Raises:
        UserError: they are published but not fetched.
    """
    if weights in (None, "published"):
        return published_file(spec)
    if spec.weights is None or not spec.weights.hub or not is_hub_name(str(weights)):
        return Path(str(weights))
    folder = find_in_hub_cache(str(weights))
    if folder is None:
        raise UserError(
            f"{weights} is no file or folder here; if it is a repository of the Hugging Face hub, fetch it by "
            f"`iis weights {spec.name} --get --from {weights}`"
        )
    return folder


def published_file(spec: ModelSpec) -> Path:
    """Return the file, or the folder of the hub's cache, in which the published weights of a model are kept.

    Raises:
        UserError: there are none, or they are not fetched; the message says what to do.
    """
    name, weights = spec.name, spec.weights
    otherwise = "give weights=PATH, or weights='random' to run it untrained (--set on the command line)"
    if weights is None:
        raise UserError(f"{name} has no published weights: {otherwise}")
    if weights.hub:
        found = find_in_hub_cache(weights.hub)
    else:
        file = read_user_config().weights / weights.file_name
        found = file if file.is_file() else None
    if found is None:
        get = f"`iis weights {name}` says how to get them" if weights.by_hand else f"run `iis weights {name} --get`"
        raise UserError(f"the published weights of {name} are not at hand: {get}, or {otherwise}")
    return found


def _read_config(folder: Path) -> Mapping[str, Any] | None:
    """What a model folder, or a folder of transformers, says of how its network is built."""
    if (folder / DESCRIPTION).exists() or not (folder / _TRANSFORMERS).is_file():
        return read_description(folder).config
    content = read_json(folder / _TRANSFORMERS)
    return content if isinstance(content, Mapping) else None


def _guess_kind(state: Mapping[str, Tensor]) -> str:
    """Guess from the names in a state dict what it is."""
    if any(name.startswith("module.") for name in state):
        return " (it was saved from DataParallel: take `module.` off its names)"
    if any(name.startswith(("fc.", "classifier.", "head.fc.", "incre_modules.", "layer1.")) for name in state):
        return " (it looks like a backbone trained to classify ImageNet, not like a segmentation model)"
    return ""


def _show(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(str, names[:_SHOWN])) + more

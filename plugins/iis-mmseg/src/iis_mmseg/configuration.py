"""Reading what a network is built from in a configuration file of mmsegmentation."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iis_core import UserError
from iis_core.errors import first_line
from iis_mmseg.installed import find_shipped_configurations

_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_OTHER_MODELS = ("data_preprocessor", "auxiliary_head")
_PRETRAINED = ("pretrained", "init_cfg", "checkpoint", "checkpoint_file", "checkpoint_path")
_FOREIGN = (*_PRETRAINED, "_scope_", "_delete_", "custom_imports")
"""Keys that a model of plain values has no use for: they fetch weights or import modules."""


@dataclass(frozen=True)
class Configuration:
    """A model of one class, without auxiliary heads and without weights to fetch.

    Args:
        model: plain values for the library's registry.
        mean: mean of RGB in [0, 1].
        std: standard deviation of RGB in [0, 1].
    """

    model: dict[str, Any]
    mean: tuple[float, ...]
    std: tuple[float, ...]


def read_configuration(path: str, *, shipped: bool = False) -> Configuration:
    """Read a configuration file.

    The file is a Python program, and reading it runs it; its custom imports are not carried out.

    Args:
        path: path of the file, or its path in the folder of configurations that the library ships.
        shipped: take the library's file, even where there is another in the working folder.

    Raises:
        UserError: the file cannot be read or holds no segmentation model.
    """
    folder = find_shipped_configurations()
    places = (folder / path,) if shipped else (Path(path), folder / path)
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        raise UserError(f"there is no configuration {path}, nor is it one of those in {folder}")
    from mmengine.config import Config

    try:
        content = Config.fromfile(file, import_custom_modules=False).to_dict()
    except Exception as error:
        raise UserError(f"{file} cannot be read as a configuration: {type(error).__name__}: {error}") from error
    model = content.get("model")
    if not isinstance(model, dict) or "backbone" not in model or "decode_head" not in model:
        raise UserError(f"{file} holds no segmentation model: its `model` needs `backbone` and `decode_head`")
    preprocessing = model.get("data_preprocessor") or {}
    mean, std = preprocessing.get("mean") or _MEAN, preprocessing.get("std") or _STD
    parts = {key: value for key, value in model.items() if key not in _OTHER_MODELS}
    return Configuration(_reduce_to_one_class(parts), _scale_to_unit(mean), _scale_to_unit(std))


def parse_model(text: str, what: str) -> dict[str, Any]:
    """Read a model that is written as a Python literal, as a model folder holds it.

    Args:
        text: the literal.
        what: name of the model, for error messages.

    Returns:
        Plain values for the library's registry.

    Raises:
        UserError: the text is no literal of plain values, or would fetch weights or import modules.
    """
    try:
        model = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise UserError(f"{what}: `model` is no Python literal of plain values: {first_line(error)}") from error
    if not isinstance(model, dict):
        raise UserError(f"{what}: `model` must be a dict, not a {type(model).__name__}")
    _check_plain(model, what)
    return model


def _check_plain(part: Any, what: str) -> None:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if not isinstance(key, str) or (key in _FOREIGN and value is not None):
                raise UserError(f"{what}: `model` holds {key!r}, which has no place in it: take it out")
            _check_plain(value, what)
    elif isinstance(part, list | tuple):
        for value in part:
            _check_plain(value, what)
    elif part is not None and not isinstance(part, str | bool | int | float):
        raise UserError(f"{what}: `model` holds a {type(part).__name__}, which is no plain value")


def _reduce_to_one_class(part: Any) -> Any:
    """Change values so that they give one class, run in any number of processes, and fetch no weights."""
    if isinstance(part, dict):
        kept = {key: _reduce_to_one_class(value) for key, value in part.items() if key not in _PRETRAINED}
        kept |= {"num_classes": 1} if "num_classes" in kept else {}
        return {**kept, "type": "BN"} if kept.get("type") == "SyncBN" else kept
    if isinstance(part, list | tuple):
        return type(part)(_reduce_to_one_class(value) for value in part)
    return part


def _scale_to_unit(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(value / 255 for value in values)

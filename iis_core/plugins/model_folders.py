"""Model folders: telling one from a catalog name, and what its `model.json` says; nothing here imports torch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iis_core.errors import UserError, near_matches
from iis_core.files.reading import read_json

TENSORS, DESCRIPTION = "model.safetensors", "model.json"
_LARGEST = 1 << 26
_CHECKPOINTS = (".ckpt", ".pth", ".pt", ".bin", ".safetensors")


@dataclass(frozen=True, eq=False)
class ModelDescription:
    """What a model folder says of its model.

    Args:
        name: the catalog name.
        config: what the network was built from; None where the folder does not say.
    """

    name: str
    config: Mapping[str, Any] | None


def is_path(name: str | Path) -> bool:
    """Whether a model is meant by its path: it is no `namespace/variant`, or it exists here."""
    if isinstance(name, Path):
        return True
    separators = sum(map(name.count, {"/", os.sep}))
    return separators > 1 or name.startswith((".", "/", "~")) or name.endswith(_CHECKPOINTS) or _exists(name)


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def read_description(folder: Path) -> ModelDescription:
    """Read the `model.json` of a model folder.

    Raises:
        UserError: there is none, or it is damaged; the message says which folder may be meant.
    """
    file = folder / DESCRIPTION
    if not file.exists():
        raise UserError(explain_no_model_folder(folder))
    content = read_json(file, _LARGEST)
    name = content.get("name") if isinstance(content, dict) else None
    if not isinstance(name, str):
        written = "`iis train` or `iis weights NAME --to FOLDER` has written"
        raise UserError(f"{file} names no model: give a folder that {written}")
    config = content.get("config")
    if not isinstance(config, Mapping | None):
        raise UserError(f"{file} is damaged: its config must be keywords, not {str(config)[:80]!r}")
    return ModelDescription(name, config)


def explain_no_model_folder(path: Path) -> str:
    """Say why a path is no model folder, and which one may be meant."""
    if path.is_dir():
        return f"{path} has no {DESCRIPTION}{_name_near_folder(path)}"
    if path.is_file():
        near = _name_near_folder(path.parent) or _name_near_folder(path.parent.parent)
        remedy = "give the name of its model, and the file as `weights`"
        if path.suffix == ".ckpt":
            remedy = "give the model folder that `iis train` writes at its end"
        return f"{path} is a file, not a model folder{near or f': {remedy}'}"
    if not path.parent.is_dir():
        return f"there is no model folder {path}, nor a folder {path.parent}"
    places = (place for entry in path.parent.iterdir() for place in (entry, entry / "model"))
    known = [str(place) for place in places if (place / DESCRIPTION).is_file()]
    return f"there is no model folder {path}{near_matches(str(path), known)}"


def _name_near_folder(folder: Path) -> str:
    """`"; did you mean FOLDER?"`, for the model folders that are or lie in a folder."""
    places = [folder, folder / "model", *(sorted(folder.iterdir()) if folder.is_dir() else ())]
    found = [str(place) for place in dict.fromkeys(places) if (place / DESCRIPTION).is_file()]
    return f"; did you mean {' or '.join(found[:3])}?" if found else ""

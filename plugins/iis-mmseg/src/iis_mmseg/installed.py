"""Importing mmsegmentation only once a model is built, since that takes seconds."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path
from typing import Any

import importlib_metadata

from iis_core import UserError

INSTALL = "pip install 'onedl-mmsegmentation>=1.4.2,<1.5' 'onedl-mmcv>=2.3.6,<2.4' 'onedl-mmengine>=0.10.12,<0.11'"
_CLASSIC = ("mmcv", "mmcv-full", "mmcv-lite", "mmengine", "mmsegmentation")
"""Distributions whose files overwrite those of the maintained ones."""


def import_mmseg() -> Any:
    """Import the library.

    Raises:
        UserError: it is missing or mixed with its classic releases; the message says what to run.
    """
    classic = [name for name in _CLASSIC if _find_version(name)]
    if classic:
        found = " ".join(classic)
        raise UserError(
            f"{found} cannot share an environment with iis-mmseg, whose libraries have the same modules: make a new "
            f"environment, or run `pip uninstall {found}`, then `pip install --force-reinstall` of what this names: "
            f"{INSTALL}"
        )
    try:
        with warnings.catch_warnings(action="ignore"):  # about compiled operators that are not used here
            importlib.import_module("mmseg.models")
        return importlib.import_module("mmseg")
    except (ImportError, AssertionError) as error:  # mmseg asserts the versions of what it needs
        raise UserError(f"mmsegmentation cannot be imported: {error}; run {INSTALL}") from error


def find_shipped_configurations() -> Path:
    """Find the folder of the configurations that the library ships."""
    return Path(import_mmseg().__file__).parent / ".mim" / "configs"


def _find_version(distribution: str) -> str | None:
    try:
        return importlib_metadata.version(distribution)
    except importlib_metadata.PackageNotFoundError:
        return None

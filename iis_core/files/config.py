"""The user's configuration: where datasets and weights are kept, and mirrors for dead links.

The file that `IIS_CONFIG` names, by default `config.toml` in the user's configuration folder, may hold

    data = "/path/to/datasets"
    weights = "/path/to/weights"
    mirrors = ["https://example.org/iis"]
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click

from iis_core.errors import UserError, near_matches

_KEYS = ("data", "weights", "mirrors")
_WEIGHTS = Path.home() / ".cache" / "iis" / "weights"


@dataclass(frozen=True)
class UserConfig:
    """The user's configuration.

    Args:
        data: the folder of all datasets, each in a subfolder named after its variant; None where none is configured.
        weights: the folder of fetched weights.
        mirrors: URLs of folders, tried in order.
    """

    data: Path | None = None
    weights: Path = _WEIGHTS
    mirrors: tuple[str, ...] = ()


def user_config_file() -> Path:
    """Return where the configuration is read from, whether or not the file exists."""
    return Path(os.environ.get("IIS_CONFIG") or Path(click.get_app_dir("iis")) / "config.toml")


def read_user_config() -> UserConfig:
    """Read the user's configuration; `IIS_DATA` and `IIS_WEIGHTS` take precedence over the file.

    Raises:
        UserError: the file cannot be read, or an entry is unknown or wrong.
    """
    file = user_config_file()
    content = _read_toml(file) if file.is_file() else {}
    for key in content:
        if key not in _KEYS:
            raise UserError(f"{file} has an unknown key {key!r}{near_matches(key, _KEYS)}")
    mirrors = content.get("mirrors", [])
    if not (isinstance(mirrors, list) and all(isinstance(mirror, str) for mirror in mirrors)):
        raise UserError(f"{file}: mirrors must be a list of URLs, not {mirrors!r}")
    weights = _read_folder(file, content, "weights") or _WEIGHTS
    return UserConfig(_read_folder(file, content, "data"), weights, tuple(mirrors))


def _read_folder(file: Path, content: dict[str, object], key: str) -> Path | None:
    value = os.environ.get(f"IIS_{key.upper()}") or content.get(key)
    if not (value is None or isinstance(value, str)):
        raise UserError(f"{file}: {key} must be a folder, not {value!r}")
    return None if value is None else Path(value).expanduser()


def _read_toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read as TOML: {error}") from error

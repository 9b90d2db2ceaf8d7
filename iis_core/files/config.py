"""The user's configuration: where datasets and weights are kept, and mirrors for dead links.

The file that `IIS_CONFIG` names, by default `config.toml` in the user's configuration folder, may hold

    data = "/path/to/datasets"
    weights = "/path/to/weights"
    mirrors = ["https://example.org/iis"]
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import click

from iis_core.errors import UserError, first_line, near_matches
from iis_core.files.reading import read_text

_KEYS = ("data", "weights", "mirrors")
_LARGEST = 1 << 14


def _default_weights() -> Path:
    return expand("~/.cache/iis/weights")


@dataclass(frozen=True)
class UserConfig:
    """The user's configuration.

    Args:
        data: the folder of all datasets, each in a subfolder named after its variant; None where none is configured.
        weights: the folder of fetched weights.
        mirrors: URLs of folders, tried in order.
    """

    data: Path | None = None
    weights: Path = field(default_factory=_default_weights)
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
    content = _read_toml(file) if file.exists() else {}
    for key in content:
        if key not in _KEYS:
            raise UserError(f"{file} has an unknown key {key!r}{near_matches(key, _KEYS)}")
    mirrors = content.get("mirrors", [])
    if not (isinstance(mirrors, list) and all(map(_is_address, mirrors))):
        raise UserError(f'{file}: mirrors must be a list of URLs, written ["https://..."]')
    weights = _read_folder(file, content, "weights") or _default_weights()
    return UserConfig(_read_folder(file, content, "data"), weights, tuple(mirrors))


def expand(path: str | Path) -> Path:
    """Return a path with the home folder in place of `~`.

    Raises:
        UserError: there is no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{path} cannot be found: {first_line(error)}") from error


def _is_address(mirror: object) -> bool:
    return isinstance(mirror, str) and mirror.startswith(("https://", "http://")) and mirror.isprintable()


def _read_folder(file: Path, content: dict[str, object], key: str) -> Path | None:
    value = os.environ.get(f"IIS_{key.upper()}") or content.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value or "\0" in value:
        raise UserError(f'{file}: {key} must be a folder, written "/path/to/{key}", not a {type(value).__name__}')
    return expand(value)


def _read_toml(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(read_text(file, _LARGEST))
    except RecursionError:
        raise UserError(f"{file} cannot be read as TOML: it nests too deeply") from None
    except ValueError as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{file} cannot be read as TOML: {first_line(error)}") from error

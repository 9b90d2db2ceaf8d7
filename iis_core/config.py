"""The user's settings: where datasets are kept, and mirrors for dead links.

`IIS_CONFIG`, or `config.toml` in the user's configuration folder, may hold

    data = "/path/to/datasets"
    mirrors = ["https://example.org/iis"]
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

import click

from iis_core.errors import UserError
from iis_core.plugins.discovery import near_matches


@dataclass(frozen=True)
class Config:
    """data: the folder of all datasets, each in a subfolder named after its variant. mirrors: URLs tried in order."""

    data: Path | None = None
    mirrors: tuple[str, ...] = ()


def config_file() -> Path:
    """Where the settings are read from, whether or not the file exists."""
    return Path(os.environ.get("IIS_CONFIG") or Path(click.get_app_dir("iis")) / "config.toml")


def read_config() -> Config:
    """The settings of the file, `IIS_DATA` coming before its `data`. Raises UserError for a file that is wrong."""
    file = config_file()
    content = _read(file) if file.is_file() else {}
    for key in content:
        if key not in ("data", "mirrors"):
            raise UserError(f"{file} has an unknown key {key!r}{near_matches(key, ['data', 'mirrors'])}")
    data, mirrors = os.environ.get("IIS_DATA") or content.get("data"), content.get("mirrors", [])
    if not (data is None or isinstance(data, str)):
        raise UserError(f"{file}: data must be a folder, not {data!r}")
    if not (isinstance(mirrors, list) and all(isinstance(mirror, str) for mirror in mirrors)):
        raise UserError(f"{file}: mirrors must be a list of URLs, not {mirrors!r}")
    return Config(None if data is None else Path(data).expanduser(), tuple(mirrors))


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{file} cannot be read as TOML: {error}") from error

"""Installs with uv, into the environment that runs this, what a checkout holds: `python tools/install.py . plugins/x`.

Folders of this repository are built anew, whatever was installed of them. `--all` stands for every plugin; all other
arguments are those of `uv pip install`.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def with_plugins(arguments: Iterable[str]) -> Iterator[str]:
    """The arguments, the folder of every plugin in place of `--all`."""
    for argument in arguments:
        if argument == "--all":
            yield from (f"./{file.parent.relative_to(ROOT)}" for file in sorted(ROOT.glob("plugins/*/pyproject.toml")))
        else:
            yield argument


def own_names(arguments: Iterable[str]) -> Iterator[str]:
    """The names of those packages among the arguments that are folders, with or without extras."""
    for argument in arguments:
        file = ROOT / argument.partition("[")[0] / "pyproject.toml"
        if file.is_file():
            yield tomllib.loads(file.read_text())["project"]["name"]


if __name__ == "__main__":
    wanted = list(with_plugins(sys.argv[1:]))
    anew = [f"--reinstall-package={name}" for name in own_names(wanted)]
    sys.exit(subprocess.call([sys.executable, "-m", "uv", "pip", "install", "--quiet", *anew, *wanted], cwd=ROOT))

"""How a reader is described, and the ways to read: a command, a function, a dataset."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hostile_contents import Writer

Read = Callable[[Path, str], Any]


@dataclass(frozen=True)
class Reader:
    """A reader.

    Args:
        read: reads in a folder, by Python or the command line.
        file: where the hostile file lies in the folder; nothing where a text is given instead.
        contents: what it is given: files, or texts.
        around: sound files beside it.
        sound: what it reads without an error, which shows that it comes as far as the file; None where that takes more.
    """

    read: Read
    file: str = ""
    contents: Mapping[str, Any] = field(default_factory=dict)
    around: Mapping[str, Writer] = field(default_factory=dict)
    sound: Writer | str | None = None


def command(*arguments: str, **environment: str) -> Read:
    """Run a command, in which FOLDER and TEXT stand for the folder and the text."""

    def read(folder: Path, text: str) -> None:
        from iis_core import UserError
        from iis_core.cli import main

        def fill(argument: str) -> str:
            return argument.replace("FOLDER", str(folder)).replace("TEXT", text)

        sys.argv = ["iis", *map(fill, arguments)]
        os.chdir(folder)
        told = StringIO()
        with patch.dict(os.environ, {name: fill(value) for name, value in environment.items()}), redirect_stderr(told):
            try:
                main()
            except SystemExit as ended:
                if ended.code == 2:
                    raise UserError(told.getvalue()) from ended
                if ended.code:
                    raise RuntimeError(f"status {ended.code}: {told.getvalue()}") from ended

    return read


def call(path: str) -> Read:
    """Call a function with the hostile file."""
    module, _, name = path.partition(":")
    return lambda folder, text: getattr(import_module(module), name)(folder / text)


def read_dataset(name: str, **keywords: Any) -> Read:
    """Open a dataset and read all that it has."""

    def read(folder: Path, text: str) -> None:
        from iis_core import load_dataset

        dataset = load_dataset(name, root=str(folder), **keywords)
        for index in range(len(dataset)):
            _ = dataset[index]

    return read

"""Names on the terminal: shown as they are where that is safe, escaped where not; no character ends a command raw."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_runs import toy_environment

from iis_core.cli.terminal import printable
from iis_core.files.images import write_image

Iis = Callable[..., subprocess.CompletedProcess[str]]

HOSTILE = ["a\nError: b", "a\x1b[2Jb", "x[/y]", "[red]x", "a\rb", "caf\udce9", "a\u202eb", "ü", "\x9b31m"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ü 名 [/y]", "plain ü 名 [/y]"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31m", r"\x1b[31m"),
        ("caf\udce9.png", r"caf\udce9.png"),
        ("gnp\u202e.exe", r"gnp\u202e.exe"),
    ],
)
def test_what_cannot_be_printed_on_a_line_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "command",
    [
        ("show", "{}"),
        ("list", "models", "{}"),
        ("list", "{}"),
        ("check", "{}"),
        ("weights", "{}"),
        ("report", "{}"),
        ("pictures", "{}"),
        ("data", "get", "{}"),
        ("data", "check", "{}"),
        ("data", "check", "toy/shapes", "--data", "{}=1"),
        ("new-plugin", "{}"),
        ("predict", "{}", "--model", "toy/disks", "--click", "1,1,+", "--out", "{}"),
        ("predict", "a.png", "--model", "toy/disks", "--click", "{}", "--out", "{}"),
        ("evaluate", "--model", "{}"),
        ("evaluate", "--model", "toy/disks", "--dataset", "{}"),
        ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--set", "{}"),
        ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--set", "{}=1"),
        ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--device", "{}"),
        ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--ids", "{}"),
        ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--stop-iou", "{}"),
        ("{}",),
        ("evaluate", "--{}"),
    ],
)
def test_a_hostile_name_is_shown_and_not_obeyed(iis: Iis, tmp_path: Path, name: str, command: tuple[str, ...]) -> None:
    result = iis(*(text.format(name) for text in command), cwd=tmp_path)
    assert result.returncode == (0 if command[:2] == ("list", "models") else 2)
    assert all(letter == "\n" or letter.isprintable() for letter in result.stdout + result.stderr)
    assert "Traceback" not in result.stderr
    result.stderr.encode()


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX only")
@pytest.mark.parametrize(
    ("locale", "name"), [("C", "ü".encode()), ("C", b"caf\xe9"), ("C.UTF-8", b"caf\xe9\n\x1b[31m[red]")]
)
def test_any_bytes_are_a_name_in_any_locale(tmp_path: Path, locale: str, name: bytes) -> None:
    write_image(tmp_path / "photo.png", np.zeros((20, 30, 3), np.uint8))
    (tmp_path / "photo.png").rename(os.fsdecode(bytes(tmp_path) + b"/" + name + b".png"))
    environment = toy_environment(LC_ALL=locale, PYTHONUTF8="0")
    evaluate = [b"evaluate", b"--model", b"toy/disks", b"--dataset", b"toy/shapes", b"--limit", b"1"]
    for arguments in (
        [b"predict", name + b".png", b"--model", b"toy/disks", b"--click", b"9,9,+", b"--out", name + b"-mask.png"],
        [*evaluate, b"--out", name],
        [b"report", name],
    ):
        command = [sys.executable, "-P", "-m", "iis_core", *arguments]
        result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, check=False)
        assert (result.returncode, b"Traceback" in result.stderr) == (0, False), result.stderr
        assert b"\x1b" not in result.stdout
    assert (Path(os.fsdecode(bytes(tmp_path) + b"/" + name + b"-mask.png"))).is_file()


@pytest.mark.parametrize("device", ["mps", "cuda:99", "xpu", "nonsense", "[1]", ""])
def test_a_device_that_is_not_here_is_one_sentence_before_anything_is_loaded(iis: Iis, device: str) -> None:
    arguments = ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--data", "count=-1")
    for option in (("--device", device), ("--set", f"device={device}")):
        result = iis(*arguments, *option)
        assert result.returncode == 2
        assert "use cpu" in result.stderr or "is not a torch device" in result.stderr

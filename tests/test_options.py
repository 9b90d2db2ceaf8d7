"""Options and arguments: checked before anything heavy is imported, expanded, completed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.shell_completion import ShellComplete
from toy_runs import toy_environment

from iis_core.cli.keywords import parse_keywords
from iis_core.cli.main import cli
from iis_core.files.images import write_image
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import ProtocolSpec

Iis = Callable[..., subprocess.CompletedProcess[str]]

TOY = ("--model", "toy/disks", "--dataset", "toy/shapes")

MISTAKES = {
    ("evaluate", "--model", "toy/disk"): "did you mean 'toy/disks'",
    ("evaluate", *TOY, "--set", "shrnk=1"): "did you mean 'shrink'",
    ("evaluate", *TOY, "--set", "shrink"): "--set takes KEY=VALUE",
    ("evaluate", *TOY, "--set", "=1"): "--set takes KEY=VALUE",
    ("evaluate", "--model", "toy/disks", "--dataset", "typo"): "no dataset is named 'typo'",
    ("evaluate", *TOY, "--data", "cuont=1"): "did you mean 'count'",
    ("evaluate", *TOY, "--protocol", "rtim"): "did you mean 'ritm'",
    ("evaluate", *TOY, "--robot", "rtim"): "did you mean 'ritm'",
    ("evaluate", *TOY, "--robot-set", "treshold=1"): "mean 'threshold'",
    ("predict", "a.png", "--click", "1,1,+", "--out", "b.png", "--model", "toy/disk"): "did you mean 'toy/disks'",
    ("predict", "a.png", "--click", "1,1", "--out", "b.png", "--model", "toy/disks"): "--click takes",
    ("predict", "a.png", "--click", f"1{'0' * 5000},1,+", "--out", "b.png", "--model", "toy/disks"): "--click takes",
    ("check", "toy/disk"): "did you mean 'toy/disks'",
    ("check", "toy/disks", "--set", "shrink"): "--set takes KEY=VALUE",
    ("data", "get", "toy/shape"): "did you mean 'toy/shapes'",
    ("data", "check", "toy/shape"): "did you mean 'toy/shapes'",
    ("data", "check", "toy/shapes", "--data", "cuont=1"): "did you mean 'count'",
    ("weights", "toy/disk"): "did you mean 'toy/disks'",
    ("show", "toy/disk"): "did you mean 'toy/disks'",
    ("list", "model"): "is not one of 'models'",
    ("evalute",): "did you mean 'evaluate'",
    ("evaluate", "--modl", "x"): "--model",
}


PROGRAM = """
import io, json, sys
from contextlib import redirect_stderr
from iis_core.cli import main
for arguments, message in json.load(sys.stdin):
    sys.argv, errors = ["iis", *arguments], io.StringIO()
    with redirect_stderr(errors):
        try:
            main()
        except SystemExit as ended:
            status = ended.code
    assert (status, message in errors.getvalue()) == (2, True), (arguments, status, errors.getvalue())
    heavy = {"torch", "cv2", "scipy", "numpy", "rich"} & set(sys.modules)
    assert not heavy, (arguments, heavy)
"""


def test_mistakes_are_found_before_anything_heavy_is_imported() -> None:
    subprocess.run(
        [sys.executable, "-P", "-c", PROGRAM],
        input=json.dumps(list(MISTAKES.items())),
        env=toy_environment(),
        text=True,
        check=True,
    )


@pytest.mark.parametrize(
    "value", ["[" * 100_000, "[" * 40 + "]" * 40, "9" * 5_000, "NaN", "-Infinity", "[NaN]", "1e999"]
)
@pytest.mark.parametrize("command", ["evaluate", "check"])
def test_values_that_json_cannot_hold_are_refused_in_one_sentence(iis: Iis, value: str, command: str) -> None:
    named = ("toy/disks",) if command == "check" else TOY
    result = iis(command, *named, "--set", f"shrink={value}")
    assert result.returncode == 2
    assert result.stderr.startswith("Error: --set shrink cannot be used: ")
    assert len(result.stderr) < 150


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("0.5", 0.5), ("true", True), ("[1, 2]", [1, 2]), ("resnet34", "resnet34"), ("", ""), ("a=b", "a=b")],
)
def test_a_value_is_json_where_it_can_be(text: str, value: object) -> None:
    assert parse_keywords((f"key={text}",)) == {"key": value}


def test_the_home_folder_is_expanded_in_every_path(iis: Iis, tmp_path: Path) -> None:
    write_image(tmp_path / "photo.png", np.zeros((20, 30, 3), np.uint8))
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "cwd": tmp_path}
    named = ("--model", "toy/disks", "--click", "9,9,+", "--set", "shrink=1")
    assert iis("predict", "~/photo.png", *named, "--out=~/mask.png", **home).returncode == 0
    assert iis("evaluate", *TOY, "--out=~/run", **home).returncode == 0
    assert iis("report", "~/run", **home).returncode == 0
    for mistake in (("weights", "toy/disks", "--from=~/w.pth", "--to=~/w.pth"), ("data", "check", "toy/shapes", "~/x")):
        assert "~" not in iis(*mistake, **home).stderr
    assert not (tmp_path / "~").exists()
    assert (tmp_path / "mask.png").is_file()


def test_the_home_folder_is_expanded_in_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert parse_keywords(("weights=~/w.pth", "note=a~b")) == {"weights": str(tmp_path / "w.pth"), "note": "a~b"}
    assert parse_keywords(("root=~nobody-of-this-name/x",)) == {"root": "~nobody-of-this-name/x"}


def test_the_default_threshold_is_that_of_the_default_protocol(iis: Iis) -> None:
    assert f"by default {find(ProtocolSpec, 'core/ritm').spec.threshold}" in " ".join(
        iis("predict", "-h").stdout.split()
    )


def test_a_device_is_given_once(iis: Iis, tmp_path: Path) -> None:
    write_image(tmp_path / "photo.png", np.zeros((20, 30, 3), np.uint8))
    named = ("--model", "toy/disks", "--click", "9,9,+", "--out", tmp_path / "mask.png")
    assert iis("predict", tmp_path / "photo.png", *named, "--set", "device=cpu").returncode == 0


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ("", "eva", {"evaluate"}),
        ("evaluate --model", "toy/", {"toy/disks"}),
        ("evaluate --model", "disk", {"disks"}),
        ("evaluate --protocol", "core/r", {"core/ritm"}),
        ("evaluate --model toy/disks --set", "", {"shrink=", "delay="}),
        ("evaluate --dataset toy/shapes --data", "co", {"count="}),
        ("predict a.png --model toy/disks --set", "s", {"shrink="}),
        ("check core/grid --set", "r", {"rows="}),
        ("check nothing --set", "r", set()),
        ("data check", "toy", {"toy/shapes"}),
        ("show", "toy/", {"toy/disks", "toy/shapes"}),
        ("list", "mod", {"models"}),
    ],
)
def test_names_and_keywords_are_completed(words: str, incomplete: str, expected: set[str]) -> None:
    found = ShellComplete(cli, {}, "iis", "_IIS_COMPLETE").get_completions(words.split(), incomplete)
    assert {item.value for item in found} == expected

"""Weights are got by hand, checked, and read without running code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from iis_core import UserError, load_model
from iis_core.cli.main import cli
from iis_core.testing import parametrize_with_checks

NAME = "InterSegSynthFT.pth"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IIS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("IIS_CONFIG", str(tmp_path / "none.toml"))
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


def run(*arguments: str) -> None:
    cli.main(["weights", "gto99/resnet50", *arguments], standalone_mode=False)


def test_how_to_get_the_file_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remedy = rf"open https://drive\.google\.com/\S+ in a browser and save the file as {folder / NAME}"
    run()
    shown = capsys.readouterr().out
    for part in ("NoC@90 1.74", "https://drive.google.com", f"save the file as {folder / NAME}", "--get"):
        assert part in shown
    with pytest.raises(UserError, match=rf"{NAME} cannot be fetched: {remedy}"):
        run("--get")
    with pytest.raises(UserError, match="not at hand: `iis weights gto99/resnet50` says how to get them"):
        load_model("gto99/resnet50")


def test_a_saved_file_is_checked_and_used(
    folder: Path, network: torch.nn.Module, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(network.state_dict(), folder / NAME)
    run("--get")
    assert (folder / "checksums.json").is_file()
    assert capsys.readouterr().out.splitlines()[-1].endswith(NAME)
    model: Any = load_model("gto99/resnet50")
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in model.network.state_dict().items())
    assert len(model.origin.sha256) == 64


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><title>Google Drive - Virus scan warning</title>", "is a web page.*open https://drive"),
        (b"", "is empty"),
        ({"conv1.weight": torch.zeros(64, 3, 7, 7), "fc.weight": torch.zeros(1000, 2048)}, "classify ImageNet"),
        ({"encoder.conv1.weight": torch.zeros(64, 9, 7, 7)}, r"\d+ missing: encoder.bn1.weight"),
        (Hostile(), "is refused, it holds more than tensors"),
    ],
)
def test_a_wrong_file_is_recognised(
    content: Any, message: str, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    if isinstance(content, bytes):
        (folder / NAME).write_bytes(content)
    else:
        torch.save(content, folder / NAME)
    with pytest.raises(UserError, match=message):
        run("--get")
    assert (folder / NAME).exists()
    assert not (folder / "checksums.json").exists()
    assert not (tmp_path / "ran").exists()


@parametrize_with_checks("iis-gto99")
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()

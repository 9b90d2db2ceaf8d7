"""No command writes over one of its inputs."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iis_core.errors import UserError
from iis_core.files.images import write_image
from iis_core.files.writing import refuse_folder_of_inputs

Iis = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    write_image(tmp_path / "photo.png", np.zeros((20, 30, 3), np.uint8))
    (tmp_path / "link.png").symlink_to(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.mark.parametrize("out", ["photo.png", "link.png", "./photo.png"])
@pytest.mark.parametrize("inputs", [["photo.png"], ["{other}", "--initial-mask", "photo.png"]])
def test_predict_keeps_its_inputs(iis: Iis, photo: Path, tmp_path: Path, out: str, inputs: list[str]) -> None:
    other = shutil.copy(photo, tmp_path / "other.png")
    before = photo.read_bytes()
    given = [text.format(other=other) for text in inputs]
    result = iis("predict", *given, "--click", "1,1,+", "--out", out, "--model", "toy/disks", cwd=tmp_path)
    assert result.returncode == 2
    assert "photo.png, which would be lost" in result.stderr
    assert photo.read_bytes() == before


@pytest.mark.parametrize("weights", ["w.pth", "folder"])
def test_predict_keeps_its_weights(iis: Iis, photo: Path, tmp_path: Path, weights: str) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("w.pth", "folder/model.safetensors"):
        (tmp_path / name).write_bytes(b"weights")
    out = "w.pth" if weights == "w.pth" else "folder/model.safetensors"
    keyword = f"weights={weights}"
    arguments = ("predict", photo, "--click", "1,1,+", "--out", out, "--model", "toy/disks", "--set", keyword)
    result = iis(*arguments, cwd=tmp_path)
    assert "which would be lost" in result.stderr
    assert (tmp_path / out).read_bytes() == b"weights"


@pytest.mark.parametrize("to", ["w.pth", "link.pth"])
def test_weights_keeps_what_it_converts(iis: Iis, tmp_path: Path, to: str) -> None:
    (tmp_path / "w.pth").write_bytes(b"weights")
    (tmp_path / "link.pth").symlink_to("w.pth")
    result = iis("weights", "toy/disks", "--from", "w.pth", "--to", to, cwd=tmp_path)
    assert (result.returncode, "which would be lost" in result.stderr) == (2, True)
    assert (tmp_path / "w.pth").read_bytes() == b"weights"


@pytest.mark.parametrize("name", ["run.json", "records.jsonl"])
def test_report_keeps_the_records(iis: Iis, tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    assert iis("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--out", run).returncode == 0
    before = (run / name).read_bytes()
    result = iis("report", run, "--plot", run / ".." / "run" / name)
    assert (result.returncode, "--plot" in result.stderr, "which would be lost" in result.stderr) == (2, True, True)
    assert (run / name).read_bytes() == before


DATASET = """
from iis_core.plugins import DatasetSpec, hookimpl
IIS_API = 1
@hookimpl
def iis_datasets():
    yield DatasetSpec(name="files/set", target="files_parts:Files", summary="shapes, kept in files", licence="MIT")
"""
PARTS = """
from toy_parts import ShapesDataset
class Files(ShapesDataset):
    def __init__(self, root):
        super().__init__(count=1)
"""


@pytest.mark.parametrize("out", ["data", "data/masks", ".", "link"])
def test_evaluate_keeps_the_dataset(iis: Iis, install: Callable[..., Path], tmp_path: Path, out: str) -> None:
    install("iis-files", {"files": "files_plugin"}, files_plugin=DATASET, files_parts=PARTS)
    (tmp_path / "data" / "masks").mkdir(parents=True)
    (tmp_path / "data" / "masks" / "shape0.png").write_bytes(b"a mask")
    (tmp_path / "link").symlink_to("data")
    arguments = ("evaluate", "--model", "toy/disks", "--dataset", "files/set", "--data-root", "data", "--save-masks")
    result = iis(*arguments, "--out", out, cwd=tmp_path)
    assert result.returncode == 2
    assert "holds files of the dataset in" in result.stderr
    assert [file.name for file in (tmp_path / "data").rglob("*")] == ["masks", "shape0.png"]
    result = iis(*arguments, "--out", "data/masks/shape0.png", cwd=tmp_path)
    assert (result.returncode, (tmp_path / "data" / "masks" / "shape0.png").read_bytes()) == (2, b"a mask")
    assert iis(*arguments, "--out", "data/runs/new", cwd=tmp_path).returncode == 0
    assert iis(*arguments, "--out", "data/runs/new", cwd=tmp_path).returncode == 0


def test_a_folder_elsewhere_may_hold_files(tmp_path: Path) -> None:
    for name in ("data", "logs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    refuse_folder_of_inputs(tmp_path / "logs", tmp_path / "data")
    with pytest.raises(UserError, match="choose another folder"):
        refuse_folder_of_inputs(tmp_path / "data", tmp_path / "logs" / ".." / "data")


def test_new_plugin_writes_into_no_folder_that_exists(iis: Iis, tmp_path: Path) -> None:
    (tmp_path / "iis-mine").symlink_to("elsewhere")
    result = iis("new-plugin", "iis-mine", "--into", tmp_path)
    assert (result.returncode, "exists already" in result.stderr) == (2, True)
    assert not (tmp_path / "elsewhere").exists()

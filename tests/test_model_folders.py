"""A model folder is a model wherever a catalog name is, and `iis weights` says what can be done with weights."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_net import PARTS, PLUGIN

from iis_core import UserError, evaluate, load_model
from iis_core.files.images import write_image
from iis_core.models.weights import read_weights, save_model

Iis = Callable[..., Any]


@pytest.fixture(autouse=True)
def folder(install: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder runs/tiny of a training, in the working folder; its model has another bias than by default."""
    install("iis-net", {"net": "net_plugin"}, net_plugin=PLUGIN, net_parts=PARTS)
    monkeypatch.setenv("IIS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.chdir(tmp_path)
    run = Path("runs/tiny")
    save_model(run / "model", load_model("net/wide2", weights="random", bias=False))
    (run / "checkpoints").mkdir()
    torch.save({"state_dict": {}, "pytorch-lightning_version": "2.6"}, run / "checkpoints" / "last.ckpt")
    with (run / "checkpoints" / "last.ckpt").open("ab") as file:  # as iis-lightning ends its checkpoints
        file.write(b"\niis checkpoint sha256 " + b"0" * 64)
    return run / "model"


@pytest.mark.parametrize(
    "spelling", ["runs/tiny/model", "./runs/tiny/model", "{}/runs/tiny/model", "~/runs/tiny/model"]
)
def test_a_model_folder_gives_name_config_and_weights(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    model, by_name = load_model(spelling.format(tmp_path), scale=2.0), load_model("net/wide2", weights=str(folder))
    assert torch.equal(model.network.weight, by_name.network.weight)
    assert (model.network.bias, model.scale) == (None, 2.0)
    assert (model.origin.name, model.origin.sha256) == ("net/wide2", by_name.origin.sha256)
    assert Path(model.origin.weights).samefile(folder)
    assert (
        load_model(folder).origin.keywords
        == by_name.origin.keywords
        == load_model("net/wide2", weights=folder).origin.keywords
    )


def test_a_run_of_a_model_folder_is_that_of_its_name_and_weights(iis: Iis, folder: Path) -> None:
    shared = ("evaluate", "--dataset", "toy/shapes", "--limit", "2", "--max-clicks", "2")
    assert iis(*shared, "--model", folder, "--out", "a").returncode == 0
    assert iis(*shared, "--model", "net/wide2", "--set", f"weights={folder}", "--out", "b").returncode == 0
    runs = [json.loads(Path(out, "run.json").read_text()) for out in ("a", "b")]
    assert runs[0]["settings"] == runs[1]["settings"]
    assert runs[0]["settings"]["weights_sha256"] == load_model(folder).origin.sha256
    predict = ("predict", "x.png", "--click", "1,1,+", "--model", folder, "--out")
    write_image(Path("x.png"), np.zeros((8, 8, 3), np.uint8))
    assert iis(*predict, "y.png").returncode == 0
    assert "which would be lost" in iis(*predict, folder / "model.safetensors").stderr
    assert evaluate(folder, "toy/shapes", limit=1, overrides={"max_clicks": 1}, out="c").objects == 1


def test_runs_of_two_model_folders_have_two_default_folders(iis: Iis, folder: Path) -> None:
    save_model("runs/other/model", load_model("net/wide2", weights="random"))
    before = set(Path("runs").iterdir())
    for model in (folder, "runs/other/model"):
        result = iis("evaluate", "--model", model, "--dataset", "toy/shapes", "--limit", "1", "--max-clicks", "1")
        assert result.returncode == 0, result.stderr
    assert len(set(Path("runs").iterdir()) - before) == 2


def test_a_catalog_name_goes_before_a_folder_of_that_name(folder: Path) -> None:
    Path("net").mkdir()
    folder.rename("net/wide3")
    with pytest.raises(UserError, match="published weights of net/wide3 are not at hand"):
        load_model("net/wide3")
    assert load_model("./net/wide3").origin.name == "net/wide2"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("runs/tiny", r"runs/tiny has no model\.json; did you mean runs/tiny/model\?"),
        ("runs", r"runs has no model\.json$"),
        ("runs/tiny/modle", r"no model folder runs/tiny/modle; did you mean 'runs/tiny/model'\?"),
        ("runs/tiny/model/", None),
        ("runs/tiny/model/model.json", r"is a file, not a model folder; did you mean runs/tiny/model\?"),
        ("runs/tiny/checkpoints/last.ckpt", r"is a file, not a model folder; did you mean runs/tiny/model\?"),
        ("nowhere/at/all", r"there is no model folder nowhere/at/all, nor a folder nowhere/at"),
        ("other.pth", r"other\.pth is a file, .*: give the name of its model, and the file as `weights`"),
        ("net/wdie2", r"no model is named 'net/wdie2'; did you mean 'net/wide2'"),
    ],
)
def test_what_is_near_a_model_folder_is_named(name: str, message: str | None) -> None:
    Path("other.pth").write_text("")
    if message is None:
        assert load_model(name).origin.name == "net/wide2"
        return
    with pytest.raises(UserError, match=message):
        load_model(name)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("runs/tiny", r"runs/tiny has no model\.json; did you mean runs/tiny/model\?"),
        ("runs/tiny/checkpoints/last.ckpt", r"last\.ckpt is a checkpoint of training.*did you mean runs/tiny/model\?"),
        ("runs/tiny/modle", r"runs/tiny/modle cannot be read: No such file"),
    ],
)
def test_weights_that_are_near_a_model_folder_say_which_to_give(weights: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_model("net/wide2", weights=weights)


def test_a_checkpoint_without_a_model_folder_says_where_it_comes_from(folder: Path) -> None:
    folder.rename("elsewhere")
    for name, keywords in (
        ("runs/tiny/checkpoints/last.ckpt", {}),
        ("net/wide2", {"weights": "runs/tiny/checkpoints/last.ckpt"}),
    ):
        with pytest.raises(UserError, match="give the model folder that `iis train` writes at its end"):
            load_model(name, **keywords)


def test_a_model_folder_has_its_weights(folder: Path) -> None:
    with pytest.raises(UserError, match="is a model folder, with weights: leave `weights` out, or give net/wide2"):
        load_model(folder, weights="random")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"model\.json is damaged"),
        ("[" * 100_000, "nests too deeply"),
        ("[]", r"model\.json names no model: give a folder that"),
        ('{"name": 3}', "names no model"),
        ('{"name": "net/wide9"}', "no model is named 'net/wide9'"),
        ('{"name": "runs/tiny/model"}', "no model is named 'runs/tiny/model'"),
        ('{"name": "../../etc"}', "no model is named"),
        ('{"name": "net/wide2", "config": [1]}', "config must be keywords"),
        ('{"name": "net/wide2", "config": {"width": "a"}}', "holds a model with width a"),
    ],
)
def test_a_damaged_model_folder_is_told(folder: Path, content: str, message: str) -> None:
    (folder / "model.json").write_text(content)
    with pytest.raises(UserError, match=message):
        load_model(folder)


def test_a_model_folder_that_is_not_whole_is_told(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors cannot be read: No such file"):
        load_model(folder)
    os.mkfifo(folder / "model.safetensors")
    with pytest.raises(UserError, match="is a pipe or a device"):
        load_model(folder)


def test_commands_take_a_model_folder(iis: Iis, folder: Path) -> None:
    assert "net/wide2" in iis("show", folder).stdout
    result = iis("weights", folder)
    assert (result.returncode, f"here        {folder}" in result.stdout) == (0, True)
    assert json.loads(iis("weights", folder, "--json").stdout)["here"] == str(folder)
    assert iis("weights", folder, "--to", "copy").returncode == 0
    assert read_weights("copy").config == read_weights(folder).config
    checked = iis("check", folder)
    assert "net/wide2 (models)" in checked.stdout, checked.stderr
    write_image(Path("x.png"), np.zeros((8, 8, 3), np.uint8))
    for command in (
        ("evaluate", "--dataset", "toy/shapes"),
        ("predict", "x.png", "--click", "0,0,+", "--out", "y.png"),
    ):
        result = iis(*command, "--model", "runs/tiny")
        assert (result.returncode, "did you mean runs/tiny/model?" in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("toy/disks",), 0, "toy/disks has no weights and needs none: it runs as it is\n"),
        (("toy/disks", "--get"), 0, "toy/disks has no weights and needs none: it runs as it is\n"),
        (("toy/disks", "--to", "new"), 2, "toy/disks has no weights to write into new: leave --to out"),
        (("net/none", "--get"), 2, "net/none has no published weights; `iis weights net/none` says what to do"),
        (("net/none",), 0, "run it untrained with `iis evaluate --model net/none --set weights=random`"),
        (("net/none", "--to", "new"), 2, "no weights of net/none are at hand: add --from PATH"),
        (("net/wide2", "--to", "new"), 2, "at hand: run `iis weights net/wide2 --get` first, or add --from PATH"),
        (("net/wide2", "--from", "runs/tiny/model"), 2, "--from says what a model folder is made of: add --to FOLDER"),
        (("net/wide2", "--set", "mean=1"), 2, "--set says what a model folder is made of: add --to FOLDER"),
        (
            ("net/wide2", "--from", "runs/tiny/model", "--to", "runs"),
            2,
            "runs holds files already: choose another folder",
        ),
        (("net/wide2", "--from", "random", "--to", "file"), 2, "file is a file: choose another folder"),
        (("net/wide2", "--from", "random", "--to", "file/new"), 2, "file/new cannot be written: Not a directory"),
        (("net/wide2", "--from", "runs/tiny/model", "--to", "empty"), 0, "empty\n"),
        (("net/wide2", "--from", "random", "--to", "new/er", "--set", "mean=0.25"), 0, "new/er\n"),
        (("net/wide2", "--from", "nowhere.pth", "--to", "new"), 2, "nowhere.pth cannot be read: No such file"),
        (("runs/tiny/model", "--get"), 0, "here        runs/tiny/model"),
        (("runs/tiny/model", "--from", "random", "--to", "new"), 2, "leave `weights` out, or give net/wide2"),
        (("runs/tiny",), 2, "did you mean runs/tiny/model?"),
    ],
)
def test_weights_says_one_sentence(iis: Iis, arguments: tuple[str, ...], status: int, said: str) -> None:
    Path("empty").mkdir()
    Path("file").write_text("")
    result = iis("weights", *arguments)
    assert (result.returncode, said in result.stdout + result.stderr) == (status, True), result.stdout + result.stderr
    assert len(result.stderr.splitlines()) <= 1


def test_a_full_disk_leaves_no_half_model_folder(tmp_path: Path, small_files: Any) -> None:
    model = load_model("net/wide2", weights="random", bias=False)
    sizes = [file.stat().st_size for file in Path("runs/tiny/model").iterdir()]
    for largest in (0, 50, min(sizes) - 1, max(sizes) - 1):
        with small_files(largest), pytest.raises(UserError, match=r"cannot be written: .*File too large.*; make room"):
            save_model(tmp_path / "new", model)
        assert not list((tmp_path / "new").iterdir()), largest
    save_model(tmp_path / "new", model)
    assert read_weights(tmp_path / "new").config == model.origin.config


def test_a_folder_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="new cannot be written: Permission denied; make room, or choose another place"):
        save_model("new", load_model("net/wide2", weights="random"))


def test_parameters_that_share_memory_are_saved(tmp_path: Path) -> None:
    model = load_model("net/wide2", weights="random")
    model.network.tied = torch.nn.Module()
    model.network.tied.weight = model.network.weight
    save_model(tmp_path / "new", model)
    assert set(read_weights(tmp_path / "new").state) == {"weight", "bias", "tied.weight"}

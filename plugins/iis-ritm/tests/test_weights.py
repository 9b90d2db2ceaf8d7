"""Checkpoints in the published format are read without running code; others are explained."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from fill_weights import fill_weights
from iis_ritm import build_network
from iis_ritm.configs import CONFIGS

from iis_core import UserError, evaluate, list_models, load_model
from iis_core.cli.main import cli
from iis_core.plugins import ModelSpec
from iis_core.plugins.catalog import find
from iis_core.testing import check, parametrize_with_checks


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IIS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("IIS_CONFIG", str(tmp_path / "none.toml"))


def published_config(name: str) -> dict[str, Any]:
    """A config as a checkpoint has it."""
    params = {k: {"type": "builtin", "value": v, "specified": True} for k, v in CONFIGS[name]["params"].items()}
    params["norm_layer"] = {"type": "class", "value": "torch.nn.modules.batchnorm.BatchNorm2d", "specified": False}
    params["cpu_dist_maps"] = {"type": "builtin", "value": False, "specified": False}
    return {"class": CONFIGS[name]["class"], "params": params}


def filled(name: str = "hrnet18s") -> dict[str, torch.Tensor]:
    return fill_weights(build_network(name).state_dict())


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "coco_lvis_h18s_itermask.pth"
    torch.save({"state_dict": filled(), "config": published_config("hrnet18s")}, path)
    return path


def same(model: Any, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())


@pytest.mark.parametrize("legacy", [False, True])
def test_a_published_checkpoint_is_read(legacy: bool, tmp_path: Path) -> None:
    path = tmp_path / "last_checkpoint.pth"
    content = {"state_dict": filled(), "config": published_config("hrnet18s")}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    model = load_model("ritm/hrnet18s", weights=str(path))
    assert same(model, filled())
    assert len(model.origin.sha256) == 64


def test_published_weights_are_found_once_fetched(checkpoint: Path, tmp_path: Path) -> None:
    for weights in (None, "published"):
        with pytest.raises(UserError, match=r"not at hand: run `iis weights ritm/hrnet18s --get`"):
            load_model("ritm/hrnet18s", weights=weights)
    (tmp_path / "weights").mkdir()
    checkpoint.rename(tmp_path / "weights" / checkpoint.name)
    assert same(load_model("ritm/hrnet18s"), filled())
    with pytest.raises(UserError, match="ritm/resnet34-baseline has no published weights"):
        load_model("ritm/resnet34-baseline")


def test_a_checkpoint_becomes_a_model_folder(checkpoint: Path, tmp_path: Path) -> None:
    arguments = ["weights", "ritm/hrnet18s", "--from", str(checkpoint), "--to", str(tmp_path / "folder")]
    cli.main(arguments, standalone_mode=False)
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {"model.safetensors", "model.json"}
    assert same(load_model("ritm/hrnet18s", weights=str(tmp_path / "folder")), filled())
    with pytest.raises(UserError, match="holds files already"):
        cli.main(arguments, standalone_mode=False)
    (tmp_path / "folder" / "model.json").unlink()
    with pytest.raises(UserError, match=r"folder has no model\.json"):
        load_model("ritm/hrnet18s", weights=str(tmp_path / "folder"))


def test_a_bare_state_dict_is_taken_for_what_the_name_says(tmp_path: Path) -> None:
    torch.save(filled(), tmp_path / "bare.pth")
    assert same(load_model("ritm/hrnet18s", weights=str(tmp_path / "bare.pth")), filled())
    with pytest.raises(
        UserError, match=r"bare\.pth does not fit the network; parameters \d+ missing: .*of another shape"
    ):
        load_model("ritm/hrnet32", weights=str(tmp_path / "bare.pth"))


def test_another_architecture_is_named(checkpoint: Path) -> None:
    with pytest.raises(UserError, match=r"is not a ritm/hrnet32 \(width 18 instead of 32.*load it as ritm/hrnet18s"):
        load_model("ritm/hrnet32", weights=str(checkpoint))
    with pytest.raises(UserError, match=r"is not a ritm/resnet34-baseline"):
        load_model("ritm/resnet34-baseline", weights=str(checkpoint))


def test_every_kind_of_mismatch_is_listed(tmp_path: Path) -> None:
    state = filled()
    state["extra.weight"] = state.pop("maps_transform.0.bias")
    state["maps_transform.0.weight"] = torch.zeros(16, 5, 1, 1)
    torch.save({"state_dict": state, "config": published_config("hrnet18s")}, tmp_path / "wrong.pth")
    with pytest.raises(UserError) as caught:
        load_model("ritm/hrnet18s", weights=str(tmp_path / "wrong.pth"))
    for part in (
        "1 missing: maps_transform.0.bias",
        "1 unexpected: extra.weight",
        "1 of another shape: maps_transform.0.weight (16, 5, 1, 1) instead of (16, 3, 1, 1)",
    ):
        assert part in str(caught.value)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": filled(), "config": Hostile()}, tmp_path / "hostile.pth")
    with pytest.raises(UserError, match=r"hostile\.pth is refused, it holds more than tensors and plain values"):
        load_model("ritm/hrnet18s", weights="hostile.pth")
    assert not (tmp_path / "ran").exists()


def saved(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: download the file anew"),
        (b"<!DOCTYPE html><title>GitHub</title>", "is a web page, saved in place of the file"),
        (b"weights", "is (damaged|refused)"),
        (saved({"state_dict": {"a": torch.zeros(3)}})[:300], "is damaged"),
        (saved({"epoch": 3, "optimizer": {}}), "holds no state dict but the keys epoch, optimizer"),
        (saved([1, 2]), "holds no state dict but a list"),
        (saved({"conv1.weight": torch.zeros(64, 3, 7, 7), "fc.weight": torch.zeros(1000, 512)}), "classify ImageNet"),
        (saved({f"module.{k}": v for k, v in [("maps_transform.0.bias", torch.zeros(16))]}), "saved from DataParallel"),
    ],
)
def test_a_wrong_file_is_recognised(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "file.pth").write_bytes(content)
    with pytest.raises(UserError, match=rf"file\.pth .*{message}"):
        load_model("ritm/hrnet18s", weights=str(tmp_path / "file.pth"))
    with pytest.raises(UserError, match=r"gone\.pth cannot be read: No such file"):
        load_model("ritm/hrnet18s", weights=str(tmp_path / "gone.pth"))
    with pytest.raises(UserError, match=r"has no model\.json"):
        load_model("ritm/hrnet18s", weights=str(tmp_path))


def test_every_registered_model_is_complete() -> None:
    names = list_models("ritm/*")
    assert set(names) == {f"ritm/{name}" for name in CONFIGS}
    for name in names:
        spec = find(ModelSpec, name).spec
        assert spec.paper
        assert (spec.weights is None) == (name == "ritm/resnet34-baseline")
        assert load_model(name, weights="random").with_prev_mask == spec.initial_mask


PACKAGE = [parameter for parameter in parametrize_with_checks("iis-ritm").args[1] if "iis-ritm-" in parameter.id]


@pytest.mark.parametrize("check", PACKAGE)
def test_the_package_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


def seed_that_zooms(name: str) -> int:
    """With these random weights the network marks an object, into which it then zooms."""
    return 0 if name == "ritm/resnet34-baseline" else 3


@parametrize_with_checks("ritm/hrnet18s")
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    torch.manual_seed(seed_that_zooms("ritm/hrnet18s"))
    check()


@pytest.mark.parametrize("name", sorted({*list_models("ritm/*")} - {"ritm/hrnet18s"}))
def test_other_networks_keep_it_on_regions_of_fewer_pixels(name: str) -> None:
    torch.manual_seed(seed_that_zooms(name))
    results = check(name, target_size=96)
    assert [result for result in results if result.status == "failed"] == []


class OneSquare:
    """A dataset of that name zooms the model to 600."""

    name = "davis"

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Any:
        import numpy as np

        from iis_core import Sample

        masks = np.zeros((60, 80, 1), np.int32)
        masks[20:40, 20:40] = 1
        info = {"id": "one", "path": "one", "objects": {1: {"layer": 0, "value": 1}}}
        return Sample(np.zeros((60, 80, 3), np.uint8), masks, info)


def test_a_run_says_how_it_zoomed_and_with_which_weights(checkpoint: Path, tmp_path: Path) -> None:
    keywords = {"weights": str(checkpoint), "target_size": 500}
    rules = {"max_clicks": 1}
    run = evaluate("ritm/hrnet18s", OneSquare(), out=tmp_path / "davis", model_keywords=keywords, overrides=rules)
    assert run.settings["model"]["keywords"]["target_size"] == 500
    del keywords["target_size"]
    run = evaluate("ritm/hrnet18s", OneSquare(), out=tmp_path / "run", model_keywords=keywords, overrides=rules)
    assert run.settings["model"]["keywords"]["target_size"] == 600
    assert len(run.settings["weights_sha256"]) == 64
    assert run.settings["model"]["keywords"]["flip"] is True


def test_weights_are_shown_with_their_results(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["weights", "ritm/hrnet18s"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "coco_lvis_h18s_itermask.pth" in shown
    assert "NoC@85 1.54  NoC@90 1.68" in shown
    assert "source      https://github.com/SamsungLabs/ritm_interactive_segmentation, README.md" in shown
    assert "not fetched" in shown

"""Checkpoints in the published format are read without running code; others are explained."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from fill_weights import fill_weights
from iis_simpleclick import build_network
from iis_simpleclick.configs import CONFIGS, SMALL_CONFIGS
from simpleclick_references import REFERENCE
from torch import Tensor, nn

from iis_core import UserError, list_models, load_model
from iis_core.cli.main import cli
from iis_core.plugins import ModelSpec
from iis_core.plugins.catalog import find
from iis_core.testing import check, parametrize_with_checks

FORMAT = json.loads((REFERENCE / "models.json").read_text())["_checkpoint_format"]
LOSS = "isegm.model.modeling.transformer_helper.cross_entropy_loss"


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IIS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("IIS_CONFIG", str(tmp_path / "none.toml"))


@pytest.fixture(scope="module")
def filled() -> dict[str, Tensor]:
    return fill_weights(build_network("vit-xtiny").state_dict())


@pytest.fixture
def loss(monkeypatch: pytest.MonkeyPatch) -> Iterator[nn.Module]:
    """A loss as the published files hold it, a module of a package that is there only while it is pickled."""
    module = ModuleType(LOSS)

    def cross_entropy() -> None:
        raise AssertionError("code of a checkpoint was run")

    class CrossEntropyLoss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.loss_name, self.criterion = "loss_ce", cross_entropy

    for thing in (cross_entropy, CrossEntropyLoss):
        thing.__module__, thing.__qualname__ = LOSS, thing.__name__
        setattr(module, thing.__name__, thing)
    for depth in range(1, LOSS.count(".") + 1):
        parent = LOSS.rsplit(".", depth)[0]
        monkeypatch.setitem(sys.modules, parent, ModuleType(parent))
    monkeypatch.setitem(sys.modules, LOSS, module)
    return CrossEntropyLoss()


@pytest.fixture
def checkpoint(tmp_path: Path, filled: dict[str, Tensor], loss: nn.Module, monkeypatch: pytest.MonkeyPatch) -> Path:
    config = json.loads(json.dumps(FORMAT["example_config"]))
    config["params"]["head_params"]["value"]["loss_decode"] = loss
    torch.save({"state_dict": filled, "config": config}, tmp_path / "sbd_vit_xtiny.pth")
    for name in [name for name in sys.modules if name.split(".")[0] == "isegm"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path / "sbd_vit_xtiny.pth"


def holds(model: Any, state: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())


def test_a_published_checkpoint_is_read_without_the_loss_in_it(checkpoint: Path, filled: dict[str, Tensor]) -> None:
    model = load_model("simpleclick/vit-xtiny-sbd", weights=str(checkpoint))
    assert holds(model, filled)
    assert len(model.origin.sha256) == 64
    assert holds(load_model("simpleclick/vit-xtiny", weights=str(checkpoint)), filled)


def test_a_checkpoint_becomes_a_model_folder(checkpoint: Path, tmp_path: Path, filled: dict[str, Tensor]) -> None:
    arguments = ["weights", "simpleclick/vit-xtiny-sbd", "--from", str(checkpoint), "--to", str(tmp_path / "folder")]
    cli.main(arguments, standalone_mode=False)
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {"model.safetensors", "model.json"}
    assert holds(load_model(str(tmp_path / "folder")), filled)
    assert holds(load_model("simpleclick/vit-xtiny", weights=str(tmp_path / "folder")), filled)
    with pytest.raises(UserError, match="load it as simpleclick/vit-xtiny or simpleclick/vit-xtiny-sbd"):
        load_model("simpleclick/vit-b", weights=str(tmp_path / "folder"))


def test_published_weights_are_found_once_a_browser_fetched_them(
    checkpoint: Path, tmp_path: Path, filled: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"not at hand: `iis weights simpleclick/vit-xtiny-sbd` says how to get them"):
        load_model("simpleclick/vit-xtiny-sbd")
    cli.main(["weights", "simpleclick/vit-xtiny-sbd"], standalone_mode=False)
    assert "in a browser and save the file as" in capsys.readouterr().out
    (tmp_path / "weights").mkdir()
    checkpoint.rename(tmp_path / "weights" / checkpoint.name)
    assert holds(load_model("simpleclick/vit-xtiny-sbd"), filled)
    with pytest.raises(UserError, match="simpleclick/vit-xtiny has no published weights"):
        load_model("simpleclick/vit-xtiny")


def test_sizes_may_be_tuples_as_in_published_files(tmp_path: Path, filled: dict[str, Tensor]) -> None:
    config = json.loads(json.dumps(FORMAT["example_config"]))
    sizes = {"img_size": (448, 448), "patch_size": (16, 16)}
    config["params"]["backbone_params"]["value"] |= sizes
    torch.save({"state_dict": filled, "config": config}, tmp_path / "tuples.pth")
    assert holds(load_model("simpleclick/vit-xtiny", weights=str(tmp_path / "tuples.pth")), filled)


def test_another_architecture_is_named(checkpoint: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"is not a simpleclick/vit-b \(embed_dim 160 instead of 768, depth 8 instead of 12, .*load it as "
        "simpleclick/vit-xtiny or simpleclick/vit-xtiny-sbd",
    ):
        load_model("simpleclick/vit-b", weights=str(checkpoint))


def test_an_architecture_without_a_name_is_explained(tmp_path: Path) -> None:
    state = build_network(SMALL_CONFIGS[16]).state_dict()
    torch.save({"state_dict": state, "config": SMALL_CONFIGS[16]}, tmp_path / "small.pth")
    with pytest.raises(
        UserError,
        match=r"is not a simpleclick/vit-b \(embed_dim 32 instead of 768.*: use iis_simpleclick\.build_network",
    ):
        load_model("simpleclick/vit-b", weights=str(tmp_path / "small.pth"))


def test_a_bare_state_dict_is_taken_for_what_the_name_says(tmp_path: Path, filled: dict[str, Tensor]) -> None:
    torch.save(filled, tmp_path / "bare.pth")
    assert holds(load_model("simpleclick/vit-xtiny", weights=str(tmp_path / "bare.pth")), filled)
    with pytest.raises(UserError, match=r"bare\.pth is not a simpleclick/vit-h \(.*load it as simpleclick/vit-xtiny"):
        load_model("simpleclick/vit-h", weights=str(tmp_path / "bare.pth"))
    torch.save({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other\.pth does not fit the network"):
        load_model("simpleclick/vit-xtiny", weights=str(tmp_path / "other.pth"))


def test_a_missing_parameter_is_named(tmp_path: Path, filled: dict[str, Tensor]) -> None:
    state = {name: value for name, value in filled.items() if name != "head.up_conv1.0.bias"}
    torch.save(state, tmp_path / "wrong.pth")
    with pytest.raises(UserError, match=r"1 missing: head\.up_conv1\.0\.bias"):
        load_model("simpleclick/vit-xtiny", weights=str(tmp_path / "wrong.pth"))


def save_mae(path: Path, config: Any) -> dict[str, Tensor]:
    """Save what MAE publishes: a ViT for images of 224 pixels without a last layer."""
    backbone = build_network(config).backbone
    state = {name: value for name, value in backbone.state_dict().items() if not name.startswith(("head.", "fc_norm."))}
    state["pos_embed"] = torch.randn(1, 1 + 14 * 14, backbone.embed_dim)
    state |= {"norm.weight": torch.ones(backbone.embed_dim), "norm.bias": torch.zeros(backbone.embed_dim)}
    torch.save({"model": state}, path)
    return state


def test_training_starts_from_the_weights_of_mae(tmp_path: Path, checkpoint: Path) -> None:
    state = save_mae(tmp_path / "mae.pth", "vit-xtiny")
    keywords = {"pretrained": str(tmp_path / "mae.pth"), "layer_decay": 0.75}
    model = load_model("simpleclick/vit-xtiny", weights="random", **keywords)
    found = model.network.backbone.state_dict()
    assert all(torch.equal(found[name], state[name]) for name in state if name.startswith(("blocks.", "patch_embed.")))
    assert found["pos_embed"].shape == (1, 1 + 28 * 28, 160)
    rates = model.learning_rate_multipliers()
    assert rates["network.backbone.pos_embed"] == pytest.approx(0.75**9)
    assert set(rates) == {name for name, _ in model.named_parameters()}
    with pytest.raises(UserError, match=r"holds all weights: leave pretrained out"):
        load_model("simpleclick/vit-xtiny", weights=str(checkpoint), **keywords)
    with pytest.raises(UserError, match=r"mae\.pth does not fit the network"):
        load_model("simpleclick/vit-b", weights="random", network=SMALL_CONFIGS[16], **keywords)
    with pytest.raises(UserError, match="layer_decay must be above 0 and at most 1, not 0"):
        load_model("simpleclick/vit-xtiny", weights="random", layer_decay=0)


def test_every_registered_model_is_complete() -> None:
    names = list_models("simpleclick/*")
    assert set(names) == {f"simpleclick/{name}" for name in CONFIGS}
    for name in names:
        spec = find(ModelSpec, name).spec
        assert spec.paper
        assert spec.initial_mask
        assert (spec.weights is None) == (name == "simpleclick/vit-xtiny")
        assert spec.dataset_keywords["davis"] == {"target_size": 672}


PACKAGE = [p for p in parametrize_with_checks("iis-simpleclick").args[1] if "iis-simpleclick-" in p.id]


@pytest.mark.parametrize("check", PACKAGE)
def test_the_package_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("simpleclick/vit-h")
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*list_models("simpleclick/*")} - {"simpleclick/vit-h"}))
def test_other_names_keep_it(name: str) -> None:
    assert [result for result in check(name) if result.status == "failed"] == []


@pytest.mark.slow
def test_the_smallest_published_network_keeps_it() -> None:
    results = check("simpleclick/vit-xtiny", network=CONFIGS["vit-xtiny"], target_size=448)
    assert [result for result in results if result.status == "failed"] == []

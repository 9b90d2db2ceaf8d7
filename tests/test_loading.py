"""Core builds and loads models: a plugin only constructs them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_net import PARTS, PLUGIN

from iis_core import PluginError, UserError, load_model
from iis_core.models.weights import read_weights, save_model
from iis_core.plugins import ModelSpec
from iis_core.plugins.catalog import find


@pytest.fixture(autouse=True)
def net(install: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install("iis-net", {"net": "net_plugin"}, net_plugin=PLUGIN, net_parts=PARTS)
    monkeypatch.setenv("IIS_WEIGHTS", str(tmp_path / "weights"))


def load(name: str = "net/wide2", **keywords: Any) -> Any:
    return load_model(name, **{"weights": "random", **keywords})


def test_a_loaded_model_says_where_it_comes_from() -> None:
    model = load(scale=3.0)
    assert (model.scale, model.training) == (3.0, False)
    origin = model.origin
    assert (origin.name, origin.weights, origin.sha256) == ("net/wide2", "random", None)
    assert origin.config == {"width": 2, "bias": True, "mean": 0.5}
    assert origin.keywords == {**origin.config, "device": "cpu", "weights": "random", "scale": 3.0, "start": None}
    assert origin.frozen == ("weight",)


def test_a_model_folder_brings_weights_and_config(tmp_path: Path) -> None:
    model = load(bias=False, mean=0.25)
    save_model(tmp_path / "model", model)
    again = load(weights=str(tmp_path / "model"))
    assert torch.equal(again.network.weight, model.network.weight)
    assert again.network.bias is None
    assert again.origin.config == model.origin.config == {"width": 2, "bias": False, "mean": 0.25}
    assert len(again.origin.sha256) == 64
    assert again.origin.weights == str(tmp_path / "model")


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("net/wide3", {}, "holds a model with width 2, not 3: load it by that name"),
        ("net/wide2", {"bias": False}, "holds a model with bias True, not False: leave bias out"),
        ("net/wide2", {"width": 3}, "holds a model with width 2, not 3: leave width out"),
        ("net/wide2", {"start": "imagenet"}, "holds all weights: leave start out"),
    ],
)
def test_a_model_folder_is_not_contradicted(name: str, keywords: dict[str, Any], message: str, tmp_path: Path) -> None:
    save_model(tmp_path / "model", load())
    with pytest.raises(UserError, match=message):
        load(name, weights=str(tmp_path / "model"), **keywords)


def test_a_model_folder_of_a_config_that_builds_nothing_is_at_fault_not_the_plugin(tmp_path: Path) -> None:
    save_model(tmp_path / "model", load())
    with pytest.raises(UserError, match=r"model holds a config of which no net/fails can be built: .*fetch or write"):
        load("net/fails", weights=str(tmp_path / "model"))


def test_a_model_folder_asks_for_no_other_weights(tmp_path: Path) -> None:
    save_model(tmp_path / "model", load())
    description = tmp_path / "model" / "model.json"
    description.write_text(description.read_text().replace('"width": 2', '"width": 2, "start": "imagenet"'))
    with pytest.raises(UserError, match="model holds all weights: take start out of its config"):
        load(weights=str(tmp_path / "model"))


def test_a_published_file_is_converted_and_found_once_it_is_fetched(tmp_path: Path) -> None:
    model = load()
    published = {f"published.{name}": value for name, value in model.network.state_dict().items()}
    for weights in (None, "published"):
        with pytest.raises(UserError, match=r"not at hand: run `iis weights net/wide2 --get`"):
            load(weights=weights)
    (tmp_path / "weights").mkdir()
    torch.save(published, tmp_path / "weights" / "net.pth")
    assert torch.equal(load(weights=None).network.weight, model.network.weight)


def test_weights_are_put_in_without_a_gap(tmp_path: Path) -> None:
    torch.save({"published.weight": torch.zeros(2, 3, 1, 1)}, tmp_path / "gap.pth")
    with pytest.raises(UserError, match="does not fit the network; parameters 1 missing: bias"):
        load(weights=str(tmp_path / "gap.pth"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("net/none", r"holds no weights: give it an nn.Module as its attribute `network`, or say has_weights=False"),
        ("net/fails", r"net/fails of iis-net: net_parts:fail failed: KeyError: 'mean'"),
    ],
)
def test_what_a_plugin_does_wrong_is_its_fault(name: str, message: str) -> None:
    with pytest.raises(PluginError, match=message):
        load(name)


def test_a_fixed_keyword_is_refused() -> None:
    with pytest.raises(UserError, match="net/wide2 has no width 3; it is one of 2"):
        load(width=3)


def test_only_a_loaded_model_with_weights_becomes_a_model_folder(tmp_path: Path) -> None:
    for model, name in ((load_model("toy/disks"), "toy/disks"), (torch.nn.Linear(1, 1), "Linear")):
        with pytest.raises(UserError, match=f"{name} has no model folder"):
            save_model(tmp_path / "model", model)
    save_model(tmp_path / "model", load())
    assert read_weights(tmp_path / "model").config == {"width": 2, "bias": True, "mean": 0.5}


def test_a_model_without_weights_stays_on_the_cpu() -> None:
    assert not find(ModelSpec, "toy/disks").spec.has_weights
    with pytest.raises(UserError, match="toy/disks runs on the CPU only, not on 'meta'"):
        load_model("toy/disks", device="meta")
    assert load(device="meta").network.weight.device.type == "meta"


def test_the_state_of_a_checkpoint_may_be_called_model(tmp_path: Path) -> None:
    torch.save({"model": {"published.weight": torch.ones(2, 3, 1, 1), "bias": torch.zeros(2)}}, tmp_path / "net.pt")
    assert float(load(weights=str(tmp_path / "net.pt")).network.weight.sum()) == 6


def test_a_folder_of_transformers_is_read_with_its_config(tmp_path: Path) -> None:
    save_model(tmp_path / "folder", load())
    (tmp_path / "folder" / "model.json").rename(tmp_path / "folder" / "config.json")
    (tmp_path / "folder" / "config.json").write_text('{"model_type": "sam", "vision_config": {}}')
    stored = read_weights(tmp_path / "folder")
    assert stored.config == {"model_type": "sam", "vision_config": {}}
    assert set(stored.state) == {"weight", "bias"}
    (tmp_path / "folder" / "config.json").write_text("{")
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        read_weights(tmp_path / "folder")

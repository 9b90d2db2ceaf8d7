"""Checkpoints in the published form are read without running code; others are explained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from iis_segnext import build_network
from iis_segnext.checkpoints import convert_checkpoint
from iis_segnext.configs import CONFIGS, SMALL_CONFIG
from segnext_references import TINY, published_config, published_models, published_state
from torch import Tensor

from iis_core import UserError, list_models, load_model
from iis_core.cli.main import cli
from iis_core.models.weights import StoredWeights, save_model
from iis_core.plugins import ModelSpec
from iis_core.plugins.catalog import find

FITTING = {"segnext_vitb_sax1": ("vit-b-sax1",), "segnext_vitb_sax2": ("vit-b-sax2", "vit-b-sax2-hq")}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IIS_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("IIS_CONFIG", str(tmp_path / "none.toml"))


def stored(name: str, *, with_config: bool) -> StoredWeights:
    """A published file, without its numbers."""
    state = {key: torch.empty(shape, device="meta") for key, shape in published_models()[name]["state_dict"].items()}
    return StoredWeights(Path(f"{name}.pth"), state, published_config(name) if with_config else None)


def same(model: Any, state: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())


@pytest.mark.parametrize("with_config", [True, False])
@pytest.mark.parametrize("name", FITTING)
def test_a_file_of_another_network_is_named(name: str, with_config: bool) -> None:
    for asked, config in CONFIGS.items():
        if asked in FITTING[name]:
            converted = convert_checkpoint(stored(name, with_config=with_config), {"network": config})
            assert converted.config == ({"network": config} if with_config else None)
            continue
        names = " or ".join(f"segnext/{fitting}" for fitting in FITTING[name])
        message = rf"{name}\.pth is not a segnext/vit-b-sax\d \(fusion blocks . instead of .\): load it as {names}"
        with pytest.raises(UserError, match=message):
            convert_checkpoint(stored(name, with_config=with_config), {"network": config})


def test_a_published_checkpoint_is_read(published_file: Callable[[str], Path]) -> None:
    model = load_model("segnext/vit-b-sax2", weights=str(published_file(TINY)))
    assert same(model, published_state(TINY))
    assert model.network.side == 512
    assert len(model.origin.sha256) == 64


def test_a_bare_state_dict_is_taken_for_what_the_config_says(tmp_path: Path) -> None:
    torch.save(published_state(TINY), tmp_path / "bare.pth")
    config = {"class": "PlainVitModel", "params": published_models()[TINY]["params"]}
    for name in list_models("segnext/*"):
        assert same(load_model(name, weights=str(tmp_path / "bare.pth"), network=config), published_state(TINY))


def test_a_checkpoint_becomes_a_model_folder(published_file: Callable[[str], Path], tmp_path: Path) -> None:
    save_model(tmp_path / "folder", load_model("segnext/vit-b-sax2", weights=str(published_file(TINY))))
    for again in (load_model(tmp_path / "folder"), load_model("segnext/vit-b-sax2", weights=str(tmp_path / "folder"))):
        assert same(again, published_state(TINY))
        assert again.network.side == 512


def test_nothing_is_missing_or_left_over(tmp_path: Path) -> None:
    state, some = published_state(TINY), "fusion_blocks.1.norm1.bias"
    for wrong, message in (
        ({key: value for key, value in state.items() if key != some}, rf"1 missing: {some}"),
        ({**state, "backbone.cls_token": torch.zeros(1)}, r"1 unexpected: backbone\.cls_token"),
        ({**state, some: torch.zeros(7)}, rf"1 of another shape: {some} \(7,\) instead of \(48,\)"),
    ):
        torch.save({"state_dict": wrong, "config": published_config(TINY)}, tmp_path / "wrong.pth")
        with pytest.raises(UserError, match=message):
            load_model("segnext/vit-b-sax2", weights=str(tmp_path / "wrong.pth"))


def test_simpleclicks_config_is_told(tmp_path: Path) -> None:
    config = published_config(TINY)
    del config["params"]["fusion_params"]
    torch.save({"state_dict": {"head.bias": torch.zeros(1)}, "config": config}, tmp_path / "simple.pth")
    with pytest.raises(UserError, match=r"simple\.pth cannot be loaded as a segnext model: .*without fusion_params"):
        load_model("segnext/vit-b-sax2", weights=str(tmp_path / "simple.pth"))


def test_the_encoder_starts_from_pretrained_weights(tmp_path: Path) -> None:
    """In MAE's form, of another size of image, with a class token and a norm that are left out."""
    torch.manual_seed(1)
    encoder = build_network(SMALL_CONFIG).backbone.state_dict()
    kept = {key: value for key, value in encoder.items() if not key.startswith("fc_norm")}
    mae = {**kept, "cls_token": torch.zeros(1, 1, 16), "pos_embed": torch.randn(1, 1 + 7 * 7, 16)}
    torch.save({"model": {**mae, "norm.weight": torch.ones(16), "norm.bias": torch.zeros(16)}}, tmp_path / "mae.pth")
    torch.manual_seed(2)
    model = load_model(
        "segnext/vit-b-sax1", weights="random", network=SMALL_CONFIG, pretrained=str(tmp_path / "mae.pth")
    )
    found = model.network.backbone.state_dict()
    assert all(torch.equal(found[key], kept[key]) for key in kept if key != "pos_embed")
    assert not torch.equal(found["pos_embed"], kept["pos_embed"])
    torch.save(build_network(SMALL_CONFIG).state_dict(), tmp_path / "whole.pth")
    with pytest.raises(UserError, match="holds all weights: leave pretrained out"):
        load_model(
            "segnext/vit-b-sax1",
            weights=str(tmp_path / "whole.pth"),
            network=SMALL_CONFIG,
            pretrained=str(tmp_path / "mae.pth"),
        )


def test_published_files_are_got_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"not at hand: `iis weights segnext/vit-b-sax2-hq` says how to get them"):
        load_model("segnext/vit-b-sax2-hq")
    cli.main(["weights", "segnext/vit-b-sax2-hq"], standalone_mode=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "open https://drive.google.com/file/d/1qkXIvxnlY3Z4xLYGWJcoAHBUNyDmvwPS/view in a browser" in shown
    assert "vitb_sa2_cocolvis_hq44k_epoch_0.pth" in shown
    assert "hqseg44k NoC@90 5.32 NoC@95 9.42 >=20@95 583 mIoU@5 0.9175" in shown


def test_every_registered_model_is_complete() -> None:
    names = list_models("segnext/*")
    assert set(names) == {f"segnext/{name}" for name in CONFIGS}
    for name in names:
        spec = find(ModelSpec, name).spec
        assert spec.weights is not None
        assert spec.weights.by_hand
        assert set(spec.results) == {"hqseg44k", "davis"}

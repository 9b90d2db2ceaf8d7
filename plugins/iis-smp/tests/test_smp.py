"""Architectures of segmentation_models_pytorch as IIS models."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from iis_smp.index import ARCHITECTURES, ENCODERS
from iis_smp.models import complete_config
from iis_smp.normalisation import find_normalisation

from iis_core import UserError, list_models, load_model
from iis_core.models.fusion import EncodingFusionModel
from iis_core.models.weights import save_model
from iis_core.testing import check, parametrize_with_checks


def load(name: str = "smp/unet", **keywords: Any) -> Any:
    torch.manual_seed(0)
    return load_model(name, **{"weights": "random", "encoder_name": "resnet18", **keywords})


def photograph(height: int = 97, width: int = 131, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


def clicked(model: Any, x: torch.Tensor, **known: Any) -> list[torch.Tensor]:
    """The answers to three interactions."""
    z, answers = model.initialize_z(x, x[:, :1], **known), []
    pcs, ncs = (
        [[[(9, 9)]] * len(x), [[]] * len(x), [[(5, 60)]] * len(x)],
        [[[]] * len(x), [[(50, 20)]] * len(x), [[]] * len(x)],
    )
    for k in range(1, 4):
        y, z = model(x, z, pcs[:k], ncs[:k])
        answers.append(y)
    return answers


def test_the_index_is_that_of_the_installed_version() -> None:
    offered = {name: architecture.__name__ for name, architecture in smp.MODEL_ARCHITECTURES_MAPPING.items()}
    assert offered == ARCHITECTURES
    assert tuple(smp.encoders.encoders) == ENCODERS
    assert list_models("smp/*") == sorted(f"smp/{name}" for name in ARCHITECTURES)


def test_listing_and_showing_import_neither_torch_nor_the_library() -> None:
    program = (
        "from iis_core.cli.main import cli; import sys\n"
        "cli.main(['list', 'models', 'smp/*'], standalone_mode=False)\n"
        "cli.main(['show', 'smp/unet'], standalone_mode=False)\n"
        "print('heavy:', {'torch', 'timm', 'segmentation_models_pytorch'} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True).stdout
    assert "encoder_name: str = resnet34" in output
    assert "      one of resnet18, " in output
    assert "mit_b0" in output
    assert output.splitlines()[-1] == "heavy: set()"


@parametrize_with_checks("iis-smp")
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("name", ["smp/unet", pytest.param("smp/dpt", marks=pytest.mark.slow)])
def test_intermediate_fusion_keeps_the_contract(name: str) -> None:
    assert not [result for result in check(name, fusion="intermediate") if result.status == "failed"]


@pytest.mark.parametrize(
    ("architecture", "encoder"), [("unet", "resnet18"), ("fpn", "tu-convnext_atto"), ("segformer", "mit_b0")]
)
def test_early_fusion_is_the_plain_network_as_long_as_the_maps_have_no_weight(architecture: str, encoder: str) -> None:
    torch.manual_seed(0)
    plain = smp.create_model(architecture, encoder_name=encoder, encoder_weights=None, classes=1).eval()
    model, x = load(f"smp/{architecture}", encoder_name=encoder), photograph()
    mean, std = (torch.tensor(v)[:, None, None] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    padded = torch.nn.functional.pad((x - mean) / std, (0, 160 - 131, 0, 128 - 97), mode="replicate")
    with torch.no_grad():
        expected = plain(padded).sigmoid()[..., :97, :131]
    for y in clicked(model, x):
        assert float((y - expected).abs().max()) < 1e-5
    with torch.no_grad():
        next(p for p in model.parameters() if p.ndim == 4 and p.shape[1] == 6)[:, 3:].normal_(std=3.0)
    assert not torch.allclose(clicked(model, x)[2], expected, atol=1e-3)


STEMS = (
    *("resnet18", "vgg11", "mit_b0", "mobileone_s0", "densenet121", "timm-tf_efficientnet_lite0", "tu-convnext_atto"),
    *("tu-nfnet_l0", "tu-eca_nfnet_l0", "tu-resnetv2_50x1_bit"),
)
"""Encoders with plain convolutions, with bias, in branches, with padding of their own, with standardised weights."""


OTHER_FAMILIES = (
    *("resnext50_32x4d", "dpn68", "vgg11_bn", "se_resnet50", "inceptionresnetv2", "inceptionv4", "efficientnet-b0"),
    *("mobilenet_v2", "xception", "timm-efficientnet-b0", "timm-skresnet18", "tu-resnet26t", "tu-dm_nfnet_f0"),
)
"""The smallest encoder of each of the library's other families."""


@pytest.mark.parametrize("encoder", [*STEMS, *(pytest.param(n, marks=pytest.mark.slow) for n in OTHER_FAMILIES)])
def test_no_fresh_channel_of_any_encoder_moves_its_answer(encoder: str) -> None:
    model, generator = load(encoder_name=encoder), torch.Generator().manual_seed(2)
    torch.manual_seed(0)
    plain = smp.create_model("unet", encoder_name=encoder, encoder_weights=None, classes=1).eval()
    x = torch.rand(1, 3, 64, 64, generator=generator)
    with torch.no_grad():
        expected = plain(x)
        for scale in (0.0, 1.0, 5.0):
            logits = model.network(x, scale * torch.rand(1, 3, 64, 64, generator=generator))
            assert torch.allclose(logits, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_features_are_computed_once_and_change_nothing() -> None:
    model, x = load(fusion="intermediate"), photograph(batch=2)
    assert isinstance(model, EncodingFusionModel)
    calls = []
    model.network.network.model.encoder.register_forward_hook(lambda *_: calls.append(1))
    plain = clicked(model, x)
    assert len(calls) == 1
    features = model.encode(x)
    for ours, theirs in zip(clicked(model, x, features=features), plain, strict=True):
        assert torch.equal(ours, theirs)
    assert len(calls) == 2
    assert not hasattr(load(), "encode")


def test_with_gradients_features_are_computed_anew() -> None:
    model, x = load(fusion="intermediate"), photograph(64, 64)
    z = model.initialize_z(x, x[:, :1], features=model.encode(x))
    outputs, _ = model.logits(x, z, [[[(3, 4)]]], [[[]]])
    outputs["y"].mean().backward()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_parameters_that_are_not_used_are_named_and_frozen() -> None:
    model = load("smp/deeplabv3", encoder_name="mobilenet_v2")
    assert model.origin.frozen == ()
    model = load("smp/upernet", encoder_name="tu-resnet18")
    frozen = {name for name, parameter in model.network.named_parameters() if not parameter.requires_grad}
    assert frozen == set(model.origin.frozen)


@pytest.mark.parametrize("fusion", ["early", "intermediate"])
@pytest.mark.parametrize("encoding", ["disks", "distances", "gaussians"])
def test_a_model_folder_says_what_it_holds(fusion: str, encoding: str, tmp_path: Path) -> None:
    model, x = load(fusion=fusion, click_encoding=encoding, encoder_name="mobilenet_v2"), photograph(64, 64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    save_model(tmp_path / "model", model)
    again: Any = load_model("smp/unet", weights=str(tmp_path / "model"))
    assert len(again.origin.sha256) == 64
    assert again.origin.config == model.origin.config
    assert all(torch.equal(a, b) for a, b in zip(clicked(model, x), clicked(again, x), strict=True))
    for keywords, message in (
        (
            {"encoder_name": "resnet18"},
            "holds a model with encoder_name mobilenet_v2, not resnet18: leave encoder_name out",
        ),
        ({"encoder_weights": "imagenet"}, "holds all weights: leave encoder_weights out"),
    ):
        with pytest.raises(UserError, match=message):
            load_model("smp/unet", weights=str(tmp_path / "model"), **keywords)
    with pytest.raises(UserError, match="architecture unet, not fpn: load it by that name"):
        load_model("smp/fpn", weights=str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("smp/unet", {"weights": None}, "smp/unet has no published weights: give weights=PATH, or weights='random'"),
        ("smp/unet", {"encoder_name": "resnet81"}, "has no encoder_name 'resnet81'; did you mean 'resnet18'"),
        ("smp/unet", {"encoder_name": "tu-resnet19"}, "timm has no model 'resnet19'.*did you mean tu-resnet"),
        ("smp/unet", {"fusion": "late"}, "has no fusion 'late'; it is one of early, intermediate"),
        ("smp/unet", {"click_encoding": "disk"}, "has no click_encoding 'disk'; did you mean 'disks'"),
        ("smp/linknet", {"encoder_name": "mit_b0"}, "mit_b0.*not supported for Linknet; use another encoder"),
        ("smp/unet", {"encoder_name": "tu-vit_tiny_patch16_224"}, "smp/unet .*vit_tiny.*use another encoder"),
        ("smp/dpt", {}, "has no encoder_name 'resnet18'"),
        ("smp/unet", {"encoder_weights": "imagnet"}, "cannot use the encoder resnet18: .*imagnet"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_the_remedy(name: str, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(name, **keywords)


def test_pretrained_weights_that_cannot_be_fetched_are_an_error_with_the_remedy(tmp_path: Path) -> None:
    program = (
        "import iis_core\n"
        "try: iis_core.load_model('smp/unet', weights='random', encoder_name='resnet18', encoder_weights='imagenet')\n"
        "except iis_core.UserError as error: print(error)"
    )
    offline = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "", "HOME": str(tmp_path)}
    command = [sys.executable, "-P", "-c", program]
    output = subprocess.run(command, capture_output=True, text=True, check=True, env=offline).stdout
    assert "smp/unet cannot fetch the weights imagenet of the encoder resnet18" in output
    assert "leave encoder_weights out" in output


def test_a_transformer_of_any_size_of_image() -> None:
    model = load("smp/dpt", encoder_name="tu-vit_tiny_patch16_224", fusion="intermediate")
    for y in clicked(model, photograph()):
        assert y.shape == (1, 1, 97, 131)


@pytest.mark.parametrize(
    ("encoder", "weights", "mean"),
    [
        ("resnet18", None, 0.485),
        ("xception", "imagenet", 0.5),
        ("inceptionv4", "imagenet", 0.5),
        ("dpn68", "imagenet", 124 / 255),
        ("timm-efficientnet-b0", "advprop", 0.5),
        ("timm-tf_efficientnet_lite0", "imagenet", 0.5),
        ("tu-vit_base_patch16_224", None, timm.get_pretrained_cfg("vit_base_patch16_224").mean[0]),
    ],
)
def test_the_image_is_normalised_as_the_encoder_was_trained(encoder: str, weights: str | None, mean: float) -> None:
    means, stds = find_normalisation(encoder, weights)
    assert means[0] == pytest.approx(mean)
    assert len(means) == len(stds) == 3


def test_a_model_folder_is_normalised_as_its_encoder_was_trained(tmp_path: Path) -> None:
    started_from = {"encoder_name": "timm-efficientnet-b0"}
    config = complete_config(started_from, {"encoder_weights": "advprop"})
    assert config["mean"] == [0.5, 0.5, 0.5]
    assert complete_config(started_from, {})["mean"] != config["mean"]
    save_model(tmp_path / "model", load(**config))
    again: Any = load_model("smp/unet", weights=str(tmp_path / "model"))
    assert again.mean.flatten().tolist() == [0.5, 0.5, 0.5]

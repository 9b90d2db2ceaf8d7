"""From a segmentation network to an IIS model."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_core import TrainableModel, UserError
from iis_core.models.fusion import (
    EarlyFusion,
    IntermediateFusion,
    encode_maps,
    freeze_unused,
    fuse,
    widen_input,
)
from iis_core.models.fusion.working_size import resize_antialiased
from iis_core.plugins import ModelSpec
from iis_core.testing import check_model

SPEC = ModelSpec(name="toy/fusion", target="toy:Fusion", summary="", initial_mask=True)
CLICKS: tuple[Any, Any] = ([[[(4, 5)], []]], [[[], [(20, 9)]]])


class Pyramid(nn.Module):
    """Features at strides 2 and 8, one of no channels, and one token; what `spare` holds is not used."""

    multiple, least = 8, 16

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(3, 8, 3, 2, padding=1)
        self.second = nn.Sequential(nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 12, 3, 4, padding=1))
        self.head = nn.Conv2d(20, 1, 1)
        self.spare = nn.Linear(2, 2)

    def features(self, image: Tensor) -> list[Tensor]:
        first = self.first(image)
        return [first, first[:, :0], self.second(first), first.flatten(2).mean(2)[:, None]]

    def decode(self, features: Sequence[Tensor], shape: tuple[int, int]) -> Tensor:
        first, _, second, token = features
        joined = torch.cat((first + token[:, 0, :, None, None], functional.interpolate(second, first.shape[2:])), dim=1)
        return functional.interpolate(self.head(joined), shape)


def build(fusion: str, click_encoding: str = "disks", **keywords: Any) -> Any:
    normalisation = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.2)}
    return fuse(Pyramid(), fusion=fusion, click_encoding=click_encoding, **normalisation, **keywords).eval()


@pytest.mark.parametrize("fusion", ["early", "intermediate"])
@pytest.mark.parametrize("encoding", ["disks", "distances", "gaussians"])
def test_a_fused_network_keeps_the_contract(fusion: str, encoding: str) -> None:
    model = build(fusion, click_encoding=encoding)
    assert isinstance(model, TrainableModel)
    assert not [result for result in check_model(model, SPEC) if result.status == "failed"]


@pytest.mark.parametrize("fusion", ["early", "intermediate"])
def test_at_a_working_size_the_contract_is_kept_and_the_network_sees_the_small_image(fusion: str) -> None:
    model, plain = build(fusion, working_size=24), build(fusion)
    assert not [result for result in check_model(model, SPEC) if result.status == "failed"]
    x, small = torch.rand(1, 3, 48, 32), (24, 16)
    y, z = model(x, model.initialize_z(x, x[:, :1]), [[[(47, 31), (0, 1)]]], [[[(9, 8)]]])
    shown = resize_antialiased(x, small)
    expected, _ = plain(shown, plain.initialize_z(shown, shown[:, :1]), [[[(23, 15), (0, 0)]]], [[[(4, 4)]]])
    assert torch.equal(y, resize_antialiased(expected, (48, 32)))
    assert torch.equal(z["prediction"], y)
    as_it_is = torch.rand(1, 3, 24, 20)
    answers = [m(as_it_is, m.initialize_z(as_it_is, as_it_is[:, :1]), [[[(5, 5)]]], [[[]]])[0] for m in (model, plain)]
    assert torch.equal(*answers)
    with pytest.raises(UserError, match="working_size must be at least 1, not 0"):
        build(fusion, working_size=0)


def test_features_of_a_working_size_are_those_that_it_computes_itself() -> None:
    model, x = build("intermediate", working_size=24), torch.rand(2, 3, 48, 40)
    known = model.initialize_z(x, x[:, :1], features=model.encode(x))
    assert torch.equal(model(x, known, *CLICKS)[0], model(x, model.initialize_z(x, x[:, :1]), *CLICKS)[0])


def test_logits_show_the_image_as_it_is_whatever_the_working_size() -> None:
    model, x = build("intermediate", working_size=24), torch.rand(2, 3, 48, 40)
    z = model.initialize_z(x, x[:, :1], features=model.encode(x))
    with_gradients, _ = model.logits(x, z, *CLICKS)
    with torch.no_grad():
        without, _ = model.logits(x, z, *CLICKS)
    assert torch.equal(with_gradients["y"], without["y"])


def test_maps_of_no_weight_change_nothing() -> None:
    plain, model, x = Pyramid().eval(), build("early"), torch.rand(2, 3, 24, 32)
    y, z = model(x, model.initialize_z(x, x[:, :1]), *CLICKS)
    normalised = (x - model.mean) / model.std
    assert torch.allclose(y, plain.decode(plain.features(normalised), (24, 32)).sigmoid(), atol=1e-6)
    with torch.no_grad():
        model.network.network.first.weight[:, 3:] = 1.0
    assert not torch.allclose(model(x, z, *CLICKS)[0], y, atol=1e-3)


class Standardised(nn.Conv2d):
    """Standardises its weights over all input channels and, like many of its kind, pads by itself."""

    def forward(self, x: Tensor) -> Tensor:
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        weight = (self.weight - mean) / self.weight.std((1, 2, 3), keepdim=True)
        return functional.conv2d(functional.pad(x, (0, 1, 0, 1)), weight, self.bias, self.stride)


STEMS = {
    "plain": nn.Conv2d(3, 8, 3, 2, padding=1, bias=False),
    "bias": nn.Conv2d(3, 8, 3, 2, padding=1),
    "patches": nn.Conv2d(3, 8, 2, 2),
    "nested": nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)), nn.Conv2d(4, 8, 2, 2)),
    "standardised": Standardised(3, 8, 3, 2),
    "standardised, nested": nn.Sequential(nn.ModuleDict({"conv": Standardised(3, 8, 3, 2)})["conv"], nn.ReLU()),
    "channel by channel": nn.Sequential(nn.Conv2d(3, 6, 3, 2, padding=1, groups=3), nn.Conv2d(6, 8, 1)),
    "normalised weight": nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3, 2, padding=1)),
}


@pytest.mark.parametrize("stem", STEMS.values(), ids=STEMS)
def test_new_channels_of_any_stem_move_nothing_until_they_are_trained(stem: nn.Module) -> None:
    plain: Any = Pyramid()
    plain.first = deepcopy(stem)
    plain.eval()
    fused, x = EarlyFusion(deepcopy(plain)).eval(), torch.rand(2, 3, 24, 32)
    before = plain.decode(plain.features(x), (24, 32))
    for scale in (0.0, 1.0, 50.0):
        assert torch.allclose(fused(x, scale * torch.rand(2, 3, 24, 32)), before, atol=1e-5)
    maps = torch.rand(2, 3, 24, 32)
    optimizer = torch.optim.SGD(fused.parameters(), lr=0.1)
    fused(x, maps).square().mean().backward()
    optimizer.step()
    assert not torch.allclose(fused(x, maps), fused(x, 0 * maps), atol=1e-6)


def test_a_plain_stem_keeps_its_names() -> None:
    state = EarlyFusion(Pyramid()).state_dict()
    assert state["network.first.weight"].shape == (8, 6, 3, 3)
    assert not [name for name in state if "maps" in name]


def test_maps_are_the_prediction_and_the_clicks() -> None:
    prediction = torch.rand(2, 1, 24, 32)
    maps = encode_maps(prediction, *CLICKS, "disks")
    assert torch.equal(maps[:, :1], prediction)
    assert [[int(maps[b, c].sum() > 0) for c in (1, 2)] for b in (0, 1)] == [[1, 0], [0, 1]]
    assert not encode_maps(prediction, [], [], "disks")[:, 1:].any()
    with pytest.raises(UserError, match="no click encoding 'disk'; did you mean 'disks'"):
        encode_maps(prediction, [], [], "disk")


def test_what_is_read_of_an_image_does_not_depend_on_the_padding_behind_it() -> None:
    model, x = build("early"), torch.rand(1, 3, 19, 35)
    padded = functional.pad(x, (0, 5, 0, 5), mode="replicate")
    clicks = [[[(4, 5)]]], [[[(15, 30)]]]
    answers = [model(image, model.initialize_z(image, image[:, :1]), *clicks)[0] for image in (x, padded)]
    assert torch.allclose(answers[0], answers[1][..., :19, :35], atol=1e-6)


def test_parameters_without_influence_are_frozen_and_the_rest_is_trained() -> None:
    for fusion in (EarlyFusion, IntermediateFusion):
        network = fusion(Pyramid()).train()
        before = {key: value.clone() for key, value in network.state_dict().items()}
        freeze_unused(network)
        frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
        assert frozen == ["network.spare.weight", "network.spare.bias"]
        assert network.training
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
        network(torch.rand(2, 3, 24, 32), torch.rand(2, 3, 24, 32)).mean().backward()
        assert all((p.grad is None) == (not p.requires_grad) for p in network.parameters())


def test_known_features_are_used_without_gradients_only() -> None:
    model, x = build("intermediate"), torch.rand(2, 3, 24, 32)
    wrong = {key: value * 0 for key, value in model.encode(x).items()}
    z = model.initialize_z(x, x[:, :1], features=wrong)
    with torch.no_grad():
        outputs, _ = model.logits(x, z, *CLICKS)
    with_gradients, _ = model.logits(x, z, *CLICKS)
    right, _ = model.logits(x, model.initialize_z(x, x[:, :1]), *CLICKS)
    assert torch.equal(with_gradients["y"], right["y"])
    assert not torch.equal(outputs["y"], right["y"])


class WritesIntoFeatures(Pyramid):
    """A decoder that changes in place what it is given."""

    def decode(self, features: Sequence[Tensor], shape: tuple[int, int]) -> Tensor:
        features[-1].mul_(2)
        return super().decode(features, shape)


@pytest.mark.parametrize("network", [Pyramid, WritesIntoFeatures])
@pytest.mark.parametrize("shape", [(24, 32), (19, 35), (5, 3)])
def test_features_kept_from_click_to_click_give_what_is_computed_anew(
    network: type[Pyramid], shape: tuple[int, int]
) -> None:
    model = fuse(network(), fusion="intermediate", click_encoding="disks", mean=(0.5,) * 3, std=(0.2,) * 3).eval()
    x = torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(0))
    pcs, ncs = [[[(1, 2)], []], [[(4, 0)], [(3, 1)]], [[], [(0, 0)]]], [[[], [(2, 2)]], [[], []], [[(0, 2)], []]]
    kept = model.initialize_z(x, x[:, :1])
    prediction = kept["prediction"]
    for step in range(1, 4):
        answer, kept = model(x, kept, pcs[:step], ncs[:step])
        prediction, _ = model(x, {"prediction": prediction}, pcs[:step], ncs[:step])
        assert "features" in kept
        assert torch.equal(answer, prediction)


def test_a_network_that_reads_no_image_is_refused() -> None:
    with pytest.raises(UserError, match="Conv2d has no convolution that reads an image"):
        widen_input(nn.Conv2d(4, 8, 3), 3)

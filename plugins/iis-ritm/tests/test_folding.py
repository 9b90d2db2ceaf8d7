"""A network for inference answers as it does unprepared, whatever network it is."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from fill_weights import fill_weights
from iis_ritm import RITMModel, build_network
from iis_ritm.folding import fold, prepare_for_inference
from iis_ritm.networks.hrnet import SplitConvolution
from iis_ritm.networks.published import CONFIGS
from iis_ritm.networks.resnet import BasicBlock
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune

WIDTH = 6


def conv(inputs: int = WIDTH) -> nn.Conv2d:
    return nn.Conv2d(inputs, WIDTH, 3, padding=1)


class Foreign(nn.Module):
    """Not one of ours: `run` in the middle, from features to features."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = conv(3)
        self.conv, self.norm, self.other = conv(), nn.BatchNorm2d(WIDTH), conv()
        self.leave = nn.Conv2d(WIDTH, 1, 1)

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        return {"instances": self.leave(self.run(self.enter(image)))}

    def run(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class ActivationBeforeNorm(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(conv(), nn.ReLU(), nn.BatchNorm2d(WIDTH))

    def run(self, x: Tensor) -> Tensor:
        return self.block(x)


class NormBeforeConv(Foreign):
    def run(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(x))


class NormOfAnotherConv(Foreign):
    def run(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(self.other(x)))


class ConvReadTwice(Foreign):
    def run(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.norm(y) + y


class NormOfTwoConvs(Foreign):
    def run(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) + self.norm(self.other(x))


class ConvCalledTwice(Foreign):
    def run(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(self.conv(x)))


class SharedConv(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(self.conv, nn.BatchNorm2d(WIDTH), self.conv, nn.BatchNorm2d(WIDTH))

    def run(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class TappedSequence(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(conv(), nn.BatchNorm2d(WIDTH), nn.ReLU())

    def run(self, x: Tensor) -> Tensor:
        return self.block(x) + self.block[0](x)


class SometimesNormed(Foreign):
    def run(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.norm(y) if x.shape[-1] % 2 else y


class BatchStatistics(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(WIDTH, track_running_stats=False)


class AlwaysTrainedNorm(Foreign):
    def train(self, mode: bool = True) -> AlwaysTrainedNorm:
        super().train(mode)
        self.norm.train()
        return self


class Hooked(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.conv.register_forward_hook(lambda module, inputs, output: output.relu())


class WeightNormed(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.conv = parametrizations.weight_norm(self.conv)


class SpectrallyNormed(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.conv = parametrizations.spectral_norm(self.conv)


class Pruned(Foreign):
    def __init__(self) -> None:
        super().__init__()
        prune.random_unstructured(self.conv, "weight", 0.5)


class OtherPrecision(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.conv.double()

    def run(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x.double()).float())


class OwnForward(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.norm.forward = lambda x: x * 2


class SubclassOfOurs(BasicBlock):
    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.bn2(self.bn1(self.conv1(x)).relu()))


class HoldsSubclassOfOurs(Foreign):
    def __init__(self) -> None:
        super().__init__()
        self.block = SubclassOfOurs(WIDTH, WIDTH)

    def run(self, x: Tensor) -> Tensor:
        return self.block(x)


class NeedsContiguousMemory(Foreign):
    def run(self, x: Tensor) -> Tensor:
        y = super().run(x)
        return y + y.view(len(y), -1).mean(1)[:, None, None, None]


FOREIGN: list[Callable[[], nn.Module]] = [
    *(Foreign, ActivationBeforeNorm, NormBeforeConv, NormOfAnotherConv, ConvReadTwice, NormOfTwoConvs, ConvCalledTwice),
    *(SharedConv, TappedSequence, SometimesNormed, BatchStatistics, AlwaysTrainedNorm, Hooked, WeightNormed),
    *(SpectrallyNormed, Pruned, OtherPrecision, OwnForward, HoldsSubclassOfOurs, NeedsContiguousMemory),
]


def draw(build: Callable[[], Any]) -> Any:
    """A network in evaluation mode with weights and statistics as training might leave them."""
    torch.manual_seed(0)
    network = build().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.normal_(0, 0.5)
            module.running_var.uniform_(0.3, 3)
            nn.init.normal_(module.weight, 1, 0.5)
            nn.init.normal_(module.bias, 0, 0.5)
    return network


def ours(name: str) -> nn.Module:
    network = build_network(name if name in CONFIGS else {"class": "DeeplabModel", "params": {"backbone": name}})
    network.load_state_dict(fill_weights(network.state_dict()))
    return network


IMAGE = torch.rand(2, 4, 40, 48, generator=torch.Generator().manual_seed(1))
POINTS = torch.tensor([[[5.0, 6, 0], [-1, -1, -1]]] * 2)


@torch.no_grad()
def answer(network: Any, channels: int = 3) -> Tensor:
    return network(IMAGE[:, :channels], POINTS)["instances"]


@pytest.mark.parametrize("change", [fold, prepare_for_inference])
@pytest.mark.parametrize("build", FOREIGN)
def test_a_foreign_network_answers_as_before(build: Callable[[], nn.Module], change: Any) -> None:
    network = draw(build)
    expected = answer(network)
    assert torch.allclose(answer(change(network)), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("build", FOREIGN)
def test_a_model_around_a_foreign_network_answers_the_sigmoid_of_its_logits(build: Callable[[], nn.Module]) -> None:
    model = RITMModel(draw(build), flip=False, zoom_in=None)
    x, clicks = IMAGE[:, :3], ([[[(5, 6)], [(5, 6)]]], [[[], []]])
    z = model.initialize_z(x, x[:, :1])
    with torch.no_grad():
        outputs, _ = model.logits(x, z, *clicks)
    y, _ = model(x, z, *clicks)
    assert torch.allclose(y, outputs["y"].sigmoid(), rtol=0, atol=1e-5)


def exchange(path: str, build: Callable[[nn.Module], nn.Module]) -> Callable[[nn.Module], None]:
    def change(network: nn.Module) -> None:
        network.set_submodule(path, build(network.get_submodule(path)))

    return change


def share_a_sequence(network: Any) -> None:
    context = network.feature_extractor.ocr_distri_head.object_context_block
    context.f_object[1] = context.f_object[3] = context.f_pixel[1]


def share_a_convolution(network: Any) -> None:
    block = network.feature_extractor.stage2[0].branches[0][0]
    block.conv2 = block.conv1


def train_one_norm(network: Any) -> None:
    network.feature_extractor.bn1.train()


class Around(nn.Module):
    """A foreign module that holds ours."""

    def __init__(self, stage: nn.Module) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        first, *others = self.stage(branches)
        return [first + first.view(len(first), -1).mean(), *others]


CHANGES: dict[str, Callable[[Any], Any]] = {
    "a hook on a convolution": lambda network: network.feature_extractor.conv1.register_forward_hook(
        lambda module, inputs, output: output.relu()
    ),
    "a hook on what is split": lambda network: network.feature_extractor.conv3x3_ocr.register_forward_hook(
        lambda module, inputs, output: output * 2
    ),
    "another activation where it is split": exchange("feature_extractor.conv3x3_ocr.2", lambda _: nn.Tanh()),
    "an activation before a norm": exchange("feature_extractor.conv1", lambda conv: nn.Sequential(conv, nn.ReLU())),
    "weight norm": exchange("feature_extractor.conv2", parametrizations.weight_norm),
    "weight norm by a hook": exchange("feature_extractor.conv2", torch.nn.utils.weight_norm),
    "a norm without statistics": exchange(
        "feature_extractor.bn1", lambda norm: nn.BatchNorm2d(norm.num_features, track_running_stats=False)
    ),
    "a foreign module": exchange("feature_extractor.stage4", Around),
    "a shared sequence": share_a_sequence,
    "a shared convolution": share_a_convolution,
    "a trained norm": train_one_norm,
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_network_of_ours_answers_as_before(what: str) -> None:
    network = ours("hrnet18s")
    CHANGES[what](network)
    model = RITMModel(network, flip=False, zoom_in=None)
    expected = answer(network, 4)
    found = model._inference.of(network)
    assert torch.allclose(answer(found, 4), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["hrnet18s", "hrnet18", "hrnet32", "resnet34-baseline", "resnet50", "resnet101"])
def test_folding_leaves_no_batch_norm_in_networks_of_ours_and_the_same_answers(name: str) -> None:
    network = ours(name)
    channels = 4 if network.with_prev_mask else 3
    expected, found = answer(network, channels), fold(network)
    assert not [module for module in found.modules() if isinstance(module, nn.BatchNorm2d)]
    assert (answer(found, channels) - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("change", [fold, prepare_for_inference])
@pytest.mark.parametrize("name", ["hrnet18s", "resnet34-baseline"])
def test_the_network_given_stays_as_it_was(name: str, change: Any) -> None:
    network = ours(name).train()
    before = copy.deepcopy(network.state_dict())
    modules = list(network.modules())
    change(network)
    assert list(network.modules()) == modules
    assert all(module.training for module in modules)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], value) for key, value in before.items())
    assert all(after[key].stride() == value.stride() for key, value in before.items())


def test_low_resolutions_are_convolved_before_they_are_enlarged() -> None:
    network = prepare_for_inference(ours("hrnet18s"))
    assert network.feature_extractor.wide is not None


BRANCHES = {
    "halved": [(24, 32), (12, 16), (6, 8), (3, 4)],
    "single pixels": [(7, 5), (4, 3), (1, 1), (1, 1)],
    "only single pixels": [(1, 1)] * 4,
    "larger than the first": [(6, 5), (3, 9), (11, 7), (2, 13)],
    "one row": [(1, 17), (1, 9), (1, 5), (1, 2)],
}


@pytest.mark.parametrize("shapes", BRANCHES.values(), ids=BRANCHES)
@torch.no_grad()
def test_a_split_convolution_gives_what_the_joined_one_gives(shapes: list[tuple[int, int]]) -> None:
    torch.manual_seed(0)
    widths = [3, 5, 2, 7]
    branches = [torch.randn(2, width, *shape) for width, shape in zip(widths, shapes, strict=True)]
    given = [branch.clone() for branch in branches]
    conv = nn.Conv2d(sum(widths), 4, 3, padding=1)
    enlarged = [functional.interpolate(x, shapes[0], mode="bilinear", align_corners=True) for x in branches]
    expected = conv(torch.cat(enlarged, dim=1)).relu()
    assert torch.allclose(SplitConvolution(conv, widths)(branches), expected, atol=1e-5)
    assert all(torch.equal(branch, before) for branch, before in zip(branches, given, strict=True))

"""Parts of plain vision transformers: the same as the plain computation, whatever the network."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_core import UserError
from iis_core.models.vit import (
    PyramidFusion,
    SimpleFeaturePyramid,
    choose_global_blocks,
    decay_by_layer,
    put_pretrained,
    resize_positions,
    run_blocks,
)


def make_blocks(depth: int, channels: int = 8) -> nn.ModuleList:
    torch.manual_seed(0)
    layers = [nn.TransformerEncoderLayer(channels, 2, 16, batch_first=True, norm_first=True) for _ in range(depth)]
    return nn.ModuleList(layers).eval()


class ToyVit(nn.Module):
    """Only the names of a vision transformer."""

    def __init__(self, patches: int, *, cls_token: bool = True, last: str = "fc_norm") -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.randn(1, patches + 1, 4))
        if cls_token:
            self.cls_token = nn.Parameter(torch.randn(1, 1, 4))
        self.patch_embed = nn.Linear(3, 4)
        self.blocks = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
        self.add_module(last, nn.LayerNorm(4))
        self.head = nn.Linear(4, 2)


@pytest.mark.parametrize(
    ("depth", "every", "expected"), [(12, 6, [6, 12]), (8, 2, [2, 4, 6, 8]), (4, 3, [3, 4]), (3, 5, [3])]
)
def test_every_so_many_blocks_and_the_last_attend_everywhere(depth: int, every: int, expected: list[int]) -> None:
    chosen = choose_global_blocks(depth, every)
    assert [number for number, is_global in enumerate(chosen, 1) if is_global] == expected
    assert len(chosen) == depth


@pytest.mark.parametrize("windows", [(1, 1), (2, 3), (4, 1)])
@pytest.mark.parametrize("is_global", [[False] * 3, [True] * 3, [False, True, False], [True, False, False]])
def test_blocks_give_what_cutting_out_each_window_for_each_block_gives(
    windows: tuple[int, int], is_global: list[bool]
) -> None:
    blocks, tokens = make_blocks(3), torch.randn(2, 4, 6, 8)
    height, width = 4 // windows[0], 6 // windows[1]
    expected = tokens
    for block, attends_everywhere in zip(blocks, is_global, strict=True):
        if attends_everywhere:
            expected = block(expected.flatten(1, 2)).reshape(tokens.shape)
            continue
        answer = torch.empty_like(expected)
        for row in range(0, 4, height):
            for column in range(0, 6, width):
                window = expected[:, row : row + height, column : column + width]
                part = block(window.flatten(1, 2)).reshape(window.shape)
                answer[:, row : row + height, column : column + width] = part
        expected = answer
    found = run_blocks(blocks, tokens, windows, is_global)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("windows", [(3, 1), (1, 4), (0, 1)])
def test_tokens_that_cannot_be_divided_into_windows_are_refused(windows: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="4 x 6 tokens cannot be divided"):
        run_blocks(make_blocks(1), torch.randn(1, 4, 6, 8), windows, [False])


def test_positions_are_resized_as_an_image_of_them_is() -> None:
    positions = torch.randn(1, 4, 4, 3)
    assert resize_positions(positions, (4, 4)) is positions
    resized = resize_positions(positions, (6, 8))
    expected = functional.interpolate(positions.permute(0, 3, 1, 2), size=(6, 8), mode="bicubic", align_corners=False)
    assert torch.equal(resized.permute(0, 3, 1, 2), expected)


def test_the_pyramid_has_four_scales_and_the_published_widths() -> None:
    pyramid = SimpleFeaturePyramid(160, (96, 192, 288, 384))
    maps = pyramid(torch.randn(2, 160, 4, 6))
    assert [tuple(x.shape[1:]) for x in maps] == [(96, 16, 24), (192, 8, 12), (288, 4, 6), (384, 2, 3)]
    shapes = {name: tuple(value.shape) for name, value in pyramid.state_dict().items()}
    assert shapes["down_4.0.weight"] == (160, 192, 2, 2)
    assert shapes["down_4.3.weight"] == (192, 96, 2, 2)
    assert shapes["down_8.2.weight"] == (192, 192, 1, 1)
    assert shapes["down_32.0.weight"] == (384, 160, 2, 2)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_large_maps_are_normalised_exactly_in_either_memory_order(memory: torch.memory_format) -> None:
    """Where channels come last torch's own norm of such a map is off by 3e-6, else by 1e-7."""
    norm = SimpleFeaturePyramid(16, (24, 8, 8, 8)).down_4[4]
    torch.manual_seed(0)
    x = (torch.randn(2, 24, 512, 256) * torch.rand(24, 1, 1) + torch.randn(24, 1, 1)).to(memory_format=memory)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    parameters = norm.weight.double(), norm.bias.double()
    expected = functional.group_norm(x.double().contiguous(), 1, *parameters, norm.eps).detach()
    found = norm(x).detach()
    assert found.dtype == torch.float32
    assert found.is_contiguous(memory_format=memory)
    assert float((found - expected).abs().max() / expected.abs().max()) < 1e-6


def fuse_plainly(fusion: PyramidFusion, maps: list[Tensor]) -> Tensor:
    size = maps[0].shape[-2:]
    reduced = [conv(x) for conv, x in zip(fusion.convs, maps, strict=True)]
    enlarged = [functional.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in reduced]
    return fusion.fusion_conv(torch.cat(enlarged, dim=1))


@pytest.mark.parametrize("seed", range(3))
def test_fusing_before_enlarging_gives_what_fusing_afterwards_gives(seed: int) -> None:
    torch.manual_seed(seed)
    fusion = PyramidFusion((3, 5, 6, 7), 4).double()
    maps = [torch.randn(2, 3, 8, 12), torch.randn(2, 5, 5, 7), torch.randn(2, 6, 2, 3), torch.randn(2, 7, 1, 1)]
    wide = [x.double().requires_grad_() for x in maps]
    found, expected = fusion(wide), fuse_plainly(fusion, wide)
    assert torch.allclose(found, expected, atol=1e-12)
    gradients = [torch.autograd.grad(y.square().sum(), [*wide, *fusion.parameters()]) for y in (found, expected)]
    assert all(torch.allclose(one, other, atol=1e-10) for one, other in zip(*gradients, strict=True))


def test_learning_rates_decay_from_the_last_layer_to_the_embeddings() -> None:
    names = ["cls_token", "pos_embed", "patch_embed.weight", "blocks.0.a", "blocks.1.b", "fc_norm.weight", "head.bias"]
    assert list(decay_by_layer(names, 2, 0.5).values()) == [0.125, 0.125, 0.125, 0.25, 0.5, 1, 1]
    assert set(decay_by_layer(names, 2, 1.0).values()) == {1}


@pytest.mark.parametrize("cls_token", [True, False])
def test_pretrained_weights_are_put_in_and_their_positions_resized(tmp_path: Path, cls_token: bool) -> None:
    published, vit = ToyVit(4, last="norm"), ToyVit(9, cls_token=cls_token)
    state = {name: value for name, value in published.state_dict().items() if not name.startswith("head.")}
    torch.save({"model": state}, tmp_path / "mae.pth")
    before = {name: value.clone() for name, value in vit.state_dict().items()}
    put_pretrained(vit, tmp_path / "mae.pth")
    found = vit.state_dict()
    assert all(torch.equal(found[name], state[name]) for name in state if name.startswith(("blocks.", "patch_embed.")))
    assert all(torch.equal(found[name], before[name]) for name in found if name.startswith(("fc_norm.", "head.")))
    assert torch.equal(found["pos_embed"][:, 0], state["pos_embed"][:, 0])
    resized = resize_positions(state["pos_embed"][:, 1:].reshape(1, 2, 2, 4), (3, 3))
    assert torch.equal(found["pos_embed"][:, 1:], resized.flatten(1, 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks.1.weight": None}, "1 missing: blocks.1.weight"),
        ({"decoder_embed.weight": torch.zeros(2, 2)}, "1 unexpected: decoder_embed.weight"),
        ({"blocks.0.weight": torch.zeros(5, 4)}, r"blocks.0.weight \(5, 4\) instead of \(4, 4\)"),
        ({"pos_embed": torch.zeros(1, 5, 6)}, "of another shape: pos_embed"),
        ({"pos_embed": torch.zeros(1, 4, 4)}, "4 position embeddings, not one and a square"),
    ],
)
def test_pretrained_weights_that_do_not_fit_change_nothing(
    tmp_path: Path, change: dict[str, Tensor | None], message: str
) -> None:
    state = {**ToyVit(4).state_dict(), **change}
    torch.save({"model": {name: value for name, value in state.items() if value is not None}}, tmp_path / "mae.pth")
    vit = ToyVit(4)
    before = {name: value.clone() for name, value in vit.state_dict().items()}
    with pytest.raises(UserError, match=message):
        put_pretrained(vit, tmp_path / "mae.pth")
    assert all(torch.equal(value, before[name]) for name, value in vit.state_dict().items())

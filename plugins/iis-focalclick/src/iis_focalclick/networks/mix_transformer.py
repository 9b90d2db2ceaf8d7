"""The Mix Transformer of SegFormer, with a second way in for click maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from timm.models.pvt_v2 import OverlapPatchEmbed, PyramidVisionTransformerV2
from torch import Tensor, nn

SIZES: Mapping[str, tuple[tuple[int, int, int, int], tuple[int, int, int, int]]] = {
    "b0": ((32, 64, 160, 256), (2, 2, 2, 2)),
    "b3": ((64, 128, 320, 512), (3, 4, 18, 3)),
}
"""Channels and numbers of blocks of the four stages."""


class MixTransformer(nn.Module):
    """The encoder; its blocks are those of timm's PVT v2, under the names of published checkpoints.

    Args:
        channels: of the four stages.
        depths: numbers of blocks of the four stages.

    Source: Xie et al. 2021, SegFormer; Chen et al. 2022, FocalClick (the second way in).
    """

    def __init__(self, channels: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        pyramid: Any = PyramidVisionTransformerV2(
            num_classes=0,
            depths=tuple(depths),
            embed_dims=tuple(channels),
            num_heads=(1, 2, 5, 8),
            mlp_ratios=(4.0, 4.0, 4.0, 4.0),
            drop_path_rate=0.1,
        )
        self.patch_embed1 = pyramid.patch_embed
        for number, stage in enumerate(pyramid.stages[1:], 2):
            self.add_module(f"patch_embed{number}", stage.downsample)
        self.patch_embed_side1 = OverlapPatchEmbed(patch_size=7, stride=4, in_chans=3, embed_dim=channels[0])
        for number, stage in enumerate(pyramid.stages, 1):
            for block in stage.blocks:
                block.mlp.dwconv = _Depthwise(block.mlp.dwconv)
            self.add_module(f"block{number}", stage.blocks)
            self.add_module(f"norm{number}", stage.norm)

    def forward(self, image: Tensor, maps: Tensor) -> list[Tensor]:
        """Compute the features of all stages.

        Args:
            image: normalised, float32 (B, 3, H, W).
            maps: float32 (B, 3, H, W); their embedding is added to what the first stage gives to the second one.

        Returns:
            float32 (B, C, H / 4, W / 4), and so on to H / 32.
        """
        features: list[Tensor] = []
        x = image
        for number in range(1, 5):
            tokens: Tensor = self.get_submodule(f"patch_embed{number}")(x)
            x = self._run_stage(number, tokens)
            features.append(x)
            if number == 1:
                x = x + self.patch_embed_side1(maps).permute(0, 3, 1, 2)
        return features

    def _run_stage(self, number: int, tokens: Tensor) -> Tensor:
        batch, height, width, channels = tokens.shape
        x = tokens.reshape(batch, height * width, channels)
        blocks = self.get_submodule(f"block{number}")
        assert isinstance(blocks, nn.ModuleList)
        for block in blocks:
            x = block(x, (height, width))
        y: Tensor = self.get_submodule(f"norm{number}")(x)
        return y.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


class _Depthwise(nn.Module):
    """A convolution under the name that it has in published checkpoints."""

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        self.dwconv = convolution

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.dwconv(x)
        return y

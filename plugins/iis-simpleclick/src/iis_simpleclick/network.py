"""The published network: a plain ViT that clicks enter as patches of their own, a pyramid and a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from iis_core import UserError
from iis_core.clicks import disks, drop_negative_places, tanh_distances
from iis_core.models.inference import resize_aligned
from iis_core.models.published import IMAGENET
from iis_core.models.vit import (
    PyramidFusion,
    SimpleFeaturePyramid,
    choose_global_blocks,
    decay_by_layer,
    resize_positions,
    run_blocks,
)

WINDOW = 224
"""Side of a window of attention in pixels, the size of images in pretraining."""


class PlainViTNetwork(nn.Module):
    """Computes logits from an image and points.

    Parameters that the published files hold and nothing reads are there and frozen.

    Args:
        backbone_params: of timm's `VisionTransformer`: img_size, patch_size, embed_dim, depth, num_heads, mlp_ratio,
            qkv_bias.
        neck_params: of `SimpleFeaturePyramid`: in_dim, out_dims.
        head_params: in_channels, channels, dropout_ratio.
        norm_radius: radius of the disks, in pixels, or of the tanh form without use_disks.
        use_disks: encode clicks as disks; else by the tanh of their distance.
        with_prev_mask: the image has the previous mask as its fourth channel.
        norm_mean_std: mean and standard deviation of RGB in [0, 1], for normalisation.

    Raises:
        UserError: the network cannot be built of these.

    Source: Liu et al. 2023, SimpleClick: Interactive Image Segmentation with Simple Vision Transformers.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        backbone_params: Mapping[str, Any],
        neck_params: Mapping[str, Any],
        head_params: Mapping[str, Any],
        norm_radius: float = 5,
        use_disks: bool = False,
        with_prev_mask: bool = False,
        norm_mean_std: Sequence[Sequence[float]] = IMAGENET,
    ) -> None:
        super().__init__()
        self.norm_radius = norm_radius
        self.use_disks = use_disks
        self.with_prev_mask = with_prev_mask
        self.layer_decay = 1.0
        """Factor of the learning rate from one layer of the backbone to the one before."""
        mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in norm_mean_std)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        self.backbone: Any = VisionTransformer(**backbone_params, global_pool="avg", fc_norm=True, num_classes=1000)
        self.image_size: tuple[int, int] = self.backbone.patch_embed.img_size
        self.patch: int = self.backbone.patch_embed.patch_size[0]
        depth = len(self.backbone.blocks)
        if depth % 4 or WINDOW % self.patch or self.patch != self.backbone.patch_embed.patch_size[1]:
            raise UserError(
                f"a SimpleClick has a multiple of 4 blocks and square patches whose side divides {WINDOW}, not {depth} "
                f"blocks and patches of {self.backbone.patch_embed.patch_size}"
            )
        self.is_global = choose_global_blocks(depth, 6 if depth == 12 else depth // 4)
        self.patch_embed_coords = PatchEmbedding(2 + with_prev_mask, self.backbone.embed_dim, self.patch)
        self.neck = SimpleFeaturePyramid(**neck_params)
        self.head = Head(**head_params)
        backbone, head = self.backbone, self.head
        unused: list[Any] = [backbone.cls_token, backbone.fc_norm, backbone.head, head.up_conv1, head.up_conv2]
        for part in unused:
            part.requires_grad_(False)

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Compute logits.

        An image whose sides are no multiples of 224 pixels is stretched to the size that the network was built for.

        Args:
            image: float32 (B, 3, H, W) in [0, 1]; with a previous mask (B, 4, H, W).
            points: float32 (B, 2n, 3) of (row, col, order), the first n positive, order -1 for no click.

        Returns:
            `instances`, float32 (B, 1, H, W).
        """
        shape = (image.shape[-2], image.shape[-1])
        if any(side % WINDOW or not side for side in shape):
            image, points = _stretch(image, points, self.image_size)
        maps = self.head(self.neck(self.encode(image, points)))
        return {"instances": resize_aligned(maps, shape)}

    def encode(self, image: Tensor, points: Tensor) -> Tensor:
        """The backbone's map, float32 (B, C, h, w), of an image whose sides are multiples of 224; see `forward`."""
        normalised = (image[:, :3] - self.mean) / self.std
        coords = torch.cat((image[:, 3:], self.click_maps(points, (image.shape[-2], image.shape[-1]))), dim=1)
        embedded = self.backbone.patch_embed.proj(normalised) + self.patch_embed_coords(coords)
        grid = (embedded.shape[-2], embedded.shape[-1])
        tokens = embedded.permute(0, 2, 3, 1) + self._positions(grid)
        side = WINDOW // self.patch
        tokens = run_blocks(self.backbone.blocks, tokens, (grid[0] // side, grid[1] // side), self.is_global)
        return tokens.permute(0, 3, 1, 2)

    def click_maps(self, points: Tensor, shape: tuple[int, int]) -> Tensor:
        """Render clicks, float32 (B, 2, H, W); points as for `forward`, shape (H, W)."""
        render = disks if self.use_disks else tanh_distances
        return render(drop_negative_places(points), shape, self.norm_radius)

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """List the factors of the parameters' learning rates by name: those of the backbone fall by `layer_decay`."""
        names = [name for name, _ in self.backbone.named_parameters()]
        decayed = decay_by_layer(names, len(self.backbone.blocks), self.layer_decay)
        own = {f"backbone.{name}": factor for name, factor in decayed.items()}
        return {name: own.get(name, 1.0) for name, _ in self.named_parameters()}

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        """Position embeddings (1, h, w, C), without the class token's."""
        built_for = [side // self.patch for side in self.image_size]
        return resize_positions(self.backbone.pos_embed[:, 1:].unflatten(1, built_for), grid)


class PatchEmbedding(nn.Module):
    """Embeds patches of maps.

    Args:
        channels: of the maps.
        width: of the embedding.
        patch: side of a patch, in pixels.
    """

    def __init__(self, channels: int, width: int, patch: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, width, patch, stride=patch)

    def forward(self, maps: Tensor) -> Tensor:
        embedded: Tensor = self.proj(maps)
        return embedded


class Head(PyramidFusion):
    """Logits at the finest scale of a pyramid; `up_conv1` and `up_conv2` are in published files and nothing reads them.

    Args:
        in_channels: channels of each map, from fine to coarse.
        channels: of the fused map.
        dropout_ratio: share of the fused map's channels that training drops.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, dropout_ratio: float = 0.1) -> None:
        super().__init__(in_channels, channels)
        self.up_conv1 = _make_unused(channels, channels // 2)
        self.up_conv2 = _make_unused(channels // 2, channels // 4)
        self.dropout = nn.Dropout2d(dropout_ratio)
        self.conv_seg = nn.Conv2d(channels, 1, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        logits: Tensor = self.conv_seg(self.dropout(super().forward(maps)))
        return logits


def _make_unused(channels: int, out: int) -> nn.Module:
    norms = nn.GroupNorm(1, out), nn.GroupNorm(1, out)
    return nn.Sequential(nn.ConvTranspose2d(channels, out, 2, stride=2), norms[0], nn.Conv2d(out, out, 1), norms[1])


def _stretch(image: Tensor, points: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Stretch an image and its points to another size, as zooming in to the whole image does."""
    scale = [new / old for new, old in zip(shape, image.shape[-2:], strict=True)]
    places = points[..., :2] * points.new_tensor(scale)
    return resize_aligned(image, shape), torch.cat((places, points[..., 2:]), dim=-1)

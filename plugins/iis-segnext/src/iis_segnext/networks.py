"""The network: an image is encoded once; a click costs the prompt, its fusion with the image, pyramid and head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn import functional

from iis_core import UserError
from iis_core.clicks import disks
from iis_core.models.published import IMAGENET
from iis_core.models.vit import (
    PyramidFusion,
    SimpleFeaturePyramid,
    choose_global_blocks,
    decay_by_layer,
    run_blocks,
)

_WINDOW = 14
"""The least side of a window in tokens; there are as many as fit in."""


class PatchEmbedding(nn.Module):
    """Embeds patches of maps, float32 (B, channels, H, W), as tokens (B, h, w, C).

    Args:
        channels: of the maps.
        width: C, channels of a token.
        patch_size: height and width of a patch.
    """

    def __init__(self, channels: int, width: int, patch_size: Sequence[int]) -> None:
        super().__init__()
        size = patch_size[0], patch_size[1]
        self.proj = nn.Conv2d(channels, width, size, stride=size)

    def forward(self, maps: Tensor) -> Tensor:
        embedded: Tensor = self.proj(maps)
        return embedded.permute(0, 2, 3, 1)


class Encoder(nn.Module):
    """A plain vision transformer, of which most blocks attend within windows.

    Args:
        img_size: height and width of the image, in pixels.
        patch_size: height and width of a patch.
        in_chans: channels of the image.
        embed_dim: C, channels of a token.
        depth: number of blocks.
        global_atten_freq: see `choose_global_blocks`.
        num_heads: heads of attention.
        mlp_ratio: hidden channels of a block's perceptron, as a multiple of C.
        qkv_bias: whether queries, keys and values have a bias.

    Raises:
        UserError: the tokens do not divide into windows.
    """

    def __init__(
        self,
        *,
        img_size: Sequence[int],
        patch_size: Sequence[int],
        in_chans: int = 3,
        embed_dim: int,
        depth: int,
        global_atten_freq: int = 1,
        num_heads: int,
        mlp_ratio: float = 4,
        qkv_bias: bool = True,
    ) -> None:
        super().__init__()
        height, width = (side // patch for side, patch in zip(img_size, patch_size, strict=True))
        windows = height // _WINDOW
        if height != width or not windows or height % windows:
            raise UserError(
                f"img_size {img_size} with patch_size {patch_size} gives {height} x {width} tokens; a SegNext's are a "
                f"square that divides into equal windows of at least {_WINDOW} x {_WINDOW}"
            )
        norm: Any = partial(nn.LayerNorm, eps=1e-6)
        self.windows = windows, windows
        self.is_global = choose_global_blocks(depth, global_atten_freq)
        self.patch_embed = PatchEmbedding(in_chans, embed_dim, patch_size)
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, 1 + height * width, embed_dim))
        self.blocks = nn.Sequential(
            *(
                Block(embed_dim, num_heads, mlp_ratio=mlp_ratio, qkv_bias=qkv_bias, norm_layer=norm)
                for _ in range(depth)
            )
        )
        self.fc_norm = norm(embed_dim).requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        """Normalised images, float32 (B, 3, S, S), to tokens (B, h, w, C)."""
        tokens = self.patch_embed(image)
        tokens = tokens + self.pos_embed[:, 1:].reshape(1, *tokens.shape[1:])
        return run_blocks(self.blocks, tokens, self.windows, self.is_global)


class Head(PyramidFusion):
    """Logits from a pyramid of maps.

    Args:
        in_channels: channels of each map.
        out_channels: channels of the fused map.
        num_classes: channels of the logits.
        dropout_ratio: of channels of the fused map, in training.
        in_select_index: which maps; all of them in order is supported.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        out_channels: int,
        num_classes: int = 1,
        dropout_ratio: float = 0.1,
        in_select_index: Sequence[int] = (0, 1, 2, 3),
    ) -> None:
        super().__init__(in_channels, out_channels)
        if [*in_select_index] != [*range(len(in_channels))]:
            raise UserError(f"in_select_index of a SegNext's head must be all maps in order, not {in_select_index}")
        self.dropout = nn.Dropout2d(dropout_ratio)
        self.seg_conv = nn.Conv2d(out_channels, num_classes, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        logits: Tensor = self.seg_conv(self.dropout(super().forward(maps)))
        return logits


class SegNextNetwork(nn.Module):
    """Computes logits from an image, the previous mask and points.

    `backbone.fc_norm` and the first entry of `backbone.pos_embed` are in the published files and nothing reads them.

    Args:
        backbone_params: keywords of `Encoder`.
        neck_params: keywords of `SimpleFeaturePyramid`.
        head_params: keywords of `Head`.
        fusion_params: `{"type": "self_attention", "depth": ..., "params": {"dim", "num_heads", "mlp_ratio",
            "qkv_bias"}}`.
        use_disks: clicks are disks, the only form that is published.
        norm_radius: radius of the disks, in pixels of the network's square.
        norm_mean_std: mean and standard deviation of RGB in [0, 1], for normalisation.

    Raises:
        UserError: the parameters ask for something that no published network has.

    Source: Liu et al. 2024, Rethinking Interactive Image Segmentation with Low Latency, High Quality, and Diverse
        Prompts.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        *,
        backbone_params: Mapping[str, Any],
        neck_params: Mapping[str, Any],
        head_params: Mapping[str, Any],
        fusion_params: Mapping[str, Any],
        use_disks: bool = True,
        norm_radius: float = 5,
        norm_mean_std: Sequence[Sequence[float]] = IMAGENET,
    ) -> None:
        super().__init__()
        if fusion_params["type"] != "self_attention" or not use_disks:
            raise UserError("a SegNext has fusion_params of type self_attention, and use_disks")
        self.side = int(backbone_params["img_size"][0])
        self.radius = norm_radius
        self.layer_decay = 1.0
        """Factor of the learning rate from one layer of the encoder to the one before."""
        mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in norm_mean_std)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        self.backbone = Encoder(**backbone_params)
        self.neck = SimpleFeaturePyramid(**neck_params)
        self.head = Head(**head_params)
        self.visual_prompts_encoder = PatchEmbedding(3, backbone_params["embed_dim"], backbone_params["patch_size"])
        self.fusion_blocks = nn.Sequential(
            *(Block(**fusion_params["params"], norm_layer=nn.LayerNorm) for _ in range(fusion_params["depth"]))
        )

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        """Compute logits.

        Args:
            image: float32 (B, 4, H, W), RGB in [0, 1] and the previous probabilities, zeros where there are none.
            points: float32 (B, 2n, 3) of (row, col, order), the first n positive, order -1 for no click.

        Returns:
            `instances`, float32 (B, 1, H, W).
        """
        return {"instances": self.answer(self.encode(image[:, :3]), image[:, 3:4], points)}

    def encode(self, image: Tensor) -> Tensor:
        """Encode images, float32 (B, 3, H, W) in [0, 1], into features, float32 (B, C, h, w)."""
        tokens: Tensor = self.backbone(self.prepare(image))
        return tokens.permute(0, 3, 1, 2)

    def prepare(self, image: Tensor) -> Tensor:
        """Normalise images and stretch them to the network's square, float32 (B, 3, S, S)."""
        return self._stretch((image - self.mean) / self.std)

    def answer(self, features: Tensor, previous: Tensor, points: Tensor) -> Tensor:
        """Compute logits from features of images; the other arguments are as for `forward`.

        Args:
            features: as returned by `encode`.
            previous: float32 (B, 1, H, W).
            points: float32 (B, 2n, 3).

        Returns:
            Float32 (B, 1, H, W).
        """
        fused = self.fuse(features, self.embed_prompts(previous, points))
        logits = self.head(self.neck(fused)).float()
        square = functional.interpolate(logits, (self.side, self.side), mode="bilinear", align_corners=True)
        return functional.interpolate(square, previous.shape[-2:], mode="bilinear", align_corners=False)

    def embed_prompts(self, previous: Tensor, points: Tensor) -> Tensor:
        """Embed the previous mask and the clicks, which are as for `answer`, float32 (B, C, h, w)."""
        tokens: Tensor = self.visual_prompts_encoder(self.draw_prompts(previous, points))
        return tokens.permute(0, 3, 1, 2)

    def draw_prompts(self, previous: Tensor, points: Tensor) -> Tensor:
        """Draw the previous mask and the disks of positive and of negative clicks, float32 (B, 3, S, S)."""
        # In single precision, as published: in very large images it decides to which pixel a click is rounded.
        scale = points.new_tensor([self.side / side for side in previous.shape[-2:]])
        places = torch.cat(((points[..., :2] * scale + 0.5).trunc(), points[..., 2:]), dim=-1)
        return torch.cat((self._stretch(previous), disks(places, (self.side, self.side), self.radius)), dim=1)

    def fuse(self, features: Tensor, prompts: Tensor) -> Tensor:
        """Fuse features of images and of prompts, float32 (B, C, h, w)."""
        tokens = (features + prompts).permute(0, 2, 3, 1)
        fused: Tensor = self.fusion_blocks(tokens.flatten(1, 2))
        return fused.reshape(tokens.shape).permute(0, 3, 1, 2)

    def learning_rate_multipliers(self) -> Mapping[str, float]:
        """List the factors of the parameters' learning rates by name: those of the encoder fall by `layer_decay`."""
        names = [name for name, _ in self.backbone.named_parameters()]
        decayed = decay_by_layer(names, len(self.backbone.blocks), self.layer_decay)
        own = {f"backbone.{name}": factor for name, factor in decayed.items()}
        return {name: own.get(name, 1.0) for name, _ in self.named_parameters()}

    def _stretch(self, x: Tensor) -> Tensor:
        return functional.interpolate(x, (self.side, self.side), mode="bilinear", align_corners=False)

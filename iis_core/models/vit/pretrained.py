"""Weights of a vision transformer that was trained for something else, such as MAE's."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt
from pathlib import Path

import torch
from torch import Tensor, nn

from iis_core.errors import UserError
from iis_core.models.vit.positions import resize_positions
from iis_core.models.weights import put_weights, read_weights

_AFTER_BLOCKS = ("norm.", "fc_norm.", "head.")


def put_pretrained(vit: nn.Module, path: str | Path) -> None:
    """Put pretrained weights into a vision transformer, without what comes after its blocks.

    Position embeddings are resized where the transformer has another grid of patches.

    Args:
        vit: with timm's names, `pos_embed` being (1, 1 + N, C) for a square of N patches; it stays unchanged where the
            weights do not fit.
        path: a file as MAE publishes it (`mae_pretrain_vit_base.pth`), or any other that `read_weights` reads and that
            has timm's names.

    Raises:
        UserError: names or shapes differ; the message lists them.

    Source: He et al. 2022, Masked Autoencoders Are Scalable Vision Learners.
    """
    own, stored = vit.state_dict(), read_weights(path)
    unused = _AFTER_BLOCKS if "cls_token" in own else ("cls_token", *_AFTER_BLOCKS)
    found = {name: value for name, value in stored.state.items() if not name.startswith(unused)}
    if "pos_embed" in found:
        found["pos_embed"] = _fit_positions(found["pos_embed"], own["pos_embed"], stored.path)
    kept = {name: value for name, value in own.items() if name.startswith(_AFTER_BLOCKS)}
    put_weights(vit, replace(stored, state={**found, **kept}))


def _fit_positions(positions: Tensor, wanted: Tensor, path: Path) -> Tensor:
    """Resize what follows the first entry, from a square to a square."""
    if positions.ndim != 3 or positions.shape[-1] != wanted.shape[-1]:
        return positions
    old, new = (isqrt(tensor.shape[1] - 1) for tensor in (positions, wanted))
    if old * old != positions.shape[1] - 1:
        count = positions.shape[1]
        raise UserError(f"{path} has {count} position embeddings, not one and a square: give weights as MAE's")
    patches = positions[:, 1:].reshape(1, old, old, -1)
    return torch.cat((positions[:, :1], resize_positions(patches, (new, new)).flatten(1, 2)), dim=1)

"""Learning rates that fall from the last layer of a transformer to the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def decay_by_layer(names: Iterable[str], depth: int, decay: float) -> Mapping[str, float]:
    """The factor of the learning rate of each parameter of a vision transformer.

    Args:
        names: of the transformer's parameters, as in timm: `blocks.0.` and so on, and embeddings `pos_embed`,
            `cls_token` and `patch_embed.`.
        depth: number of blocks.
        decay: the factor from one layer to the one before; 1 for equal learning rates.

    Returns:
        By name: 1 for what comes after the blocks, `decay` for the last block, `decay ** (depth + 1)` for embeddings.

    Source: Bao et al. 2022, BEiT: BERT Pre-Training of Image Transformers (layer-wise learning rate decay).
    """
    return {name: decay ** (depth + 1 - _find_layer(name, depth)) for name in names}


def _find_layer(name: str, depth: int) -> int:
    if name in ("pos_embed", "cls_token") or name.startswith("patch_embed."):
        return 0
    return int(name.split(".")[1]) + 1 if name.startswith("blocks.") else depth + 1

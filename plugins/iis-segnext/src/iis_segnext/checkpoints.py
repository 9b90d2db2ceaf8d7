"""The config of a published checkpoint, and whether it fits the name that it is loaded by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from iis_core import UserError
from iis_core.models.published import require_architecture
from iis_core.models.weights import StoredWeights
from iis_segnext.configs import CONFIGS, Config
from iis_segnext.published import parse_config


def convert_checkpoint(stored: StoredWeights, config: Mapping[str, Any]) -> StoredWeights:
    """Take the network's config from a published checkpoint or a model folder.

    Args:
        stored: weights whose config is the published `{"class", "params"}`, that of a model folder, or None.
        config: the spec's config.

    Raises:
        UserError: they are those of another published network, which is named, or not of a SegNext.
    """
    given = None if stored.config is None else _read_config(stored)
    found = _describe_state(stored.state) if given is None else _describe_config(given)
    known = {f"segnext/{name}": _describe_config(own) for name, own in CONFIGS.items()}
    if found in known.values():
        asked = next(f"segnext/{name}" for name, own in CONFIGS.items() if own == config["network"])
        require_architecture(stored.path, asked, found, known, otherwise="")
    return replace(stored, config=None if given is None else {"network": given})


def _read_config(stored: StoredWeights) -> Config:
    content = stored.config or {}
    published = content.get("network", content)
    try:
        params = parse_config(published)
    except UserError as error:
        raise UserError(f"{stored.path} cannot be loaded as a segnext model: {error}") from error
    return {"class": str(published["class"]), "params": params}


def _describe_config(config: Config) -> dict[str, Any]:
    params = config["params"]
    backbone, fusion = params["backbone_params"], params["fusion_params"]
    return {"width": backbone.get("embed_dim"), "depth": backbone.get("depth"), "fusion blocks": fusion.get("depth")}


def _describe_state(state: Mapping[str, Tensor]) -> dict[str, Any]:
    def count(blocks: str) -> int:
        return sum(name.startswith(blocks) and name.endswith(".attn.qkv.weight") for name in state)

    patches = state.get("backbone.patch_embed.proj.weight")
    return {
        "width": None if patches is None else len(patches),
        "depth": count("backbone.blocks."),
        "fusion blocks": count("fusion_blocks."),
    }

"""The config of a published checkpoint, and whether it fits the name that it is loaded by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from iis_core.models.published import require_architecture
from iis_core.models.weights import StoredWeights
from iis_simpleclick.configs import CONFIGS
from iis_simpleclick.published import parse_config


def convert_checkpoint(stored: StoredWeights, config: Mapping[str, Any]) -> StoredWeights:
    """Take the network's config from a published checkpoint or a model folder.

    The architecture must be that of the spec, unless it is a model folder's that has no name; all other parameters are
    taken from the checkpoint.

    Args:
        stored: weights whose config is the published `{"class", "params"}`, that of a model folder, or None.
        config: the spec's config.

    Raises:
        UserError: the weights have another architecture; if it is registered, its name is given.
    """
    given = None if stored.config is None else stored.config.get("network", stored.config)
    found = _describe_state(stored.state) if given is None else _describe_config(given)
    known = {
        f"simpleclick/{name}": {key: value for key, value in _describe_config(own).items() if key in found}
        for name, own in CONFIGS.items()
    }
    is_model_folder = stored.config is not None and "network" in stored.config
    if not found or (is_model_folder and found not in known.values()):
        return stored
    asked = next(name for name, own in CONFIGS.items() if own == config["network"])
    otherwise = "use iis_simpleclick.build_network(config) and SimpleClickModel"
    require_architecture(stored.path, f"simpleclick/{asked}", found, known, otherwise=otherwise)
    if given is None:
        return stored
    return replace(stored, config={"network": {"class": str(given["class"]), "params": parse_config(given)}})


def _describe_config(config: Mapping[str, Any]) -> dict[str, Any]:
    params = parse_config(config)
    backbone, neck, head = (params[part] for part in ("backbone_params", "neck_params", "head_params"))
    return {
        **{key: backbone.get(key) for key in ("embed_dim", "depth", "patch_size", "num_heads", "mlp_ratio")},
        "img_size": backbone.get("img_size"),
        "out_dims": neck.get("out_dims"),
        "channels": head.get("channels"),
        "with_prev_mask": params.get("with_prev_mask", False),
    }


def _describe_state(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """What names and shapes tell of an architecture; nothing where they are not a plain ViT's."""
    patches = state.get("backbone.patch_embed.proj.weight")
    if patches is None or patches.ndim != 4:
        return {}
    depth = len([name for name in state if name.startswith("backbone.blocks.") and name.endswith(".attn.qkv.weight")])
    return {"embed_dim": len(patches), "depth": depth, "patch_size": list(patches.shape[2:])}

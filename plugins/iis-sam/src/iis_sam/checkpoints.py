"""The weights of a published file, or of a folder of transformers, and whether they are those of the name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from iis_core import UserError
from iis_core.models.weights import StoredWeights
from iis_sam.configs import CONFIGS, OCCLUSION, Config, Signature, sign
from iis_sam.renames import holds_occlusion, rename_state

_PARTS = ("vision_config", "prompt_encoder_config", "mask_decoder_config", OCCLUSION)
_TYPES: Mapping[str, str] = {
    "sam2_video": "sam2",
    "edgetam_video": "edgetam",
    "sam3_video": "sam3_tracker",
    "sam3_tracker_video": "sam3_tracker",
}
"""Types of transformers that hold another type's weights, among others."""

_BLOCK = re.compile(r"vision_encoder\.(?:backbone\.)?(layers|blocks)\.(\d+)\.layer_norm1\.weight")


def convert_weights(stored: StoredWeights, config: Mapping[str, Any]) -> StoredWeights:
    """Convert weights to the names of the network here.

    Args:
        stored: a published file of SAM, SAM-HQ or SAM 2 (or 2.1), a folder of transformers, or a model folder.
        config: the spec's config.

    Raises:
        UserError: these are the weights of another member of the family, which is named, or of something else.
    """
    network = _read_config(stored)
    state = rename_state(stored.state)
    _require_same(stored, state, config["network"])
    return replace(stored, state=state, config=None if network is None else {"network": network})


def _read_config(stored: StoredWeights) -> Config | None:
    """The network's config, as a model folder or transformers' `config.json` has it; None where the file has none."""
    content = stored.config
    if content is None:
        return None
    if "network" in content:
        own: Config = content["network"]
        return own
    described = content.get("tracker_config") or content
    model_type = _TYPES.get(str(content.get("model_type")), content.get("model_type"))
    if model_type not in {known["model_type"] for known in CONFIGS.values()}:
        raise UserError(f"{stored.path} holds a model of type {model_type}, none of the Segment Anything family")
    return {"model_type": model_type, **{part: described[part] for part in _PARTS if part in described}}


def _require_same(stored: StoredWeights, state: Mapping[str, Tensor], wanted: Config) -> None:
    found = _sign_state(state, holds_occlusion(stored.state))
    if found is None:
        raise UserError(f"{stored.path} holds no Segment Anything that is known here{_guess_kind(stored.state)}")
    fitting = [name for name, known in CONFIGS.items() if _is_alike(sign(known), found)]
    if fitting and not _is_alike(sign(wanted), found):
        asked = next(name for name, known in CONFIGS.items() if known == wanted)
        names = " or ".join(f"sam/{name}" for name in fitting)
        raise UserError(f"{stored.path} holds the weights of {names}, not of sam/{asked}: load it by that name")


def _sign_state(state: Mapping[str, Tensor], occlusion: bool | None) -> Signature | None:
    """The signature of weights by their names and shapes; None where they have no known encoder."""
    if any(name.startswith("vision_encoder.backbone.timm_model.") for name in state):
        return Signature("edgetam")
    blocks = [found for found in map(_BLOCK.match, state) if found]
    if not blocks:
        return None
    width, depth = len(state[min(blocks, key=lambda found: int(found[2]))[0]]), len(blocks)
    if "vision_encoder.backbone.pos_embed" in state:
        return Signature("sam2", width, depth, occlusion)
    if blocks[0][0].startswith("vision_encoder.backbone."):
        return Signature("sam3_tracker", width, depth)
    return Signature("sam_hq" if "mask_decoder.hq_token.weight" in state else "sam", width, depth)


def _is_alike(known: Signature, found: Signature) -> bool:
    """Whether signatures agree; a file without the parameters for videos does not tell SAM 2 from 2.1."""
    return known == (found if found.occlusion is not None else found._replace(occlusion=known.occlusion))


def _guess_kind(state: Mapping[str, Tensor]) -> str:
    if any(name.startswith("image_encoder.trunk.body.") for name in state):
        return ": it looks like EdgeTAM's own file, give the folder or hub name that transformers has of it"
    if "mask_decoder.hf_token.weight" in state:
        return ": it looks like SAM-HQ with another encoder (TinyViT?), for which transformers has no class"
    shown = ", ".join([*state][:3])
    return f" (it has {shown}, ...): give a file of segment-anything, sam-hq or sam2, or a folder of transformers"

"""Networks of transformers, built as the published ones are."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from huggingface_hub.errors import StrictDataclassError
from transformers import (
    EdgeTamConfig,
    EdgeTamModel,
    PreTrainedModel,
    Sam2Config,
    Sam2Model,
    Sam3TrackerConfig,
    Sam3TrackerModel,
    SamConfig,
    SamHQConfig,
    SamHQModel,
    SamModel,
)

from iis_core import UserError
from iis_core.errors import first_line
from iis_sam.configs import Config
from iis_sam.hq import repair_decoder

_TYPES: dict[str, tuple[type[Any], type[Any]]] = {
    "sam": (SamConfig, SamModel),
    "sam_hq": (SamHQConfig, SamHQModel),
    "sam2": (Sam2Config, Sam2Model),
    "edgetam": (EdgeTamConfig, EdgeTamModel),
    "sam3_tracker": (Sam3TrackerConfig, Sam3TrackerModel),
}
_PUBLISHED_EPS = 1e-5


def build_network(config: Config) -> PreTrainedModel:
    """Build a network with random weights.

    Args:
        config: in the form of transformers' `config.json`: `model_type` (sam, sam_hq, sam2, edgetam, sam3_tracker) and
            what differs from its defaults in `vision_config`, `prompt_encoder_config` and `mask_decoder_config`.

    Returns:
        The network, equal to the published one: layer norms of SAM's and SAM-HQ's decoder have eps 1e-5, whatever the
            config says, and SAM-HQ's decoder is repaired.

    Raises:
        UserError: the type is unknown, the config is not one of its type, or EdgeTAM's timm is not installed.
        PluginError: the installed transformers has a SAM-HQ that the repair does not make right.
    """
    model_type = config.get("model_type")
    if model_type not in _TYPES:
        raise UserError(f"network has the model_type {model_type!r}: it is one of {', '.join(_TYPES)}")
    if model_type == "edgetam" and find_spec("timm") is None:
        raise UserError("EdgeTAM needs timm: run `pip install timm`")
    config_class, network_class = _TYPES[model_type]
    parts = {key: dict(value) for key, value in config.items() if key.endswith("_config")}
    if model_type in ("sam", "sam_hq"):
        parts["mask_decoder_config"] = {**parts.get("mask_decoder_config", {}), "layer_norm_eps": _PUBLISHED_EPS}
    try:
        network: Any = network_class(config_class(**parts))
    except (StrictDataclassError, TypeError, ValueError, KeyError) as error:
        raise UserError(f"transformers cannot build a {model_type} from this network: {first_line(error)}") from error
    if model_type == "sam_hq":
        repair_decoder(network.mask_decoder)
    built: PreTrainedModel = network
    return built

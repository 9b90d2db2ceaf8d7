"""The config of a published checkpoint, and whether it fits the name that it is loaded by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iis_core.models.published import take_published_config
from iis_core.models.weights import StoredWeights
from iis_ritm.configs import CONFIGS
from iis_ritm.networks.published import parse_config


def convert_checkpoint(stored: StoredWeights, config: Mapping[str, Any]) -> StoredWeights:
    """Take the network's config from a published checkpoint or a model folder.

    The checkpoint's architecture must be that of the spec; all other parameters are taken from the checkpoint.

    Args:
        stored: weights whose config is the published `{"class", "params"}`, that of a model folder, or None.
        config: the spec's config.

    Raises:
        UserError: the checkpoint has another architecture; if it is registered, its name is given.
    """
    return take_published_config(
        stored,
        config,
        "ritm",
        CONFIGS,
        parse_config,
        _describe_architecture,
        otherwise="use iis_ritm.build_network(config) and RITMModel",
    )


def _describe_architecture(config: Mapping[str, Any]) -> dict[str, object]:
    network_class, params = parse_config(config)
    told = {"small": False, "with_prev_mask": False, **params}
    keys = ("width", "ocr_width", "small", "backbone", "deeplab_ch", "with_prev_mask")
    return {"class": network_class.__name__, **{key: told[key] for key in keys if key in told}}

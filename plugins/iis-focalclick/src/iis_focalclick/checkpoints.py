"""The config of a published checkpoint, and whether it fits the name that it is loaded by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iis_core.models.published import take_published_config
from iis_core.models.weights import StoredWeights
from iis_focalclick.configs import CONFIGS
from iis_focalclick.networks.published import parse_config


def convert_checkpoint(stored: StoredWeights, config: Mapping[str, Any]) -> StoredWeights:
    """Take the network's config from a published checkpoint or a model folder.

    Args:
        stored: weights whose config is the published `{"class", "params"}`, that of a model folder, or None.
        config: the spec's config.

    Raises:
        UserError: the checkpoint has another architecture, or is for another size of the coarse segmentor, which
            stands nowhere but in the config; if that is registered, its name is given.
    """
    return take_published_config(
        stored,
        config,
        "focalclick",
        CONFIGS,
        parse_config,
        _describe_architecture,
        otherwise="use iis_focalclick.build_network(config) and FocalClickModel",
    )


def _describe_architecture(config: Mapping[str, Any]) -> dict[str, object]:
    network_class, params = parse_config(config)
    keys = ("pipeline_version", "model_version", "width", "ocr_width", "small")
    return {"class": network_class.__name__, **{key: params[key] for key in keys if key in params}}

"""Building a network from a name or from a checkpoint's config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iis_core import UserError
from iis_core.models.published import find_config, read_published_config
from iis_ritm.configs import CONFIGS
from iis_ritm.networks import DeepLabNetwork, HRNetNetwork, RITMNetwork

_CLASSES: Mapping[str, type[RITMNetwork]] = {"HRNetModel": HRNetNetwork, "DeeplabModel": DeepLabNetwork}

_TRAINING_PARAMETERS = ("cpu_dist_maps", "norm_layer", "backbone_norm_layer")
"""Parameters of published configs that do not change what a network computes here."""


def build_network(name_or_config: str | Mapping[str, Any]) -> RITMNetwork:
    """Build a network with random weights, in evaluation mode.

    Args:
        name_or_config: a key of `CONFIGS` (with or without `ritm/`), or `{"class", "params"}`, in which each parameter
            is a plain value or a checkpoint's `{"type", "value", "specified"}`.

    Raises:
        UserError: the name, the class or a parameter is unknown.

    Example:
        >>> network = build_network("hrnet18s")
    """
    network_class, params = parse_config(find_config(name_or_config, "ritm", CONFIGS))
    try:
        return network_class(**params).eval()
    except TypeError as error:
        raise UserError(f"config of {network_class.__name__}: {error}") from error


def parse_config(config: Mapping[str, Any]) -> tuple[type[RITMNetwork], dict[str, Any]]:
    """Read the class of a config and its parameters as plain values.

    Args:
        config: `{"class", "params"}`.

    Returns:
        The class and its keywords.

    Raises:
        UserError: the config is malformed, or its class or norm layer is not supported.
    """
    name, params = read_published_config(config)
    if name not in _CLASSES:
        raise UserError(f"config names the class {config['class']!r}; supported are {', '.join(_CLASSES)}")
    norm = params.get("norm_layer") or "BatchNorm2d"
    if not str(getattr(norm, "__name__", norm)).endswith("BatchNorm2d"):
        raise UserError(f"config asks for the norm layer {norm!r}; supported is BatchNorm2d")
    return _CLASSES[name], {key: value for key, value in params.items() if key not in _TRAINING_PARAMETERS}

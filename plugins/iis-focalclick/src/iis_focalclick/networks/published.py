"""Building a network from a name or from a checkpoint's config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iis_core import UserError
from iis_core.models.published import find_config, read_published_config
from iis_focalclick.configs import CONFIGS
from iis_focalclick.networks.hrnet import HRNetNetwork
from iis_focalclick.networks.network import FocalClickNetwork
from iis_focalclick.networks.segformer import SegFormerNetwork

_CLASSES: Mapping[str, type[FocalClickNetwork]] = {"SegFormerModel": SegFormerNetwork, "HRNetModel": HRNetNetwork}

_SAME: Mapping[str, Any] = {
    "with_prev_mask": True, "binary_prev_mask": False, "clicks_groups": None, "use_leaky_relu": True,
}  # fmt: skip
"""Parameters that are the same in all published configs; the networks here know no other values."""

_IDLE = ("use_rgb_conv", "use_disks", "norm_radius", "conv_extend", "feature_stride", "cpu_dist_maps", "norm_layer")
"""Parameters of published configs that the published networks do not read, or that change nothing in inference."""


def build_network(name_or_config: str | Mapping[str, Any]) -> FocalClickNetwork:
    """Build a network with random weights, in evaluation mode.

    Args:
        name_or_config: a key of `CONFIGS` (with or without `focalclick/`), or `{"class", "params"}`, in which each
            parameter is a plain value or a checkpoint's `{"type", "value", "specified"}`.

    Raises:
        UserError: the name, the class, a parameter or its value is unknown.

    Example:
        >>> network = build_network("segformer-b0-s2")
    """
    network_class, params = parse_config(find_config(name_or_config, "focalclick", CONFIGS))
    try:
        return network_class(**params).eval()
    except (TypeError, ValueError) as error:
        raise UserError(f"config of {network_class.__name__}: {error}") from error


def parse_config(config: Mapping[str, Any]) -> tuple[type[FocalClickNetwork], dict[str, Any]]:
    """Read the class of a config and those of its parameters that a network is built from.

    Args:
        config: `{"class", "params"}`.

    Returns:
        The class and its keywords.

    Raises:
        UserError: the config is malformed, or its class or the value of a parameter is not supported.
    """
    name, params = read_published_config(config)
    if name not in _CLASSES:
        raise UserError(f"config names the class {config['class']!r}; supported are {', '.join(_CLASSES)}")
    for key, value in _SAME.items():
        if params.pop(key, value) != value:
            raise UserError(f"config asks for another {key}; supported is {value}")
    return _CLASSES[name], {key: value for key, value in params.items() if key not in _IDLE}

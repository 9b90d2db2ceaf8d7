"""From a name or a checkpoint's config to a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iis_core import UserError
from iis_core.plugins.discovery import near_matches
from iis_ritm.networks import DeepLabNetwork, HRNetNetwork, RITMNetwork

_CLASSES: Mapping[str, type[RITMNetwork]] = {"HRNetModel": HRNetNetwork, "DeeplabModel": DeepLabNetwork}

_HRNET, _DEEPLAB = "isegm.model.is_hrnet_model.HRNetModel", "isegm.model.is_deeplab_model.DeeplabModel"
_CLICKS = {"use_leaky_relu": True, "use_rgb_conv": False, "use_disks": True, "norm_radius": 5}
_ITERATIVE = {**_CLICKS, "with_aux_output": True, "with_prev_mask": True}

CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "hrnet18s": {"class": _HRNET, "params": {"width": 18, "ocr_width": 48, "small": True, **_ITERATIVE}},
    "hrnet18": {"class": _HRNET, "params": {"width": 18, "ocr_width": 64, **_ITERATIVE}},
    "hrnet32": {"class": _HRNET, "params": {"width": 32, "ocr_width": 128, **_ITERATIVE}},
    "hrnet18-sbd": {"class": _HRNET, "params": {"width": 18, "ocr_width": 64, **_ITERATIVE}},
    "hrnet18-baseline": {"class": _HRNET, "params": {"width": 18, "ocr_width": 64, "with_aux_output": True, **_CLICKS}},
    "resnet34-baseline": {
        "class": _DEEPLAB,
        "params": {"backbone": "resnet34", "deeplab_ch": 128, "aspp_dropout": 0.2, **_CLICKS},
    },
}
"""The published configurations by the names of this plugin."""

_OF_TRAINING = ("cpu_dist_maps", "norm_layer", "backbone_norm_layer")
"""Parameters of published configs that do not change what a network computes here."""


def build_network(name_or_config: str | Mapping[str, Any]) -> RITMNetwork:
    """A network with random weights, in evaluation mode.

    name_or_config: a name of `CONFIGS` (with or without `ritm/`), or `{"class", "params"}`, each parameter being a
        plain value or a checkpoint's `{"type", "value", "specified"}`.

    Raises UserError for an unknown name, class or parameter.
    """
    if isinstance(name_or_config, str):
        name = name_or_config.removeprefix("ritm/")
        if name not in CONFIGS:
            raise UserError(f"no network is named {name_or_config!r}{near_matches(name, CONFIGS) or _known()}")
        name_or_config = CONFIGS[name]
    network_class, params = parse_config(name_or_config)
    try:
        network = network_class(**params).eval()
    except TypeError as error:
        raise UserError(f"config of {network_class.__name__}: {error}") from error
    network.config = {"class": str(name_or_config["class"]), "params": params}
    return network


def parse_config(config: Mapping[str, Any]) -> tuple[type[RITMNetwork], dict[str, Any]]:
    """The class of a config and its parameters as plain values. Raises UserError for what is not supported."""
    try:
        name, given = str(config["class"]).rsplit(".", 1)[-1], dict(config["params"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("a config is {'class': ..., 'params': {...}}, not " + repr(config)[:200]) from error
    if name not in _CLASSES:
        raise UserError(f"config names the class {config['class']!r}; supported are {', '.join(_CLASSES)}")
    params = {key: _plain(value) for key, value in given.items()}
    norm = params.get("norm_layer") or "BatchNorm2d"
    if not str(getattr(norm, "__name__", norm)).endswith("BatchNorm2d"):
        raise UserError(f"config asks for the norm layer {norm!r}; supported is BatchNorm2d")
    return _CLASSES[name], {key: value for key, value in params.items() if key not in _OF_TRAINING}


def _plain(value: Any) -> Any:
    return value["value"] if isinstance(value, Mapping) and "value" in value else value


def _known() -> str:
    return f"; known are {', '.join(CONFIGS)}"

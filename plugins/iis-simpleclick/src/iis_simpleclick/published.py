"""Building a network from a name or from a checkpoint's config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from iis_core import UserError
from iis_core.errors import first_line
from iis_core.files.plain import to_plain
from iis_core.models.published import find_config, read_published_config
from iis_simpleclick.configs import CONFIGS
from iis_simpleclick.network import PlainViTNetwork

_CLASS = "PlainVitModel"
_FIXED: Mapping[str, Mapping[str, Any]] = {
    "": {"random_split": False, "with_aux_output": False, "use_rgb_conv": False},
    "backbone_params": {"in_chans": 3},
    "neck_params": {},
    "head_params": {"in_index": [0, 1, 2, 3], "num_classes": 1, "align_corners": False, "upsample": "x1"},
}
"""Parameters that have one value in all published configs, by the part that holds them."""
_UNUSED: Mapping[str, Sequence[str]] = {"": ("cpu_dist_maps", "use_leaky_relu"), "head_params": ("loss_decode",)}
"""Parameters of published configs that do not change what a network computes here."""


def build_network(name_or_config: str | Mapping[str, Any]) -> PlainViTNetwork:
    """Build a network with random weights, in evaluation mode.

    Args:
        name_or_config: a key of `CONFIGS` (with or without `simpleclick/`), or `{"class", "params"}`, in which each
            parameter is a plain value or a checkpoint's `{"type", "value", "specified"}`.

    Raises:
        UserError: the name, the class or a parameter is unknown.

    Example:
        >>> network = build_network("vit-xtiny")
    """
    params = parse_config(find_config(name_or_config, "simpleclick", CONFIGS))
    try:
        return PlainViTNetwork(**params).eval()
    except (TypeError, ValueError, AssertionError, KeyError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"no {_CLASS} can be built of the config: {first_line(error)}") from error


def parse_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Read the parameters of a config as keywords of `PlainViTNetwork`.

    Args:
        config: `{"class", "params"}`.

    Raises:
        UserError: the config is malformed, or its class or a parameter is not supported.
    """
    name, given = read_published_config(config)
    if name != _CLASS:
        raise UserError(f"config names the class {config['class']!r}; supported is {_CLASS}")
    params = to_plain(given)
    parts = {part: params.pop(part, None) for part in _FIXED if part}
    for part, values in parts.items():
        if not isinstance(values, Mapping):
            raise UserError(f"config has {part} {values!r}; it is a mapping of parameters")
    return {**_take_out(params, ""), **{part: _take_out(values, part) for part, values in parts.items()}}


def _take_out(params: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The parameters without those that have to have one value, and those that do not matter."""
    for key, value in _FIXED[part].items():
        if params.get(key, value) != value:
            raise UserError(f"config has {key} {params[key]!r}; supported is {value!r}")
    left_out = (*_FIXED[part], *_UNUSED.get(part, ()))
    return {key: value for key, value in params.items() if key not in left_out}

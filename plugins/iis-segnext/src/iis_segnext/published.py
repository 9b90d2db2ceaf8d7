"""Building a network from a name or from a checkpoint's config."""

from __future__ import annotations

from typing import Any

from iis_core import UserError
from iis_core.errors import first_line
from iis_core.files.plain import to_plain
from iis_core.models.published import find_config, read_published_config
from iis_segnext.configs import CONFIGS, Config
from iis_segnext.networks import SegNextNetwork

_CLASS = "PlainVitModel"
_PARTS = ("backbone_params", "neck_params", "head_params", "fusion_params")
_UNUSED = ("cpu_dist_maps",)
"""Parameters of published configs that do not change what a network computes here."""


def build_network(name_or_config: str | Config) -> SegNextNetwork:
    """Build a network with random weights, in evaluation mode.

    Args:
        name_or_config: a key of `CONFIGS` (with or without `segnext/`), or `{"class", "params"}`, in which each
            parameter is a plain value or a checkpoint's `{"type", "value", "specified"}`.

    Raises:
        UserError: the name, the class or a parameter is unknown.

    Example:
        >>> network = build_network("vit-b-sax2")
    """
    params = parse_config(find_config(name_or_config, "segnext", CONFIGS))
    try:
        return SegNextNetwork(**params).eval()
    except (TypeError, ValueError, KeyError, AssertionError, ZeroDivisionError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"no SegNext can be built of the config: {first_line(error)}") from error


def parse_config(config: Config) -> dict[str, Any]:
    """Read the parameters of a config as keywords of `SegNextNetwork`.

    Args:
        config: `{"class", "params"}`.

    Raises:
        UserError: the config is malformed, or not a SegNext's.
    """
    name, given = read_published_config(config)
    params = to_plain(given)
    missing = [part for part in _PARTS if not isinstance(params.get(part), dict)]
    if name != _CLASS or missing:
        lacks = f", without {', '.join(missing)}" if missing else ""
        raise UserError(f"the config is not a SegNext's {_CLASS}: its class is {config['class']}{lacks}")
    return {key: value for key, value in params.items() if key not in _UNUSED}

"""From what a user asks for, and what a model folder says, to a network of image and maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iis_core.errors import UserError, first_line
from iis_core.fusion.networks import EarlyFusion, FusionNetwork, IntermediateFusion, freeze_unused
from iis_core.weights import StoredWeights

FUSIONS: Mapping[str, type[FusionNetwork]] = {"early": EarlyFusion, "intermediate": IntermediateFusion}
"""How maps enter a network, by name."""


def chosen_config(
    identity: Mapping[str, str],
    given: Mapping[str, str | None],
    defaults: Mapping[str, str],
    stored: StoredWeights | None,
) -> dict[str, Any]:
    """What a network is built from: as its name says, as given, as a model folder says, by default.

    identity: what the model's catalog name says. given: keywords, None for those that were left out.
    stored: a model folder, or other weights, or None.

    Raises UserError where a model folder says otherwise than what was asked for.
    """
    chosen = {key: value for key, value in given.items() if value is not None}
    if stored is None or stored.config is None:
        return {**identity, **defaults, **chosen}
    for key, value in {**identity, **chosen}.items():
        if stored.config.get(key) != value:
            remedy = "load it by that name" if key in identity else f"leave {key} out"
            raise UserError(f"{stored.path} holds a model with {key} {stored.config.get(key)}, not {value}: {remedy}")
    return dict(stored.config)


def fused(whole: Any, config: Mapping[str, Any], what: str, remedy: str) -> tuple[FusionNetwork, tuple[str, ...]]:
    """A network by the config's `fusion`, and the names of its frozen parameters.

    whole: a `SegmentationNetwork`, changed in place. what, remedy: for the error.

    Raises UserError where the network cannot answer at all.
    """
    try:
        network = FUSIONS[config["fusion"]](whole, config)
        return network, freeze_unused(network)
    except (RuntimeError, AssertionError) as error:
        size = f"{whole.least} x {whole.least}"
        raise UserError(f"{what} cannot answer an image of {size}: {first_line(error)}; {remedy}") from error

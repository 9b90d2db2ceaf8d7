"""The registered models: a configuration, a way for the clicks to enter."""

from __future__ import annotations

import ast

from iis_core import UserError
from iis_core.fusion import FusionModel, chosen_config, fused, fusion_model
from iis_core.weights import find_weights, put_weights
from iis_mmseg.checkpoints import begin_from
from iis_mmseg.configuration import read_configuration
from iis_mmseg.index import FAMILIES
from iis_mmseg.network import OTHER, MMSegNetwork

_DEFAULTS = {"fusion": "early", "click_encoding": "disks"}
_NAMES = {config: f"mmseg/{family}" for family, config in FAMILIES.items()}


def load(
    *,
    device: str = "cpu",
    weights: str | None = None,
    config: str | None = None,
    checkpoint: str | None = None,
    fusion: str | None = None,
    click_encoding: str | None = None,
    working_size: int | None = None,
) -> FusionModel:
    """A network of mmsegmentation; parameters that its logits do not depend on are frozen and in `unused_parameters`.

    weights: a model folder, or "random"; these models have no published weights for clicks.
    config: a configuration, by its path or by its path below those that the library ships; may be left out where
        weights is a model folder. The file is a Python program and is run.
    checkpoint: path or URL of a checkpoint of mmsegmentation to begin from, where weights="random".
    fusion: "early" or "intermediate"; by default early, or as the model folder says.
    click_encoding: "disks", "distances" or "gaussians"; by default disks, or as the model folder says.
    working_size: the longer side that the network is shown at most, in pixels; by default any.

    Raises UserError, with the remedy, for what cannot work.
    """
    what = _NAMES.get(config or "", f"mmseg/config with {config}" if config else "mmseg/config")
    stored = None if weights == "random" else find_weights(_NAMES.get(config or "", "mmseg/config"), weights)
    given = {"fusion": fusion, "click_encoding": click_encoding}
    chosen = chosen_config({} if config is None else {"config": config}, given, _DEFAULTS, stored)
    if "config" not in chosen:
        raise UserError(f"{what} needs config=PATH, a configuration of mmsegmentation")
    if stored is not None and checkpoint is not None:
        raise UserError(f"{stored.path} holds all weights: leave checkpoint out")
    if "model" not in chosen:
        read = read_configuration(chosen["config"])
        # As text, for JSON has no tuples, which the library tells from lists.
        chosen |= {"model": repr(read.model), "mean": list(read.mean), "std": list(read.std)}
    whole = MMSegNetwork(ast.literal_eval(chosen["model"]), what)
    if checkpoint is not None:
        begin_from(whole.segmentor, checkpoint)
    remedy = "fusion='intermediate' leaves its backbone as it is" if chosen["fusion"] == "early" else OTHER
    network, unused = fused(whole, chosen, f"{what} by {chosen['fusion']} fusion", remedy)
    if stored is not None:
        put_weights(network, stored)
    model = fusion_model(
        network,
        mean=chosen["mean"],
        std=chosen["std"],
        click_encoding=chosen["click_encoding"],
        device=device,
        working_size=working_size,
    ).eval()
    model.unused_parameters = unused
    model.weights_sha256 = None if stored is None else stored.sha256
    return model

"""The registered models: an architecture, an encoder, a way for the clicks to enter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from iis_core import UserError
from iis_core.fusion import EarlyFusion, FusionModel, FusionNetwork, IntermediateFusion, freeze_unused, fusion_model
from iis_core.weights import StoredWeights, find_weights, put_weights
from iis_smp.network import SMPNetwork
from iis_smp.normalisation import normalisation

_DEFAULTS = {"encoder_name": "resnet34", "fusion": "early", "click_encoding": "disks"}
_FUSIONS: Mapping[str, type[FusionNetwork]] = {"early": EarlyFusion, "intermediate": IntermediateFusion}


def load(
    architecture: str,
    *,
    device: str = "cpu",
    weights: str | None = None,
    encoder_name: str | None = None,
    encoder_weights: str | None = None,
    fusion: str | None = None,
    click_encoding: str | None = None,
) -> FusionModel:
    """A registered model; parameters that its logits do not depend on are frozen and named in `unused_parameters`.

    architecture: of `ARCHITECTURES`.
    weights: a model folder, or "random"; these models have no published weights.
    encoder_name: an encoder of segmentation_models_pytorch or `tu-` and one of timm's; by default resnet34, or as the
        model folder says.
    encoder_weights: pretrained weights to begin with where weights="random", e.g. "imagenet"; they are fetched.
    fusion: "early" or "intermediate"; by default early, or as the model folder says.
    click_encoding: "disks", "distances" or "gaussians"; by default disks, or as the model folder says.

    Raises UserError, with the remedy, for a combination that cannot work.
    """
    given = {"encoder_name": encoder_name, "fusion": fusion, "click_encoding": click_encoding}
    stored = None if weights == "random" else find_weights(f"smp/{architecture}", weights)
    config = _config(architecture, given, stored)
    if stored is None:
        config["encoder_weights"] = encoder_weights  # a model folder must be normalised as it was trained
    if stored is not None and encoder_weights is not None:
        raise UserError(f"{stored.path} holds the encoder's weights too: leave encoder_weights out")
    network, unused = _built(config, encoder_weights)
    if stored is not None:
        put_weights(network, stored)
    mean, std = normalisation(config["encoder_name"], config.get("encoder_weights"))
    model = fusion_model(network, mean=mean, std=std, click_encoding=config["click_encoding"], device=device).eval()
    model.unused_parameters = unused
    model.weights_sha256 = None if stored is None else stored.sha256
    return model


def _config(architecture: str, given: Mapping[str, str | None], stored: StoredWeights | None) -> dict[str, Any]:
    """What the network is built from: as given, as stored, by default."""
    chosen = {key: value for key, value in given.items() if value is not None}
    if stored is None or stored.config is None:
        return {"architecture": architecture, **_DEFAULTS, **chosen}
    for key, value in {"architecture": architecture, **chosen}.items():
        if stored.config.get(key) != value:
            raise UserError(
                f"{stored.path} holds a model with {key} {stored.config.get(key)}, not {value}: {_remedy(key)}"
            )
    return dict(stored.config)


def _remedy(key: str) -> str:
    return "load it by that name" if key == "architecture" else f"leave {key} out"


def _built(config: Mapping[str, Any], encoder_weights: str | None) -> tuple[FusionNetwork, tuple[str, ...]]:
    """The network, and the names of its frozen parameters. One that cannot answer at all is refused here."""
    whole = SMPNetwork(config["architecture"], config["encoder_name"], encoder_weights)
    try:
        network = _FUSIONS[config["fusion"]](whole, config)
        return network, freeze_unused(network)
    except (RuntimeError, AssertionError) as error:
        cause = str(error).strip().split("\n")[0]
        raise UserError(
            f"smp/{config['architecture']} with the encoder {config['encoder_name']} cannot answer an image of "
            f"{whole.least} x {whole.least}: {cause}; use another encoder, e.g. resnet34"
        ) from error


unet = partial(load, "unet")
unetplusplus = partial(load, "unetplusplus")
manet = partial(load, "manet")
linknet = partial(load, "linknet")
fpn = partial(load, "fpn")
pspnet = partial(load, "pspnet")
deeplabv3 = partial(load, "deeplabv3")
deeplabv3plus = partial(load, "deeplabv3plus")
pan = partial(load, "pan")
upernet = partial(load, "upernet")
segformer = partial(load, "segformer")
dpt = partial(load, "dpt")

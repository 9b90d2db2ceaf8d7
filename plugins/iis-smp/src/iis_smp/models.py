"""The registered models: an architecture, an encoder, a way for the clicks to enter."""

from __future__ import annotations

from functools import partial

from iis_core import UserError
from iis_core.fusion import FusionModel, chosen_config, fused, fusion_model
from iis_core.weights import find_weights, put_weights
from iis_smp.network import SMPNetwork
from iis_smp.normalisation import normalisation

_DEFAULTS = {"encoder_name": "resnet34", "fusion": "early", "click_encoding": "disks"}


def load(
    architecture: str,
    *,
    device: str = "cpu",
    weights: str | None = None,
    encoder_name: str | None = None,
    encoder_weights: str | None = None,
    fusion: str | None = None,
    click_encoding: str | None = None,
    working_size: int | None = None,
) -> FusionModel:
    """A registered model; parameters that its logits do not depend on are frozen and named in `unused_parameters`.

    architecture: of `ARCHITECTURES`.
    weights: a model folder, or "random"; these models have no published weights.
    encoder_name: an encoder of segmentation_models_pytorch or `tu-` and one of timm's; by default resnet34, or as the
        model folder says.
    encoder_weights: pretrained weights to begin with where weights="random", e.g. "imagenet"; they are fetched.
    fusion: "early" or "intermediate"; by default early, or as the model folder says.
    click_encoding: "disks", "distances" or "gaussians"; by default disks, or as the model folder says.
    working_size: the longer side that the network is shown at most, in pixels; by default any.

    Raises UserError, with the remedy, for a combination that cannot work.
    """
    given = {"encoder_name": encoder_name, "fusion": fusion, "click_encoding": click_encoding}
    stored = None if weights == "random" else find_weights(f"smp/{architecture}", weights)
    config = chosen_config({"architecture": architecture}, given, _DEFAULTS, stored)
    if stored is None:
        config["encoder_weights"] = encoder_weights  # a model folder must be normalised as it was trained
    if stored is not None and encoder_weights is not None:
        raise UserError(f"{stored.path} holds the encoder's weights too: leave encoder_weights out")
    whole = SMPNetwork(architecture, config["encoder_name"], encoder_weights)
    what = f"smp/{architecture} with the encoder {config['encoder_name']}"
    network, unused = fused(whole, config, what, "use another encoder, e.g. resnet34")
    if stored is not None:
        put_weights(network, stored)
    mean, std = normalisation(config["encoder_name"], config.get("encoder_weights"))
    encoding = config["click_encoding"]
    model = fusion_model(
        network, mean=mean, std=std, click_encoding=encoding, device=device, working_size=working_size
    ).eval()
    model.unused_parameters = unused
    model.weights_sha256 = None if stored is None else stored.sha256
    return model


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

"""The registered models: a published network with its weights and the published inference."""

from __future__ import annotations

from functools import partial

from iis_core import UserError
from iis_core.weights import find_weights, put_weights
from iis_ritm.build import CONFIGS, build_network, parse_config
from iis_ritm.model import RITMModel
from iis_ritm.networks import RITMNetwork


def load(
    variant: str,
    *,
    device: str = "cpu",
    weights: str | None = None,
    target_size: int | None = 400,
    skip_clicks: int = 1,
    flip: bool = True,
    max_size: int | None = None,
    precision: str = "fp32",
    compile: bool = False,
) -> RITMModel:
    """A registered model.

    variant: a name of `CONFIGS`.
    weights: a published checkpoint, a model folder, "published" (also None) or "random". What its config says of the
        architecture must agree with the name; the rest of the network follows the config.
    target_size, skip_clicks: see `ZoomIn`; target_size None shows the whole image.
    flip, max_size, precision, compile: see `RITMModel`.
    """
    network, used = (build_network(variant), None) if weights == "random" else _trained(variant, weights)
    zoom_in = None if target_size is None else {"target_size": target_size, "skip_clicks": skip_clicks}
    model = RITMModel(
        network, zoom_in=zoom_in, flip=flip, max_size=max_size, device=device, precision=precision, compile=compile
    )
    model.weights_sha256 = used
    return model


hrnet18s = partial(load, "hrnet18s")
hrnet18 = partial(load, "hrnet18")
hrnet32 = partial(load, "hrnet32")
hrnet18_sbd = partial(load, "hrnet18-sbd")
hrnet18_baseline = partial(load, "hrnet18-baseline")
resnet34_baseline = partial(load, "resnet34-baseline")


def _trained(variant: str, weights: str | None) -> tuple[RITMNetwork, str]:
    """The network with its weights, and their SHA-256."""
    stored = find_weights(f"ritm/{variant}", weights)
    if stored.config is not None:
        _check_architecture(variant, stored.config, str(stored.path))
    network = build_network(CONFIGS[variant] if stored.config is None else stored.config)
    put_weights(network, stored)
    return network, stored.sha256


def _check_architecture(variant: str, config: object, path: str) -> None:
    """Raises UserError where a checkpoint's config is of another registered network, naming that."""
    found, wanted = _architecture(config), _architecture(CONFIGS[variant])
    if found == wanted:
        return
    fitting = [f"ritm/{name}" for name, known in CONFIGS.items() if _architecture(known) == found]
    remedy = f"load it as {' or '.join(fitting)}" if fitting else "use iis_ritm.build_network(config) and RITMModel"
    different = [f"{key} {found[key]} instead of {wanted.get(key)}" for key in found if found[key] != wanted.get(key)]
    raise UserError(f"{path} is not a ritm/{variant} ({', '.join(different)}): {remedy}")


def _architecture(config: object) -> dict[str, object]:
    network_class, params = parse_config(config)  # type: ignore[arg-type]
    told = {"small": False, "with_prev_mask": False, **params}
    keys = ("width", "ocr_width", "small", "backbone", "deeplab_ch", "with_prev_mask")
    return {"class": network_class.__name__, **{key: told[key] for key in keys if key in told}}

"""From an offer to a model: read the weights, choose the config, build, put the weights in, move to the device.

A plugin only constructs; what every model needs beyond that is done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from iis_core.errors import PluginError, UserError, first_line, plugin_call
from iis_core.models.weights import StoredWeights, find_weights, network_of, put_weights, read_weights
from iis_core.plugins.offers import ModelOrigin, Offer
from iis_core.plugins.specs import ModelSpec

if TYPE_CHECKING:
    from iis_core.models.contract import IISModel


@contextmanager
def draw_weights_by(seed: int) -> Iterator[None]:
    """Let the weights of models built within depend on a seed alone; torch's own generator goes on as if nothing was.

    Args:
        seed: any whole number.
    """
    before = torch.random.get_rng_state()
    torch.default_generator.manual_seed(seed % 2**63)
    try:
        yield
    finally:
        torch.random.set_rng_state(before)


def build_model(offer: Offer[ModelSpec], keywords: Mapping[str, Any], *, device: str, weights: str | None) -> IISModel:
    """Build the model of an offer. Arguments and errors as for `load_model`."""
    spec = offer.spec
    check_device(device)
    if offer.folder is not None:
        if weights is not None:
            raise UserError(f"{offer.folder} is a model folder, with weights: leave `weights` out, or give {spec.name}")
        weights = str(offer.folder)
    stored = _read_stored_weights(offer, weights)
    if stored is not None:
        _refuse_pretrained(spec, keywords, stored)
    with _blame_config(spec, stored):
        config = _complete_config(offer, _choose_config(spec, keywords, stored), keywords)
        built = {**keywords, **config}
        model = offer.build(built)
    network = _require_network(offer, model)
    if stored is not None:
        put_weights(cast(nn.Module, network), stored)
    _move(offer, model, device)
    given = {"device": device, **({"weights": weights} if spec.has_weights else {})}
    with suppress(AttributeError):
        model.origin = ModelOrigin(
            offer,
            {**given, **offer.effective_keywords(built)},
            config=config,
            weights=None if not spec.has_weights else "random" if stored is None else str(stored.path),
            sha256=None if stored is None else stored.sha256,
            frozen=() if network is None else _list_frozen(network),
        )
    return cast("IISModel", model)


def check_device(device: str) -> None:
    """Check that torch finds a device here.

    Raises:
        UserError: it does not, or has no such kind of device.
    """
    try:
        wanted = torch.device(str(device))
    except RuntimeError:
        raise UserError(f"{device!r} is not a torch device: give e.g. cpu or cuda:0") from None
    if wanted.type in ("cpu", "meta"):
        return
    count = getattr(getattr(torch, wanted.type, None), "device_count", lambda: 0)()
    if (wanted.index or 0) >= count:
        raise UserError(f"device {device!r} was asked for, but torch finds {count or 'no'} {wanted.type} here: use cpu")


def _read_stored_weights(offer: Offer[ModelSpec], weights: str | None) -> StoredWeights | None:
    """The weights that were asked for, with this network's names; None for random ones and where there are none."""
    spec = offer.spec
    if not spec.has_weights:
        if weights is not None:
            raise UserError(f"{spec.name} has no weights and needs none: leave `weights` out")
        return None
    if weights == "random":
        return None
    stored = read_weights(find_weights(spec, weights))
    if not spec.convert:
        return stored
    converted: StoredWeights = _call(offer, spec.convert, stored, spec.config)
    return converted


def _choose_config(spec: ModelSpec, keywords: Mapping[str, Any], stored: StoredWeights | None) -> dict[str, Any]:
    """The config that the weights file holds, else the spec's with the caller's values.

    Raises UserError where the file was made with another value than the name or the caller says.
    """
    given = {key: value for key, value in keywords.items() if key in spec.config}
    if stored is None or stored.config is None:
        return {**spec.config, **given}
    for key, found in stored.config.items():
        is_fixed_by_name = tuple(spec.choices.get(key, ())) == (spec.config.get(key),)
        for wanted, remedy in (
            (spec.config.get(key) if is_fixed_by_name else found, "load it by that name"),
            (keywords.get(key, found), f"leave {key} out"),
        ):
            if found != wanted:
                raise UserError(f"{stored.path} holds a model with {key} {found}, not {wanted}: {remedy}")
    return {**spec.config, **stored.config}


def _complete_config(offer: Offer[ModelSpec], config: dict[str, Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    if not offer.spec.complete:
        return config
    completed: dict[str, Any] = _call(offer, offer.spec.complete, config, keywords)
    return {**completed, **{key: value for key, value in keywords.items() if key in completed}}


@contextmanager
def _blame_config(spec: ModelSpec, stored: StoredWeights | None) -> Iterator[None]:
    """Where a network cannot be built of a config in a file, say that the file may be at fault, not the plugin."""
    try:
        yield
    except PluginError as error:
        if stored is None or stored.config is None:
            raise
        cause = first_line(error.__cause__ if isinstance(error.__cause__, Exception) else error)
        raise UserError(
            f"{stored.path} holds a config of which no {spec.name} can be built: {cause}; fetch or write it again"
        ) from error


def _refuse_pretrained(spec: ModelSpec, keywords: Mapping[str, Any], stored: StoredWeights) -> None:
    for keyword in spec.pretrained:
        if keywords.get(keyword) is not None:
            raise UserError(f"{stored.path} holds all weights: leave {keyword} out")
        if (stored.config or {}).get(keyword) is not None:
            raise UserError(f"{stored.path} holds all weights: take {keyword} out of its config")


def _require_network(offer: Offer[ModelSpec], model: object) -> nn.Module | None:
    network = network_of(model)
    if offer.spec.has_weights and network is None:
        raise PluginError(
            f"{offer.spec.name} of {offer.claim.distribution} holds no weights: give it an nn.Module as its attribute "
            "`network`, or say has_weights=False in its spec"
        )
    return network


def _move(offer: Offer[ModelSpec], model: object, device: str) -> None:
    """To the device, in evaluation mode."""
    module = model if isinstance(model, nn.Module) else network_of(model)
    if module is not None:
        module.to(device).eval()
    elif torch.device(device).type != "cpu":
        raise UserError(f"{offer.spec.name} runs on the CPU only, not on {device!r}")


def _list_frozen(network: nn.Module) -> tuple[str, ...]:
    return tuple(name for name, parameter in network.named_parameters() if not parameter.requires_grad)


def _call(offer: Offer[ModelSpec], import_path: str, *arguments: Any) -> Any:
    function: Callable[..., Any] = offer.resolve(import_path)
    with plugin_call(f"{offer.spec.name} of {offer.claim.distribution}: {import_path} failed"):
        return function(*arguments)

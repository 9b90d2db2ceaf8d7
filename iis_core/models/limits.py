"""What a model's spec says that it cannot take."""

from __future__ import annotations

from iis_core.errors import UserError
from iis_core.plugins.offers import origin_of
from iis_core.plugins.specs import ModelSpec


def spec_of(model: object) -> ModelSpec | None:
    """The spec of a model from the catalog, None for any other."""
    origin = origin_of(model)
    return origin.offer.spec if origin is not None and isinstance(origin.offer.spec, ModelSpec) else None


def check_limits(model: object, what: str, shape: tuple[int, ...], *, initial_mask: bool) -> None:
    """Refuse an image that a model cannot take.

    Args:
        model: one that is not from the catalog takes everything.
        what: the image or object, for the message.
        shape: (H, W).
        initial_mask: whether there is one.

    Raises:
        UserError: the spec declares another size, or no initial mask.
    """
    spec = spec_of(model)
    if spec is None:
        return
    if initial_mask and not spec.initial_mask:
        raise UserError(
            f"{what} has an initial mask, of which {spec.name} makes no use: leave it out (in davis585: --data "
            "initial_masks=none), or choose another model"
        )
    if min(shape) < spec.min_size or any(side % spec.size_multiple for side in shape):
        raise UserError(
            f"{what} is {shape[0]} x {shape[1]}; {spec.name} takes sides of at least {spec.min_size} that are "
            f"multiples of {spec.size_multiple}"
        )

"""A network of segmentation_models_pytorch in two halves: features and decoder."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import segmentation_models_pytorch as smp
import timm
from torch import Tensor, nn

from iis_core import UserError
from iis_core.errors import first_line

_LEAST = 32
_LEAST_OF = {"pan": 128}
"""Smallest sides. Encoders go down to a stride of 32 whichever features a decoder reads, and PAN pools further."""


class SMPNetwork(nn.Module):
    """An architecture with an encoder, for one class; a `SegmentationNetwork` of iis-core.

    Args:
        architecture: a name that `segmentation_models_pytorch.create_model` knows.
        encoder_name: an encoder of segmentation_models_pytorch, or `tu-` and the name of one of timm's.
        encoder_weights: pretrained weights of the encoder, e.g. "imagenet", which are fetched; None for random ones.

    Raises:
        UserError: the network cannot be built; the message says what to use instead.
    """

    def __init__(self, architecture: str, encoder_name: str, encoder_weights: str | None = None) -> None:
        super().__init__()
        self.model: Any = _create_model(architecture, encoder_name, encoder_weights)
        self.multiple: int = self.model.encoder.output_stride * (2 if _is_transformer(encoder_name) else 1)
        self.least = _LEAST_OF.get(architecture, _LEAST)

    def features(self, image: Tensor) -> list[Tensor]:
        """Compute the encoder's features at every scale below the image's, then its prefix tokens if it has any."""
        encoded = self.model.encoder(image)
        if isinstance(encoded, tuple):
            maps, tokens = encoded
            return [*maps, *(token for token in tokens if token is not None)]
        return list(encoded[1:])

    def decode(self, features: Sequence[Tensor], shape: tuple[int, int]) -> Tensor:
        """Compute logits from features.

        Args:
            features: as returned by `features`.
            shape: (H, W) of the image.

        Returns:
            float32 (B, 1, H, W).
        """
        if hasattr(self.model.encoder, "has_prefix_tokens"):
            count = len(self.model.encoder.out_channels)
            tokens: list[Tensor | None] = [*features[count:]] or [None] * count
            decoded = self.model.decoder(list(features[:count]), tokens)
        else:
            # The first feature is the image itself, of which decoders read only the size.
            image = features[0].new_empty((len(features[0]), 0, *shape))
            decoded = self.model.decoder([image, *features])
        logits: Tensor = self.model.segmentation_head(decoded)
        return logits


def _create_model(architecture: str, encoder_name: str, encoder_weights: str | None) -> Any:
    _check_encoder(encoder_name)
    more: dict[str, Any] = {}
    if architecture == "dpt":
        more = {"dynamic_img_size": True} if _is_transformer(encoder_name) else {"decoder_readout": "ignore"}
    try:
        return smp.create_model(
            architecture, encoder_name=encoder_name, encoder_weights=encoder_weights, in_channels=3, classes=1, **more
        )
    except OSError as error:
        raise UserError(
            f"smp/{architecture} cannot fetch the weights {encoder_weights} of the encoder {encoder_name}: "
            f"{first_line(error)}; try again with a connection, or leave encoder_weights out"
        ) from error
    except Exception as error:
        raise UserError(
            f"smp/{architecture} cannot use the encoder {encoder_name}: {first_line(error)}; {_suggest(architecture)}"
        ) from error


def _check_encoder(name: str) -> None:
    """Check a name of timm's; the library knows its own, and the spec's `choices` list them."""
    if name.startswith("tu-") and not timm.is_model(name[3:]):
        near = difflib.get_close_matches(name[3:].split(".")[0], timm.list_models(), n=3)
        hint = f"did you mean {' or '.join('tu-' + match for match in near)}?" if near else "see timm.list_models()"
        raise UserError(f"timm has no model {name[3:]!r} for the encoder {name!r}; {hint}")


def _is_transformer(encoder_name: str) -> bool:
    """Whether all features of an encoder have one size, that of its patches; DPT then halves them once more."""
    return encoder_name.removeprefix("tu-").startswith(("vit_", "deit", "beit", "eva", "dinov"))


def _suggest(architecture: str) -> str:
    if architecture == "dpt":
        return "use an encoder of timm, e.g. tu-vit_small_patch16_224 or tu-resnet18"
    return "use another encoder, e.g. resnet34, or the architecture smp/unet, which takes most"

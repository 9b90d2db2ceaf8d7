"""The coarse segmentor on HRNet."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from iis_core.models.hrnet import HRNet, embed_maps
from iis_focalclick.networks.network import CoarseOutput, FocalClickNetwork
from iis_focalclick.networks.refiner import Refiner


class HRNetNetwork(FocalClickNetwork):
    """The published `HRNetModel`.

    Args:
        width: channels of the highest resolution; each lower one has twice as many.
        ocr_width: channels of the object-contextual heads.
        small: two blocks instead of four, and fewer modules.
        inputs: keywords of `FocalClickNetwork`.
    """

    conv_norms = ()
    small_radius = 2

    def __init__(self, *, width: int = 48, ocr_width: int = 256, small: bool = True, **inputs: Any) -> None:
        super().__init__(**inputs)
        self.maps_transform = embed_maps(3, nn.LeakyReLU(0.2, inplace=True))
        self.feature_extractor = HRNet(width, ocr_width, small)
        self.refiner = Refiner(2 * ocr_width)

    def segment(self, image: Tensor, maps: Tensor) -> CoarseOutput:
        feature, auxiliary = self.feature_extractor.contexts(image, self.maps_transform(maps))
        return CoarseOutput(self.feature_extractor.cls_head(feature), feature, auxiliary)

    def learning_rate_multiplier(self, parameter: str) -> float:
        # The published code sets backbone_lr_mult first, and then 2 for all of it.
        return 2.0 if parameter.startswith("feature_extractor.") else 1.0

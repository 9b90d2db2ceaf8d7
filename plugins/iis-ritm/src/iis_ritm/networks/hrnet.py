"""HRNetV2, which keeps a high resolution throughout, with object-contextual heads."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from iis_core.models.hrnet import HRNet
from iis_ritm.networks.network import RITMNetwork


class HRNetNetwork(RITMNetwork):
    """The published `HRNetModel`.

    Args:
        width: channels of the highest resolution; each lower one has twice as many.
        ocr_width: channels of the object-contextual heads; 0 for a plain head, which has no auxiliary output.
        small: two blocks instead of four, and fewer modules.
        inputs: keywords of `RITMNetwork`.
    """

    conv_norms = ()

    def __init__(self, *, width: int = 48, ocr_width: int = 256, small: bool = False, **inputs: Any) -> None:
        super().__init__(**inputs)
        self.feature_extractor = HRNet(width, ocr_width, small)

    def backbone(self, image: Tensor, additional: Tensor | None) -> tuple[Tensor, Tensor | None]:
        logits: tuple[Tensor, Tensor | None] = self.feature_extractor(image, additional)
        return logits

    def learning_rate_multiplier(self, parameter: str) -> float:
        heads = ("feature_extractor.ocr_distri_head.", "feature_extractor.conv3x3_ocr.")
        in_backbone = parameter.startswith("feature_extractor.") and not parameter.startswith(heads)
        return self.backbone_lr_mult if in_backbone else 1.0

"""From any segmentation network to an IIS model: how the clicks and the previous mask enter it.

image, prediction, clicks -> maps -> early or intermediate fusion -> logits
"""

from iis_core.fusion.auxiliary import AuxiliaryEncoder
from iis_core.fusion.loading import FUSIONS, chosen_config, fused
from iis_core.fusion.maps import CLICK_ENCODINGS, MAPS, auxiliary_maps
from iis_core.fusion.model import EncodingFusionModel, FusionModel, fusion_model
from iis_core.fusion.networks import (
    EarlyFusion,
    FusionNetwork,
    IntermediateFusion,
    SegmentationNetwork,
    freeze_unused,
)
from iis_core.fusion.stem import widen_input

__all__ = [
    "CLICK_ENCODINGS",
    "FUSIONS",
    "MAPS",
    "AuxiliaryEncoder",
    "EarlyFusion",
    "EncodingFusionModel",
    "FusionModel",
    "FusionNetwork",
    "IntermediateFusion",
    "SegmentationNetwork",
    "auxiliary_maps",
    "chosen_config",
    "freeze_unused",
    "fused",
    "fusion_model",
    "widen_input",
]

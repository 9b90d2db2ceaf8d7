"""Fusion, which makes an IIS model of any segmentation network by feeding it the clicks and the previous prediction.

image, prediction, clicks -> maps -> early or intermediate fusion -> logits
"""

from iis_core.models.fusion.auxiliary import AuxiliaryEncoder
from iis_core.models.fusion.inputs import CLICK_ENCODINGS, MAPS, encode_maps
from iis_core.models.fusion.model import FUSIONS, EncodingFusionModel, FusionModel, fuse
from iis_core.models.fusion.networks import (
    EarlyFusion,
    FusionNetwork,
    IntermediateFusion,
    SegmentationNetwork,
    freeze_unused,
)
from iis_core.models.fusion.stem import widen_input

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
    "encode_maps",
    "freeze_unused",
    "fuse",
    "widen_input",
]

"""Inference: from clicks to probabilities as published, and networks as they compute fastest.

image, previous mask, clicks -> zoom-in -> flip -> inference copy of the network -> paste
"""

from iis_core.models.inference.convolution import enlarge_and_convolve
from iis_core.models.inference.copies import InferenceCopy, consists_of
from iis_core.models.inference.folding import fold, prepare_for_inference
from iis_core.models.inference.points_model import PointsModel
from iis_core.models.inference.zoom import (
    Box,
    ZoomIn,
    box_iou,
    crop_and_resize,
    fit_shape,
    map_clicks,
    mirror_clicks,
    paste,
    resize_aligned,
)

__all__ = [
    "Box",
    "InferenceCopy",
    "PointsModel",
    "ZoomIn",
    "box_iou",
    "consists_of",
    "crop_and_resize",
    "enlarge_and_convolve",
    "fit_shape",
    "fold",
    "map_clicks",
    "mirror_clicks",
    "paste",
    "prepare_for_inference",
    "resize_aligned",
]

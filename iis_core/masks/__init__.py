"""Pure functions on single masks: numpy (H, W) arrays, bool unless stated otherwise."""

from iis_core.masks.border import inner_border, outer_border
from iis_core.masks.components import Component, bounding_box, components, keep_connected, largest_component
from iis_core.masks.distance import FarthestPixel, farthest_pixel, squared_distance
from iis_core.masks.error import binarise, error_maps
from iis_core.masks.morphology import dilate, erode

__all__ = [
    "Component",
    "FarthestPixel",
    "binarise",
    "bounding_box",
    "components",
    "dilate",
    "erode",
    "error_maps",
    "farthest_pixel",
    "inner_border",
    "keep_connected",
    "largest_component",
    "outer_border",
    "squared_distance",
]

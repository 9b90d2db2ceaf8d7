"""Click lists: in order, as maps (disks, distances, Gaussians) and as point tensors."""

from iis_core.clicks.maps import disks, gaussians, tanh_distances
from iis_core.clicks.order import order_clicks
from iis_core.clicks.points import (
    NO_POINT,
    PlacedClick,
    clicks_from_points,
    drop_negative_places,
    points_from_clicks,
    stack_points,
)

__all__ = [
    "NO_POINT",
    "PlacedClick",
    "clicks_from_points",
    "disks",
    "drop_negative_places",
    "gaussians",
    "order_clicks",
    "points_from_clicks",
    "stack_points",
    "tanh_distances",
]

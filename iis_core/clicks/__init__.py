"""From click lists to what networks read: maps (disks, distances, Gaussians) and point tensors."""

from iis_core.clicks.maps import disks, gaussians, tanh_distances
from iis_core.clicks.points import NO_POINT, clicks_from_points, points_from_clicks

__all__ = ["NO_POINT", "clicks_from_points", "disks", "gaussians", "points_from_clicks", "tanh_distances"]

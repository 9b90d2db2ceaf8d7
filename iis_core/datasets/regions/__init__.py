"""Region selectors, which choose one thing to segment from the full masks of a sample."""

from iis_core.datasets.regions.base import RegionSelector, merge_objects, object_mask

__all__ = ["RegionSelector", "merge_objects", "object_mask"]

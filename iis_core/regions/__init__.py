"""Region selectors: from the full masks of a sample to one thing to segment."""

from iis_core.regions.base import RegionSelector, merged_region, object_mask

__all__ = ["RegionSelector", "merged_region", "object_mask"]

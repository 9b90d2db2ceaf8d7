"""Region selectors: from the full masks of a sample to one thing to segment."""

from iis_core.regions.base import RegionSelector, object_region
from iis_core.regions.first import FirstSelector

__all__ = ["FirstSelector", "RegionSelector", "object_region"]

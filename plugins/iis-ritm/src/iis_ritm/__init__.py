"""The models of "Reviving Iterative Training with Mask Guidance for Interactive Segmentation"."""

from iis_ritm.build import build_network
from iis_ritm.model import RITMModel

__all__ = ["RITMModel", "build_network"]

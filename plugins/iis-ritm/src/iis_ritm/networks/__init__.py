"""The published networks: an input stage for image, previous mask and clicks, and two backbones with heads."""

from iis_ritm.networks.deeplab import DeepLabNetwork
from iis_ritm.networks.hrnet import HRNetNetwork
from iis_ritm.networks.network import RITMNetwork

__all__ = ["DeepLabNetwork", "HRNetNetwork", "RITMNetwork"]

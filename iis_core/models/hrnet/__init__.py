"""HRNet with object-contextual heads, as RITM and FocalClick use it."""

from iis_core.models.hrnet.blocks import BasicBlock, Block, Bottleneck, layer
from iis_core.models.hrnet.maps import Scale, embed_maps
from iis_core.models.hrnet.network import HRNet, SplitConvolution

__all__ = ["BasicBlock", "Block", "Bottleneck", "HRNet", "Scale", "SplitConvolution", "embed_maps", "layer"]

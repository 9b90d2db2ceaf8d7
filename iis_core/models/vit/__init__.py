"""Parts of plain vision transformers that segment: windows, positions, pyramid, fusion, pretrained weights.

tokens -> blocks, in windows or everywhere -> map -> pyramid of maps -> fused features

The blocks and their parameters belong to the network that uses these parts, e.g. timm's `VisionTransformer`.
"""

from iis_core.models.vit.blocks import choose_global_blocks, run_blocks
from iis_core.models.vit.decay import decay_by_layer
from iis_core.models.vit.fusion import PyramidFusion
from iis_core.models.vit.positions import resize_positions
from iis_core.models.vit.pretrained import put_pretrained
from iis_core.models.vit.pyramid import SimpleFeaturePyramid

__all__ = [
    "PyramidFusion",
    "SimpleFeaturePyramid",
    "choose_global_blocks",
    "decay_by_layer",
    "put_pretrained",
    "resize_positions",
    "run_blocks",
]

"""A copy of a network for inference: batch norms folded, less to convolve."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from iis_ritm.networks.hrnet import HRNet


@torch.no_grad()
def prepared(network: nn.Module) -> nn.Module:
    """The folded copy, channels last, in which HRNet convolves low resolutions before they are enlarged."""
    network = folded(network)
    for module in network.modules():
        if isinstance(module, HRNet):
            module.split_wide_convolution()
    return network.to(memory_format=torch.channels_last)


def folded(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode in which every batch norm that follows a convolution is part of it."""
    network = copy.deepcopy(network).eval()
    for module in list(network.modules()):
        _fold_children(module)
    return network


def _fold_children(module: nn.Module) -> None:
    """Fold where a convolution is directly followed, in the order of definition, by a batch norm of its channels."""
    names = [name for name, child in module.named_children() if not isinstance(child, nn.ReLU)]
    for name, following in pairwise(names):
        conv, holder, held = module.get_submodule(name), module, following
        norm = module.get_submodule(following)
        if isinstance(norm, nn.Sequential) and len(norm):
            holder, held, norm = norm, "0", norm[0]
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d) and conv.out_channels == norm.num_features:
            setattr(module, name, fuse_conv_bn_eval(conv, norm))
            setattr(holder, held, nn.Identity())

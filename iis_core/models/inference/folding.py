"""A copy of a network for inference, with batch norms folded into the convolutions that they read.

The modules of a network do not tell in which order they run, nor how often, nor who else reads what one of them gives.
So nothing is folded unless every class of the network either is one of torch's or says it by an attribute of its own::

    conv_norms = (("conv1", "bn1"), ("conv2", "bn2"))

which names the convolutions that are read by a batch norm and by nothing else. A class that says so, be it `()`, also
promises to call each `nn.Sequential` that it holds as a whole. A subclass may run otherwise, and has to say it again.

Such a class may also have a method `prepare_for_inference()`, which changes the folded copy to compute less.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from iis_core.models.inference.copies import consists_of


@torch.no_grad()
def prepare_for_inference(network: nn.Module) -> nn.Module:
    """Make a copy that computes the same in less time; a network that does not say how it runs is given back itself.

    Args:
        network: in evaluation mode.

    Returns:
        The folded copy, channels last, prepared by those of its modules that have a method for it.
    """
    if not _is_known(network):
        return network
    network = fold(network)
    for module in network.modules():
        prepare = getattr(module, "prepare_for_inference", None)
        if prepare is not None:
            prepare()
    return network.to(memory_format=torch.channels_last)


@torch.no_grad()
def fold(network: nn.Module) -> nn.Module:
    """Copy a network and make batch norms part of the convolutions that they read, where that is known to be the same.

    Args:
        network: any; it stays as it is.

    Returns:
        A copy in evaluation mode.
    """
    network = copy.deepcopy(network).eval()
    if _is_known(network):
        slots = Counter(child for module in network.modules() for child in module._modules.values())
        for module in list(network.modules()):
            for conv, norm in _list_pairs(module):
                _fold_pair(module, conv, norm, slots)
    return network


def _is_known(network: nn.Module) -> bool:
    return consists_of(network, lambda kind: "conv_norms" in vars(kind))


def _list_pairs(module: nn.Module) -> Iterable[tuple[str, str]]:
    """Names of modules of which the second reads the first, and nothing else does."""
    if type(module) is nn.Sequential:
        return pairwise(module._modules)
    pairs: Iterable[tuple[str, str]] = vars(type(module)).get("conv_norms", ())
    return pairs


def _fold_pair(holder: nn.Module, conv_name: str, norm_name: str, slots: Counter[nn.Module | None]) -> None:
    conv_holder, conv_name = _find_end(holder, conv_name, -1, slots)
    norm_holder, norm_name = _find_end(holder, norm_name, 0, slots)
    conv, norm = conv_holder.get_submodule(conv_name), norm_holder.get_submodule(norm_name)
    if type(conv) is nn.Conv2d and type(norm) is nn.BatchNorm2d and _has_fixed_statistics(norm, conv.weight.dtype):
        # Only these two places change: elsewhere the same convolution or norm may stand for itself.
        setattr(conv_holder, conv_name, fuse_conv_bn_eval(conv, norm))
        setattr(norm_holder, norm_name, nn.Identity())


def _find_end(holder: nn.Module, name: str, place: int, slots: Counter[nn.Module | None]) -> tuple[nn.Module, str]:
    """Where the first or the last module stands that nested sequences call; a sequence in several places is not one."""
    module = holder.get_submodule(name)
    while type(module) is nn.Sequential and len(module) and slots[module] == 1:
        holder, name = module, list(module._modules)[place]
        module = holder.get_submodule(name)
    return holder, name


def _has_fixed_statistics(norm: nn.BatchNorm2d, dtype: torch.dtype) -> bool:
    return not norm.training and norm.running_mean is not None and norm.running_mean.dtype == dtype

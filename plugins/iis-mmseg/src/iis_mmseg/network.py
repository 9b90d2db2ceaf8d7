"""A network of mmsegmentation in two halves: backbone, then neck and heads."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from iis_core import UserError
from iis_core.errors import first_line
from iis_mmseg.installed import import_mmseg
from iis_mmseg.registered import only_registered

_MULTIPLE, _LEAST = 32, 64
_LEAST_OF = {"LRASPPHead": 416}
"""Backbones reach a stride of 32; heads pool further."""

_OF_ONE_SIZE = ("BEiT", "MAE")
"""Backbones with position embeddings for images of their configured size."""

_ANSWERS_FOR_TRAINING = ("DDRNet", "DDRHead", "PIDNet", "PIDHead", "IterativeDecodeHead")
"""Modules that also return inputs of auxiliary losses in training; here they return only their answer."""


class MMSegNetwork(nn.Module):
    """A segmentor of mmsegmentation; a `SegmentationNetwork` of iis-core.

    Args:
        model: plain values for the library's registry, for one class.
        what: name of the model, for error messages.

    Raises:
        UserError: the network cannot be built; the message says what to do.
    """

    def __init__(self, model: Mapping[str, Any], what: str) -> None:
        super().__init__()
        self.segmentor: Any = _build_segmentor(model, what)
        heads = self.segmentor.decode_head
        self.heads: list[Any] = [*heads] if isinstance(heads, nn.ModuleList) else [heads]
        self.multiple = _MULTIPLE
        self.least = _LEAST_OF.get(type(self.heads[0]).__name__, _LEAST)
        self._unfreeze()
        self._fix_bases()
        self._nesting: Any = None

    def features(self, image: Tensor) -> list[Tensor]:
        """Compute the backbone's features at every scale, each followed by its class token if it has one."""
        found = self.segmentor.backbone(image)
        self._nesting = _describe_nesting(found)
        return list(_flatten(found))

    def decode(self, features: Sequence[Tensor], shape: tuple[int, int]) -> Tensor:
        """Compute logits from features.

        Args:
            features: as returned by `features`.
            shape: (H, W) of the image.

        Returns:
            float32 (B, 1, H, W).
        """
        nested = _nest(self._nesting, iter(features))
        inputs = self.segmentor.neck(nested) if self.segmentor.with_neck else nested
        first, *others = self.heads
        answer = first(inputs)
        for head in others:
            answer = head(inputs, answer)
        logits: Tensor = answer[0] if isinstance(answer, list | tuple) else answer
        align = self.heads[-1].align_corners
        return functional.interpolate(logits, size=shape, mode="bilinear", align_corners=align)

    def train(self, mode: bool = True) -> MMSegNetwork:
        """Set the mode as for any module, but so that backbone and heads give the same kind of answer in both modes."""
        super().train(mode)
        for module in (self.segmentor.backbone, *self.heads):
            if type(module).__name__ in _ANSWERS_FOR_TRAINING:
                module.training = False
        return self

    def _unfreeze(self) -> None:
        """Unfreeze the first layers, which some backbones freeze: they are useless untrained."""
        if hasattr(self.segmentor.backbone, "frozen_stages"):
            self.segmentor.backbone.frozen_stages = -1
            self.segmentor.backbone.requires_grad_(True)

    def _fix_bases(self) -> None:
        """Draw the bases of matrix decompositions now; the library would draw them at the first or at every answer."""
        module: Any
        for module in self.modules():
            if isinstance(getattr(module, "ham", None), nn.Module):
                ham = module.ham
                ham.rand_init = False
                channels = module.ham_in.conv.out_channels // ham.S
                ham.register_buffer("bases", ham._build_bases(1, ham.S, channels, ham.R, device=torch.device("cpu")))


def _build_segmentor(model: Mapping[str, Any], what: str) -> Any:
    import_mmseg()
    from mmengine.registry import DefaultScope
    from mmseg.registry import MODELS

    try:
        # Its warnings are about losses and operators that are not used here.
        with DefaultScope.overwrite_default_scope("mmseg"), warnings.catch_warnings(action="ignore"):
            if _uses_library(model, "mmpretrain."):
                importlib.import_module("mmpretrain.models")
            with only_registered():
                segmentor = MODELS.build(dict(model))
    except Exception as error:
        raise UserError(f"{what} cannot be built: {first_line(error)}; {_suggest(error, model)}") from error
    if not hasattr(segmentor, "backbone") or not hasattr(segmentor, "decode_head"):
        raise UserError(f"{what} is a {type(segmentor).__name__}, without backbone and head: {OTHER}")
    if type(segmentor.backbone).__name__ in _OF_ONE_SIZE:
        size = "x".join(map(str, segmentor.backbone.img_size))
        raise UserError(f"{what} takes images of {size} pixels only, its position embeddings fit no others: {OTHER}")
    return segmentor


OTHER = "use another family, see `iis list models 'mmseg/*'`"


def _suggest(error: Exception, model: Mapping[str, Any]) -> str:
    message = str(error)
    if "mmdet" in message or _uses_library(model, "mmdet."):
        return f"it needs mmdetection, of which iis-mmseg knows nothing: {OTHER}"
    if _uses_library(model, "mmpretrain."):
        return "run pip install 'iis-mmseg[mmpretrain]'"
    if "install onedl-mmcv" in message or "mmcv._ext" in message:
        return f"it needs compiled operators, which plain pip does not install: {OTHER}"
    return OTHER


def _uses_library(part: Any, prefix: str) -> bool:
    """Whether a configuration names a class of another library."""
    if isinstance(part, Mapping):
        return str(part.get("type", "")).startswith(prefix) or any(
            _uses_library(value, prefix) for value in part.values()
        )
    return isinstance(part, list | tuple) and any(_uses_library(value, prefix) for value in part)


def _flatten(found: Any) -> Iterator[Tensor]:
    if isinstance(found, Tensor):
        yield found
    else:
        for part in found:
            yield from _flatten(part)


def _describe_nesting(found: Any) -> Any:
    """Describe how tensors are nested: None for a tensor, a list of descriptions for a sequence."""
    return None if isinstance(found, Tensor) else [_describe_nesting(part) for part in found]


def _nest(nesting: Any, features: Iterator[Tensor]) -> Any:
    return next(features) if nesting is None else [_nest(part, features) for part in nesting]

"""The repair of transformers' SAM-HQ.

From 4.57 to at least 5.24 `SamHQMaskDecoder.forward` throws away the image tokens that its two-way transformer returns
and upsamples the image embedding itself, rows and columns swapped. Two hooks put the tokens in their place; where a
version is right, they change nothing.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import SamHQConfig, SamHQModel

from iis_core import PluginError

_TINY: dict[str, Any] = {
    "vision_config": {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "image_size": 48},
    "prompt_encoder_config": {"hidden_size": 16, "image_size": 48},
    "mask_decoder_config": {"hidden_size": 16, "mlp_dim": 16, "iou_head_hidden_dim": 16, "vit_dim": 8},
}


class _Tokens:
    """Takes the image tokens from the decoder's transformer to its first upscaling."""

    def __init__(self) -> None:
        self._last: Tensor | None = None

    def keep(self, transformer: nn.Module, inputs: Any, outputs: Any) -> None:
        self._last = outputs[1]

    def put(self, upscaling: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        assert self._last is not None
        tokens, self._last = self._last, None
        return (tokens.flatten(0, 1).transpose(1, 2).reshape(inputs[0].shape),)


def repair_decoder(decoder: nn.Module) -> None:
    """Repair a `SamHQMaskDecoder`.

    Raises:
        PluginError: the repair does not make the decoder of the installed transformers right.
    """
    _require_repairable()
    _add_hooks(decoder)


def _add_hooks(decoder: Any) -> None:
    tokens = _Tokens()
    decoder.transformer.register_forward_hook(tokens.keep)
    decoder.upscale_conv1.register_forward_pre_hook(tokens.put)


@cache
def _require_repairable() -> None:
    """Compare a small repaired decoder with the published equations, once in a process."""
    with torch.random.fork_rng(devices=[]), torch.no_grad(), torch.device("cpu"):
        torch.manual_seed(0)
        model: Any = SamHQModel(SamHQConfig(**_TINY))
        decoder = model.eval().mask_decoder
        for parameter in decoder.parameters():
            parameter.normal_(std=0.3)
        _add_hooks(decoder)
        seen: dict[str, Any] = {}
        decoder.transformer.register_forward_hook(lambda module, inputs, outputs: seen.update(outputs=outputs))
        inputs = {
            "image_embeddings": torch.randn(2, 16, 3, 3),
            "image_positional_embeddings": torch.randn(2, 16, 3, 3),
            "sparse_prompt_embeddings": torch.randn(2, 1, 2, 16),
            "dense_prompt_embeddings": torch.randn(2, 16, 3, 3),
            "intermediate_embeddings": [torch.randn(2, 3, 3, 8)],
        }
        given, _ = decoder(**inputs, multimask_output=False, hq_token_only=False)
        hq, _ = decoder(**inputs, multimask_output=False, hq_token_only=True)
        expected = _mask_of_first_token(decoder, *seen["outputs"])
    if not torch.allclose(given - hq, expected, rtol=1e-3, atol=1e-3):
        raise PluginError(
            f"SAM-HQ of transformers {transformers.__version__} gives wrong masks that iis-sam cannot repair: install "
            "transformers 5.24"
        )


def _mask_of_first_token(decoder: Any, tokens: Tensor, image_tokens: Tensor) -> Tensor:
    """The mask of SAM's first mask token, as published; here for an embedding of 3 x 3."""
    embedding = image_tokens[:, 0].transpose(1, 2).reshape(len(tokens), -1, 3, 3)
    # The layer itself would call the hook that is being checked.
    first = decoder.upscale_conv1
    upscaled = nn.functional.conv_transpose2d(embedding, first.weight, first.bias, stride=2)
    upscaled = decoder.activation(decoder.upscale_layer_norm(upscaled))
    upscaled = decoder.activation(decoder.upscale_conv2(upscaled))
    weights = decoder.output_hypernetworks_mlps[0](tokens[:, 0, 1])
    return torch.einsum("bc,bchw->bhw", weights, upscaled)[:, None, None]

"""transformers' SAM-HQ is repaired; a right decoder stays as it is, one that cannot be repaired is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from iis_sam import build_network, hq
from iis_sam.configs import SMALL_CONFIGS
from torch import Tensor, nn
from transformers import SamHQConfig, SamHQModel

from iis_core import PluginError

CONFIG = {key: value for key, value in SMALL_CONFIGS["sam_hq"].items() if key != "model_type"}


@pytest.fixture(autouse=True)
def unknown_version() -> Iterator[None]:
    hq._require_repairable.cache_clear()
    yield
    hq._require_repairable.cache_clear()


def decode(decoder: Any, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shapes = {
        "image_embeddings": (2, 32, 4, 4),
        "image_positional_embeddings": (2, 32, 4, 4),
        "sparse_prompt_embeddings": (2, 1, 3, 32),
        "dense_prompt_embeddings": (2, 32, 4, 4),
    }
    inputs = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    blocks = [torch.randn(2, 4, 4, 32, generator=generator)]
    with torch.no_grad():
        masks, _ = decoder(**inputs, intermediate_embeddings=blocks, multimask_output=True, hq_token_only=False)
    return masks


def make_decoder() -> Any:
    torch.manual_seed(0)
    decoder = SamHQModel(SamHQConfig(**CONFIG)).eval().mask_decoder
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.normal_(std=0.3)
    return decoder


class Right(nn.Module):
    """A transformer's output put where a right version puts it: the decoder sees it whatever it does itself."""

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.tokens: Tensor | None = None
        decoder.transformer.register_forward_hook(self.keep)
        decoder.upscale_conv1.register_forward_pre_hook(self.put)

    def keep(self, module: nn.Module, inputs: Any, outputs: Any) -> None:
        self.tokens = outputs[1]

    def put(self, module: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        assert self.tokens is not None
        return (self.tokens.transpose(2, 3).reshape(inputs[0].shape),)


def test_the_repair_changes_a_wrong_decoder_and_no_right_one() -> None:
    wrong, repaired, right = make_decoder(), make_decoder(), make_decoder()
    hq.repair_decoder(repaired)
    Right(right)
    expected = decode(right)
    assert torch.equal(decode(repaired), expected)
    assert float((decode(wrong) - expected).abs().max() / expected.abs().max()) > 0.1
    hq.repair_decoder(right)
    assert torch.equal(decode(right), expected)


def test_a_copy_of_a_repaired_decoder_is_repaired_by_itself() -> None:
    decoder = make_decoder()
    hq.repair_decoder(decoder)
    other = copy.deepcopy(decoder)
    expected = decode(decoder)
    assert torch.equal(decode(other), expected)
    (hook,), (other_hook,) = (each.transformer._forward_hooks.values() for each in (decoder, other))
    assert hook.__self__ is not other_hook.__self__


def test_a_version_that_cannot_be_repaired_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder_class = type(make_decoder())
    published = decoder_class.forward

    def negated(self: Any, *arguments: Any, **keywords: Any) -> Any:
        masks, *others = published(self, *arguments, **keywords)
        return (masks.flip(-1), *others)

    monkeypatch.setattr(decoder_class, "forward", negated)
    with pytest.raises(
        PluginError, match=r"SAM-HQ of transformers .* gives wrong masks that iis-sam cannot repair: install"
    ):
        build_network(SMALL_CONFIGS["sam_hq"])

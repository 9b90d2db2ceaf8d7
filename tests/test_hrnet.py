"""HRNet in core: its two halves make the whole, prepared for inference or not."""

from __future__ import annotations

import pytest
import torch

from iis_core.models.hrnet import HRNet, embed_maps
from iis_core.models.inference import prepare_for_inference


@pytest.mark.parametrize("ocr_width", [0, 8])
@torch.no_grad()
def test_the_last_head_reads_the_contexts(ocr_width: int) -> None:
    network = HRNet(4, ocr_width, small=True).eval()
    image = torch.rand(2, 3, 62, 90)
    added = embed_maps(3, torch.nn.ReLU())(torch.rand(2, 3, 62, 90))
    logits, auxiliary = network(image, added)
    for changed in (network, prepare_for_inference(network)):
        features, again = changed.contexts(image, added)
        assert torch.allclose(changed.cls_head(features), logits, atol=1e-5)
        assert (auxiliary is None) == (again is None) == (ocr_width == 0)
    assert logits.shape == (2, 1, 16, 23)
    assert not torch.allclose(network(image, None)[0], logits)

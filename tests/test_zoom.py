"""Which region of an image a network is shown."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from iis_core.models.inference import Box, PointsModel, ZoomIn, box_iou, crop_and_resize
from iis_core.types import SignedClick


def test_boxes_are_compared_side_by_side() -> None:
    assert box_iou(Box(0, 9, 0, 9), Box(0, 9, 0, 9)) == 1
    assert box_iou(Box(0, 9, 0, 9), Box(0, 4, 0, 9)) == 0.5
    assert box_iou(Box(0, 9, 0, 9), Box(20, 29, 0, 9)) == 0


def test_a_region_holds_the_object_and_the_positive_clicks() -> None:
    mask = np.zeros((500, 700), bool)
    mask[200:260, 300:400] = True
    clicks = [SignedClick(450, 350, True), SignedClick(5, 5, False)]
    region = ZoomIn().object_region(mask, clicks)
    assert region.top <= 200 - 20
    assert region.bottom == 499
    assert region.left > 200
    assert ZoomIn().object_region(mask & False, clicks) is None


class Recording(nn.Module):
    """Keeps what it was shown, and answers that the middle is the object."""

    with_prev_mask = True

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[Tensor, Tensor]] = []

    def forward(self, image: Tensor, points: Tensor) -> dict[str, Tensor]:
        self.shown.append((image, points))
        logits = torch.full_like(image[:, :1], -3.3)
        logits[:, :, 40:-40, 40:-40] = 2.2
        return {"instances": logits}


def test_image_and_previous_mask_are_resized_as_one_to_the_last_bit() -> None:
    network, x = Recording(), torch.rand(1, 3, 331, 417, generator=torch.Generator().manual_seed(0))
    model = PointsModel(network, zoom_in={"target_size": 300})
    z, pcs, ncs = model.initialize_z(x, x[:, :1]), [], []
    for click in [(150, 200), (160, 210), (161, 190)]:
        pcs.append([[click]])
        ncs.append([[]])
        previous = z["prediction"]
        _, z = model(x, z, pcs, ncs)
    image, _ = network.shown[-1]
    (region,) = z["region"]
    assert torch.equal(image, crop_and_resize(torch.cat((x, previous), dim=1), region, tuple(image.shape[-2:])))


class Double(PointsModel):
    points_dtype = torch.float64


def test_clicks_between_pixels_keep_the_precision_that_is_published() -> None:
    network, x = Recording(), torch.zeros(1, 3, 331, 417)
    for kind in (PointsModel, Double):
        model = kind(network, zoom_in={"target_size": (300, 300), "skip_clicks": -1}, flip=True)
        model(x, model.initialize_z(x, x[:, :1]), [[[(150, 200)]]], [[[]]])
    (_, single), (_, double) = network.shown
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    assert double[:, 0, 0].tolist() == [300 * 150 / 331] * 2
    assert double[:, 0, 1].tolist() == [300 * 200 / 417, 300 - 300 * 200 / 417 - 1]
    assert torch.equal(single, double.float())

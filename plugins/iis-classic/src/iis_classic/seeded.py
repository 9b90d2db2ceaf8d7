"""What the classic models share: a working size, certain disks around clicks, and labels kept at clicked pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from iis_classic.seeds import Seed, drop_hidden
from iis_core import IISModel, UserError
from iis_core.clicks import order_clicks
from iis_core.threads import per_element
from iis_core.types import Clicks, State


class SeededModel(IISModel):
    """A model that segments a small image anew after every click; subclasses implement `segment`.

    The label of a click is certain in a disk around it. The disk ends where the previous prediction changes its label,
    since a click marks the middle of an error, and half-way to the nearest click of the other sign. Clicked pixels
    always get their label.

    Args:
        working_size: longer side of the image that is segmented, in pixels.
        seed_radius: largest radius of the certain disks, in pixels at working size.
        far: distance from all positive clicks beyond which there is only background, as a fraction of the longer side.

    Raises:
        UserError: a size is not above 0.
    """

    device = torch.device("cpu")
    starts_from_mask = False

    def __init__(self, working_size: int, seed_radius: float, far: float) -> None:
        if working_size < 1:
            raise UserError(f"working_size must be at least 1, not {working_size}")
        check_above_0(seed_radius=seed_radius, far=far)
        self.working_size = working_size
        self.seed_radius = seed_radius
        self.far = far

    def segment(self, image: np.ndarray, seeds: Sequence[Seed], initial: np.ndarray | None) -> np.ndarray:
        """Segment a small image.

        Args:
            image: uint8 (h, w, 3) in Lab, whose distances match what looks alike better than those of RGB.
            seeds: all clicks so far, in order.
            initial: a mask to start from, bool (h, w), or None.

        Returns:
            Probabilities, float32 (h, w) in [0, 1].
        """
        raise NotImplementedError

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> State:
        """Keep the image at working size and, for each element, its seeds, initial mask and last prediction."""
        small = [self._shrink(pixels) for pixels in image]
        given = initial_mask if self.starts_from_mask else None
        initial = [None if given is None else _shrink_mask(given[i], s) for i, s in enumerate(small)]
        return {
            "image": small,
            "initial": initial,
            "predicted": [np.zeros(s.shape[:2], bool) if m is None else m for s, m in zip(small, initial, strict=True)],
            "seeds": [() for _ in small],
            "interactions": [0 for _ in small],
        }

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        seeds = [self._add_seeds(z, i, pcs, ncs, x.shape[-2:]) for i in range(len(x))]
        heeded = [drop_hidden(own) for own in seeds]
        small = per_element(lambda i: self._answer(z["image"][i], heeded[i], z["initial"][i]), len(x))
        y = np.stack([_enlarge(probabilities, x.shape[-2:]) for probabilities in small])
        for element, answered in enumerate(y):
            for click in order_clicks(pcs, ncs, element):
                answered[click.row, click.col] = click.positive
        predicted = [probabilities > 0.5 for probabilities in small]
        interactions = [len(pcs) for _ in seeds]
        return torch.from_numpy(y)[:, None], {**z, "predicted": predicted, "seeds": seeds, "interactions": interactions}

    def _answer(self, image: np.ndarray, seeds: Sequence[Seed], initial: np.ndarray | None) -> np.ndarray:
        if initial is None and not any(seed.positive for seed in seeds):
            return np.zeros(image.shape[:2], np.float32)
        return self.segment(image, seeds, initial)

    def _shrink(self, pixels: Tensor) -> np.ndarray:
        rgb = np.ascontiguousarray((pixels * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())
        scale = min(1.0, self.working_size / max(rgb.shape[:2]))
        height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
        return cv2.cvtColor(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)

    def _add_seeds(self, z: State, i: int, pcs: Clicks, ncs: Clicks, shape: tuple[int, ...]) -> tuple[Seed, ...]:
        """Add the seeds of those interactions that z has not seen to the element's seeds."""
        predicted, first = z["predicted"][i], z["interactions"][i]
        seeds = list(z["seeds"][i])
        for click in order_clicks(pcs[first:], ncs[first:], i):
            row, col = (
                min(int((at + 0.5) * small / large), small - 1)
                for at, small, large in zip(click[:2], predicted.shape, shape, strict=True)
            )
            seeds.append(Seed(row, col, self._find_radius(predicted, row, col, click.positive), click.positive))
        return tuple(seeds)

    def _find_radius(self, predicted: np.ndarray, row: int, col: int, positive: bool) -> float:
        wrong = (predicted != positive).astype(np.uint8)
        if wrong.all():
            return self.seed_radius
        return min(self.seed_radius, float(cv2.distanceTransform(wrong, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[row, col]))


def check_above_0(**values: float) -> None:
    """Check that all values are above 0.

    Args:
        **values: values by name.

    Raises:
        UserError: a value is not above 0; the first one is named.
    """
    for name, value in values.items():
        if not value > 0:
            raise UserError(f"{name} must be above 0, not {value}")


def _shrink_mask(mask: Tensor, image: np.ndarray) -> np.ndarray:
    """Shrink a float (1, H, W) mask to a bool mask of the small image's size."""
    height, width = image.shape[:2]
    return (
        cv2.resize(np.ascontiguousarray(mask[0].float().numpy()), (width, height), interpolation=cv2.INTER_AREA) > 0.5
    )


def _enlarge(probabilities: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(probabilities, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)

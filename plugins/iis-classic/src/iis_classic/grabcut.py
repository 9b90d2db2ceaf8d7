"""GrabCut seeded by clicks."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from iis_core import IISModel, UserError
from iis_core.threads import per_element
from iis_core.types import Clicks, State


class Seed(NamedTuple):
    """A click at working size, and the radius of the disk around it that is certain to share its label."""

    row: int
    col: int
    radius: float
    positive: bool


class GrabCut(IISModel):
    """OpenCV's GrabCut with seeds around the clicks and a prior on where the object can be.

    Every answer is a fresh cut. Around each click a disk is certain; it ends where the previous prediction
    changes its label, since a click marks the middle of an error, and half-way to the nearest click of the
    other sign. Close to a positive click the object is probable; far from all of them it is excluded. Parts
    of the cut without a positive click are dropped. Clicked pixels always get their label.

    device: "cpu", the only one.
    working_size: the longer side in pixels at which the cut is computed.
    seed_radius: of the certain disks, at most, in pixels at working size.
    near: radius around positive clicks where the object is probable, as a part of the shorter side.
    far: distance from all positive clicks beyond which there is only background, as a part of the longer side.
    iterations: of GrabCut, per answer.

    Source: Rother, Kolmogorov, Blake 2004, GrabCut: Interactive Foreground Extraction using Iterated Graph Cuts.
    """

    def __init__(
        self,
        *,
        device: str = "cpu",
        working_size: int = 256,
        seed_radius: float = 12,
        near: float = 0.12,
        far: float = 0.3,
        iterations: int = 3,
    ) -> None:
        self.device = torch.device(device)
        if self.device.type != "cpu":
            raise UserError(f"classic/grabcut runs on the CPU only, not on {device!r}")
        if working_size < 1 or iterations < 1:
            raise UserError(f"working_size and iterations must be at least 1, not {working_size} and {iterations}")
        if not (seed_radius > 0 and near > 0 and far > 0):
            raise UserError(f"seed_radius, near and far must be above 0, not {seed_radius}, {near} and {far}")
        self.working_size = working_size
        self.seed_radius = seed_radius
        self.near = near
        self.far = far
        self.iterations = iterations

    def initialize_z(self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None) -> State:
        """The image at working size, and per element the seeds, the initial mask and the last prediction."""
        small = [self._shrink(pixels) for pixels in image]
        initial = [None if initial_mask is None else _as_mask(initial_mask[i], s) for i, s in enumerate(small)]
        return {
            "image": small,
            "initial": initial,
            "predicted": [np.zeros(s.shape[:2], bool) if m is None else m for s, m in zip(small, initial, strict=True)],
            "seeds": [() for _ in small],
            "interactions": [0 for _ in small],
        }

    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        seeds = [self._with_new_seeds(z, i, pcs, ncs, x.shape[-2:]) for i in range(len(x))]
        predicted = per_element(lambda i: self._cut(z["image"][i], seeds[i], z["initial"][i]), len(x))
        y = np.stack([_enlarge(mask, x.shape[-2:]) for mask in predicted])
        for i in range(len(x)):
            for positives, negatives in zip(pcs, ncs, strict=True):
                for label, clicks in ((1, positives[i]), (0, negatives[i])):
                    for row, col in clicks:
                        y[i, row, col] = label
        interactions = [len(pcs) for _ in seeds]
        return torch.from_numpy(y)[:, None], {**z, "predicted": predicted, "seeds": seeds, "interactions": interactions}

    def _shrink(self, pixels: Tensor) -> np.ndarray:
        """uint8 Lab at working size: its distances are closer to what looks alike than those of RGB."""
        rgb = np.ascontiguousarray((pixels * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())
        scale = min(1.0, self.working_size / max(rgb.shape[:2]))
        height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
        return cv2.cvtColor(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)

    def _with_new_seeds(self, z: State, i: int, pcs: Clicks, ncs: Clicks, shape: tuple[int, ...]) -> tuple[Seed, ...]:
        """The element's seeds and those of the interactions that z has not seen."""
        predicted = z["predicted"][i]
        seeds = list(z["seeds"][i])
        first = z["interactions"][i]
        for positives, negatives in zip(pcs[first:], ncs[first:], strict=True):
            for positive, clicks in ((True, positives[i]), (False, negatives[i])):
                for click in clicks:
                    row, col = (
                        min(int((at + 0.5) * small / large), small - 1)
                        for at, small, large in zip(click, predicted.shape, shape, strict=True)
                    )
                    seeds.append(Seed(row, col, self._radius(predicted, row, col, positive), positive))
        return tuple(seeds)

    def _radius(self, predicted: np.ndarray, row: int, col: int, positive: bool) -> float:
        wrong = (predicted != positive).astype(np.uint8)
        if wrong.all():
            return self.seed_radius
        return min(self.seed_radius, float(cv2.distanceTransform(wrong, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[row, col]))

    def _cut(self, image: np.ndarray, seeds: tuple[Seed, ...], initial: np.ndarray | None) -> np.ndarray:
        labels = self._labels(image.shape[:2], seeds, initial)
        is_object = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        if seeds and is_object.any() and not is_object.all():
            # GrabCut starts its colour models from k-means, which draws from the generator of this thread.
            cv2.setRNGSeed(0)
            unused = (0, 0, 1, 1)
            background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
            cv2.grabCut(image, labels, unused, background, foreground, self.iterations, cv2.GC_INIT_WITH_MASK)
            is_object = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
        return _anchored(is_object, seeds, initial)

    def _labels(self, shape: tuple[int, ...], seeds: tuple[Seed, ...], initial: np.ndarray | None) -> np.ndarray:
        """GrabCut's four labels: the prior, and over it the certain disks, the latest on top."""
        to_positive = _distance_to(shape, [seed for seed in seeds if seed.positive])
        to_negative = _distance_to(shape, [seed for seed in seeds if not seed.positive])
        reach = self.near * min(shape)
        probable = to_positive < np.minimum(to_negative, reach)
        if initial is not None:
            probable |= initial & (to_negative >= np.minimum(to_positive, reach))
        labels = np.where(probable, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
        if initial is None:
            labels[to_positive > self.far * max(shape)] = cv2.GC_BGD
        for seed in seeds:
            rivals = to_negative if seed.positive else to_positive
            radius = max(1.0, min(seed.radius, rivals[seed.row, seed.col] / 2))
            label = cv2.GC_FGD if seed.positive else cv2.GC_BGD
            cv2.circle(labels, (seed.col, seed.row), round(radius), label, cv2.FILLED)
        for seed in seeds:
            labels[seed.row, seed.col] = cv2.GC_FGD if seed.positive else cv2.GC_BGD
        return labels


def _distance_to(shape: tuple[int, ...], seeds: list[Seed]) -> np.ndarray:
    """Euclidean distance to the nearest seed, float32 (H, W); infinite without any."""
    if not seeds:
        return np.full(shape, np.inf, np.float32)
    elsewhere = np.ones(shape, np.uint8)
    for seed in seeds:
        elsewhere[seed.row, seed.col] = 0
    return cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _anchored(mask: np.ndarray, seeds: tuple[Seed, ...], initial: np.ndarray | None) -> np.ndarray:
    """The 4-connected parts of the mask that hold a positive seed or meet the initial mask."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    kept = np.zeros(count, bool)
    kept[[labels[seed.row, seed.col] for seed in seeds if seed.positive]] = True
    if initial is not None:
        kept[labels[initial]] = True
    kept[0] = False
    anchored: np.ndarray = kept[labels]
    return anchored


def _as_mask(mask: Tensor, image: np.ndarray) -> np.ndarray:
    """A float (1, H, W) mask as bool at the size of the small image."""
    height, width = image.shape[:2]
    return (
        cv2.resize(np.ascontiguousarray(mask[0].float().numpy()), (width, height), interpolation=cv2.INTER_AREA) > 0.5
    )


def _enlarge(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return cv2.resize(mask.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)

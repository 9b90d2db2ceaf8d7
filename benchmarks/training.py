"""Milliseconds per image of all that training does beside the network, at 320 x 480 and batch 8, without workers.

python benchmarks/training.py [FOLDER of COCO_MVal, with img/ and gt/]

Reading, augmentation, clicks (initial ones and three interactions of the robot `ritm-train`), encoding as maps at each
of the four answers, and loss with its gradient; the network itself is left out. Without a folder images are synthetic,
and drawing them counts as reading. Then, what a profiler sees most of the processor's time in.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from iis_datasets.transforms import ritm

from iis_core import ask, load_dataset, load_initial_robot, load_robot, load_selector
from iis_core.datasets import RegionDataset, collate
from iis_core.models.fusion import encode_maps
from iis_core.models.losses import normalised_focal
from iis_core.seeding import generator

SHAPE = (320, 480)
BATCH, BATCHES, FURTHER = 8, 10, 3
BUDGET = 80.0
SHOWN = 12


class Stages:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.spent[name] += time.perf_counter() - start


class Read:
    """A dataset whose samples are there already."""

    def __init__(self, samples: list[Any]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Any:
        return self.samples[index]


def batches(data: Any, stages: Stages, first: int, last: int) -> None:
    """All that training does with some batches, but for the network."""
    selector = load_selector("random-single")
    initial_robot, robot = load_initial_robot("ritm-initial"), load_robot("ritm-train", threshold=0.49)
    for number in range(first, last):
        places = [(number * BATCH + i) % len(data) for i in range(BATCH)]
        with stages("reading"):
            samples = [data[i] for i in places]
        with stages("augmentation"):
            regions = RegionDataset(Read(samples), selector, augment=ritm(*SHAPE))
            batch = collate([regions[i] for i in range(BATCH)])
        rngs = [generator(0, 0, str(info["id"]), "clicks") for info in batch.info]
        # In place of a network: the truth, blurred and shifted, so that there are errors to click.
        shifted = (batch.target == 1).float().roll((9, -7), (2, 3))
        y = torch.nn.functional.avg_pool2d(shifted, 9, 1, 4)
        with stages("clicks"):
            pcs, ncs = ([new] for new in initial_robot(batch.region, rngs=rngs))
        for interaction in range(FURTHER + 1):
            with stages("encoding"):
                maps = encode_maps(y, pcs, ncs, "disks")
            if interaction < FURTHER:
                with stages("clicks"):
                    new_pcs, new_ncs = ask(robot, y, batch.target, pcs, ncs, rngs=rngs)
                pcs, ncs = [*pcs, new_pcs], [*ncs, new_ncs]
        assert batch.image.shape[-2:] == maps.shape[-2:] == SHAPE
        logits = (y * 8 - 4).requires_grad_()
        with stages("loss"):
            normalised_focal(logits, batch.target).mean().backward()


def main() -> None:
    if len(sys.argv) > 1:
        data = load_dataset("coco-mval", root=sys.argv[1])
    else:
        data = load_dataset("synthetic", count=BATCH * BATCHES, height=480, width=640)
    batches(data, Stages(), 0, 1)
    stages = Stages()
    batches(data, stages, 1, BATCHES)
    images = BATCH * (BATCHES - 1)
    total = 1000 * sum(stages.spent.values()) / images
    for name, seconds in stages.spent.items():
        print(f"{name:<14}{1000 * seconds / images:6.1f} ms an image")
    print(f"{'together':<14}{total:6.1f} ms an image, {total / BUDGET:.2f} of the budget of {BUDGET:.0f}")
    with cProfile.Profile() as profile:
        batches(data, Stages(), 1, BATCHES)
    pstats.Stats(profile).sort_stats("tottime").print_stats(SHOWN)


if __name__ == "__main__":
    main()

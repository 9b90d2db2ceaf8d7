"""Training samples a second of a RegionDataset with RITM's augmentation at 320 x 480, and where the time goes.

python benchmarks/augment.py [FOLDER of COCO_MVal, with img/ and gt/]

Without a folder, images are synthetic, and drawing them counts as reading.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from typing import Any

import numpy as np
import torch
from iis_datasets.transforms import Compose, ritm
from torch.utils.data import DataLoader

from iis_core import load_dataset, load_selector
from iis_core.datasets import RegionDataset, collate
from iis_core.types import Region

SAMPLES = 200


class Timed:
    """Counts the seconds spent in calls and in `[]`."""

    spent: dict[str, float] = defaultdict(float)  # noqa: RUF012

    def __init__(self, inner: Any, name: str) -> None:
        self.inner = inner
        self.stage = name

    def __len__(self) -> int:
        return len(self.inner)

    def __getitem__(self, index: int) -> Any:
        start = time.perf_counter()
        sample = self.inner[index]
        self.spent[self.stage] += time.perf_counter() - start
        return sample

    def __call__(self, *arguments: Any) -> tuple[np.ndarray, Region]:
        start = time.perf_counter()
        result = self.inner(*arguments)
        self.spent[self.stage] += time.perf_counter() - start
        return result


def main() -> None:
    torch.set_num_threads(1)
    if len(sys.argv) > 1:
        data = load_dataset("coco-mval", root=sys.argv[1])
    else:
        data = load_dataset("synthetic", count=SAMPLES, height=480, width=640)
    selector = load_selector("random-single")
    steps = [Timed(step, type(step).__name__) for step in ritm(320, 480).transforms]
    timed = RegionDataset(Timed(data, "reading"), Timed(selector, "selecting"), augment=Compose(steps))
    count = min(SAMPLES, len(timed))
    start = time.perf_counter()
    for i in range(count):
        timed[i]
    whole = time.perf_counter() - start
    print(f"one process: {count / whole:.0f} samples a second, {1000 * whole / count:.1f} ms each")
    for stage, seconds in sorted(Timed.spent.items(), key=lambda item: -item[1]):
        print(f"  {stage:<20} {1000 * seconds / count:6.2f} ms  {seconds / whole:4.0%}")
    plain = RegionDataset(data, selector, augment=ritm(320, 480))
    for workers in (0, 2):
        loader = DataLoader(
            torch.utils.data.Subset(plain, range(count)), batch_size=8, num_workers=workers, collate_fn=collate
        )
        start = time.perf_counter()
        for _ in loader:
            pass
        print(f"DataLoader, {workers} workers: {count / (time.perf_counter() - start):.0f} samples a second")


if __name__ == "__main__":
    main()

"""What a model learns from clicks alone: the same training and evaluation with black images.

PYTHONPATH=examples iis train CONFIG.yaml data.augment.name=blind:ritm out=runs/blind
python examples/blind.py --model smp/unet --weights runs/blind/model --working-size 160 --dataset grabcut \
    --data-root data/GrabCut --out runs/blind-grabcut

A model that sees the image has to be better than this one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from iis_datasets import transforms

import iis_core
from iis_core.metrics import mean_iou_at, mean_noc


class Black:
    """A dataset whose images are black."""

    def __init__(self, dataset: iis_core.SegDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> iis_core.Sample:
        sample = self.dataset[index]
        return iis_core.Sample(np.zeros_like(sample.image), sample.masks, sample.info)


def ritm(**keywords: Any) -> transforms.Transform:
    """RITM's augmentation, of which only the masks are kept. Keywords as for `iis_datasets.transforms.ritm`."""
    augment = transforms.ritm(**keywords)

    def blind(image: np.ndarray, region: iis_core.Region, rng: np.random.Generator) -> transforms.Augmented:
        image, region = augment(image, region, rng)
        return np.zeros_like(image), region

    return blind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--working-size", type=int)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    model: Any = iis_core.load_model(arguments.model, weights=arguments.weights, working_size=arguments.working_size)
    dataset = Black(iis_core.load_dataset(arguments.dataset, root=arguments.data_root))
    run = iis_core.evaluate(
        model, dataset, overrides={"stop_iou": None}, out=arguments.out, identity={"weights": model.origin.sha256}
    )
    noc, iou = mean_noc(run.records, 0.85, run.protocol), mean_iou_at(run.records, 5, run.protocol)
    print(f"{len(run.records)} objects, black images: NoC@85 {noc:.2f}, mean IoU@5 {iou:.3f}")


if __name__ == "__main__":
    main()

"""Train a model on a few objects until it knows them by heart: a plain loop that shows whether a network can learn.

python examples/overfit.py --data-root data/COCO_MVal --out runs/overfit

Evaluates the untrained model on images of half the size, trains it there with simulated clicks, writes a model folder
and evaluates that.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import iis_core
from iis_core.datasets import EvaluationDataset
from iis_core.metrics import mean_noc
from iis_core.models.weights import save_model

FURTHER = 3


class Halved:
    """A dataset at half of its size."""

    def __init__(self, dataset: iis_core.SegDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> iis_core.Sample:
        sample = self.dataset[index]
        masks = sample.masks[::2, ::2]
        image = cv2.resize(sample.image, masks.shape[1::-1], interpolation=cv2.INTER_AREA)
        return iis_core.Sample(image, masks, sample.info)


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy plus one minus the soft IoU, without ignored pixels."""
    counted, truth = target >= 0, (target == 1).float()
    entropy = functional.binary_cross_entropy_with_logits(logits[counted], truth[counted])
    y = logits.sigmoid()[counted]
    overlap = (y * truth[counted]).sum()
    return entropy + 1 - overlap / (y.sum() + truth[counted].sum() - overlap).clamp(min=1)


def loss_after_clicks(model: Any, robot: iis_core.Robot, x: Tensor, target: Tensor) -> Tensor:
    """All but the last of a random number of clicks are made without gradient."""
    z, y = model.initialize_z(x, target), model.initialize_y(x, target)
    pcs, ncs = [], []
    for _ in range(random.randint(0, FURTHER)):
        new_pcs, new_ncs = iis_core.ask(robot, y, target, pcs, ncs)
        pcs.append(new_pcs)
        ncs.append(new_ncs)
        y, z = iis_core.answer(model, x, z, pcs, ncs)
    new_pcs, new_ncs = iis_core.ask(robot, y, target, pcs, ncs)
    outputs, _ = model.logits(x, z, [*pcs, new_pcs], [*ncs, new_ncs])
    return loss_of(outputs["y"], target)


def train(model: torch.nn.Module, targets: EvaluationDataset, steps: int) -> None:
    """One image at a time, the model in evaluation mode: without dropout, and best without batch normalisation."""
    robot = iis_core.load_robot("ritm", threshold=0.49)
    entries = [targets[i] for i in range(len(targets))]
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1e-3, total_steps=steps, pct_start=0.1)
    start, losses = time.perf_counter(), []
    for number in range(1, steps + 1):
        entry = entries[random.randrange(len(entries))]
        x = torch.from_numpy(entry.image).permute(2, 0, 1)[None].float() / 255
        loss = loss_after_clicks(model, robot, x, torch.from_numpy(entry.target)[None, None])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if number % 100 == 0:
            print(f"step {number}: loss {np.mean(losses[-100:]):.3f}, {time.perf_counter() - start:.0f} s", flush=True)


def report(model: Any, dataset: Halved, objects: int, out: Path) -> None:
    run = iis_core.evaluate(model, dataset, limit=objects, out=out, identity={"step": out.name})
    print(
        f"{out.name}: NoC@85 {mean_noc(run.records, 0.85, run.protocol):.2f} on {len(run.records)} objects", flush=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smp/fpn")
    parser.add_argument("--encoder", default="tu-convnext_atto")
    parser.add_argument("--fusion", default="early")
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--objects", type=int, default=8)
    parser.add_argument("--steps", type=int, default=1400)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    keywords = {"encoder_name": arguments.encoder, "fusion": arguments.fusion, "click_encoding": "distances"}
    model: Any = iis_core.load_model(arguments.model, weights="random", **keywords)
    dataset = Halved(iis_core.load_dataset("coco-mval", root=str(arguments.data_root)))
    report(model, dataset, arguments.objects, arguments.out / "untrained")
    train(model, EvaluationDataset(dataset, limit=arguments.objects), arguments.steps)
    folder = arguments.out / "model"
    save_model(folder, model)
    again = iis_core.load_model(arguments.model, weights=str(folder))
    report(again, dataset, arguments.objects, arguments.out / "trained")


if __name__ == "__main__":
    main()

"""Train a model on a few objects until it knows them by heart: a plain loop that shows whether a network can learn.

python examples/overfit.py --data-root data/COCO_MVal --out runs/overfit

Evaluates the untrained model, trains it with simulated clicks, writes a model folder, evaluates that.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import iis_core
from iis_core.datasets import EvaluationDataset, Target
from iis_core.metrics import mean_noc
from iis_core.weights import save_weights

FURTHER = 3
SIDE = 224
BATCH = 4


def loss_of(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross entropy plus one minus the soft IoU, without ignored pixels."""
    counted, truth = target >= 0, (target == 1).float()
    entropy = functional.binary_cross_entropy_with_logits(logits[counted], truth[counted])
    y = logits.sigmoid()[counted]
    overlap = (y * truth[counted]).sum()
    return entropy + 1 - overlap / (y.sum() + truth[counted].sum() - overlap).clamp(min=1)


def step(model: torch.nn.Module, robot: iis_core.Robot, x: Tensor, target: Tensor) -> Tensor:
    """The loss after some clicks, all but the last of which are made without gradient."""
    z, y = model.initialize_z(x, target), model.initialize_y(x, target)
    pcs, ncs = [], []
    for _ in range(random.randint(0, FURTHER)):
        new_pcs, new_ncs = iis_core.ask(robot, y, target, pcs, ncs)
        pcs.append(new_pcs)
        ncs.append(new_ncs)
        y, z = iis_core.answer(model.eval(), x, z, pcs, ncs)
    new_pcs, new_ncs = iis_core.ask(robot, y, target, pcs, ncs)
    outputs, _ = model.train().logits(x, z, [*pcs, new_pcs], [*ncs, new_ncs])
    return loss_of(outputs["y"], target)


def crop(entry: Target) -> tuple[Tensor, Tensor]:
    """A part of the image around a random pixel of the object, perhaps mirrored."""
    rows, columns = np.nonzero(entry.target == 1)
    place = random.randrange(len(rows))
    top, left = (
        min(max(0, int(centre) - random.randrange(SIDE)), max(0, side - SIDE))
        for centre, side in zip((rows[place], columns[place]), entry.target.shape, strict=True)
    )
    window = slice(top, top + SIDE), slice(left, left + SIDE)
    x, target = torch.zeros(1, 3, SIDE, SIDE), torch.full((1, 1, SIDE, SIDE), -1, dtype=torch.int8)
    height, width = entry.target[window].shape
    x[..., :height, :width] = torch.from_numpy(entry.image[window]).permute(2, 0, 1) / 255
    target[..., :height, :width] = torch.from_numpy(entry.target[window])
    return (x.flip(3), target.flip(3)) if random.random() < 0.5 else (x, target)


def train(model: torch.nn.Module, targets: EvaluationDataset, steps: int) -> None:
    robot = iis_core.load_robot("ritm", threshold=0.49)
    model.to(memory_format=torch.channels_last)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps)
    start, losses = time.perf_counter(), []
    for number in range(1, steps + 1):
        crops = [crop(targets[random.randrange(len(targets))]) for _ in range(BATCH)]
        x, target = (torch.cat(tensors) for tensors in zip(*crops, strict=True))
        loss = step(model, robot, x, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if number % 100 == 0:
            print(
                f"step {number}: loss {sum(losses[-100:]) / 100:.3f}, {time.perf_counter() - start:.0f} s", flush=True
            )


def evaluated(arguments: argparse.Namespace, label: str, **keywords: object) -> None:
    run = iis_core.evaluate(
        arguments.model,
        "coco-mval",
        model_keywords={**keywords, **dict(pair.split("=", 1) for pair in arguments.set)},
        dataset_keywords={"root": str(arguments.data_root)},
        limit=arguments.objects,
        out=arguments.out / label,
    )
    print(f"{label}: NoC@85 {mean_noc(run.records, 0.85, run.protocol):.2f} on {len(run.records)} objects", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smp/linknet")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--objects", type=int, default=8)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    random.seed(0)
    torch.manual_seed(0)
    evaluated(arguments, "untrained", weights="random")
    keywords = dict(pair.split("=", 1) for pair in arguments.set)
    model = iis_core.load_model(arguments.model, weights="random", **keywords)
    dataset = iis_core.load_dataset("coco-mval", root=str(arguments.data_root))
    train(model, EvaluationDataset(dataset, limit=arguments.objects), arguments.steps)
    save_weights(arguments.out / "model", model.network, name=arguments.model, config=model.network.config)
    evaluated(arguments, "trained", weights=str(arguments.out / "model"))


if __name__ == "__main__":
    main()

"""What the framework adds per click around a model that costs nothing, at 480 x 640; and what listing costs.

python benchmarks/overhead.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

from iis_core import IISModel, Sample, evaluate

OBJECTS = 8


class Free(IISModel):
    """Answers with predictions made beforehand, so that a click costs the framework's part alone."""

    def __init__(self, answers: torch.Tensor) -> None:
        self.device = torch.device("cpu")
        self.answers = answers
        self.seconds = 0.0

    def __call__(self, x, z, pcs, ncs):
        start = time.perf_counter()
        y = self.answers[len(pcs) - 1][None, None].clone()
        self.seconds += time.perf_counter() - start
        return y, {}


class Blobs:
    """Smooth blobs as objects."""

    def __init__(self, masks: np.ndarray) -> None:
        self.masks = masks

    def __len__(self) -> int:
        return OBJECTS

    def info(self, index: int):
        whole = {"layer": 0, "value": 1, "parent": None, "children": (), "class": None}
        return {"id": str(index), "path": "", "objects": {1: whole}}

    def __getitem__(self, index: int) -> Sample:
        return Sample(np.zeros((*self.masks.shape, 3), np.uint8), self.masks[:, :, None], self.info(index))


def noisy(rng: np.random.Generator, scale: float) -> np.ndarray:
    """A blob in the middle of the image, its border displaced by smooth noise."""
    rows, columns = np.mgrid[:480, :640]
    coarse = torch.from_numpy(rng.standard_normal((1, 1, 16, 20), dtype=np.float32))
    noise = torch.nn.functional.interpolate(coarse, (480, 640), mode="bicubic")[0, 0].numpy()
    return 1 - np.hypot((rows - 240) / 150, (columns - 320) / 200) + scale * noise > 0


def overhead() -> None:
    rng = np.random.default_rng(0)
    target = noisy(rng, 0.1).astype(np.int32)
    answers = torch.from_numpy(np.stack([noisy(rng, 0.3 * 0.9**k) for k in range(20)]).astype(np.float32))
    model = Free(answers)
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        run = evaluate(model, Blobs(target), out=f"{out}/run", overrides={"stop_iou": None})
        whole = time.perf_counter() - start
    clicks = sum(len(record.clicks) for record in run.records)
    robot = sum(click.seconds["robot"] for record in run.records for click in record.clicks)
    each = 1e3 / clicks
    print(f"{clicks} clicks: {(whole - model.seconds) * each:.2f} ms a click around the model")
    print(f"  of these the robot {robot * each:.2f} ms; the model itself {model.seconds * each:.2f} ms")


def listing() -> None:
    def seconds(*arguments: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
            times.append(time.perf_counter() - start)
        return statistics.median(times)

    bare, listed = seconds("-c", "pass"), seconds("-m", "iis_core", "list", "models")
    print(f"iis list models: {listed:.3f} s, a bare interpreter {bare:.3f} s, difference {listed - bare:.3f} s")


if __name__ == "__main__":
    overhead()
    listing()

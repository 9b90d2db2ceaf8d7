"""A dry run: build everything, take two steps on the first batch, write nothing."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

import torch

from iis_core.datasets import RegionBatch
from iis_lightning.building import build_module, build_trainer, check_batch_of_one
from iis_lightning.config import TrainingConfig
from iis_lightning.data import Batches, make_loader, open_training_data
from iis_lightning.folder import TrainingFolder
from iis_lightning.progress import quiet
from iis_lightning.stopping import StopRequest
from iis_lightning.validation import NumberOfClicks


@dataclass(frozen=True)
class Trial:
    """What a dry run found.

    Args:
        batch: the first batch.
        outputs: shapes of the model's outputs, by name.
        losses: losses of the second step, by `output/name`.
        parameters: number of trained parameters, and of all.
        seconds: duration of the second step.
        memory: peak memory in bytes, None where the system does not tell.
    """

    batch: RegionBatch
    outputs: dict[str, tuple[int, ...]]
    losses: dict[str, float]
    parameters: tuple[int, int]
    seconds: float
    memory: int | None


def try_out(config: TrainingConfig) -> Trial:
    """Build everything and take two steps on the first batch, writing nothing.

    Args:
        config: the configuration.
    """
    folder = TrainingFolder.of(config)
    with quiet():
        if config.validation is not None:
            NumberOfClicks(config.validation, folder, StopRequest())
        trainer = build_trainer(config, folder, [], [])
        module = build_module(config)
    device = trainer.strategy.root_device
    module.to(device)
    dataset = open_training_data(config.data, config.seed)
    check_batch_of_one(module, dataset)
    batches = Batches(len(dataset), config.data.batch_size, config.seed, lambda: (0, 0))
    batch = next(iter(make_loader(dataset, batches, config.data.workers)))
    made = module.configure_optimizers()
    optimizer = made["optimizer"] if isinstance(made, dict) else made
    for _ in range(2):
        start = time.perf_counter()
        with trainer.precision_plugin.forward_context():
            answered = module.answer_clicks(batch, 0, 0)
            losses = module.losses(answered.outputs, batch)
        loss: Any = torch.stack([*losses.values()]).sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - start
    trained, everything = (
        sum(p.numel() for p in module.parameters() if p.requires_grad or not only) for only in (True, False)
    )
    return Trial(
        batch,
        {name: tuple(output.shape) for name, output in answered.outputs.items()},
        {name: float(loss.detach()) for name, loss in losses.items()},
        (trained, everything),
        seconds,
        _measure_peak_memory(device),
    )


def _measure_peak_memory(device: torch.device) -> int | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

"""Training any `TrainableModel`, as a LightningModule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn

from iis_core import ContractError, UserError, load_initial_robot, load_robot
from iis_core.datasets import RegionBatch
from iis_core.errors import name_of
from iis_core.models import LayerwiseModel, TrainableModel
from iis_core.models.losses import LOSSES
from iis_core.seeding import generator
from iis_lightning.clicking import Answered, click_and_answer
from iis_lightning.config import TrainingConfig
from iis_lightning.data import make_generators
from iis_lightning.named import call_with, find_optimizer, find_schedule
from iis_lightning.resuming import check_fits, find_bad_parameters, replace_settings, settings_of

REMEDY_FOR_NAN = (
    "--resume-with optimizer.keywords.lr=... (a lower one), trainer.gradient_clip_val=1 or trainer.precision=32-true"
)


class ClickTraining(LightningModule):
    """A model and the way it is trained.

    Args:
        model: a `TrainableModel`.
        config: its clicks, losses, optimizer, schedule and seed are used.

    Raises:
        UserError: the model cannot be trained.
    """

    def __init__(self, model: Any, config: TrainingConfig) -> None:
        super().__init__()
        if not (isinstance(model, nn.Module) and isinstance(model, TrainableModel)):
            raise UserError(f"{name_of(model)} cannot be trained: it is no module with `logits`")
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise UserError(f"{name_of(model)} cannot be trained: it has no parameters")
        self.model: Any = model
        self.config = config
        self.initial_robot = load_initial_robot(config.clicks.initial.name, **config.clicks.initial.keywords)
        self.robot = load_robot(config.clicks.robot.name, **config.clicks.robot.keywords)

    def answer_clicks(self, batch: RegionBatch, epoch: int, number: int) -> Answered:
        """Let robots click on a batch, and answer all clicks.

        Args:
            batch: the samples.
            epoch: the epoch.
            number: which batch of the epoch this is.
        """
        clicks, seed = self.config.clicks, self.config.seed
        further = int(generator(seed, epoch, str(number), "further").integers(clicks.further, endpoint=True))
        rngs = make_generators(batch, seed, epoch, "clicks")
        return click_and_answer(
            self.model, batch, self.initial_robot, self.robot, further=further, forget=clicks.forget, rngs=rngs
        )

    def losses(self, outputs: Mapping[str, Tensor], batch: RegionBatch) -> dict[str, Tensor]:
        """Compute every loss of the configuration, weighted and averaged over the batch.

        Args:
            outputs: as returned by `TrainableModel.logits`.
            batch: the samples.

        Returns:
            Losses by `output/name`.

        Raises:
            ContractError: a loss is not finite; the samples are named.
        """
        target = batch.target.to(outputs["y"].device)
        found = {}
        for output, weights in self.config.losses.items():
            for name, weight in weights.items() if output in outputs else ():
                each = LOSSES[name](outputs[output].float(), target)
                bad = [str(info["id"]) for info, fine in zip(batch.info, each.isfinite(), strict=True) if not fine]
                if bad:
                    raise ContractError(
                        f"{name_of(self.model)} gave a loss {name} of {output} that is no number for {', '.join(bad)}: "
                        f"the last checkpoint is kept, go on from it with {REMEDY_FOR_NAN}"
                    )
                found[f"{output}/{name}"] = weight * each.mean()
        return found

    def training_step(self, batch: RegionBatch, batch_idx: int) -> dict[str, Any]:
        answered = self.answer_clicks(batch, self.current_epoch, batch_idx)
        parts = self.losses(answered.outputs, batch)
        loss = torch.stack([*parts.values()]).sum()
        size = len(batch.info)
        self.log("train/loss", loss.detach(), batch_size=size)
        self.log("loss", loss.detach(), prog_bar=True, logger=False, batch_size=size)
        if len(parts) > 1:
            self.log_dict({f"train/{name}": value.detach() for name, value in parts.items()}, batch_size=size)
        return {"loss": loss, "answered": answered}

    def transfer_batch_to_device(self, batch: RegionBatch, device: torch.device, dataloader_idx: int) -> RegionBatch:
        """Leave the batch on the CPU, where robots need it; what the model needs is moved with the clicks."""
        return batch

    def configure_optimizers(self) -> Any:
        named = self.config.optimizer
        optimizer = call_with(find_optimizer(named), named, "optimizer", self.parameter_groups())
        if self.config.schedule is None:
            return optimizer
        schedule = call_with(find_schedule(self.config.schedule), self.config.schedule, "schedule", optimizer)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": self.config.schedule.interval},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        bad = find_bad_parameters(self.model)
        if bad:
            raise ContractError(
                f"{len(bad)} parameters of {name_of(self.model)} are no longer numbers ({bad[0]}), so no checkpoint is "
                f"written: the last checkpoint is kept, go on from it with {REMEDY_FOR_NAN}"
            )
        checkpoint["training"] = settings_of(self.config)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        check_fits(self, checkpoint["state_dict"], self.trainer.ckpt_path)
        settings = settings_of(self.config)
        if checkpoint["training"]["optimizer.name"] != settings["optimizer.name"]:
            raise UserError(
                f"{self.trainer.ckpt_path} is of a training with {checkpoint['training']['optimizer.name']}, not "
                f"{settings['optimizer.name']}: put this training's checkpoint back, or choose another out"
            )
        if checkpoint["training"] != settings:
            replace_settings(checkpoint, self.configure_optimizers())

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Group the trained parameters by the factor of their learning rate; see `LayerwiseModel`.

        Raises:
            UserError: factors differ, but no learning rate is given.
        """
        factors = self.model.learning_rate_multipliers() if isinstance(self.model, LayerwiseModel) else {}
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                groups.setdefault(float(factors.get(name, 1.0)), []).append(parameter)
        if set(groups) == {1.0}:
            return [{"params": groups[1.0]}]
        if "lr" not in self.config.optimizer.keywords:
            raise UserError("optimizer.keywords.lr is missing: this model scales it layer by layer")
        lr = float(self.config.optimizer.keywords["lr"])
        return [{"params": parameters, "lr": lr * factor} for factor, parameters in sorted(groups.items())]

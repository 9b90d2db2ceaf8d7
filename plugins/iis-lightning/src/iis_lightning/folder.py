"""The folder of a training: what is in it, who may write to it, and whether the training in it is this one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import OmegaConf

from iis_core import UserError
from iis_core.files.config import expand
from iis_core.files.reading import read_json
from iis_core.files.writing import explain_write_errors, replace_whole
from iis_lightning.config import TrainingConfig, flatten
from iis_lightning.reading import parse_config

REMEDY = "make room or make it writable, and run the same command again: it goes on from the last checkpoint"

_MAY_CHANGE = ("trainer.max_epochs", "trainer.max_steps", "trainer.max_time", "data.workers", "out")
"""Values that may differ when a training is resumed."""

_MAY_CHANGE_ON_PURPOSE = ("optimizer.keywords", "schedule", "trainer.gradient_clip_", "trainer.precision")
"""What the keys that `--resume-with` takes begin with."""


@dataclass(frozen=True)
class TrainingFolder:
    """The folder of a training.

    Args:
        out: the folder.
    """

    out: Path

    @classmethod
    def of(cls, config: TrainingConfig) -> TrainingFolder:
        """The folder that a configuration names; `~` is the home folder."""
        return cls(expand(config.out))

    @property
    def config(self) -> Path:
        """Every key with its value."""
        return self.out / "config.yaml"

    @property
    def changes(self) -> Path:
        """What was changed on purpose when the training was resumed, one line each time."""
        return self.out / "changes.jsonl"

    @property
    def last(self) -> Path:
        """The checkpoint."""
        return self.out / "checkpoints" / "last.ckpt"

    @property
    def metrics(self) -> Path:
        """All metrics, one line per logged step."""
        return self.out / "metrics.jsonl"

    @property
    def curve(self) -> Path:
        """Loss and numbers of clicks over the steps, as a picture."""
        return self.out / "curve.png"

    @property
    def summary(self) -> Path:
        """The end of the training; there only while the training is finished."""
        return self.out / "summary.json"

    @property
    def model(self) -> Path:
        """The model folder."""
        return self.out / "model"

    @property
    def best(self) -> Path:
        """The model folder of the best validation."""
        return self.out / "best"

    @property
    def is_begun(self) -> bool:
        """Whether there is a checkpoint, be it damaged."""
        return os.path.lexists(self.last)

    def find_summary(self, config: TrainingConfig) -> Mapping[str, Any] | None:
        """Return the summary where the training is finished and needs nothing more, else None."""
        try:
            if not (self.model / "model.json").is_file() or self.list_differences(config):
                return None
            summary = read_json(self.summary)
        except UserError:
            return None
        is_whole = isinstance(summary, dict) and {"epochs", "steps", "loss", "warnings"} <= summary.keys()
        return summary if is_whole else None

    def list_differences(self, config: TrainingConfig) -> dict[str, tuple[Any, Any]]:
        """List the values in which the training differs from a configuration: (its own, the configuration's).

        The folder's file is compared as it is written; nothing that it names is looked up.

        Raises:
            UserError: the file cannot be read.
        """
        kept, asked = flatten(parse_config(self.config)), flatten(config)
        free = ("out", "data.workers")
        return {
            key: (kept.get(key), asked.get(key))
            for key in sorted({*kept, *asked})
            if kept.get(key) != asked.get(key) and key not in free
        }

    def check_goes_on(self, config: TrainingConfig, resume_with: Sequence[str] = ()) -> dict[str, tuple[Any, Any]]:
        """Check that the training was started with a configuration, but for what is changed on purpose.

        Args:
            config: the configuration with which the training is to be resumed.
            resume_with: keys that are changed on purpose.

        Returns:
            What is changed on purpose.

        Raises:
            UserError: the configurations differ; the message says how.
        """
        for key in resume_with:
            if not key.startswith(_MAY_CHANGE_ON_PURPOSE):
                raise UserError(f"--resume-with {key}: only {', '.join(_MAY_CHANGE_ON_PURPOSE)} can be changed")
        if resume_with and not self.is_begun:
            raise UserError(
                f"--resume-with needs a checkpoint, and {self.last} is not there: give KEY=VALUE without it"
            )
        if not self.is_begun:
            return {}
        if not self.config.exists():
            raise UserError(f"{self.out} has a checkpoint but no {self.config.name}: choose another out")
        differing = self.list_differences(config)
        on_purpose = {key: pair for key, pair in differing.items() if key.startswith(tuple(resume_with))}
        refused = {key: pair for key, pair in differing.items() if key not in on_purpose and key not in _MAY_CHANGE}
        if refused:
            listed = "; ".join(f"{key} {kept}, not {asked}" for key, (kept, asked) in refused.items())
            can = all(key.startswith(_MAY_CHANGE_ON_PURPOSE) for key in refused)
            remedy = ", or change it on purpose with --resume-with KEY=VALUE" if can else ""
            raise UserError(f"{self.out} holds a run with {listed}: choose another out{remedy}")
        return on_purpose

    def write_config(self, config: TrainingConfig) -> None:
        """Write the configuration; from now on the training is not finished.

        Raises:
            UserError: it cannot be written.
        """
        with explain_write_errors(self.out, REMEDY):
            self.last.parent.mkdir(parents=True, exist_ok=True)
            self.summary.unlink(missing_ok=True)
            for left in self.last.parent.glob(".*.partial"):
                left.unlink(missing_ok=True)
        with replace_whole(self.config, REMEDY) as partial:
            partial.write_text(OmegaConf.to_yaml(OmegaConf.structured(config)), encoding="utf-8")

    def note_changes(self, changes: Mapping[str, tuple[Any, Any]], step: int) -> None:
        """Note what is changed on purpose from a step on."""
        line = json.dumps({"step": step, "changed": {key: list(pair) for key, pair in changes.items()}})
        with explain_write_errors(self.changes, REMEDY), self.changes.open("a") as stream:
            stream.write(line + "\n")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep every other training out of the folder; leave none behind where nothing was written.

        Raises:
            UserError: another training writes to it, or it cannot be written.
        """
        lock = FileLock(self.out / ".lock")
        with explain_write_errors(self.out, REMEDY):
            self.out.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                raise UserError(f"another training writes to {self.out}: wait for it, or choose another out") from None
        try:
            yield
        finally:
            if {path.name for path in self.out.glob("*")} <= {".lock"}:
                Path(lock.lock_file).unlink(missing_ok=True)
                with suppress(OSError):
                    self.out.rmdir()
            lock.release()

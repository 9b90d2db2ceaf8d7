"""Stopping on request: Ctrl-C and SIGTERM end a training where it can be resumed, with a checkpoint of that moment."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from lightning import Callback, LightningModule, Trainer

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A training was stopped on request; like KeyboardInterrupt no `except Exception` holds it up.

    Args:
        number: the signal.
        message: what was kept, and how to go on.
    """

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.exit_status = 128 + number


class StopRequest:
    """Takes note of Ctrl-C and SIGTERM; a second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.number: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen, where signals arrive: in the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in SIGNALS}
        self.listen()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def listen(self) -> None:
        """Take the place of any other handler."""
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._take)

    def stop_if_requested(self, kept: str) -> None:
        """Stop where it was requested.

        Args:
            kept: what can be gone on from, for the message.

        Raises:
            Stopped: it was requested.
        """
        if self.number is not None:
            name = "Ctrl-C" if self.number == signal.SIGINT else signal.Signals(self.number).name
            raise Stopped(self.number, f"Stopped by {name}: {kept}; run the same command again to go on.")

    def _take(self, number: int, frame: FrameType | None) -> None:
        if self.number == number == signal.SIGINT:
            self.stop_if_requested("at once, the last checkpoint is as it was")
        if self.number is None and number == signal.SIGINT:
            # Printing is not safe within a signal handler.
            os.write(2, b"\nStopping after this step, with a checkpoint; Ctrl-C again stops at once.\n")
        self.number = number


class Checkpoints(Callback):
    """Writes a checkpoint at regular intervals, at the end of every epoch and on a request to stop, over the last one.

    It never writes between the last batch of an epoch and the epoch's end, from where Lightning does not resume
    reliably, nor between two batches of one optimizer step.

    Args:
        file: the checkpoint.
        every: interval in optimizer steps.
        request: the request to stop.
    """

    def __init__(self, file: Path, every: int, request: StopRequest) -> None:
        self.file = file
        self.every = every
        self.request = request
        self._written = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Lightning has put its own handlers in place, which end a training without a checkpoint.
        self.request.listen()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        is_between = (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        if not is_between or trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            return
        stop = self._agree_to_stop(trainer)
        is_due = trainer.global_step % self.every == 0 and trainer.global_step != self._written
        if is_due or stop:
            self._write(trainer)
        if stop:
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._write(trainer)
        if self._agree_to_stop(trainer):
            self._stop(trainer)

    def _agree_to_stop(self, trainer: Trainer) -> bool:
        """Whether a signal reached any process, since all must stop after the same step."""
        wanted = self.request.number is not None
        if trainer.world_size > 1:
            wanted = trainer.strategy.reduce_boolean_decision(wanted, all=False)
        return wanted

    def _stop(self, trainer: Trainer) -> None:
        if self.request.number is None:
            self.request.number = signal.SIGTERM
        self.request.stop_if_requested(f"{self.file} holds everything up to step {trainer.global_step}")

    def _write(self, trainer: Trainer) -> None:
        self._written = trainer.global_step
        trainer.save_checkpoint(self.file, weights_only=False)

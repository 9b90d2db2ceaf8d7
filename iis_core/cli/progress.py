"""A bar on the terminal that follows an evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import Progress

    from iis_core.evaluation.evaluating import Watcher
    from iis_core.evaluation.failures import Failure
    from iis_core.evaluation.protocols import Protocol
    from iis_core.evaluation.records import Record


@contextmanager
def show_progress(
    shown: bool = True,
    told: str = "Stopped; every finished object is kept. Run the same command again to go on.",
) -> Iterator[Watcher]:
    """Show a bar on the terminal.

    Args:
        shown: whether this process shows it.
        told: what is said on interruption.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True), disable=not shown)
    try:
        yield _ProgressBar(progress)
    except KeyboardInterrupt:
        click.echo(f"\n{told}", err=True)
        raise
    finally:
        if progress.live.is_started:
            progress.stop()


class _ProgressBar:
    """Shows how many objects are done and the running NoC; a `Watcher`."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def start(self, objects: int, protocol: Protocol) -> None:
        from iis_core.metrics import usual_thresholds

        self.protocol = protocol
        self.clicks = dict.fromkeys(usual_thresholds(protocol), 0)
        self.done = self.failed = 0
        self.task = self.progress.add_task("", total=objects)
        self.progress.start()

    def add(self, record: Record) -> None:
        from iis_core.metrics import noc

        self.done += 1
        for threshold in self.clicks:
            self.clicks[threshold] += noc(record, threshold, self.protocol)
        self._show()

    def fail(self, failure: Failure) -> None:
        self.failed += 1
        self._show()

    def _show(self) -> None:
        done = max(self.done, 1)
        means = [f"NoC@{100 * threshold:.0f} {clicks / done:.2f}" for threshold, clicks in self.clicks.items()]
        failed = [f"{self.failed} failed"] if self.failed else []
        self.progress.update(self.task, completed=self.done + self.failed, description="  ".join(means + failed))

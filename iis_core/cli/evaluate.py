"""`iis evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iis_core.cli.keywords import data_keywords_option, keywords_option, model_keywords_option, parse_keywords
from iis_core.cli.options import PATH, CatalogName
from iis_core.errors import UserError
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import DatasetSpec, ModelSpec, ProtocolSpec, RobotSpec

if TYPE_CHECKING:
    from rich.progress import Progress

    from iis_core.evaluation.evaluating import Watcher
    from iis_core.evaluation.failures import Failure
    from iis_core.evaluation.processes import Rank
    from iis_core.evaluation.protocols import Protocol
    from iis_core.evaluation.records import Record
    from iis_core.evaluation.runs import Run


@click.command()
@click.option(
    "--model",
    type=CatalogName(ModelSpec),
    default="classic/grabcut",
    show_default=True,
    help="Catalog name, or a model folder.",
)
@click.option(
    "--dataset", type=CatalogName(DatasetSpec), default="datasets/sample", show_default=True, help="Catalog name."
)
@click.option(
    "--protocol", type=CatalogName(ProtocolSpec), default="core/ritm", show_default=True, help="Catalog name."
)
@click.option("--data-root", type=PATH, metavar="DIR", help="Where the dataset's files are.")
@click.option(
    "--out", type=PATH, metavar="DIR", help="Run folder; by default runs/MODEL--DATASET--PROTOCOL, with what differs."
)
@click.option("--overwrite", is_flag=True, help="Remove the run that the folder holds, and start anew.")
@data_keywords_option
@model_keywords_option
@click.option("--device", default="cpu", show_default=True, help="Torch device of the model.")
@click.option("--limit", type=int, help="Evaluate the first so many objects.")
@click.option("--ids", metavar="ID,ID,...", help="Evaluate the objects with these ids.")
@click.option("--seed", default=0, show_default=True, help="Seed of robots that draw.")
@click.option("--batch-size", default=1, show_default=True, help="Images of one size at a time.")
@click.option("--workers", default=0, show_default=True, help="Threads that read and click beside the model.")
@click.option("--pictures", default=0, show_default=True, help="Render the first so many objects into the run folder.")
@click.option("--save-masks", is_flag=True, help="Write every object's last mask into the run folder.")
@click.option("--robot", type=CatalogName(RobotSpec), help="Override the protocol's robot.")
@keywords_option("--robot-set", "robot_keywords", RobotSpec, "robot", "A keyword of the robot")
@click.option("--threshold", type=float, help="Override the protocol's threshold.")
@click.option("--inclusive/--strict", default=None, help="Override the comparison: y >= or > threshold.")
@click.option("--max-clicks", type=int, help="Override the protocol's limit of clicks.")
@click.option("--stop-iou", metavar="IOU|none", help="Override the IoU at which an object is done.")
def evaluate(
    model: str,
    dataset: str,
    protocol: str,
    data_root: Path | None,
    data_keywords: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    robot_keywords: tuple[str, ...],
    keywords: tuple[str, ...],
    device: str,
    limit: int | None,
    ids: str | None,
    seed: int,
    batch_size: int,
    workers: int,
    pictures: int,
    save_masks: bool,
    stop_iou: str | None,
    **rules: Any,
) -> None:
    """Evaluate a model on a dataset under a protocol; run it again to go on where it stopped.

    Without options: the classic/grabcut baseline on the sample photographs under the protocol ritm.
    """
    overrides = {rule: value for rule, value in rules.items() if value is not None}
    if stop_iou is not None:
        overrides["stop_iou"] = _parse_stop_iou(stop_iou)
    model_keywords = parse_keywords(keywords, "--set", (ModelSpec, model))
    dataset_keywords = parse_keywords(data_keywords, "--data", (DatasetSpec, dataset))
    robot = rules["robot"] or find(ProtocolSpec, protocol).spec.robot
    parsed_robot_keywords = parse_keywords(robot_keywords, "--robot-set", (RobotSpec, robot))
    from iis_core.evaluation.evaluating import carry_out
    from iis_core.evaluation.plan import make_plan
    from iis_core.evaluation.processes import own_device, this_rank

    root = {} if data_root is None else {"root": str(data_root)}
    rank = this_rank()
    with _show_progress(shown=rank.number == 0) as watch:
        plan = make_plan(
            model,
            dataset,
            protocol,
            overrides=overrides,
            robot_keywords=parsed_robot_keywords,
            model_keywords=model_keywords,
            dataset_keywords=root | dataset_keywords,
            device=own_device(device),
            ids=None if ids is None else ids.split(","),
            limit=limit,
            seed=seed,
            batch_size=batch_size,
        )
        run = carry_out(
            plan,
            plan.default_folder if out is None else out,
            overwrite=overwrite,
            workers=workers,
            pictures=pictures,
            save_masks=save_masks,
            watch=watch,
        )
    _print_outcome(run, rank)


def _print_outcome(run: Run, rank: Rank) -> None:
    """Print the table where this process knows the whole run; exit with 1 where objects failed."""
    if run.failures and not run.records:
        raise UserError(f"all of {run.objects} objects failed; {run.failures[0].id}: {run.failures[0].reason}")
    if rank.of == 1 or run.is_complete:
        from iis_core.cli.report import print_report
        from iis_core.report.estimates import compute_report

        print_report(compute_report([run]))
    else:
        done = f"process {rank.number} of {rank.of} is done"
        click.echo(f"{done}; {run.name} has {len(run.records)} of {run.objects} objects", err=True)
    if run.failures:
        click.get_current_context().exit(1)


def _parse_stop_iou(text: str) -> float | None:
    try:
        return None if text.lower() == "none" else float(text)
    except ValueError:
        raise UserError(f"--stop-iou takes a number or none, not {text!r}") from None


@contextmanager
def _show_progress(shown: bool) -> Iterator[Watcher]:
    """Show a bar on the terminal; on interruption, say how to go on."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    progress = Progress(*columns, console=Console(stderr=True), disable=not shown)
    try:
        yield _ProgressBar(progress)
    except KeyboardInterrupt:
        click.echo("\nStopped; every finished object is kept. Run the same command again to go on.", err=True)
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

"""`iis evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iis_core.cli.keywords import data_keywords_option, keywords_option, model_keywords_option, parse_keywords
from iis_core.cli.options import PATH, CatalogName
from iis_core.cli.progress import show_progress
from iis_core.errors import UserError
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import DatasetSpec, ModelSpec, ProtocolSpec, RobotSpec

if TYPE_CHECKING:
    from iis_core.evaluation.processes import Rank
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
@click.option(
    "--save-masks",
    type=click.Choice(["last", "every"]),
    is_flag=False,
    flag_value="last",
    help="Keep the last mask of every object in the run folder, or the masks after every click.",
)
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
    save_masks: str | None,
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
    with show_progress(shown=rank.number == 0) as watch:
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
            save_masks="every" if save_masks == "every" else save_masks is not None,
            watch=watch,
        )
    print_outcome(run, rank)


def print_outcome(run: Run, rank: Rank) -> None:
    """Print the table where this process knows the whole run; exit with 1 where objects failed.

    Args:
        run: the run as it was returned.
        rank: the place of this process in it.

    Raises:
        UserError: all objects failed.
    """
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

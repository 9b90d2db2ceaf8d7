"""`iis replay`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iis_core.cli.keywords import keywords_option, parse_keywords
from iis_core.cli.options import PATH, CatalogName, as_json
from iis_core.cli.progress import show_progress
from iis_core.cli.terminal import say
from iis_core.errors import UserError
from iis_core.plugins.specs import DatasetSpec, FactorySpec, ModelSpec

if TYPE_CHECKING:
    from iis_core.evaluation import Run
    from iis_core.evaluation.audit import Audit
    from iis_core.evaluation.plan import Plan


@click.command()
@click.argument("run", type=PATH)
@click.option("--model", type=CatalogName(ModelSpec), help="Another model, or a model folder; needs --out.")
@click.option("--out", type=PATH, metavar="DIR", help="Write a run of the replayed clicks.")
@click.option("--overwrite", is_flag=True, help="Remove the run that the folder of --out holds, and start anew.")
@click.option("--data-root", type=PATH, metavar="DIR", help="Where the dataset's files are on this machine.")
@keywords_option("--data", "data_keywords", DatasetSpec, "dataset", "A keyword of the dataset, in place of the run's")
@keywords_option("--set", "keywords", ModelSpec, "model", "A keyword of the model, in place of the run's")
@click.option("--device", help="Torch device of the model; by default one of the kind that the run used.")
@as_json
def replay(
    run: Path,
    model: str | None,
    out: Path | None,
    overwrite: bool,
    data_root: Path | None,
    data_keywords: tuple[str, ...],
    keywords: tuple[str, ...],
    device: str | None,
    as_json: bool,
) -> None:
    """Give the clicks of RUN, a run folder or a bundle, to its model again, and compare the counts.

    Exit status 0: all are identical, 1: some are not. With --out the answers become a run of their own, by --model of
    another model.
    """
    if model is not None and out is None:
        raise UserError("--model needs --out DIR, for the run of the other model")
    if as_json and out is not None:
        raise UserError("--json is for comparing: leave it out, and use `iis report RUN --json` on the new run")
    from iis_core.evaluation import read_run
    from iis_core.evaluation.replay import plan_replay

    found = read_run(run)
    root = {} if data_root is None else {"root": str(data_root)}
    plan = plan_replay(
        found,
        model=model,
        model_keywords=_parse(keywords, "--set", (ModelSpec, found.model if model is None else model)),
        dataset_keywords=root | _parse(data_keywords, "--data", (DatasetSpec, found.dataset)),
        device=device,
    )
    _audit(found, plan, as_json) if out is None else _write_run(plan, out, overwrite)


def _parse(texts: tuple[str, ...], option: str, of: tuple[type[FactorySpec], str]) -> dict[str, Any]:
    """Parse keywords; without any it does not matter whether what they are for has a name."""
    return parse_keywords(texts, option, of) if texts else {}


def _write_run(plan: Plan, out: Path, overwrite: bool) -> None:
    from iis_core.cli.evaluate import print_outcome
    from iis_core.evaluation.evaluating import carry_out
    from iis_core.evaluation.processes import this_rank

    rank = this_rank()
    with show_progress(shown=rank.number == 0) as watch:
        written = carry_out(plan, out, overwrite=overwrite, watch=watch)
    print_outcome(written, rank)


def _audit(run: Run, plan: Plan, as_json: bool) -> None:
    """Compare, and exit with 1 where a count differs."""
    from iis_core.evaluation.audit import audit

    with show_progress(told="Stopped; nothing was written.") as watch:
        watch.start(len(run.records), plan.protocol)
        found = audit(run, plan, watch.add)
    if as_json:
        click.echo(json.dumps({"run": run.name, **asdict(found)}, indent=2))
    else:
        for line in _describe(run, found):
            say(line)
    if found.first is not None:
        click.get_current_context().exit(1)


def _describe(run: Run, found: Audit) -> Iterator[str]:
    from iis_core.evaluation.settings import show_differences

    unfinished = "" if run.is_complete else f", of {run.objects} in the whole run"
    yield f"{run.name}: counts are identical on {found.identical} of {found.objects} objects{unfinished}"
    if found.first is not None:
        first, when = found.first, f"after click {found.first.click}" if found.first.click else "before the first click"
        yield f"largest difference in IoU: {found.largest_difference:.6f}"
        yield f"first difference: {first.id} {when}"
        for part, then, now in zip(("mask", "boundary"), first.recorded, first.replayed, strict=True):
            shown = [f"{each.tp} right, {each.fp} excess, {each.fn} missing" for each in (then, now)]
            yield f"  {part}: {shown[0]} in the run; {shown[1]} now"
    if found.differences:
        yield "what is another here:"
        yield from (f"  {line}" for line in show_differences(found.differences))
    elif found.first is not None:
        yield "nothing that the run names is another here: a file or a record is, or the model is not deterministic"

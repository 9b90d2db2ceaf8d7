"""The command `iis train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iis_lightning.config import TrainingConfig
    from iis_lightning.trial import Trial


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--dry-run", is_flag=True, help="Build everything, take two steps on one batch, write nothing.")
@click.option(
    "--resume-with",
    multiple=True,
    metavar="KEY=VALUE",
    help="Go on from the checkpoint with another value of the optimizer, the schedule, gradient clipping or precision.",
)
@click.option(
    "--trust",
    multiple=True,
    metavar="MODULE",
    help="Let CONFIG call what MODULE defines, outside the installed plugins: it is code, read it first.",
)
def train(
    config: Path, overrides: tuple[str, ...], dry_run: bool, resume_with: tuple[str, ...], trust: tuple[str, ...]
) -> None:
    """Train a model as CONFIG, a YAML file, says; run it again to go on where it stopped.

    KEY=VALUE replaces a value of the file, e.g. optimizer.keywords.lr=0.001.
    """
    from iis_lightning.catalog_names import check_names
    from iis_lightning.reading import parse_config

    parsed = parse_config(config, (*overrides, *resume_with))
    if not (dry_run or resume_with) and _show_finished(parsed):
        return
    check_names(parsed)
    # Heavy: a finished training and a wrong name are told before torch is imported.
    from iis_lightning.checking import check_config

    check_config(parsed, trust)
    if dry_run:
        from iis_lightning.trial import try_out

        _show(try_out(parsed))
        return
    _train(parsed, [change.partition("=")[0] for change in resume_with])


def _show_finished(config: TrainingConfig) -> bool:
    """Show the end of a training that is finished already."""
    from iis_lightning.folder import TrainingFolder
    from iis_lightning.summary import describe

    folder = TrainingFolder.of(config)
    summary = folder.find_summary(config)
    if summary is None:
        return False
    click.echo(f"{folder.out} is finished; a larger trainer.max_epochs goes on\n{describe(summary, folder)}", err=True)
    click.echo(str(folder.model))
    return True


def _train(config: TrainingConfig, resume_with: list[str]) -> None:
    from iis_lightning.stopping import Stopped
    from iis_lightning.train import train as run_training

    try:
        click.echo(str(run_training(config, resume_with=resume_with)))
    except Stopped as stopped:
        click.echo(str(stopped), err=True)
        click.get_current_context().exit(stopped.exit_status)


def _show(trial: Trial) -> None:
    trained, everything = trial.parameters
    click.echo(f"image       {tuple(trial.batch.image.shape)} of {', '.join(str(i['id']) for i in trial.batch.info)}")
    for name, shape in trial.outputs.items():
        click.echo(f"{name:<12}{shape}")
    for name, value in trial.losses.items():
        click.echo(f"{name:<20}{value:.4f}")
    click.echo(f"parameters  {trained:,} trained of {everything:,}")
    if trial.memory is not None:
        click.echo(f"memory      {trial.memory / 2**20:.0f} MiB at most")
    click.echo(f"step        {trial.seconds:.2f} s")

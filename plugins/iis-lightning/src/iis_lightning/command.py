"""The command `iis train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iis_lightning.train import Trial


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--dry-run", is_flag=True, help="Build everything, take two steps on one batch, write nothing.")
def train(config: Path, overrides: tuple[str, ...], dry_run: bool) -> None:
    """Train a model as CONFIG, a YAML file, says; run it again to go on where it stopped.

    KEY=VALUE replaces a value of the file, e.g. optimizer.keywords.lr=0.001.
    """
    from iis_lightning.config import read_training_config
    from iis_lightning.train import train as run_training
    from iis_lightning.train import try_out

    checked = read_training_config(config, overrides)
    if dry_run:
        _show(try_out(checked))
        return
    click.echo(str(run_training(checked)))


def _show(trial: Trial) -> None:
    trained, everything = trial.parameters
    click.echo(f"image       {tuple(trial.batch.image.shape)} of {', '.join(str(i['id']) for i in trial.batch.info)}")
    for name, shape in trial.outputs.items():
        click.echo(f"{name:<12}{shape}")
    for name, value in trial.losses.items():
        click.echo(f"{name:<20}{value:.4f}")
    click.echo(f"parameters  {trained:,} trained of {everything:,}")
    click.echo(f"memory      {trial.memory / 2**20:.0f} MiB at most")
    click.echo(f"step        {trial.seconds:.2f} s")

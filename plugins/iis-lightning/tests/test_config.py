"""Configurations are checked before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from iis_lightning.config import TrainingConfig, check_goes_on, read_training_config, write_config

from iis_core import UserError
from iis_core.testing import parametrize_with_checks

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_valid(recipe: Path) -> None:
    assert read_training_config(recipe).out.startswith("runs/")


def test_there_are_recipes() -> None:
    assert len(RECIPES) == 7


def test_what_is_given_on_the_command_line_comes_first(configured: Callable[..., TrainingConfig]) -> None:
    config = configured("optimizer.keywords.lr=0.5", "schedule.name=StepLR", "schedule.keywords.step_size=1")
    assert config.optimizer.keywords == {"lr": 0.5}
    assert config.schedule is not None
    assert (config.schedule.name, config.schedule.interval) == ("StepLR", "epoch")
    assert config.clicks.robot.name == "ritm-train"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("modle.name=smp/unet", r"small\.yaml: there is no key 'modle'.*'model'"),
        ("data.batchsize=3", "there is no key 'data.batchsize'.*'batch_size'"),
        ("data.batch_size=many", "at data.batch_size: .*many"),
        ("data.batch_size=0", "data.batch_size must be at least 1, not 0"),
        ("model.name=smp/unte", "smp/unte.*smp/unet"),
        ("data.dataset.name=synthetik", "synthetik.*synthetic"),
        ("data.selector.name=rndom-single", "rndom-single.*random-single"),
        ("clicks.robot.name=ritm-trian", "ritm-trian.*ritm-train"),
        ("losses.y.normalized-focal=1", "losses.y has no 'normalized-focal'.*'normalised-focal'"),
        ("optimizer.name=Adm", "torch.optim has no 'Adm'.*'Adam'"),
        ("schedule.name=StepLRR", "has no 'StepLRR'.*'StepLR'"),
        ("schedule={name: StepLR, interval: batch}", "schedule.interval has no 'batch'; known: epoch, step"),
        ("trainer.max_epoch=3", "trainer has no 'max_epoch'.*'max_epochs'"),
        ("trainer.logger=false", "trainer.logger is set by iis train: leave it out"),
        ("data.augment.name=iis_datasets.transforms", "must be package.module:callable"),
        ("data.augment.name='iis_datasets.transforms:ritmm'", "transforms:ritmm: .*no attribute 'ritmm'"),
        ("data.augment={name: 'iis_datasets.transforms:ritm', keywords: {hight: 1}}", "cannot be made with.*hight"),
        ("validation={dataset: {name: synthetic}, protocol: ritmm}", "ritmm.*ritm"),
        ("validation={dataset: {name: synthetic}, every_n_epochs: 0}", "every_n_epochs must be at least 1, not 0"),
        ("trainer.max_epochs=abc", "trainer.max_epochs must be a whole number, not 'abc'"),
        ("losses={y: {}}", "losses.y is missing"),
        ("clicks.forget=7", r"clicks.forget must lie in .0, 1., not 7"),
        ("trainer.precision=bf16-true", "precision bf16-true is not supported: use 32-true, bf16-mixed"),
        ("data.augment={name: ':x'}", "data.augment.name :x"),
        ("schedule.name=ReduceLROnPlateau", "needs a number to watch: use another schedule"),
        ("optimizer", "must be KEY=VALUE, not 'optimizer'"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_what_was_meant(
    configured: Callable[..., TrainingConfig], override: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        configured(override)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model: [", "is no YAML"),
        ("- model", "holds no configuration"),
        ("data: {dataset: {name: synthetic}}\nout: here", r"(model\.)?name"),
        ("model: {name: smp/unet}\ndata: {dataset: {name: synthetic}}", "out"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(UserError, match=message):
        read_training_config(tmp_path / "config.yaml")
    with pytest.raises(UserError, match="cannot be read"):
        read_training_config(tmp_path / "none.yaml")


def test_a_run_goes_on_only_as_it_began(configured: Callable[..., TrainingConfig], tmp_path: Path) -> None:
    kept = tmp_path / "run" / "config.yaml"
    write_config(configured(), kept)
    check_goes_on(configured("trainer.max_epochs=9", "data.workers=2", "out=elsewhere"), kept)
    with pytest.raises(
        UserError, match=r"holds a run with optimizer\.keywords\.lr 0\.001, not 0\.1: choose another out"
    ):
        check_goes_on(configured("optimizer.keywords.lr=0.1"), kept)


def test_what_is_given_is_not_mixed_with_defaults(configured: Callable[..., TrainingConfig], tmp_path: Path) -> None:
    minimal = tmp_path / "minimal.yaml"
    given = "model: {name: smp/unet}\ndata: {dataset: {name: synthetic}}\nout: here\n"
    minimal.write_text(given)
    assert read_training_config(minimal).losses == {"y": {"normalised-focal": 1.0}}
    assert read_training_config(minimal).clicks.robot.keywords == {"threshold": 0.49}
    minimal.write_text(
        f"{given}losses: {{y: {{bce: 1}}}}\noptimizer: {{name: SGD}}\nclicks: {{robot: {{name: random}}}}\n"
    )
    config = read_training_config(minimal)
    assert (config.losses, config.optimizer.keywords, config.clicks.robot.keywords) == ({"y": {"bce": 1.0}}, {}, {})
    assert configured("losses={y: {bce: 1.0}}").losses == {"y": {"bce": 1.0}}
    assert configured("losses.y.bce=1.0").losses["y"] == {"normalised-focal": 1.0, "soft-iou": 1.0, "bce": 1.0}
    assert configured("optimizer={name: SGD, keywords: {lr: 1}}").optimizer.keywords == {"lr": 1}


@parametrize_with_checks("iis-lightning")
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()

"""Configurations are checked before anything starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from iis_lightning.checking import read_training_config
from iis_lightning.config import Named, TrainingConfig
from iis_lightning.folder import TrainingFolder

from iis_core import UserError
from iis_core.testing import parametrize_with_checks

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_valid(recipe: Path) -> None:
    assert read_training_config(recipe).out.startswith("runs/")


def test_there_are_recipes() -> None:
    assert len(RECIPES) == 11


def test_what_is_given_on_the_command_line_comes_first(configured: Callable[..., TrainingConfig]) -> None:
    config = configured("optimizer.keywords.lr=0.5", "schedule.name=StepLR", "schedule.keywords.step_size=1")
    assert config.optimizer.keywords == {"lr": 0.5}
    assert config.schedule is not None
    assert (config.schedule.name, config.schedule.interval) == ("StepLR", "epoch")
    assert config.clicks.robot.name == "ritm-train"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("modle.name=smp/unet", "^modle.name=smp/unet on the command line: there is no key 'modle'.*'model'"),
        ("data.batchsize=3", "there is no key 'data.batchsize'.*'batch_size'"),
        ("data.batch_size=many", "on the command line at data.batch_size: .*many"),
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
        ("data.augment={name: ':x'}", "must be package.module:callable, not ':x'"),
        ("schedule.name=ReduceLROnPlateau", "needs a number to watch: use another schedule"),
        ("optimizer", "optimizer on the command line: what is changed must be KEY=VALUE"),
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
    folder = TrainingFolder(tmp_path / "run")
    folder.write_config(configured())
    folder.last.touch()
    folder.check_goes_on(configured("trainer.max_epochs=9", "data.workers=2", "out=elsewhere"))
    with pytest.raises(
        UserError, match=r"holds a run with optimizer\.keywords\.lr 0\.001, not 0\.1: choose another out"
    ):
        folder.check_goes_on(configured("optimizer.keywords.lr=0.1"))


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


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.augment.name='os:system'", "os:system is code .* in no installed plugin.*--trust os"),
        ("data.augment={name: 'never_imported:make'}", "never_imported:make is code"),
        ("data.augment.name='iis_core.files.writing:write_bytes'", "does not declare that it makes an augmentation"),
        ("data.augment.name='iis_datasets.transforms:np'", "does not declare that it makes an augmentation"),
        ("data.augment.name='iis_datasets.transforms:cv2.imwrite'", "must be package.module:callable"),
    ],
)
def test_a_configuration_cannot_name_code(
    configured: Callable[..., TrainingConfig], override: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        configured(override)


def test_checking_calls_nothing(
    configured: Callable[..., TrainingConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_code.py").write_text("calls = []\ndef make(size):\n    calls.append(size)\n")
    monkeypatch.syspath_prepend(tmp_path)
    named = "data.augment={name: 'own_code:make', keywords: {size: 3}}"
    with pytest.raises(UserError, match="give --trust own_code"):
        configured(named)
    assert "own_code" not in sys.modules
    assert configured(named, trust=["own_code"]).data.augment is not None
    assert sys.modules["own_code"].calls == []
    with pytest.raises(UserError, match="cannot be made with"):
        configured("data.augment={name: 'own_code:make', keywords: {wrong: 3}}", trust=["own_code"])


def test_a_received_folder_is_compared_without_looking_anything_up(
    configured: Callable[..., TrainingConfig], tmp_path: Path
) -> None:
    folder = TrainingFolder(tmp_path / "run")
    config = configured()
    config.data.augment = Named("os:system", {"command": f"touch {tmp_path / 'called'}"})
    folder.write_config(config)
    folder.last.touch()
    with pytest.raises(UserError, match=r"holds a run with .*data\.augment\.name os:system"):
        folder.check_goes_on(configured())
    assert not (tmp_path / "called").exists()


LAUGHS = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))
CHAIN = "\n".join(f"a{i}: '{'${a' + str(i - 1) + '}'}{'${a' + str(i - 1) + '}'}'" for i in range(1, 60))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"a0: &a0 [1]\n{LAUGHS}", "aliases stand for"),
        ("a: &a [*a]", "an alias within what the alias stands for"),
        (f"a0: x\n{CHAIN}", "refers to another key: write the value itself"),
        (f"a: {'x' * 2000}\nb: '{'${a}' * 2000}'", "stand for 4000000 characters"),
        (f"seed: {'[' * 5000}", "nests (too deeply|deeper)"),
        (f"a: {'{b: ' * 60}1{'}' * 60}", "nests deeper than 50"),
        (f"seed: {'9' * 5000}", r"small\.yaml"),
        (f"seed: {'9' * 400}", r"small\.yaml|finite number"),
        ("out: '${oc.env:HOME}'", r"only \$\{KEY\} .*on the command line, out="),
        ("out: '${oc.decode:1}'", r"only \$\{KEY\}"),
        ("out: '${${a}}'", r"only \$\{KEY\}"),
        ("data: {dataset: {name: '${oc.env:HOME}'}}", r"data\.dataset\.name: .*only \$\{KEY\}"),
        ("model: !!python/object/apply:os.system ['exit 1']", "is no YAML"),
        ("seed: 2001-99-99", r"small\.yaml at seed"),
    ],
)  # fmt: skip
def test_files_that_would_explode_are_refused(small: Path, content: str, message: str) -> None:
    small.write_text(content)
    with pytest.raises(UserError, match=message):
        read_training_config(small)


def test_a_pipe_is_no_configuration(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    with pytest.raises(UserError, match="is a pipe or a device"):
        read_training_config(tmp_path / "config.yaml")


def test_a_key_may_refer_to_another(configured: Callable[..., TrainingConfig]) -> None:
    assert configured("seed=${data.batch_size}").seed == configured().data.batch_size


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("losses={y:{bce:1}}", r"^losses=\{y:\{bce:1\}\} on the command line.*YAML needs a space after each colon"),
        ("losses={y:[}", "on the command line is no YAML"),
        ("losses.y.bce=-1", "losses.y.bce must be at least 0, not -1"),
        ("losses.y.bce=.nan", "losses.y.bce must be a finite number"),
        ("losses={y: {bce: .inf}}", "losses.y.bce must be a finite number"),
        ("losses={y: {bce: 0}}", "losses.y is missing or 0"),
        ("optimizer.keywords.lr=.nan", "optimizer.keywords.lr must be a finite number"),
        ("optimizer.keywords.lr=-.inf", "optimizer.keywords.lr must be a finite number"),
        ("optimizer.keywords.lr=-0.1", "optimizer.keywords.lr must be at least 0, not -0.1"),
        ("optimizer.keywords.lr=1" + "0" * 400, "finite number of ordinary size"),
        ("optimizer={name: Adam, keywords: {betas: [0.9, .nan]}}", r"optimizer.keywords.betas\[1\] must be a finite"),
        ("schedule={name: OneCycleLR, keywords: {max_lr: -1, total_steps: 3}}", "schedule.keywords.max_lr must be"),
        ("trainer.gradient_clip_val=-1", "trainer.gradient_clip_val must be at least 0"),
        ("trainer.max_epochs=true", "trainer.max_epochs must be a whole number"),
        ("clicks.forget=.nan", "clicks.forget must be a finite number"),
        ("data.batch_size=1" + "0" * 30, "data.batch_size must be a finite number of ordinary size"),
        ("seed=-1", "seed must lie in"),
    ],
)  # fmt: skip
def test_numbers_that_cannot_be_are_refused(
    configured: Callable[..., TrainingConfig], override: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        configured(override)


def test_settings_change_on_purpose_only(configured: Callable[..., TrainingConfig], tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path / "run")
    slower = configured("optimizer.keywords.lr=0.0001", "data.batch_size=4")
    with pytest.raises(UserError, match="--resume-with needs a checkpoint"):
        folder.check_goes_on(slower, ["optimizer.keywords.lr"])
    folder.write_config(configured("data.batch_size=4"))
    folder.last.touch()
    with pytest.raises(UserError, match="or change it on purpose with --resume-with"):
        folder.check_goes_on(slower)
    assert folder.check_goes_on(slower, ["optimizer.keywords.lr"]) == {"optimizer.keywords.lr": (0.001, 0.0001)}
    with pytest.raises(UserError, match=r"--resume-with data\.batch_size: only optimizer.keywords.* can be changed"):
        folder.check_goes_on(slower, ["data.batch_size"])


def test_one_training_at_a_time_and_nothing_left_by_none(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path / "run")
    refused = pytest.raises(UserError, match=r"another training writes to .*run: wait for it")
    with folder.hold(), refused, folder.hold():
        pass
    assert not folder.out.exists()
    with folder.hold():
        folder.metrics.touch()
    assert folder.metrics.exists()


@parametrize_with_checks("iis-lightning")
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()

"""Training as a user starts it: exact resuming, processes, errors, and what is learnt."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from held_training import PROCESSES, train_and_hold
from iis_lightning.checking import read_training_config
from iis_lightning.config import Named, TrainingConfig
from iis_lightning.folder import TrainingFolder
from iis_lightning.module import ClickTraining
from iis_lightning.train import train
from iis_lightning.trial import try_out
from safetensors.torch import load_file

from iis_core import ContractError, UserError, evaluate, load_model
from iis_core.cli.main import cli
from iis_core.metrics import mean_noc

RECIPES = Path(__file__).parents[1] / "recipes"
VALIDATION = "validation={dataset: {name: synthetic, keywords: {count: 1, height: 64, width: 64, objects: 1}}}"


def weights_in(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "model" / "model.safetensors")


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("workers", [0, 1])
def test_killed_and_resumed_gives_the_weights_of_one_that_was_never_stopped(
    small: Path, tmp_path: Path, workers: int
) -> None:
    overrides = ["trainer.max_epochs=3", f"data.workers={workers}", "clicks.forget=0.3"]
    train(read_training_config(small, [*overrides, f"out={tmp_path / 'whole'}"]))
    killed = tmp_path / "killed"
    overrides.append(f"out={killed}")
    # Each of 12 steps writes a checkpoint: the sixth is in the middle of an epoch.
    written = PROCESSES.Event()
    process = PROCESSES.Process(target=train_and_hold, args=(small, overrides, 6, written))
    process.start()
    try:
        while not written.wait(timeout=1):
            assert process.is_alive()
    finally:
        process.kill()
        process.join()
    assert (killed / "checkpoints" / "last.ckpt").exists()
    assert not (killed / "model").exists()
    train(read_training_config(small, overrides))
    assert same(weights_in(tmp_path / "whole"), weights_in(killed))
    assert not same(weights_in(tmp_path / "whole"), load_model_state(tmp_path / "whole"))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_finished_run_goes_on_for_more_epochs_as_if_it_had_been_asked_for_them(
    configured: Callable[..., TrainingConfig], tmp_path: Path, workers: int
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "extended"
    common = (f"data.workers={workers}", "checkpoint_every=2", VALIDATION)
    train(configured(*common, f"out={whole}", "trainer.max_epochs=3"))
    train(configured(*common, f"out={out}", "trainer.max_epochs=1"))
    # As if it had been killed between the epoch's last checkpoint and its validation.
    (first,) = (out / "validation").iterdir()
    shutil.rmtree(first)
    train(configured(*common, f"out={out}", "trainer.max_epochs=3"))
    assert same(weights_in(whole), weights_in(out))
    finished = weights_in(out)
    train(configured(*common, f"out={out}", "trainer.max_epochs=3"))
    assert same(finished, weights_in(out))
    validated = [sorted(path.name for path in (run / "validation").iterdir()) for run in (whole, out)]
    assert validated[0] == validated[1]
    assert len(validated[0]) == 3


def test_a_start_that_failed_leaves_nothing_behind(configured: Callable[..., TrainingConfig]) -> None:
    for wrong, message in (
        ("data.dataset.keywords.hight=3", "has no keyword 'hight'"),
        ("optimizer.keywords.rl=3", "Adam cannot be made with"),
        ("trainer.accelerator=tpu", "trainer: Trainer cannot be made with"),
    ):
        config = configured(wrong)
        with pytest.raises(UserError, match=message):
            train(config)
        assert not Path(config.out).exists()


def load_model_state(out: Path) -> dict[str, torch.Tensor]:
    """Of an untrained model of the same kind."""
    torch.manual_seed(0)
    config = read_training_config(out / "config.yaml").model
    model: Any = load_model(config.name, **config.keywords)
    return dict(model.network.state_dict())


def test_two_processes_take_the_step_that_one_takes(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each process draws its own dropout, so there must be none.
    script = tmp_path / "iis.py"
    script.write_text(
        "from torch.nn import functional\nfrom iis_core.cli.main import main\n"
        "functional.dropout2d = lambda x, *_: x\nmain()\n"
    )
    plain = ["trainer.max_steps=1", "optimizer={name: SGD, keywords: {lr: 0.1}}"]
    processes = ["data.batch_size=2", "trainer.devices=2", "trainer.strategy=ddp", f"out={tmp_path / 'two'}"]
    command = [sys.executable, "-P", script, "train", small, *plain, *processes]
    two = subprocess.run(command, capture_output=True, text=True, check=False)
    assert two.returncode == 0, two.stdout + two.stderr
    monkeypatch.setattr(torch.nn.functional, "dropout2d", lambda x, *_: x)
    train(read_training_config(small, [*plain, "data.batch_size=4", f"out={tmp_path / 'one'}"]))
    alone, together = weights_in(tmp_path / "one"), weights_in(tmp_path / "two")
    assert max(float((alone[name] - together[name]).abs().max()) for name in alone) < 1e-5
    untrained = load_model_state(tmp_path / "one")
    assert max(float((alone[name] - untrained[name]).abs().max()) for name in alone) > 1e-4


def test_a_run_leaves_metrics_pictures_validation_and_model_folders(
    configured: Callable[..., TrainingConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    config = configured("pictures_every=2", VALIDATION, "trainer.max_epochs=1")
    folder = train(config)
    out = Path(config.out)
    assert sorted(path.name for path in (out / "pictures").iterdir()) == [
        "epoch0000-batch000000.png",
        "epoch0000-batch000002.png",
    ]
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert {"train/loss", "train/y/soft-iou", "val/NoC@85", "lr-Adam"} <= {name for row in rows for name in row}
    assert list((out / "tensorboard").rglob("events*"))
    (validated,) = (out / "validation").glob("epoch0000-*")
    assert (validated / "records.jsonl").read_text().count("\n") == 1
    assert json.loads((folder / "model.json").read_text())["name"] == "smp/fpn"
    assert load_model("smp/fpn", weights=str(folder)) is not None
    assert load_model("smp/fpn", weights=str(out / "best")) is not None
    assert (out / "curve.png").exists() == (importlib.util.find_spec("matplotlib") is not None)
    said = capsys.readouterr().err
    for expected in ("epoch 1 of 1   step 4   loss ", "NoC@85 ", "best validation: ", "1 epochs, 4 steps, loss "):
        assert expected in said
    assert "Tip" not in said


def test_a_finished_training_is_told_without_torch(small: Path) -> None:
    train(read_training_config(small, ["trainer.max_epochs=1", "clicks.further=0"]))
    again = run_without_torch(small, "trainer.max_epochs=1", "clicks.further=0")
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() == str(small.parent / "run" / "model")
    assert "run is finished; a larger trainer.max_epochs goes on" in again.stderr


def test_a_wrong_name_is_told_without_torch(small: Path) -> None:
    refused = run_without_torch(small, "model.name=smp/fpm")
    assert "UserError: no model is named 'smp/fpm'" in refused.stderr
    assert "smp/fpn" in refused.stderr
    assert "AssertionError" not in refused.stderr


def run_without_torch(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `iis train` in a process that asserts, however it ends, that torch was not imported."""
    script = (
        "import sys\nfrom iis_core.cli.main import cli\n"
        "try: cli.main(['train', *sys.argv[1:]], standalone_mode=False)\n"
        "finally: assert 'torch' not in sys.modules\n"
    )
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_tiny_recipe_learns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(read_training_config(RECIPES / "tiny.yaml", [f"out={tmp_path / 'tiny'}"]))
    summary = json.loads((tmp_path / "tiny" / "summary.json").read_text())
    assert summary["validation"]["best"]["NoC@85"] < 15
    assert summary["warnings"] == []
    assert "Warning" not in capsys.readouterr().err


def test_what_is_learnt_is_known_by_heart(configured: Callable[..., TrainingConfig]) -> None:
    config = configured(
        "data.dataset.keywords={count: 4, height: 64, width: 64, objects: 1}",
        "data.batch_size=4",
        "trainer.max_epochs=120",
        "trainer.deterministic=false",
        "checkpoint_every=1000",
    )
    folder = train(config)
    model = load_model("smp/fpn", weights=str(folder))
    run = evaluate(
        model,
        "synthetic",
        out=Path(config.out) / "evaluation",
        dataset_keywords=config.data.dataset.keywords,
        identity={"weights": "trained"},
    )
    assert mean_noc(run.records, 0.85, run.protocol) <= 2


def test_a_dry_run_shows_and_writes_nothing(small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["train", str(small), f"out={tmp_path / 'dry'}", "--dry-run"], standalone_mode=False)
    output = capsys.readouterr().out
    for expected in ("image       (2, 3, 64, 64) of synthetic", "y           (2, 1, 64, 64)", "MiB at most", "step  "):
        assert expected in output
    assert not (tmp_path / "dry").exists()


def test_layers_learn_at_their_own_rates(configured: Callable[..., TrainingConfig]) -> None:
    config = configured("losses.aux={bce: 0.4}")
    config.model = Named("ritm/hrnet18s", {"weights": "random"})
    module = ClickTraining(load_model("ritm/hrnet18s", weights="random"), config)
    groups = module.configure_optimizers().param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.0001, 0.001])
    assert sum(len(group["params"]) for group in groups) == len(list(module.model.network.parameters()))
    assert set(try_out(config).losses) == {"y/normalised-focal", "y/soft-iou", "aux/bce"}


def test_what_is_no_number_is_an_error_and_earlier_checkpoints_are_kept(
    configured: Callable[..., TrainingConfig],
) -> None:
    config = configured("optimizer={name: SGD, keywords: {lr: 1.0e+30}}", "clicks.further=0")
    with pytest.raises(ContractError, match=r"smp/fpn gave a loss .* no number for synthetic.*--resume-with"):
        train(config)
    assert (Path(config.out) / "checkpoints" / "last.ckpt").exists()
    assert not (Path(config.out) / "model").exists()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_selector_that_finds_nothing_is_an_error(
    configured: Callable[..., TrainingConfig], workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "emptying.py").write_text(
        "import numpy as np\nfrom iis_core import Region\n"
        "def make():\n    return lambda image, region, rng: (image, Region(np.zeros_like(region.target)))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = configured("data.augment.name='emptying:make'", f"data.workers={workers}", trust=["emptying"])
    with pytest.raises(UserError, match=r"^synthetic\d+ of .*gave no object pixels in 10 draws: leave it out"):
        train(config)


def test_a_full_disk_is_an_error_with_the_remedy(
    configured: Callable[..., TrainingConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"No space left on device; make room .*run the same command again"):
        train(configured())


def test_settings_changed_on_purpose_hold_from_the_checkpoint_on(configured: Callable[..., TrainingConfig]) -> None:
    common = ("schedule={name: StepLR, keywords: {step_size: 1, gamma: 0.5}}", "clicks.further=0")
    out = Path(configured().out)
    train(configured(*common, "trainer.max_epochs=1"))
    changed = configured(*common, "optimizer.keywords.lr=0.0004")
    with pytest.raises(UserError, match="or change it on purpose with --resume-with"):
        train(changed)
    train(changed, resume_with=["optimizer.keywords.lr"])
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    rates = {row["lr-Adam"]: row["step"] for row in rows if "lr-Adam" in row}
    assert list(rates) == pytest.approx([0.001, 0.0002])
    noted = json.loads((out / "changes.jsonl").read_text())
    assert noted == {"step": 4, "changed": {"optimizer.keywords.lr": [0.001, 0.0004]}}
    assert read_training_config(out / "config.yaml").optimizer.keywords == {"lr": 0.0004}
    train(changed, resume_with=["optimizer.keywords.lr"])
    assert (out / "changes.jsonl").read_text().count("\n") == 1


def test_a_checkpoint_of_another_model_is_refused(configured: Callable[..., TrainingConfig], tmp_path: Path) -> None:
    other = configured("trainer.max_epochs=1", "clicks.further=0")
    train(other)
    mine = configured(f"out={tmp_path / 'mine'}", "model.keywords.encoder_name=resnet18", "trainer.max_epochs=2")
    folder = TrainingFolder(tmp_path / "mine")
    folder.write_config(mine)
    folder.last.write_bytes((Path(other.out) / "checkpoints" / "last.ckpt").read_bytes())
    with pytest.raises(UserError, match=r"last\.ckpt is of another model, \d+ parameters differ"):
        train(mine)
    assert folder.last.exists()


def test_a_batch_too_small_for_the_network_is_told_before_the_start(
    configured: Callable[..., TrainingConfig],
) -> None:
    pooling = "model={name: smp/deeplabv3, keywords: {weights: random, encoder_name: resnet18}}"
    config = configured(pooling, "data.batch_size=1")
    for start in (train, try_out):
        with pytest.raises(UserError, match=r"data\.batch_size 1 is too small for smp/deeplabv3"):
            start(config)
    assert not Path(config.out).exists()


def test_what_cannot_be_trained_is_refused(configured: Callable[..., TrainingConfig]) -> None:
    with pytest.raises(UserError, match="cannot be trained: it is no module with `logits`"):
        ClickTraining(object(), configured())
    frozen: Any = load_model("smp/fpn", weights="random", encoder_name="resnet18")
    with pytest.raises(UserError, match="cannot be trained: it has no parameters"):
        ClickTraining(frozen.requires_grad_(False), configured())

"""Runs that grow, shrink, start anew or stay in memory, and the objects that fail in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_parts import SpoiltDataset
from toy_runs import essence, run

from iis_core import ContractError, IISModel, PluginError, UserError, evaluate, load_dataset, read_run

Iis = Any


@pytest.fixture
def whole(tmp_path: Path) -> list[dict[str, Any]]:
    return essence(run(tmp_path / "whole"))


def answered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count the objects that the toy model is started on."""
    from toy_parts import DisksModel

    started: list[int] = []

    def initialize_z(self, image, target, initial_mask=None):
        started.append(len(image))
        return {}

    monkeypatch.setattr(DisksModel, "initialize_z", initialize_z)
    return started


def test_a_longer_list_takes_the_records_over(
    tmp_path: Path, whole: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = answered(monkeypatch)
    for keywords, records, new in (
        ({"ids": ["shape2", "shape4"]}, 2, 2),
        ({"limit": 3}, 3, 3),
        ({"limit": 4}, 4, 0),
        ({}, 8, 3),
        ({"limit": 1}, 1, 0),
        ({}, 8, 0),
    ):
        started.clear()
        finished = run(tmp_path / "run", **keywords)
        assert (len(finished.records), len(started), finished.is_complete) == (records, new, True)
    assert essence(finished) == whole


def test_records_of_an_image_that_stays_are_taken_over_when_another_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Without(type(load_dataset("toy/shapes"))):  # type: ignore[misc]
        left_out = 7

        def __len__(self):
            return 6 - (self.left_out < 6)

        def info(self, index):
            return super().info(index + (index >= self.left_out))

        def __getitem__(self, index):
            return super().__getitem__(index + (index >= self.left_out))

    data = Without()
    first = evaluate("toy/disks", data, out=tmp_path / "run", identity={"set": 1})
    started = answered(monkeypatch)
    data.left_out = 1
    later = evaluate("toy/disks", data, out=tmp_path / "run", identity={"set": 1})
    assert not started
    assert essence(later) == [line for line in essence(first) if line["id"] != "shape1"]
    assert [record.index for record in later.records] == list(range(7))


def test_the_default_sequence_goes_on_in_one_folder(iis: Iis, tmp_path: Path) -> None:
    arguments = ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes")
    for limit, records in ((("--limit", 1), 1), ((), 8), (("--limit", 1), 1), (("--ids", "shape4"), 1)):
        result = iis(*arguments, *limit, cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert len(read_run(tmp_path / "runs" / "toy-disks--toy-shapes--ritm").records) == records
    assert [folder.name for folder in (tmp_path / "runs").iterdir()] == ["toy-disks--toy-shapes--ritm"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (("--set", "shrink=0.5"), "toy-disks-shrink=0.5--toy-shapes--ritm"),
        (("--data", "count=2"), "toy-disks--toy-shapes-count=2--ritm"),
        (("--seed", 3, "--batch-size", 2), "toy-disks--toy-shapes--ritm-seed=3-batch_size=2"),
        (("--max-clicks", 3), "toy-disks--toy-shapes--ritm-max_clicks=3"),
        (("--robot", "random-error"), "toy-disks--toy-shapes--ritm-robot=random-error"),
    ],
)
def test_settings_that_make_another_run_are_in_the_name_of_the_default_folder(
    options: tuple[object, ...], name: str, iis: Iis, tmp_path: Path
) -> None:
    arguments = ("evaluate", "--model", "toy/disks", "--dataset", "toy/shapes", "--limit", 1)
    for these in ((), options):
        assert iis(*arguments, *these, cwd=tmp_path).returncode == 0
    assert {folder.name for folder in (tmp_path / "runs").iterdir()} == {"toy-disks--toy-shapes--ritm", name}


def test_a_name_is_short_whatever_the_values_are() -> None:
    from iis_core.evaluation.naming import name_run
    from iis_core.plugins.load import load_protocol

    settings = {"model": {"name": "a/b"}, "dataset": {"name": "c/d"}, "identity": None, "device": "cuda", "seed": 0}
    settings |= {"batch_size": 1}

    def name(**keywords: Any) -> str:
        return name_run(settings, (keywords, {}), load_protocol("ritm"))

    assert name() == "a-b--c-d--ritm-device=cuda"
    paths = {name(weights=path) for path in ("x/last.ckpt", "y/last.ckpt", "last.ckpt", "x\\last.ckpt")}
    assert len(paths) == 4
    assert all(path.startswith("a-b-weights=last.ckpt") for path in paths)
    for keywords in ({"k": "写" * 90}, {f"k{i}": i for i in range(99)}, {"k": "../../etc"}, {"k": "a\nb"}):
        assert len(name(**keywords).encode()) <= 200
        assert not {*"/\\\n"} & {*name(**keywords)}


def test_overwriting_removes_a_run_and_nothing_else(tmp_path: Path, whole: list[dict[str, Any]]) -> None:
    out = tmp_path / "run"
    run(out, seed=3, pictures=1, save_masks=True)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"seed: 3 in the run, 0 now; .*overwrite"):
        run(out)
    assert essence(run(out, overwrite=True)) == whole
    assert {file.name for file in out.iterdir() if not file.name.startswith(".")} == {
        "run.json", "records.jsonl", "notes.txt",
    }  # fmt: skip
    assert (out / "notes.txt").read_text() == "mine"


def test_overwriting_leaves_a_folder_that_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "photos" / "masks").mkdir(parents=True)
    (tmp_path / "photos" / "masks" / "a.png").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.png").write_text("mine")
    run(tmp_path / "photos", overwrite=True)
    assert (tmp_path / "photos" / "masks" / "a.png").exists()
    (tmp_path / "photos" / "pictures").symlink_to(tmp_path / "elsewhere")
    run(tmp_path / "photos", overwrite=True)
    assert (tmp_path / "elsewhere" / "b.png").exists()
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "records.jsonl").write_text("mine\n")
    with pytest.raises(UserError, match=r"has records but no run\.json"):
        run(tmp_path / "strange", overwrite=True)
    assert (tmp_path / "strange" / "records.jsonl").read_text() == "mine\n"


def test_several_processes_cannot_overwrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path / "run")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match="several processes cannot overwrite"):
        run(tmp_path / "run", overwrite=True)
    assert read_run(tmp_path / "run").is_complete


def test_a_run_without_a_folder_stays_in_memory(
    tmp_path: Path, whole: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {*tmp_path.rglob("*")}
    finished = evaluate("toy/disks", "toy/shapes")
    assert {*tmp_path.rglob("*")} == before
    assert essence(finished) == whole
    assert finished.path is None
    assert finished.is_complete
    with pytest.raises(UserError, match="pictures and masks need a run folder: give out"):
        evaluate("toy/disks", "toy/shapes", save_masks=True)
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"several processes.* need a run folder"):
        evaluate("toy/disks", "toy/shapes")


def test_a_run_is_shown_short_and_gives_records_by_id(tmp_path: Path) -> None:
    finished = run(tmp_path / "run")
    assert repr(finished) == f"<Run {tmp_path / 'run'}: toy/disks on toy/shapes by ritm, 8 objects>"
    assert finished["shape0#2"] is finished.records[1]
    with pytest.raises(UserError, match=r"no record of 'shape0#3': it is not in the run; did you mean 'shape0#"):
        finished["shape0#3"]
    html = run(tmp_path / "<b>")._repr_html_()
    assert "NoC@90" in html
    assert "<b>" not in html
    assert "&lt;b&gt;" in html
    (tmp_path / "run" / "records.jsonl").write_bytes(b"")
    torn = read_run(tmp_path / "run")
    assert repr(torn).endswith("0 of 8 objects>")
    assert "0 of 8 objects" in torn._repr_html_()
    with pytest.raises(UserError, match="'shape1': it is not evaluated yet"):
        torn["shape1"]


class Failing(IISModel):
    """Fails on images of some height."""

    device = torch.device("cpu")

    def __init__(self, height: int) -> None:
        self.height = height

    def __call__(self, x, z, pcs, ncs):
        if x.shape[2] == self.height:
            raise RuntimeError("out of memory")
        return x[:, :1] * 0, {}


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (3, 0), (1, 2), (4, 2)])
def test_an_object_that_cannot_be_read_fails_and_the_others_go_on(
    tmp_path: Path, whole: list[dict[str, Any]], batch_size: int, workers: int
) -> None:
    keywords: Any = {"model_keywords": {"shrink": 0.8}, "identity": {"set": 1}}
    keywords |= {"batch_size": batch_size, "workers": workers, "out": tmp_path / "run"}
    with pytest.warns(UserWarning, match="3 of 8 objects failed, the first is shape0#1: shape0#1 of SpoiltDataset"):
        finished = evaluate("toy/disks", SpoiltDataset(unreadable=(2, 5), empty=(0,)), **keywords)
    assert [failure.id for failure in finished.failures] == ["shape0#1", "shape2", "shape5"]
    assert finished.failures[1].reason == "shape2.png is not a readable image"
    assert not finished.is_complete
    failed = {failure.id for failure in finished.failures}
    assert essence(finished) == [line for line in whole if line["id"] not in failed]
    assert repr(finished).endswith("5 of 8 objects, 3 failed>")
    with pytest.raises(UserError, match=r"'shape2': it failed: shape2\.png is not a readable image"):
        finished["shape2"]
    mended = evaluate("toy/disks", SpoiltDataset(), **keywords)
    assert essence(mended) == whole
    assert not mended.failures
    assert not read_run(tmp_path / "run").failures


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (4, 2)])
def test_a_model_that_fails_on_an_object_is_told_and_the_others_go_on(
    tmp_path: Path, batch_size: int, workers: int
) -> None:
    keywords: Any = {"overrides": {"max_clicks": 2}, "batch_size": batch_size, "workers": workers}
    with pytest.warns(UserWarning, match=r"4 of 8 objects failed.*RuntimeError: out of memory"):
        finished = evaluate(Failing(48), "toy/shapes", **keywords)
    assert {record.shape for record in finished.records} == {(40, 56)}
    assert len(finished.records) == 4


def test_one_bad_object_of_a_batch_costs_no_other_its_record() -> None:
    class FailsOnce(Failing):
        def __call__(self, x, z, pcs, ncs):
            if any(len(clicks) and clicks[0] == FIRST for clicks in pcs[0]):
                raise RuntimeError("bad object")
            return x[:, :1] * 0, {}

    rules = {"max_clicks": 2}
    plain = evaluate(Failing(0), "toy/shapes", overrides=rules)
    FIRST = (plain.records[3].clicks[0].row, plain.records[3].clicks[0].col)  # noqa: N806
    with pytest.warns(UserWarning, match="1 of 8 objects failed"):
        finished = evaluate(FailsOnce(0), "toy/shapes", overrides=rules, batch_size=8)
    assert [failure.id for failure in finished.failures] == [plain.records[3].id]
    assert essence(finished) == [line for line in essence(plain) if line["id"] != plain.records[3].id]


def test_a_broken_contract_ends_the_run() -> None:
    class Wrong(Failing):
        def __call__(self, x, z, pcs, ncs):
            return x[:, :1] * 7, {}

    with pytest.raises(ContractError, match=r"must be probabilities in \[0, 1\]"):
        evaluate(Wrong(0), load_dataset("toy/shapes"))


def test_the_command_tells_what_failed_and_ends_with_a_status(iis: Iis, tmp_path: Path, install: Any) -> None:
    source = "\n".join(
        [
            "from iis_core.plugins import DatasetSpec, hookimpl",
            "IIS_API = 1",
            "@hookimpl",
            "def iis_datasets():",
            "    yield DatasetSpec(name='spoilt/some', target='toy_parts:SpoiltDataset', summary='s', licence='MIT')",
        ]
    )
    install("iis-spoilt", {"spoilt": "spoilt_plugin"}, spoilt_plugin=source)
    arguments = ("evaluate", "--model", "toy/disks", "--dataset", "spoilt/some", "--out", tmp_path / "run")
    result = iis(*arguments, "--data", "unreadable=[2,5]")
    assert result.returncode == 1
    assert "shape5 failed: shape5.png is not a readable image" in result.stdout
    assert "6 of 8" in result.stdout
    assert iis("report", tmp_path / "run").returncode == 0
    notes = json.loads(iis("report", tmp_path / "run", "--json").stdout)[0]["notes"]
    assert "shape2 failed: shape2.png is not a readable image" in notes
    result = iis(*arguments, "--data", "unreadable=[0,1,2,3,4,5]", "--overwrite")
    assert result.returncode == 2
    assert "all of 8 objects failed; shape0#1: shape0.png is not a readable image" in result.stderr


def test_a_dataset_that_fails_by_itself_is_told_as_such() -> None:
    class Broken(SpoiltDataset):
        def __getitem__(self, index):
            raise KeyError("masks")

    with pytest.warns(UserWarning, match="8 of 8 objects failed.*reading shape0#1 failed: KeyError: 'masks'"):
        evaluate("toy/disks", Broken())


def test_what_ends_a_run_is_no_failure_of_an_object(tmp_path: Path) -> None:
    class Interrupting(Failing):
        def __call__(self, x, z, pcs, ncs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(Interrupting(0), "toy/shapes", out=tmp_path / "run")
    assert not read_run(tmp_path / "run").failures
    assert issubclass(ContractError, PluginError)

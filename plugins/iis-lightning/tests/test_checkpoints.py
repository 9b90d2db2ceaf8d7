"""Checkpoints: whole or as they were before, and never read where a byte is wrong."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from held_training import PROCESSES, write_without_end
from iis_lightning.checkpoints import read_checkpoint, write_checkpoint

from iis_core import UserError

CHECKPOINT: dict[str, Any] = {
    "state_dict": {"weight": torch.arange(4.0)},
    "optimizer_states": [],
    "lr_schedulers": [],
    "loops": {},
    "callbacks": {},
    "epoch": 1,
    "global_step": 8,
    "training": {"optimizer.name": "Adam"},
}


@pytest.fixture
def last(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "last.ckpt", CHECKPOINT)
    return tmp_path / "last.ckpt"


def test_what_is_written_is_read_and_torch_reads_it_too(last: Path) -> None:
    for content in (read_checkpoint(last), torch.load(last, weights_only=True)):
        assert content["training"] == CHECKPOINT["training"]
        assert torch.equal(content["state_dict"]["weight"], torch.arange(4.0))
    assert [path.name for path in last.parent.iterdir()] == ["last.ckpt"]


def test_any_flipped_byte_is_refused(last: Path) -> None:
    whole = last.read_bytes()
    for place in range(0, len(whole), 7):
        last.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match=r"remove .* to begin anew"):
            read_checkpoint(last)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_to_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def link_to(target: str) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return link


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def lose_a_key(path: Path) -> None:
    write_checkpoint(path, {key: value for key, value in CHECKPOINT.items() if key != "loops"})


def holding(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "cut short or of another program"),
        (cut_to_half, "cut short or of another program"),
        (grow, "cut short or of another program"),
        (holding(b""), "is empty"),
        (holding(b"weights"), "no checkpoint of iis train"),
        (holding(bytes(4096)), "no checkpoint of iis train"),
        (holding(b"<!DOCTYPE html><html>404</html>"), "is a web page"),
        (holding(b"version https://git-lfs.github.com/spec/v1\n"), "is a pointer of Git LFS"),
        (holding(b"\x80\x04cos\nsystem\n(S'exit 1'\ntR."), "no checkpoint of iis train"),
        (lambda path: torch.save({"state_dict": {}}, path), "of another program"),
        (lambda path: torch.save(CHECKPOINT, path), "of another program"),
        (lambda path: write_checkpoint(path, {"weight": torch.zeros(1)}), "it has no state_dict"),
        (lambda path: write_checkpoint(path, [1, 2]), "it has no state_dict"),  # type: ignore[arg-type]
        (lambda path: write_checkpoint(path, {"code": os.system}), "no checkpoint of iis train"),
        (lose_a_key, "it has no loops"),
        (make_folder, "is a folder"),
        (make_pipe, "is a pipe"),
        (link_to("nowhere"), "is a link to nowhere"),
        (link_to("last.ckpt"), "is a link to nowhere|Too many levels"),
    ],
)  # fmt: skip
def test_every_damage_is_told_with_a_remedy(last: Path, damage: Callable[[Path], Any], message: str) -> None:
    damage(last)
    with pytest.raises(UserError, match=rf"last\.ckpt .*({message}).*remove .* to begin anew"):
        read_checkpoint(last)


def test_what_may_not_be_read_is_told(last: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match=r"last.ckpt cannot be read: Permission denied; remove"):
        read_checkpoint(last)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EDQUOT, errno.EIO])
def test_the_one_before_is_kept_where_another_cannot_be_written(
    last: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(UserError, match="run the same command again: it goes on from the last checkpoint"):
        write_checkpoint(last, {**CHECKPOINT, "epoch": 2})
    assert read_checkpoint(last)["epoch"] == 1
    assert [path.name for path in last.parent.iterdir()] == ["last.ckpt"]


def test_a_folder_that_was_removed_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"last\.ckpt cannot be written: No such file or directory"):
        write_checkpoint(tmp_path / "gone" / "last.ckpt", CHECKPOINT)


@pytest.mark.slow
@pytest.mark.parametrize("temporary", [None, "/dev/shm"])
def test_kills_during_writes_lose_nothing(last: Path, temporary: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if temporary is not None:
        if not Path(temporary).is_dir():
            pytest.skip("no second file system at /dev/shm")
        monkeypatch.setenv("TMPDIR", temporary)
    draws, before = random.Random(0), 0
    for _ in range(20):
        begun = PROCESSES.Event()
        writer = PROCESSES.Process(target=write_without_end, args=(last, CHECKPOINT, before, begun))
        writer.start()
        begun.wait()
        writer.join(draws.uniform(0, 0.3))  # a kill at any moment of a write
        writer.kill()
        writer.join()
        now = read_checkpoint(last)["epoch"]
        assert now >= before
        before = now
    assert before > 0

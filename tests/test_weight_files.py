"""Weights from strangers: nothing runs, nothing hangs, memory stays near the file's size, and errors say what it is."""

from __future__ import annotations

import codecs
import collections
import io
import json
import os
import pickle
import resource
import struct
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from iis_core import UserError
from iis_core.models.published import read_published_config, require_architecture
from iis_core.models.weights import read_weights

HUGE = 3 << 30


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def pickled(thing: Any, floats: int = 0) -> bytes:
    """Pickle for torch.save: `Call(...)` as a call, `"STORAGE"` as a storage of so many floats."""

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", floats) if obj == "STORAGE" else None

    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump(thing)
    return buffer.getvalue()


def tensor(*size: int, stride: int = 1) -> Call:
    hooks: Any = collections.OrderedDict()
    return Call(torch._utils._rebuild_tensor_v2, "STORAGE", 0, size, (stride,), False, hooks)


def archive(content: bytes, storage: bytes = b"", method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        file.writestr("archive/data.pkl", content)
        file.writestr("archive/byteorder", b"little")
        file.writestr("archive/data/0", storage)
        file.writestr("archive/version", b"3\n")
    return buffer.getvalue()


def overlapping(count: int) -> bytes:
    """An archive whose directory names one storage many times."""
    content = archive(pickled({"w": tensor(4096)}, 4096), bytes(1 << 14))
    start = content.index(b"PK\1\2")
    end = content.index(b"PK\5\6")
    directory = content[start:end] * count
    tail = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 4 * count, 4 * count, len(directory), start, 0)
    return content[:start] + directory + tail


def legacy(floats: int) -> bytes:
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, system)]

    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: Any) -> Any:
            return ("storage", torch.FloatStorage, "0", "cpu", floats, None) if obj == "STORAGE" else None

    buffer = io.BytesIO()
    Pickler(buffer, protocol=2).dump({"w": tensor(floats)})
    return b"".join([*parts, buffer.getvalue(), pickle.dumps(["0"], 2), struct.pack("<q", floats), bytes(64)])


def hexed(times: int) -> Call:
    thing = Call(codecs.encode, "a" * 1000, "utf-8")
    for _ in range(times):
        thing = Call(codecs.encode, thing, "hex")
    return thing


def safetensors(header: dict[str, Any] | bytes, length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(16)


def claim(shape: list[int], end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pth", archive(pickled({"w": tensor(HUGE // 4)}, HUGE // 4), bytes(16)), "damaged or no file of torch.save"),
        ("a.pth", archive(pickled({"w": tensor(1 << 40, stride=0)}, 1), bytes(4)), "claim more bytes than the file"),
        ("a.pth", archive(pickled({"w": Call(torch.Tensor, HUGE)})), "claim more bytes than the file|damaged"),
        ("a.pth", archive(pickled({"w": Call(bytearray, HUGE)})), "a call that fills memory"),
        ("a.pth", archive(pickled({"w": hexed(21)})), "a call that fills memory"),
        ("a.pth", archive(pickled({"w": tensor(1 << 26)}, 1 << 26), bytes(1 << 28), zipfile.ZIP_DEFLATED), "compress"),
        ("a.pth", archive(b"\x80\x02" + b"]" * (1 << 21) + b"a" * ((1 << 21) - 1) + b"."), "more than 1048576 values"),
        ("a.pth", archive(b"\x80\x02]" + b"\x8f" * (1 << 22)), "more than 1048576 values"),
        ("a.pth", archive(b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"."), "damaged or no file"),
        ("a.pth", archive(b"\x80\x02\x8e" + b"\xff" * 8 + b"."), "damaged or no file"),
        ("a.pth", archive(b"\x80\x02]r\xff\xff\xff\xff."), "holds no state dict"),
        ("a.pth", overlapping(100), "claim more bytes than the file"),
        ("a.pth", legacy(HUGE // 4), "damaged or no file"),
        ("a.pth", pickle.dumps({"w": Call(print, "ran")}), "damaged or no file|is refused"),
        ("a.pth", archive(pickled({"w": Call(os.system, "false")})), "is refused, .*system"),
        ("a.safetensors", safetensors(claim([HUGE], 4 * HUGE)), "cannot be read as safetensors"),
        ("a.safetensors", safetensors(claim([HUGE], 16)), "cannot be read as safetensors"),
        ("a.safetensors", safetensors(claim([2**40, 2**40], 16)), "cannot be read as safetensors"),
        ("a.safetensors", safetensors(claim([4], 16), 2**63), "cannot be read as safetensors"),
        ("a.safetensors", safetensors(claim([4], 16), 10**8), "cannot be read as safetensors"),
        ("a.safetensors", safetensors(claim([-4], 16)), "cannot be read as safetensors"),
        ("a.safetensors", safetensors(claim([4], 16, "OBJECT")), "cannot be read as safetensors"),
        ("a.safetensors", safetensors(b"[" * 100_000), "cannot be read as safetensors"),
        ("a.safetensors", b"abc", "cannot be read as safetensors"),
    ],
)
def test_weights_that_lie_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=message) as caught:
        read_weights(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1 << 20


@pytest.mark.parametrize("name", ["a.pth", "a.ckpt", "a.safetensors", "a"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xef\xbb\xbf\n<!DOCTYPE html><p>", "is a web page, saved in place of the file: download the file itself"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
            "is a pointer of Git LFS .*: run `git lfs pull`",
        ),
        (b"/annex/objects/SHA256E-s1--2.pth\n", "is a pointer of git-annex .*: run `git annex get`"),
        (b"<?xml version='1.0'?><Error>AccessDenied", "is the answer of a server"),
        (b'{"message": "Not Found"}', "is the answer of a server"),
        (b"", "is empty: download"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "no file of torch.save|cannot be read as safetensors"),
        (b"\x93NUMPY\1\0", "no file of torch.save|cannot be read as safetensors"),
        (b"\x1f\x8b" + bytes(99), "no file of torch.save|cannot be read as safetensors"),
    ],
)
def test_what_is_in_place_of_weights_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_weights(tmp_path / name)


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_place_without_a_file_is_named(tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    with pytest.raises(UserError, match=f"{name} cannot be read: No such file"):
        read_weights(place)
    os.mkfifo(place)
    with pytest.raises(UserError, match=f"{name} is a pipe or a device"):
        read_weights(place)
    place.unlink()
    place.symlink_to(".git/annex/objects/x/SHA256-s1--2")
    with pytest.raises(UserError, match=f"{name} is a pointer of git-annex"):
        read_weights(place)
    with pytest.raises(UserError, match="null"):
        read_weights(tmp_path / "a\0b")


@pytest.mark.parametrize("old", [True, False])
def test_what_torch_saves_is_read(tmp_path: Path, old: bool) -> None:
    shared = torch.arange(6.0).reshape(2, 3)
    state = {"a": shared, "b": shared.t(), "c": shared[0], "d": torch.tensor(3), "e": torch.zeros(0, 4)}
    content = {"state_dict": state, "config": {"hex": "zip"}, "numbers": np.float64(1.5).item()}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=not old)
    stored = read_weights(tmp_path / "a.pth")
    assert stored.config == {"hex": "zip"}
    assert all(torch.equal(stored.state[name], value) for name, value in state.items())
    save_file({"a": shared}, tmp_path / "a.safetensors")
    assert torch.equal(read_weights(tmp_path / "a.safetensors").state["a"], shared)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({1: torch.zeros(1)}, "holds no state dict"),
        ({"w": torch.zeros(2).to_sparse()}, "sparse, quantised or without values"),
        ({"w": torch.zeros(2, device="meta")}, "sparse, quantised or without values"),
        ({"w": 1}, "holds no state dict but the keys w"),
        ([torch.zeros(1)], "holds no state dict but a list"),
        ({}, "holds no state dict"),
    ],
)
def test_what_is_no_state_dict_is_told(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(UserError, match=message):
        read_weights(tmp_path / "a.pth")


def test_a_program_of_torchscript_is_told(tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(1, 1)).save(tmp_path / "a.pt")
    with pytest.raises(UserError, match="is a program of TorchScript: give its state dict"):
        read_weights(tmp_path / "a.pt")


def isegm_class(name: str, *bases: type, **members: Any) -> type:
    return type(name, bases, {"__module__": "isegm.losses", **members})


@pytest.fixture
def isegm(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The package of the published code, while a checkpoint is written."""
    package, module = ModuleType("isegm"), ModuleType("isegm.losses")
    module.Loss = isegm_class("Loss", torch.nn.Module)  # type: ignore[attr-defined]
    module.SetTo = isegm_class("SetTo", __reduce__=lambda self: (module.SetTo, ("anything",)))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "isegm", package)
    monkeypatch.setitem(sys.modules, "isegm.losses", module)
    return module


def published(isegm: Any, *more: Any) -> dict[str, Any]:
    loss = isegm.Loss()
    loss.weight, loss.call = torch.nn.Parameter(torch.ones(2)), isegm.SetTo
    params = {
        "width": {"type": "builtin", "value": 18, "specified": True},
        "head": {"value": {"loss": loss, "x": more}},
    }
    return {"state_dict": {"conv.bias": torch.arange(3.0)}, "config": {"class": "isegm.model.Net", "params": params}}


def test_a_loss_of_isegm_in_a_config_is_not_needed(isegm: Any, tmp_path: Path) -> None:
    torch.save(published(isegm), tmp_path / "it.pth")
    del sys.modules["isegm.losses"], sys.modules["isegm"]
    stored = read_weights(tmp_path / "it.pth")
    assert torch.equal(stored.state["conv.bias"], torch.arange(3.0))
    assert stored.config is not None
    name, params = read_published_config(stored.config)
    assert (name, params["width"]) == ("Net", 18)
    assert "isegm" not in sys.modules


def test_nothing_else_is_let_in_beside_it(isegm: Any, tmp_path: Path) -> None:
    torch.save(published(isegm, Call(os.mkdir, str(tmp_path / "ran"))), tmp_path / "hostile.pth")
    with pytest.raises(UserError, match=r"hostile\.pth is refused, it holds more than tensors and plain values"):
        read_weights(tmp_path / "hostile.pth")
    assert not (tmp_path / "ran").exists()


def test_another_architecture_is_told_by_its_names() -> None:
    known = {"a/small": {"width": 1}, "a/large": {"width": 2}, "a/large-sbd": {"width": 2}}
    require_architecture(Path("it.pth"), "a/small", {"width": 1}, known, otherwise="build it")
    with pytest.raises(UserError, match=r"it\.pth is not a a/small \(width 2 instead of 1\): load it as a/large or"):
        require_architecture(Path("it.pth"), "a/small", {"width": 2}, known, otherwise="build it")
    with pytest.raises(UserError, match=r"\(width 3 instead of 1, depth 4 instead of None\): build it"):
        require_architecture(Path("it.pth"), "a/small", {"width": 3, "depth": 4}, known, otherwise="build it")

"""The pickles of COCO+LVIS are read as published, run nothing and stay within memory."""

from __future__ import annotations

import os
import pickle
import struct
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from iis_datasets.pickles import read_pickle
from published_files import IMAGE, SHAPE, put, statuses

from iis_core import UserError, load_dataset


def png(layer: np.ndarray) -> np.ndarray:
    return cv2.imencode(".png", layer)[1]


@pytest.fixture
def coco_lvis(tmp_path: Path) -> Path:
    whole, parts = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    whole[2:28, 2:20], whole[:, 30:] = 1, 2
    parts[4:8, 4:8], parts[10:20, 4:10], parts[29] = 1, 2, 3
    folder = tmp_path / "train"
    put(folder / "images" / "000000000009.jpg", IMAGE)
    places = [(0, 1), (1, 1), (1, 2), (0, 2), (1, 3)]
    put(folder / "masks" / "000000000009.pickle", pickle.dumps(([png(whole), png(parts)], places)))
    child = {"children": [], "parent": 0, "node_level": 1}
    tree = {0: {"children": [1, 2], "parent": None, "node_level": 0}, 1: child, 2: child, 3: None}
    trees = {"000000000009": {"num_instance_masks": 4, "hierarchy": tree}}
    put(folder / "hannotation.pickle", pickle.dumps(OrderedDict(trees), protocol=2))
    return tmp_path


def test_coco_lvis(coco_lvis: Path) -> None:
    assert statuses("datasets/coco-lvis", root=str(coco_lvis)) == {}
    sample = load_dataset("coco-lvis", root=str(coco_lvis))[0]
    assert sorted(sample.info["objects"]) == [0, 1, 2, 3]
    assert sample.info["objects"][0]["children"] == (1, 2)
    assert sample.info["objects"][2] == {"layer": 1, "value": 2, "parent": 0, "children": (), "class": None}
    assert not (sample.masks[:, :, 1] == 3).any()


def test_stuff_of_coco_lvis_is_taken_on_demand(coco_lvis: Path) -> None:
    sample = load_dataset("coco-lvis", root=str(coco_lvis), stuff=True)[0]
    assert sample.info["objects"][4] == {"layer": 1, "value": 3, "parent": None, "children": (), "class": None}
    assert (sample.masks[29, :, 1] == 3).all()


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("file", ["hannotation.pickle", "masks/000000000009.pickle"])
def test_a_hostile_pickle_is_refused_without_running_it(
    coco_lvis: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(coco_lvis)
    put(coco_lvis / "train" / file, pickle.dumps([Hostile()]))
    with pytest.raises(UserError, match=r"pickle is refused, .*it asks for posix\.mkdir"):
        load_dataset("coco-lvis", root=str(coco_lvis))[0]
    assert not (coco_lvis / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"<html>", pickle.dumps([1, 2, 3]), pickle.dumps(([b"no png"], [(0, 1)]))])
def test_a_damaged_mask_file_of_coco_lvis_is_named(coco_lvis: Path, content: bytes) -> None:
    put(coco_lvis / "train" / "masks" / "000000000009.pickle", content)
    with pytest.raises(UserError, match=r"000000000009\.pickle"):
        load_dataset("coco-lvis", root=str(coco_lvis))[0]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", ["u1", "<i4", ">i4", "<f8", "?"])
def test_what_numpy_pickles_is_read(protocol: int, kind: str, tmp_path: Path) -> None:
    array = np.arange(12).reshape(3, 4).astype(kind)
    content = ([array, array.T, array[::2]], {"a": array[1, 1], "b": None, "c": 1.5}, OrderedDict(x=(1, 2)))
    arrays, scalars, ordered = read_pickle(put(tmp_path / "file", pickle.dumps(content, protocol)), 1 << 20)
    for found, expected in zip(arrays, content[0], strict=True):
        assert np.array_equal(np.asarray(found), expected)
    assert scalars == {"a": array[1, 1], "b": None, "c": 1.5}
    assert ordered == {"x": (1, 2)}


def reduce(module: str, name: str, *arguments: Any, state: Any = None) -> bytes:
    """The operations that call something, and set a state."""
    call = b"c%b\n%b\n" % (module.encode(), name.encode()) + pickle.dumps(arguments, 2)[2:-1] + b"R"
    return call if state is None else call + pickle.dumps(state, 2)[2:-1] + b"b"


OBJECTS = reduce("numpy", "dtype", "O8", state=(3, "|", None, None, None, -1, -1, 63))
BYTES = reduce("numpy", "dtype", "u1")
ARRAY = reduce("numpy.core.multiarray", "_reconstruct")
LONG = b"X" + struct.pack("<I", 1 << 20) + b"a" * (1 << 20)
LATIN = b"X\x06\0\0\0latin1"

HOSTILE = {
    "dtype of objects": OBJECTS,
    "array of objects": ARRAY + b"(K\x01)K\x01\x85" + OBJECTS + b"\x89C\x08aaaaaaaatb",
    "array larger than its bytes": ARRAY + b"(K\x01J\xff\xff\xff\x7f\x85" + BYTES + b"\x89C\x01atb",
    "state of a type": b"cnumpy\ndtype\n}b",
    "state of a function": b"c_codecs\nencode\n}X\x01\0\0\0aK\x01sb",
    "memo at 4 billion": b"Nr\xff\xff\xff\xff",
    "memo as text": b"Np99999999999999999999\n",
    "a bytearray of 1 TB": b"\x96" + struct.pack("<Q", 1 << 40),
    "bytes of 1 TB": b"\x8e" + struct.pack("<Q", 1 << 40),
    "text of 4 GB": b"X\xff\xff\xff\xff",
    "a number of 2 GB": b"\x8b\xff\xff\xff\x7f",
    "a frame of 1 TB": b"\x95" + struct.pack("<Q", 1 << 40),
    "text encoded over and over": LONG
    + b"q\0"
    + b"0c_codecs\nencode\n(h\0"
    + LATIN
    + b"tR" * 1
    + (b"c_codecs\nencode\n(h\0" + LATIN + b"tR") * 3000,
    "a set": b"\x8f",
    "a persistent object": b"Pposix\n",
    "an extension": b"\x82\x01",
    "an instance": b"(iposix\nsystem\n",
    "nothing on the stack": b"R",
    "a call of a number": b"K\x01)R",
    "deep lists": b"]" * 100_000 + b"a" * 99_999,
    "an unknown operation": b"\xff",
}

READ_HOSTILE = """
import resource, sys
from pathlib import Path
from iis_core.errors import UserError
from iis_datasets.pickles import read_pickle
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for file in sys.argv[1:]:
    try:
        read_pickle(Path(file), 1 << 23)
    except UserError as error:
        assert file in str(error), error
    else:
        assert "deep" in file or "memo" in file, file
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_hostile_pickles_crash_nothing_and_stay_within_memory(tmp_path: Path) -> None:
    for name, operations in HOSTILE.items():
        put(tmp_path / name, b"\x80\x02" + operations + b".")
    files = sorted(str(file) for file in tmp_path.iterdir())
    done = subprocess.run([sys.executable, "-c", READ_HOSTILE, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 200_000, "KiB of memory"


def test_a_pickle_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="more than the 8 that such a file may have"):
        read_pickle(put(tmp_path / "file", bytes(9)), 8)


@pytest.mark.parametrize(
    "tree", [[], {0: 7}, {0: {"parent": "x", "children": []}}, {0: {"parent": None, "children": 3}}]
)
def test_a_damaged_tree_is_named(coco_lvis: Path, tree: Any) -> None:
    trees = {"000000000009": {"num_instance_masks": 4, "hierarchy": tree}}
    put(coco_lvis / "train" / "hannotation.pickle", pickle.dumps(trees))
    if tree:
        with pytest.raises(UserError, match=r"hannotation\.pickle"):
            load_dataset("coco-lvis", root=str(coco_lvis))[0]
    else:
        assert len(load_dataset("coco-lvis", root=str(coco_lvis))[0].info["objects"]) == 4


def test_a_layer_of_too_many_pixels_is_refused(coco_lvis: Path) -> None:
    layer = png(np.zeros(SHAPE, np.uint8)).tobytes()
    header = struct.pack(">II", 40000, 40000)
    huge = layer.replace(struct.pack(">II", SHAPE[1], SHAPE[0]), header)
    put(coco_lvis / "train" / "masks" / "000000000009.pickle", pickle.dumps(([huge], [(0, 1)])))
    with pytest.raises(UserError, match=r"000000000009\.pickle is (too large|not a readable image)"):
        load_dataset("coco-lvis", root=str(coco_lvis))[0]

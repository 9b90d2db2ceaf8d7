"""Names of files: what every file system takes is kept, and no two objects share a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iis_core import UserError
from iis_core.files.naming import name_file
from iis_core.files.writing import write_bytes


@pytest.mark.parametrize(
    "name",
    [
        "coffee#1",
        "bänana 1",
        "50% grey, (old)+new=@",
        "像" * 40,
        "a/b/c",
        "clip/" * 30 + "1",
        "x" * 200,
        ".hidden",
        "console",
    ],
)
def test_a_name_that_every_file_system_takes_is_kept(tmp_path: Path, name: str) -> None:
    file = name_file(tmp_path / "masks", name, ".png")
    write_bytes(file, b"mask")
    assert (tmp_path / "masks" / f"{name}.png").read_bytes() == b"mask"


@pytest.mark.parametrize(
    ("name", "starts"),
    [
        ("像" * 300, "像" * 66 + "-"),
        ("x" * 201, "x" * 200 + "-"),
        ("deep/" * 500 + "last", "last-"),
        ("two\nlines", "two_lines-"),
        ("what?", "what_-"),
        ("a:b|c", "a_b_c-"),
        ("back\\slash", "back_slash-"),
        ("caf\udce9", "caf_-"),
        ("CON", "_CON-"),
        ("nul.old", "_nul.old-"),
        ("..", "_-"),
        ("", "_-"),
        ("nul\0", "nul_-"),
        ("stop.", "stop-"),
    ],
)
def test_any_other_is_mended_and_marked(tmp_path: Path, name: str, starts: str) -> None:
    file = name_file(tmp_path / "masks", name, ".png")
    write_bytes(file, b"mask")
    (found,) = (tmp_path / "masks").iterdir()
    assert found.name.startswith(starts)
    assert len(found.name) == len(starts) + 10 + len(".png")


@pytest.mark.parametrize("name", ["../../up", "/absolute", "a/../b", "a//b", "./a"])
def test_no_name_leaves_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run" / "masks"
    file = name_file(folder, name, ".png")
    write_bytes(file, b"mask")
    assert file.resolve().is_relative_to(folder.resolve())


parts = st.text(st.characters(codec=None, categories=None), max_size=300)


@given(st.lists(parts, max_size=4).map("/".join), st.lists(parts, max_size=4).map("/".join))
def test_any_text_names_a_file_of_its_own(tmp_path_factory: pytest.TempPathFactory, name: str, other: str) -> None:
    folder = tmp_path_factory.mktemp("names")
    files = [name_file(folder, each, ".png") for each in (name, other)]
    for file in files:
        write_bytes(file, b"mask")
        assert file.resolve().is_relative_to(folder.resolve())
    assert (files[0] == files[1]) == (name == other)


def test_bytes_that_are_no_text_name_a_file(tmp_path: Path) -> None:
    write_bytes(name_file(tmp_path, os.fsdecode(b"caf\xe9"), ".png"), b"mask")
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "clip").write_text("in the way")
    with pytest.raises(UserError, match=r"clip cannot be written: File exists; make room, or choose another place"):
        name_file(tmp_path, "clip/1", ".png")

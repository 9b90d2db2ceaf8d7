"""Files are read without hanging and written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from iis_core.errors import UserError
from iis_core.files.reading import parse_json, read_bytes, read_json, read_text
from iis_core.files.writing import refuse_to_overwrite, replace_whole, write_bytes, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("old")

    def fill_the_disk() -> None:
        with replace_whole(file) as partial:
            partial.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="kept cannot be written: No space left"):
        fill_the_disk()
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
    assert file.read_text() == "old"


def test_a_write_replaces_a_link_instead_of_following_it(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    (tmp_path / "file").symlink_to(elsewhere)
    write_bytes(tmp_path / "file", b"new")
    assert elsewhere.read_text() == "untouched"
    assert (tmp_path / "file").read_bytes() == b"new"


def test_a_written_file_has_the_permissions_of_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_json(tmp_path / "ours", {"a": 1})
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert read_json(tmp_path / "ours") == {"a": 1}


def test_a_removed_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        write_bytes(tmp_path / "gone" / "file", b"")


@pytest.mark.parametrize("spelling", ["photo.png", "sub/../photo.png", "link.png", "hard.png"])
def test_an_input_is_not_written_over(tmp_path: Path, spelling: str) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"pixels")
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.png").symlink_to(photo)
    os.link(photo, tmp_path / "hard.png")
    with pytest.raises(UserError, match="which would be lost"):
        refuse_to_overwrite(tmp_path / spelling, [photo])
    refuse_to_overwrite(tmp_path / "mask.png", [photo])


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe or a device"):
        read_bytes(tmp_path / "pipe")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"caf\xe9")
    (tmp_path / "large").write_bytes(b"12345")
    for name, largest, message in (
        ("absent", 9, "No such file"),
        ("", 9, "is a folder"),
        ("latin", 9, "no text in UTF-8"),
        ("large", 4, "5 bytes, more than"),
        ("a\0b", 9, "null"),
    ):
        with pytest.raises(UserError, match=message):
            read_text(tmp_path / name, largest)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5000, "NaN", "-Infinity", "{", "", b"\xff"])
def test_hostile_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(text)

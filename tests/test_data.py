"""`iis data` and the data folder, with a dataset whose archive lies on loopback."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from toy_server import FileServer, zipped

from iis_core import UserError, load_dataset
from iis_core.files.config import UserConfig, read_user_config

PLUGIN = """
from iis_core.plugins import DatasetSpec, Download, hookimpl

IIS_API = 1


@hookimpl
def iis_datasets():
    yield DatasetSpec(
        name="texts/words", target="texts_parts:Words", summary="a mask for every word", images=2, objects=3,
        layout="NAME.txt", page="https://example.org", archive=Download(url="{url}/Words.zip"),
    )
    yield DatasetSpec(
        name="texts/by-hand", target="texts_parts:Words", summary="no archive", layout="NAME.txt",
        page="https://example.org",
    )
"""

PARTS = """
from pathlib import Path
import numpy as np
from iis_core import Sample, UserError


class Words:
    def __init__(self, root: str):
        self.files = sorted(Path(root).glob("*.txt"))
        if not self.files:
            raise UserError(f"{root} holds no NAME.txt")

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        file = self.files[index]
        words = file.read_text().split()
        if "broken" in words:
            raise UserError(f"{file} is broken: fetch it again")
        objects = {k: {"layer": 0, "value": k, "parent": None, "children": (), "class": None} for k in range(1, 1 + len(words))}
        masks = np.zeros((8, 8, 1), np.int32)
        for k, word in enumerate(words, 1):
            masks[k, : len(word.strip("-"))] = k
        return Sample(np.zeros((8, 8, 3), np.uint8), masks, {"id": file.stem, "path": str(file), "objects": objects})
"""  # noqa: E501


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    server.files["/Words.zip"] = zipped({"Words/a.txt": b"one two", "Words/b.txt": b"three"})
    yield server
    server.close()


@pytest.fixture
def run(
    iis: Callable[..., Any], install: Callable[..., Path], server: FileServer, tmp_path: Path
) -> Callable[..., Any]:
    """The command line with the plugin installed and a data folder configured."""
    install("iis-texts", {"texts": "texts_plugin"}, texts_plugin=PLUGIN.format(url=server.url), texts_parts=PARTS)
    environment = {"IIS_DATA": str(tmp_path / "data"), "no_proxy": "127.0.0.1"}
    return lambda *arguments, **more: iis("data", *arguments, **environment, **more)


def test_get_and_check(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run("get", "words")
    assert (result.returncode, result.stdout) == (0, f"{tmp_path / 'data' / 'words'}: NAME.txt\n"), result.stderr
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [".downloads", "words"]
    assert {path.name for path in (tmp_path / "data" / ".downloads").iterdir()} == {"checksums.json", ".Words.zip.lock"}
    result = run("check", "words")
    assert (result.returncode, result.stdout) == (0, "2 images read, 0 findings\n")
    result = run("get", "words")
    assert result.returncode == 2
    assert "holds files already" in result.stderr


def test_an_interrupted_get_goes_on(run: Callable[..., Any], server: FileServer, tmp_path: Path) -> None:
    server.cut = 50
    result = run("get", "words")
    assert result.returncode == 2
    assert "run the same command again" in result.stderr
    assert not (tmp_path / "data" / "words").exists()
    assert run("get", "words").returncode == 0
    assert server.requests[-1] == "bytes=50-"


def test_a_corrupted_archive_leaves_no_dataset(run: Callable[..., Any], server: FileServer, tmp_path: Path) -> None:
    whole = server.files["/Words.zip"]
    server.files["/Words.zip"] = whole[:60]
    result = run("get", "words", "--data-root", tmp_path / "here")
    assert result.returncode == 2
    assert "fetch it again" in result.stderr
    assert not (tmp_path / "here").exists()
    server.files["/Words.zip"] = whole
    assert run("get", "words", "--data-root", tmp_path / "here").returncode == 0


def test_a_dataset_without_archive_says_where_it_is(run: Callable[..., Any]) -> None:
    result = run("get", "by-hand")
    assert result.returncode == 2
    assert "get them from https://example.org; expected under the data root: NAME.txt" in result.stderr


def test_every_way_to_be_wrong_is_found(run: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in (("a", "one --"), ("b", "broken"), ("c", "")):
        (folder / f"{name}.txt").write_text(text)
    result = run("check", "words", folder)
    assert result.returncode == 2
    assert result.stdout.splitlines() == [
        f"a: object 2 has no pixels in the mask of {folder}/a.txt: correct it, or leave the image out",
        f"sample 1: {folder}/b.txt is broken: fetch it again",
        f"c: there is no object in the mask of {folder}/c.txt: correct it, or leave the image out",
        "note: 3 images, 2 are published: numbers will be those of another set",
        "note: 2 objects, 3 are published: numbers will be those of another set",
        "3 images read, 3 findings",
    ]
    assert len(json.loads(run("check", "words", folder, "--json").stdout)) == 5
    assert "holds no NAME.txt" in run("check", "words", tmp_path / "nowhere").stderr


def test_list_says_what_is_known_and_what_is_here(run: Callable[..., Any], server: FileServer, tmp_path: Path) -> None:
    run("get", "words")
    entries = {entry["name"]: entry for entry in json.loads(run("list", "--json").stdout)}
    assert entries["texts/words"]["here"] == str(tmp_path / "data" / "words")
    assert entries["texts/words"]["archive"]["url"] == f"{server.url}/Words.zip"
    assert entries["texts/by-hand"]["here"] is None
    text = run("list").stdout
    assert "2 images, 3 objects" in text
    assert "iis data get words" in text


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("IIS_DATA", raising=False)
    monkeypatch.setenv("IIS_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "config.toml"


def test_the_data_folder_is_given_then_set_then_configured(
    config: Path, install: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("iis-texts", {"texts": "texts_plugin"}, texts_plugin=PLUGIN, texts_parts=PARTS)
    for place in ("configured", "set", "given"):
        (tmp_path / place / "words").mkdir(parents=True)
        (tmp_path / place / "words" / f"{place}.txt").write_text("word")
    with pytest.raises(
        UserError, match=r"texts/words needs root \(--data-root DIR on the command line, or IIS_DATA for all datasets\)"
    ):
        load_dataset("words")
    config.write_text(f'data = "{tmp_path}/configured"')
    assert load_dataset("words").files[0].stem == "configured"
    monkeypatch.setenv("IIS_DATA", str(tmp_path / "set"))
    assert load_dataset("words").files[0].stem == "set"
    assert load_dataset("words", root=str(tmp_path / "given" / "words")).files[0].stem == "given"


def test_an_absent_file_configures_nothing(config: Path) -> None:
    assert read_user_config() == UserConfig()
    config.write_text('mirrors = ["https://example.org"]')
    assert read_user_config() == UserConfig(mirrors=("https://example.org",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("data = ", "cannot be read as TOML"),
        ("dta = '/data'", "has an unknown key 'dta'; did you mean"),
        ("data = 1", "data must be a folder, written"),
        ("data = ''", "data must be a folder"),
        ('weights = "a\\u0000b"', "weights must be a folder"),
        ("data = '~nobody-of-this-name/x'", "home"),
        ("data = 0x" + "f" * 5000, "data must be a folder"),
        ("data = " + "9" * 5000, "cannot be read as TOML: Exceeds the limit"),
        ("data = " + "[" * 16_000, "cannot be read as TOML: it nests too deeply"),
        ("data = " + "{a=" * 5_000, "cannot be read as TOML: it nests too deeply"),
        ("a" + ".a" * 3_000 + " = 1", "unknown key .a."),
        ("#" * (1 << 14) + "#", "16385 bytes, more than"),
        ("mirrors = ['file:///data']", "mirrors must be a list of URLs"),
        ("mirrors = [1]", "mirrors must be a list of URLs"),
        ("mirrors = ['https://a/\x1b']", "cannot be read as TOML|mirrors must be"),
        ("mirrors = 'https://example.org'", "mirrors must be a list of URLs"),
    ],
)
def test_a_wrong_configuration_is_explained(config: Path, content: str, message: str) -> None:
    config.write_text(content)
    with pytest.raises(UserError, match=message):
        read_user_config()


def test_a_configuration_that_is_no_file_is_not_waited_for(config: Path) -> None:
    os.mkfifo(config)
    with pytest.raises(UserError, match=r"config\.toml is a pipe or a device"):
        read_user_config()


def test_a_home_is_needed_only_where_nothing_is_configured(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "expanduser", lambda path: (_ for _ in ()).throw(RuntimeError("no home")))
    with pytest.raises(UserError, match="cannot be found: no home"):
        read_user_config()

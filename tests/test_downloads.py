"""Getting files: interrupted and resumed, verified, unpacked whole or not at all."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from filelock import FileLock
from toy_server import FileServer, zipped

from iis_core import UserError
from iis_core.files.archives import unpack
from iis_core.files.downloads import fetch, keep_checksum
from iis_core.plugins import Download

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = FileServer()
    server.files["/v1/Set.zip"] = CONTENT
    yield server
    server.close()


@pytest.fixture
def download(server: FileServer) -> Download:
    return Download(url=f"{server.url}/v1/Set.zip")


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"checksums.json", ".Set.zip.lock"}


def test_a_file_arrives_with_progress(download: Download, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    path = fetch(download, tmp_path, progress=lambda done, total: steps.append((done, total)))
    assert path == tmp_path / "Set.zip"
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert left(tmp_path) == {"Set.zip"}


def test_an_interrupted_fetch_goes_on_where_it_stopped(download: Download, server: FileServer, tmp_path: Path) -> None:
    server.cut = 300_000
    with pytest.raises(UserError, match=r"ended after 300000 of 1024000 bytes.*run the same command again"):
        fetch(download, tmp_path)
    assert left(tmp_path) == {"Set.zip.partial", "Set.zip.partial.json"}
    assert fetch(download, tmp_path).read_bytes() == CONTENT
    assert server.requests == [None, "bytes=300000-"]
    assert left(tmp_path) == {"Set.zip"}


def test_a_file_behind_a_page_is_taken_from_the_folder_or_a_mirror(server: FileServer, tmp_path: Path) -> None:
    server.files["/page"] = b"<html>"
    page = Download(url=f"{server.url}/page", file="Set.zip", by_hand=True)
    remedy = rf"open {server.url}/page in a browser and save the file as {tmp_path / 'Set.zip'}, then run the same"
    with pytest.raises(UserError, match=rf"Set\.zip cannot be fetched: {remedy}"):
        fetch(page, tmp_path)
    (tmp_path / "Set.zip").write_bytes(b"<html>")
    with pytest.raises(UserError, match=rf"the file there is a web page.*{remedy}"):
        fetch(page, tmp_path)
    assert server.requests == []
    assert fetch(page, tmp_path, mirrors=[f"{server.url}/v1"]).read_bytes() == CONTENT
    assert fetch(page, tmp_path).read_bytes() == CONTENT


def test_a_file_that_changed_in_between_is_fetched_anew(download: Download, server: FileServer, tmp_path: Path) -> None:
    server.cut = 300_000
    with pytest.raises(UserError):
        fetch(download, tmp_path)
    server.files["/v1/Set.zip"], server.tag = CONTENT[::-1], '"2"'
    assert fetch(download, tmp_path).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(("tag", "ranges"), [(None, True), ('"1"', False)])
def test_a_server_that_cannot_resume_gives_the_whole_file(
    download: Download, server: FileServer, tmp_path: Path, tag: str | None, ranges: bool
) -> None:
    server.cut, server.tag, server.ranges = 300_000, tag, ranges
    with pytest.raises(UserError):
        fetch(download, tmp_path)
    assert fetch(download, tmp_path).read_bytes() == CONTENT


def test_a_range_that_is_refused_is_asked_for_no_more(download: Download, server: FileServer, tmp_path: Path) -> None:
    server.cut = 300_000
    with pytest.raises(UserError):
        fetch(download, tmp_path)
    server.files["/v1/Set.zip"] = CONTENT[:1000]
    assert fetch(download, tmp_path).read_bytes() == CONTENT[:1000]


def test_a_mirror_is_tried_when_the_link_is_dead(server: FileServer, tmp_path: Path) -> None:
    dead = Download(url=f"{server.url}/gone/Set.zip")
    with pytest.raises(UserError, match=r"Set\.zip cannot be fetched .*gone/Set.zip.*Not Found.*write a mirror into"):
        fetch(dead, tmp_path)
    assert fetch(dead, tmp_path, mirrors=[f"{server.url}/also-gone", f"{server.url}/v1/"]).read_bytes() == CONTENT


def test_the_published_checksum_and_size_are_compared(server: FileServer, tmp_path: Path) -> None:
    url = f"{server.url}/v1/Set.zip"
    right = {"sha256": sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    assert fetch(Download(url=url, **right), tmp_path).read_bytes() == CONTENT
    for wrong in ({"sha256": "0" * 64}, {"size": 5}):
        with pytest.raises(UserError, match=r"it has .* instead of .*write a mirror into"):
            fetch(Download(url=url, **{**right, **wrong}), tmp_path / "other")
        assert left(tmp_path / "other") == set()


def test_the_checksum_of_a_good_file_is_kept(download: Download, server: FileServer, tmp_path: Path) -> None:
    file = fetch(download, tmp_path)
    keep_checksum(file)
    file.unlink()
    server.files["/v1/Set.zip"] = CONTENT[::-1]
    with pytest.raises(UserError, match=r"has the SHA-256 \w+ instead of \w+ as noted in .*checksums\.json"):
        fetch(download, tmp_path)
    assert left(tmp_path) == set()
    server.files["/v1/Set.zip"] = CONTENT
    assert fetch(download, tmp_path).exists()


def test_a_web_page_is_recognised(download: Download, server: FileServer, tmp_path: Path) -> None:
    server.files["/v1/Set.zip"] = b"\n<!DOCTYPE html><title>Sign in</title>"
    with pytest.raises(UserError, match="is a web page, saved in place"):
        fetch(download, tmp_path)
    assert left(tmp_path) == set()
    server.files["/mirror/Set.zip"] = CONTENT
    assert fetch(download, tmp_path, mirrors=[f"{server.url}/mirror"]).read_bytes() == CONTENT


def test_two_processes_do_not_fetch_one_file(download: Download, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".Set.zip.lock"), pytest.raises(UserError, match="another process is fetching"):
        fetch(download, tmp_path)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9/Set\.zip: .*refused"):
        fetch(Download(url="http://127.0.0.1:9/Set.zip"), tmp_path)


def tarred(entries: list[tarfile.TarInfo], content: bytes = b"content") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for entry in entries:
            entry.size = len(content) if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_link() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return buffer.getvalue()


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[[bytes], Path]:
    def unpacked(content: bytes) -> Path:
        (tmp_path / "archive").write_bytes(content)
        unpack(tmp_path / "archive", tmp_path / "set")
        return tmp_path / "set"

    return unpacked


def listing(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_content_of_a_lone_folder_is_what_arrives(unpacked: Callable[[bytes], Path]) -> None:
    folder = unpacked(zipped({"Set/img/a.jpg": b"a", "Set/gt/a.png": b"b", "__MACOSX/Set/._a": b""}))
    assert listing(folder) == ["gt/a.png", "img/a.jpg"]
    assert (folder / "img" / "a.jpg").read_bytes() == b"a"


def test_several_entries_stay_as_they_are(unpacked: Callable[[bytes], Path]) -> None:
    assert listing(unpacked(tarred([entry("train/a"), entry("val/b")]))) == ["train/a", "val/b"]


@pytest.mark.parametrize(
    "content",
    [
        zipped({"a": b"", "../b": b"x"}),
        zipped({"a/../../b": b"x"}),
        zipped({"/tmp/b": b"x"}),
        zipped({"C:\\b": b"x"}),
        zipped({"a\\..\\..\\b": b"x"}),
        zip_link(),
        tarred([entry("a"), entry("../b")]),
        tarred([entry("/tmp/b")]),
        tarred([entry("a", tarfile.SYMTYPE, "/etc/passwd")]),
        tarred([entry("a", tarfile.SYMTYPE, "b")]),
        tarred([entry("b"), entry("a", tarfile.LNKTYPE, "b")]),
        tarred([entry("a", tarfile.FIFOTYPE)]),
    ],
    ids=lambda content: f"{len(content)} bytes",
)
def test_entries_that_lead_outside_and_links_are_refused(
    content: bytes, unpacked: Callable[[bytes], Path], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"archive is refused: its entry '.*' (lies outside|is a link)"):
        unpacked(content)
    assert left(tmp_path) == {"archive"}


@pytest.mark.parametrize("content", [zipped({"a": CONTENT}), tarred([entry("a")], CONTENT)], ids=["zip", "tar"])
def test_a_damaged_archive_leaves_nothing(content: bytes, unpacked: Callable[[bytes], Path], tmp_path: Path) -> None:
    middle = len(content) // 2
    damaged = content[: middle - 8] + b"\0" * 16 + content[middle + 8 :]
    for broken in (content[:middle], damaged, b"", b"no archive"):
        with pytest.raises(UserError, match="fetch it again"):
            unpacked(broken)
        assert left(tmp_path) == {"archive"}


@pytest.mark.parametrize("content", [zipped({}), bytes(1 << 20)], ids=["zip", "zeros"])
def test_an_archive_of_nothing_is_refused(content: bytes, unpacked: Callable[[bytes], Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds nothing: delete it and fetch it again"):
        unpacked(content)
    assert left(tmp_path) == {"archive"}


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_tar_files_of_every_compression_are_unpacked(compression: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    with tarfile.open(tmp_path / "archive", f"w:{compression}") as file:  # type: ignore[call-overload]
        file.add(tmp_path / "a", "a")
    unpack(tmp_path / "archive", tmp_path / "set")
    assert (tmp_path / "set" / "a").read_bytes() == CONTENT


def test_files_that_are_there_are_not_touched(unpacked: Callable[[bytes], Path], tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine").write_text("mine")
    with pytest.raises(UserError, match="holds files already"):
        unpacked(zipped({"a": b""}))
    assert listing(tmp_path / "set") == ["mine"]

"""Fetching from servers that lie, hold on for ever, or lead elsewhere."""

from __future__ import annotations

import errno
import json
import os
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from toy_server import HostileServer

from iis_core import UserError
from iis_core.files import transfers
from iis_core.files.downloads import fetch
from iis_core.plugins import Download

OK = b"HTTP/1.1 200 OK\r\n"
PART = b"HTTP/1.1 206 Partial Content\r\n"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = HostileServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "_LARGEST", 1 << 20)
    monkeypatch.setattr(transfers, "_PATIENCE", 0.5)


Answer = Iterable[bytes] | Callable[[], Iterable[bytes]]


def get(server: HostileServer, folder: Path, answer: Answer, **more: Any) -> Path:
    server.answers["/file"] = answer if callable(answer) else lambda: answer
    return fetch(Download(url=f"{server.url}/file", **more), folder)


def endless(*beginning: bytes, part: bytes = bytes(1 << 16)) -> Callable[[], Iterable[bytes]]:
    return lambda: chain(beginning, repeat(part))


@pytest.mark.parametrize(
    ("answer", "size", "message"),
    [
        (endless(OK, b"\r\n"), None, "it has no end, more than 1048576 bytes"),
        (endless(OK, b"Transfer-Encoding: chunked\r\n\r\n", part=b"4\r\naaaa\r\n" * 99), None, "it has no end"),
        (endless(OK, b"Content-Length: 10\r\n\r\n"), 5, "it has 10 bytes instead of 5"),
        (endless(OK, b"Content-Length: 1" + b"0" * 17 + b"\r\n\r\n"), None, "has room for"),
        (endless(OK, b"A: ", part=b"a" * 1000), None, "got more than 65536 bytes"),
        (endless(OK, part=b"A: b\r\n"), None, "got more than 100 headers"),
        (endless(b"HTTP/1.1 302 Found\r\nLocation: /file\r\n\r\n"), None, "it redirects more than 10 times"),
        (endless(b"HTTP/1.1 404 Not Found\r\n\r\n"), None, "404 Not Found"),
    ],
)
def test_what_has_no_end_is_ended(
    server: HostileServer, tmp_path: Path, answer: Answer, size: int | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        get(server, tmp_path, answer, size=size)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= (1 << 20) + 1000


def test_an_endless_body_is_cut_at_the_known_size(server: HostileServer, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="nobody vouches"):
        assert get(server, tmp_path, endless(OK, b"\r\n", part=b"a" * 100), size=250).read_bytes() == b"a" * 250


@pytest.mark.parametrize(
    "answer",
    [
        endless(OK, b"Content-Length: 9999\r\n\r\n", part=b"a"),
        endless(OK, b"X: ", part=b"a"),
        endless(OK, b"Transfer-Encoding: chunked\r\n\r\n1;", part=b"a"),
        endless(part=b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["body", "header", "chunk", "continue"],
)
def test_a_drip_is_given_up(server: HostileServer, tmp_path: Path, answer: Answer) -> None:
    server.pause = 0.05
    with pytest.raises(UserError, match="it gives fewer than 1024 bytes a second"):
        get(server, tmp_path, answer)


ADDRESSES = ["file:///etc/hostname", "data:,content", "ftp://127.0.0.1/file", "x:y", "http://192.0.2.1/f", "http://[/f"]


@pytest.mark.parametrize("url", ADDRESSES)
def test_only_https_is_fetched(server: HostileServer, tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match=r"is refused, only https is fetched|Invalid IPv6"):
        fetch(Download(url=url, file="f"), tmp_path)
    assert not {path.name for path in tmp_path.iterdir()} - {".f.lock"}


@pytest.mark.parametrize("url", [*ADDRESSES, "http://127.0.0.1/f"])
def test_no_redirect_leads_away_from_https(
    server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(transfers, "_WatchedTLS", transfers._Watched)
    server.answers["/file"] = lambda: [f"HTTP/1.1 302 Found\r\nLocation: {url}\r\n\r\n".encode()]
    place = f"{server.url.replace('127.0.0.1', 'localhost')}/file".replace("http", "https")
    monkeypatch.setattr(transfers, "_LOOPBACK", ())
    monkeypatch.setenv("no_proxy", "localhost")
    with pytest.raises(UserError, match=r"is refused, only https is fetched|Invalid IPv6"):
        fetch(Download(url=place), tmp_path)


def test_a_mirror_may_be_http(server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "_LOOPBACK", ())
    server.answers["/file"] = lambda: [OK, b"Content-Length: 3\r\n\r\nabc"]
    published = Download(url=f"{server.url}/file", sha256="BA7816BF")
    with pytest.raises(UserError, match="only https is fetched, or http from a mirror"):
        fetch(published, tmp_path)
    assert fetch(published, tmp_path, mirrors=[server.url]).read_bytes() == b"abc"


def test_a_server_writes_nothing_on_the_terminal(server: HostileServer, tmp_path: Path) -> None:
    escape = "\x1b]0;title\x07\x1b[2J\x9b"
    for status in (
        f"HTTP/1.1 404 {escape}",
        f"HTTP/1.1 {escape}",
        f"{escape}",
        f"HTTP/1.1 302 x\r\nLocation: a:{escape}",
    ):
        with pytest.raises(UserError) as caught:
            get(server, tmp_path, [f"{status}\r\n\r\n".encode("latin-1")])
        assert str(caught.value).isprintable(), status


@pytest.mark.parametrize(
    ("extent", "content", "message"),
    [
        (b"", b"abc", "does not say which"),
        (b"bytes 3-5/6", b"abc", "from byte 3, not from 0"),
        (b"bytes */3", b"abc", "does not say which"),
        (b"bytes 0-2/6", b"abc", "ended after 3 of 6 bytes"),
        (b"bytes 0-2/3", b"abc", ""),
        (b"bytes 0-9999999999999999999999/3", b"abc", "does not say which"),
    ],
)
def test_a_part_that_nobody_asked_for(
    server: HostileServer, tmp_path: Path, extent: bytes, content: bytes, message: str
) -> None:
    answer = [PART, b"Content-Length: 3\r\nContent-Range: " + extent + b"\r\n\r\n", content]
    if message:
        with pytest.raises(UserError, match=message):
            get(server, tmp_path, answer)
    else:
        assert get(server, tmp_path, answer).read_bytes() == content


@pytest.fixture
def begun(server: HostileServer, tmp_path: Path) -> Path:
    """A folder in which `abc` of `abcdef` have arrived."""
    with pytest.raises(UserError, match="ended after 3 of 6 bytes"):
        get(server, tmp_path, [OK, b'ETag: "1"\r\nContent-Length: 6\r\n\r\nabc'])
    return tmp_path


def test_a_range_that_is_answered_with_another(server: HostileServer, begun: Path) -> None:
    with pytest.raises(UserError, match="from byte 2, not from 3"):
        get(server, begun, [PART, b"Content-Length: 4\r\nContent-Range: bytes 2-5/6\r\n\r\ncdef"])
    again = [PART, b"Content-Length: 6\r\nContent-Range: bytes 0-5/6\r\n\r\nABCDEF"]
    assert get(server, begun, again).read_bytes() == b"ABCDEF"


def test_nothing_follows_what_is_whole(server: HostileServer, begun: Path) -> None:
    answer = [b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */3\r\n\r\n"]
    assert get(server, begun, answer).read_bytes() == b"abc"
    assert "Range: bytes=3-" in server.requests[-1]


@pytest.mark.parametrize("extent", ["", "Content-Range: bytes */2\r\n"])
def test_a_range_that_is_always_refused(server: HostileServer, begun: Path, extent: str) -> None:
    with pytest.raises(UserError, match="416 Range"):
        get(server, begun, [f"HTTP/1.1 416 Range\r\n{extent}\r\n".encode()])
    assert "Range" not in server.requests[-1]


@pytest.mark.parametrize("note", ["[]", "{", '{"url": 1}', '{"url": "URL", "validator": ["a"]}', "[" * 10**5])
def test_a_damaged_note_begins_anew(server: HostileServer, begun: Path, note: str) -> None:
    (begun / "file.partial.json").write_text(note.replace("URL", f"{server.url}/file"))
    assert get(server, begun, [OK, b"Content-Length: 2\r\n\r\nxy"]).read_bytes() == b"xy"
    assert "Range" not in server.requests[-1]


def test_a_validator_that_cannot_be_sent_back_is_not_kept(server: HostileServer, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        get(server, tmp_path, [OK, b"ETag: a\r\n b\x07\r\nContent-Length: 6\r\n\r\nabc"])
    assert json.loads((tmp_path / "file.partial.json").read_text())["validator"] is None


def test_a_planted_link_or_pipe_is_not_written_through(server: HostileServer, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("untouched")
    for plant in (lambda path: path.symlink_to(elsewhere), os.mkfifo):
        plant(tmp_path / "file.partial")
        get(server, tmp_path, [OK, b"Content-Length: 2\r\n\r\nxy"]).unlink()
    assert elsewhere.read_text() == "untouched"
    os.mkfifo(tmp_path / "file")
    with pytest.raises(UserError, match="is a folder, a pipe or a device"):
        get(server, tmp_path, [])


def test_a_full_disk_is_told_before_and_meanwhile(
    server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_files: Any
) -> None:
    answer = [OK, b'ETag: "1"\r\nContent-Length: 600000\r\n\r\n' + bytes(600000)]
    with small_files(300_000), pytest.raises(UserError, match=r"file cannot be written: File too large; make room"):
        get(server, tmp_path, answer)
    usage = namedtuple("usage", "free")(5)
    monkeypatch.setattr(transfers.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(UserError, match=f"it has 600000 bytes, and {tmp_path} has room for 5"):
        get(server, tmp_path, answer)


def test_a_folder_that_cannot_be_written(
    server: HostileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    (tmp_path / "place").write_text("")
    with pytest.raises(UserError, match=r"cannot be written: (File exists|Not a directory)"):
        get(server, tmp_path / "place", [])
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UserError, match="cannot be written: Permission denied; make room, or choose another place"):
        get(server, tmp_path, [OK, b"Content-Length: 2\r\n\r\nxy"])


@pytest.mark.parametrize("url", ["https://a/", "https://a/..", "https://a/%2e%2e", "https://a/%0a", "https://a/a%5cb"])
def test_an_address_without_the_name_of_a_file(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match="does not end in the name of a file"):
        fetch(Download(url=url), tmp_path)

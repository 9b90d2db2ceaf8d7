"""Unpacking archives: whole or not at all, and never outside the folder; and reading ZIP files without unpacking."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from iis_core.errors import UserError
from iis_core.files.reading import require_file

_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, lzma.LZMAError),
    *(EOFError, ValueError, RuntimeError, NotImplementedError),
)
_OPENERS: Mapping[bytes, Callable[[str], tarfile.TarFile]] = {
    b"\x1f\x8b": tarfile.TarFile.gzopen,
    b"BZh": tarfile.TarFile.bz2open,
    b"\xfd7zXZ\0": tarfile.TarFile.xzopen,
}
"""How TAR files are opened, by what they begin with."""

_LARGEST_ENTRY = 1 << 28
"""The largest entry to read whole: 256 MiB."""


class DamagedArchiveError(UserError):
    """The archive is not what was published; fetching it again may help."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a ZIP or TAR file into a folder that does not exist yet, or is empty.

    Where everything in the archive lies in one folder, the content of that folder is unpacked. An error leaves nothing
    behind.

    Args:
        archive: the ZIP or TAR file.
        folder: where its content goes.

    Raises:
        DamagedArchiveError: the archive is damaged or of another kind.
        UserError: the archive is no file, an entry is a link or would lie outside the folder, the folder holds files,
            or it cannot be written.
    """
    require_file(archive)
    try:
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder} holds files already: remove them, or choose another folder")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as temporary:
            _extract(archive, Path(temporary))
            shutil.rmtree(Path(temporary) / "__MACOSX", ignore_errors=True)
            (Path(temporary) / ".DS_Store").unlink(missing_ok=True)
            entries = list(Path(temporary).iterdir())
            content = entries[0] if len(entries) == 1 and entries[0].is_dir() else Path(temporary)
            if folder.exists():
                folder.rmdir()
            content.rename(folder)
            Path(temporary).mkdir(exist_ok=True)
        folder.chmod(0o755)
    except UserError:
        raise
    except _DAMAGED as error:
        raise DamagedArchiveError(f"{archive} is damaged ({error}): delete it and fetch it again") from error
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}; make room and try again") from error


def list_entries(archive: Path) -> list[str]:
    """List the names in a ZIP file.

    Raises:
        DamagedArchiveError: the file is damaged or of another kind.
        UserError: it is no regular file.
    """
    with _open_zip(archive) as zipped:
        return zipped.namelist()


def read_entry(archive: Path, name: str) -> bytes:
    """Read an entry of a ZIP file.

    Args:
        archive: the ZIP file.
        name: the name of the entry.

    Raises:
        DamagedArchiveError: the file is damaged or of another kind, or the entry is not there.
        UserError: the file is no regular file, or the entry has more than 256 MiB, whatever the file says of it.
    """
    with _open_zip(archive) as zipped:
        if zipped.namelist().count(name) != 1:
            raise DamagedArchiveError(f"{archive} does not have one entry {name!r}: fetch it again")
        with zipped.open(name) as entry:
            content = entry.read(_LARGEST_ENTRY + 1)
    if len(content) > _LARGEST_ENTRY:
        raise UserError(f"{archive} is refused: its entry {name!r} has more than {_LARGEST_ENTRY} bytes")
    return content


@contextmanager
def _open_zip(archive: Path) -> Iterator[zipfile.ZipFile]:
    require_file(archive)
    try:
        with zipfile.ZipFile(archive) as zipped:
            yield zipped
    except UserError:
        raise
    except _DAMAGED as error:
        raise DamagedArchiveError(f"{archive} is no sound ZIP file ({error}): fetch it again") from error
    except OSError as error:
        raise UserError(f"{archive} cannot be read: {error.strerror or error}") from error


def _extract(archive: Path, folder: Path) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            _require_entries(archive, zipped.infolist())
            for member in zipped.infolist():
                _check_entry(
                    archive, member.filename, stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG, stat.S_IFDIR)
                )
            zipped.extractall(folder)
        return
    with _open_tar(archive) as tarred:
        for entry in tarred:
            _check_entry(archive, entry.name, entry.isreg() or entry.isdir())
        _require_entries(archive, tarred.getmembers())
        tarred.extractall(folder, filter="data")
        # The checksum of a compressed file is compared only when its end is read, past the last entry.
        while tarred.fileobj is not None and tarred.fileobj.read(1 << 20):
            pass


def _open_tar(archive: Path) -> tarfile.TarFile:
    """Open a TAR file by the compression that it begins with, since trying them all takes minutes for many zeros."""
    with archive.open("rb") as file:
        start = file.read(6)
    opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), tarfile.TarFile.taropen)
    try:
        return opener(str(archive))
    except tarfile.ReadError as error:
        raise DamagedArchiveError(f"{archive} is neither a ZIP nor a TAR file: delete it and fetch it again") from error


def _require_entries(archive: Path, entries: Sequence[object]) -> None:
    if not entries:
        raise DamagedArchiveError(f"{archive} holds nothing: delete it and fetch it again")


def _check_entry(archive: Path, name: str, is_plain: bool) -> None:
    outside = any(
        path.is_absolute() or path.drive or ".." in path.parts for path in (PurePosixPath(name), PureWindowsPath(name))
    )
    if outside or not is_plain:
        kind = "lies outside the folder" if outside else "is a link or a device"
        raise UserError(f"{archive} is refused: its entry {name!r} {kind}")

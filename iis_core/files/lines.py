"""Files of lines that only grow: once a line is written, no crash loses it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from iis_core.errors import UserError


class LinesFile:
    """A file of lines, open for appending; what follows its last newline is cut off, as a kill may leave it.

    Args:
        file: the file; made where it is missing.
        kind: what a line is, for the errors.

    Raises:
        OSError: the file cannot be opened, or is a link.
    """

    def __init__(self, file: Path, kind: str = "record") -> None:
        self.file = file
        self._kind = kind
        # A link that somebody planted would let us cut off another file.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(file, flags, 0o666)
        os.ftruncate(self._descriptor, file.read_bytes().rfind(b"\n") + 1)

    def append(self, line: str) -> None:
        """Write a line, down to the disk.

        Args:
            line: without its newline.

        Raises:
            UserError: it cannot be written, or the file is not in its place any more.
        """
        try:
            remaining = line.encode() + b"\n"
            while remaining:
                remaining = remaining[os.write(self._descriptor, remaining) :]
            os.fsync(self._descriptor)
        except OSError as error:
            remedy = f"make room and run the same command again; every {self._kind} before is kept"
            raise UserError(f"{self.file} cannot be written: {error.strerror}; {remedy}") from error
        if not self._is_in_place():
            raise UserError(
                f"{self.file} was removed or replaced while it was written: put it back, or its {self._kind}s are "
                "lost, and run the same command again"
            )

    def close(self) -> None:
        """Close the file; everything in it is on the disk already."""
        os.close(self._descriptor)

    def _is_in_place(self) -> bool:
        with suppress(OSError):
            return os.path.samestat(self.file.stat(), os.fstat(self._descriptor))
        return False

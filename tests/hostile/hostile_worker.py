"""The process in which readers meet hostile files: it says how each ended, and how much memory that took."""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path

TESTS = Path(__file__).parents[1]
GIB = 1 << 30


def serve(connection: Connection) -> None:
    """Read what is asked for, until there is no more; answers are (how it ended, bytes of memory above the start's)."""
    sys.path[:0] = [str(TESTS / "toy"), str(Path(__file__).parent)]
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    warnings.simplefilter("ignore")
    from hostile_readers import READERS, warm_up

    warm_up()
    _limit_memory()
    connection.send(("ready", 0))
    while True:
        try:
            name, folder, argument = connection.recv()
        except EOFError:
            return
        start = _forget_peak()
        ended = _try(READERS[name].read, folder, argument)
        connection.send((ended, _read_peak() - start))


def _try(read, folder: Path, argument: str) -> str:  # type: ignore[no-untyped-def]
    from iis_core.errors import IISError

    try:
        read(folder, argument)
    except IISError as error:
        return f"refused: {error}"
    except BaseException as error:
        return f"raw: {type(error).__name__}: {error}"[:1000]
    return "read"


def _limit_memory() -> None:
    """Let a reader that would fill the machine's memory end with an error instead, where the system can do that."""
    if find_spec("resource") is None:
        return
    import resource

    known = [line for line in _read_status() if line.startswith("VmData:")]
    if known:
        limit = (int(known[0].split()[1]) << 10) + 3 * GIB
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _forget_peak() -> int:
    """Let the peak of the memory be that of now, which is returned; 0 where the system cannot tell."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _read_peak()


def _read_peak() -> int:
    return next((int(line.split()[1]) << 10 for line in _read_status() if line.startswith("VmHWM:")), 0)


def _read_status() -> list[str]:
    try:
        return Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return []

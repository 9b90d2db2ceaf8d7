"""Where a run was made: the machine, the command and the commits of what is installed from a checkout."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import importlib_metadata
import torch

from iis_core.files.reading import parse_json


def describe_provenance(device: torch.device, distributions: Iterable[str]) -> dict[str, Any]:
    """Describe where and how a run is made; two runs that differ in it alone are the same run.

    Args:
        device: the device of the model.
        distributions: the names of the distributions that take part.

    Returns:
        `created`, `command`, `machine`, `commits` and `packages`, as JSON can hold them.
    """
    commits = {name: _find_commit(name) for name in sorted({*distributions, "iis-core"})}
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "machine": {
            "name": platform.node(),
            "system": platform.platform(),
            "cpu": _find_cpu_name(Path("/proc/cpuinfo")),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        },
        "commits": {name: commit for name, commit in commits.items() if commit is not None},
        "packages": _list_packages(commits),
    }


def _list_packages(distributions: Iterable[str]) -> dict[str, str]:
    """List the versions of distributions and of all that they need, as far as it is installed."""
    found: dict[str, str] = {}
    waiting = [*distributions]
    while waiting:
        name = waiting.pop()
        if name not in found:
            with suppress(importlib_metadata.PackageNotFoundError):
                distribution = importlib_metadata.distribution(name)
                found[name] = distribution.version
                needed = [text for text in distribution.requires or () if "extra ==" not in text]
                waiting += [re.split(r"[^\w.-]", text, maxsplit=1)[0].lower().replace("_", "-") for text in needed]
    return dict(sorted(found.items()))


def _find_cpu_name(listing: Path) -> str:
    """Find the CPU's name in Linux's listing, which Python does not read, else ask Python."""
    lines = listing.read_text(errors="replace").splitlines() if listing.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _find_commit(distribution: str) -> str | None:
    """Find the commit of an editable distribution, with `+changes` where files differ from it."""
    try:
        origin = parse_json(importlib_metadata.distribution(distribution).read_text("direct_url.json") or "{}")
        if not origin.get("dir_info", {}).get("editable"):
            return None
        folder = url2pathname(urlsplit(origin["url"]).path)
        commit = _ask_git(folder, "rev-parse", "HEAD")
        return commit + "+changes" if _ask_git(folder, "status", "--porcelain", ".") else commit
    except (importlib_metadata.PackageNotFoundError, ValueError, OSError, subprocess.SubprocessError):
        return None


def _ask_git(folder: str, *arguments: str) -> str:
    result = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, timeout=10, check=True)
    return result.stdout.strip()

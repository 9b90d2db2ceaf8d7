"""Bundling a run into one ZIP file that can be handed over, the same bytes for the same run."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from iis_core.errors import UserError
from iis_core.evaluation.run_files import FAILURES, RECORDS, RUN, read_file
from iis_core.evaluation.runs import Run
from iis_core.files.writing import refuse_to_overwrite, replace_whole

_UNIX = 3
_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest that a ZIP file can hold."""


def write_bundle(run: Run, file: Path) -> None:
    """Write the settings of a run, its records and failures, its table and the packages that it was made with.

    Args:
        run: the run, from a run folder or a bundle.
        file: the ZIP file; replaced as a whole where it is there.

    Raises:
        UserError: the file does not end in `.zip`, is one of the run's, or cannot be written.
    """
    assert run.path is not None, "a run in memory has no files"
    if file.suffix.lower() != ".zip":
        raise UserError(f"{file} must end in .zip: a bundle is a ZIP file")
    refuse_to_overwrite(file, [run.path, *run.path.rglob("*")], "--bundle")
    content = {
        RUN: read_file(run.path / RUN),
        f"{RECORDS}.jsonl": _join_lines(record.to_json() for record in run.records),
        f"{FAILURES}.jsonl": _join_lines(json.dumps(asdict(failure)) for failure in run.failures),
        "report.md": _join_lines(_write_table(run)),
        "environment.txt": _join_lines(_list_packages(run)),
    }
    with replace_whole(file) as partial, zipfile.ZipFile(partial, "w") as bundle:
        for name, entry in sorted(content.items()):
            info = zipfile.ZipInfo(name, _TIME)
            info.create_system, info.external_attr = _UNIX, 0o644 << 16
            bundle.writestr(info, entry, zipfile.ZIP_DEFLATED, 9)


def _write_table(run: Run) -> Iterator[str]:
    """Write the table of a run, without its place, and what its readers must know."""
    from iis_core.report.estimates import compute_report
    from iis_core.report.notes import write_notes, write_shared_notes
    from iis_core.report.writing import write_report

    named = replace(run, path=Path("this run"))
    if run.records:
        report = compute_report([named])
        yield from (write_report(report, "markdown"), "", *(f"- {note}" for note in write_shared_notes(report)))
    yield from (f"- {note}" for note in write_notes(named))


def _list_packages(run: Run) -> Iterator[str]:
    """List the packages that the run was made with as `pip install -r` takes them, as far as it says."""
    versions = run.settings.get("versions", {})
    packages = run.provenance.get("packages") or {
        **{name: version for name, version in versions.items() if name not in ("python", "opencv")},
        **{part["distribution"]: part["version"] for part in _list_plugins(run)},
    }
    yield from (f"# {name} {versions[name]}" for name in ("python", "opencv") if name in versions)
    yield from (f"{name}=={version}" for name, version in sorted(packages.items()))


def _list_plugins(run: Run) -> Iterator[Mapping[str, Any]]:
    parts = (run.settings[part] for part in ("model", "dataset", "robot"))
    yield from (part for part in parts if "distribution" in part)


def _join_lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
